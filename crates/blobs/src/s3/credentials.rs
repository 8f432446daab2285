//! Credentials from a file, as AWS's tools write it: it may be a mounted secret, and change while we run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, Error};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::disk;

/// How long what was read is used before the file is read again.
const FRESH: Duration = Duration::from_secs(30);

/// The credentials of one profile of a file.
#[derive(Debug)]
pub(super) struct CredentialsFile {
    path: PathBuf,
    profile: String,
    read: Mutex<Option<(Instant, Arc<AwsCredential>)>>,
}

impl CredentialsFile {
    pub(super) fn new(path: PathBuf, profile: String) -> Self {
        Self { path, profile, read: Mutex::default() }
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Unauthenticated { path: self.path.display().to_string(), source: source.into() }
    }
}

#[async_trait]
impl CredentialProvider for CredentialsFile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>, Error> {
        let mut read = self.read.lock().await;
        if let Some((when, credential)) = &*read
            && when.elapsed() < FRESH
        {
            return Ok(Arc::clone(credential));
        }
        let path = self.path.clone();
        let text = spawn_blocking(move || disk::read(&path)).await.map_err(|error| self.failed(error))?;
        let text = String::from_utf8(text.map_err(|error| self.failed(error))?).map_err(|error| self.failed(error))?;
        let credential = parse(&text, &self.profile).ok_or_else(|| self.failed(format!("no credentials of profile `{}`", self.profile)))?;
        let credential = Arc::new(credential);
        *read = Some((Instant::now(), Arc::clone(&credential)));
        Ok(credential)
    }
}

/// Sections of `name = value`, of which those of one profile count.
fn parse(text: &str, profile: &str) -> Option<AwsCredential> {
    let (mut key_id, mut secret_key, mut token, mut is_ours) = (None, None, None, false);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            is_ours = section.strip_suffix(']').map(str::trim) == Some(profile);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_ours && !line.starts_with(['#', ';'])) {
            let value = Some(value.trim().to_owned());
            match name.trim() {
                "aws_access_key_id" => key_id = value,
                "aws_secret_access_key" => secret_key = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
    }
    Some(AwsCredential { key_id: key_id?, secret_key: secret_key?, token })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_credentials_of_a_profile_are_found_among_others() {
        let text = "# comment\n[other]\naws_access_key_id = no\n\n[default]\n;aws_access_key_id=commented\r\n aws_access_key_id = key \n\
                    aws_secret_access_key=a=b\nregion = here\n[third]\naws_session_token = no\n";
        let found = parse(text, "default").unwrap();
        assert_eq!((found.key_id.as_str(), found.secret_key.as_str(), found.token), ("key", "a=b", None));
        assert!(parse(text, "other").is_none(), "a key without its secret is none");
        assert!(parse(text, "absent").is_none());
        assert!(parse("aws_access_key_id=a\naws_secret_access_key=b", "default").is_none(), "it is in no profile");
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_said_to_be_so() {
        let error = CredentialsFile::new("/nowhere/credentials".into(), "default".to_owned()).get_credential().await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/credentials"), "{error}");
    }
}
