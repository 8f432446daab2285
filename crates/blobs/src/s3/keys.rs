//! Which object is where.

use consign_types::CopyName;
use object_store::path::Path;

/// The keys below a prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// Keys below a prefix, which may be empty.
    pub(super) fn new(prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        Self { prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") } }
    }

    fn key(&self, rest: &str) -> Path {
        Path::from(format!("{}{rest}", self.prefix))
    }

    pub(super) fn blobs(&self) -> Path {
        self.key("blobs")
    }

    pub(super) fn copy(&self, name: CopyName) -> Path {
        self.key(&format!("blobs/{}", write(name)))
    }

    /// What the keys of all copies of some bytes begin with.
    pub(super) fn copies(&self, digest: &consign_types::Digest) -> String {
        format!("{}blobs/{digest}.", self.prefix)
    }

    pub(super) fn spools(&self) -> Path {
        self.key("spool")
    }

    pub(super) fn spool(&self, upload: i64) -> Path {
        self.key(&format!("spool/{upload}"))
    }

    pub(super) fn progress(&self, upload: i64) -> Path {
        self.key(&format!("spool/{upload}/progress"))
    }

    pub(super) fn ahead(&self, upload: i64, offset: i64) -> Path {
        self.key(&format!("spool/{upload}/ahead/{offset:020}"))
    }

    pub(super) fn unnamed(&self, upload: i64) -> Path {
        self.key(&format!("spool/{upload}/unnamed"))
    }

    /// Where scrubbing is.
    pub(super) fn scrubbed(&self) -> Path {
        self.key("scrubbed")
    }

    pub(super) fn trashed(&self) -> Path {
        self.key("trash")
    }

    pub(super) fn trash(&self, name: CopyName) -> Path {
        self.key(&format!("trash/{}", write(name)))
    }

    pub(super) fn quarantined(&self) -> Path {
        self.key("quarantine")
    }

    pub(super) fn quarantine(&self, name: CopyName) -> Path {
        self.key(&format!("quarantine/{}", write(name)))
    }

    /// What the keys of all quarantined copies of some bytes begin with.
    pub(super) fn quarantined_copies(&self, digest: &consign_types::Digest) -> String {
        format!("{}quarantine/{digest}.", self.prefix)
    }

    /// Where a damaged copy is kept whose name has good bytes again.
    pub(super) fn healed(&self, name: CopyName) -> Path {
        self.key(&format!("quarantine/{}.healed", write(name)))
    }

    /// The number of the upload that an object of a spool belongs to.
    pub(super) fn upload_of(&self, key: &Path) -> Option<i64> {
        key.as_ref().strip_prefix(&format!("{}spool/", self.prefix))?.split('/').next()?.parse().ok()
    }
}

/// The last part of the key of a copy. With so many digits, keys sort as names do.
fn write(name: CopyName) -> String {
    format!("{}.{:020}", name.digest, name.generation)
}

/// Reads the last part of a key.
pub(super) fn read(key: &Path) -> Option<CopyName> {
    let (digest, generation) = key.filename()?.split_once('.')?;
    let name = CopyName { digest: digest.parse().ok()?, generation: generation.parse().ok()? };
    (write(name) == key.filename()?).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use consign_types::Digest;

    #[test]
    fn keys_sort_as_names_do_and_are_read_as_they_were_written() {
        for prefix in ["", "a/b", "/a/"] {
            let keys = Keys::new(prefix);
            let name = |generation| CopyName { digest: Digest::of(b"x"), generation };
            let mut names = [name(9), name(10), name(0), name(i64::MAX)];
            names.sort_unstable();
            let written: Vec<Path> = names.iter().map(|name| keys.copy(*name)).collect();
            assert!(written.is_sorted());
            assert!(written.iter().zip(names).all(|(key, name)| read(key) == Some(name)));
            assert!(written[0].as_ref().starts_with(&keys.copies(&name(0).digest)));
            assert_eq!(read(&keys.healed(name(1))), None);
            assert_eq!(keys.upload_of(&keys.ahead(77, 5)), Some(77));
            assert_eq!(keys.upload_of(&keys.copy(name(1))), None);
        }
    }
}
