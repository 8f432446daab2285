//! The digests of local files, as the service computes them.

use std::fs::File;
use std::io::{Read as _, Result as IoResult};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use consign_types::{ContentDigest, Digest, FilePath};
use sha2::{Digest as _, Sha256};

use super::audit::named;

/// How many bytes of a file are hashed at once.
const BLOCK: usize = 1 << 16;

/// The SHA-256 of a file.
pub(super) fn file_digest(path: &Path) -> Result<Digest> {
    Ok(hashed(path).map_err(|error| named(path, error))?.0)
}

/// The content digest of a version that has just the files of this directory.
pub(super) fn directory_digest(directory: &Path) -> Result<ContentDigest> {
    let mut files = Vec::new();
    collect(directory, "", &mut files)?;
    ensure!(!files.is_empty(), "`{}` has no files", directory.display());
    Ok(ContentDigest::of(files.iter().map(|(path, digest, size)| (path, digest, *size))))
}

fn hashed(path: &Path) -> IoResult<(Digest, i64)> {
    let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0_i64);
    let mut block = vec![0; BLOCK];
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok((Digest::from_bytes(hash.finalize().into()), size));
        }
        hash.update(&block[..count]);
        size += i64::try_from(count).unwrap_or_default();
    }
}

/// Adds the files below a directory, by their paths behind `prefix`.
fn collect(directory: &Path, prefix: &str, files: &mut Vec<(FilePath, Digest, i64)>) -> Result<()> {
    for entry in std::fs::read_dir(directory).map_err(|error| named(directory, error))? {
        let path = entry.map_err(|error| named(directory, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).with_context(|| format!("`{}` has no name in UTF-8", path.display()))?;
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            let (digest, size) = hashed(&path).map_err(|error| named(&path, error))?;
            files.push((name.parse().map_err(|error| named(&path, error))?, digest, size));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_the_digest_of_a_version_with_its_files() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("bin/deep")).unwrap();
        assert!(directory_digest(directory.path()).is_err(), "there is no version without files");
        std::fs::write(directory.path().join("bin/deep/tool"), "hello").unwrap();
        std::fs::write(directory.path().join("README"), vec![b'x'; BLOCK + 1]).unwrap();
        let paths: [FilePath; 2] = ["README", "bin/deep/tool"].map(|path| path.parse().unwrap());
        let (readme, tool) = (Digest::of(&vec![b'x'; BLOCK + 1]), Digest::of(b"hello"));
        let expected = ContentDigest::of([(&paths[0], &readme, 65_537), (&paths[1], &tool, 5)]);
        assert_eq!(directory_digest(directory.path()).unwrap(), expected);
        assert_eq!(file_digest(&directory.path().join("bin/deep/tool")).unwrap(), tool);
        assert!(file_digest(&directory.path().join("absent")).is_err());
    }
}
