//! The keys by which this instance signs what others verify without asking it.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use consign_metadata::Metadata;
use consign_proto::status::invalid;
use consign_types::Reason;
use consign_types::signature::{self, PublicKey, SigningKeys};
use tonic::Status;

use crate::error::{Error, Result};
use crate::key_file;

/// Signs texts, and reads those that it signed. Clones share the keys.
#[derive(Clone, Debug)]
pub(crate) struct Signatures {
    keys: Arc<SigningKeys>,
    public: Arc<[PublicKey]>,
}

impl Signatures {
    /// Reads the file of signing keys; makes it if it is missing. It must have all keys by which the instance has signed.
    pub(crate) async fn open(path: &Path, metadata: &Metadata) -> Result<Self> {
        if !path.exists() && metadata.has_signing_keys().await? {
            return Err(Error::NoSigningKeys(path.to_owned()));
        }
        let keys: SigningKeys = key_file::open(path, || SigningKeys::generate().to_text())?;
        let public = keys.public_keys();
        match metadata.ensure_signing_keys(&public).await? {
            None => Ok(Self { public: public.into(), keys: Arc::new(keys) }),
            Some(key) => Err(Error::SigningKeys { path: path.to_owned(), key }),
        }
    }

    /// The keys.
    pub(crate) fn keys(&self) -> Arc<SigningKeys> {
        Arc::clone(&self.keys)
    }

    /// The signed note of a text.
    pub(crate) fn sign(&self, text: &str) -> String {
        self.keys.sign(text)
    }

    /// What a signed note of this instance says.
    pub(crate) fn read<T: FromStr>(&self, field: &str, note: &str) -> Result<T, Status> {
        let text = signature::open(note, &self.public).map_err(|error| invalid(field, Reason::ArgumentInvalid, error))?;
        text.parse().map_err(|_| invalid(field, Reason::ArgumentInvalid, "it says something else"))
    }

    /// By which anybody verifies what is signed.
    pub(crate) fn public_keys(&self) -> Vec<String> {
        self.public.iter().map(PublicKey::to_string).collect()
    }
}
