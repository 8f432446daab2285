//! Files of keys: read, or made with a new key where they are missing.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Reads the keys of a file. Where there is none, it is made of what `fresh` writes, for this user's eyes only.
pub(crate) fn open<K: FromStr<Err: Display>>(path: &Path, fresh: impl FnOnce() -> String) -> Result<K> {
    let failed = |reason: String| Error::KeyFile { path: path.to_owned(), reason };
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, fresh()).map_err(|error| failed(error.to_string()))?,
        result => result.map_err(|error| failed(error.to_string()))?,
    };
    text.parse().map_err(|error: K::Err| failed(error.to_string()))
}

/// A key file appears whole or not at all: another process that starts at the same time reads it, or makes it.
fn create(path: &Path, text: String) -> io::Result<String> {
    let draft = path.with_extension(format!("draft-{:016x}", rand::random::<u64>()));
    let linked = write_new(&draft, &text).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return fs::read_to_string(path),
        result => result.and(removed)?,
    }
    File::open(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(text)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
