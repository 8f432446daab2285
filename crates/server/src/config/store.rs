//! Where blobs are kept.

use std::path::PathBuf;

use clap::Args;
use consign_blobs::S3Config;

/// Where blobs are kept.
#[derive(Clone, Debug, Args)]
pub struct StoreSettings {
    /// Bucket for the blobs, such as `s3://bucket/prefix` [default: the data directory]
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_BLOB_STORE", value_parser = bucket)]
    pub blob_store: Option<Bucket>,

    /// Server of the bucket, such as `https://host:port` [default: AWS]
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,

    /// Region of the bucket [default: `AWS_REGION`, or `us-east-1`]
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_S3_REGION")]
    pub s3_region: Option<String>,

    /// File of credentials as AWS's tools write it, read again when it changes [default: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or the
    /// identity of the pod or machine]
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_S3_CREDENTIALS_FILE")]
    pub s3_credentials_file: Option<PathBuf>,

    /// Which credentials of that file.
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_S3_PROFILE", default_value = "default")]
    pub s3_profile: String,
}

/// A bucket, and what all keys in it begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    prefix: String,
}

fn bucket(text: &str) -> Result<Bucket, String> {
    let rest = text.strip_prefix("s3://").ok_or_else(|| "must look like `s3://bucket` or `s3://bucket/prefix`".to_owned())?;
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(format!("`{name}` is not the name of a bucket"));
    }
    let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(is_name) && segment != "." && segment != "..";
    let prefix = prefix.trim_end_matches('/');
    if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
        return Err(format!("prefix `{prefix}` must have letters, digits, `-`, `.`, `_` and single `/` alone"));
    }
    Ok(Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
}

impl StoreSettings {
    /// The bucket, where one is named.
    pub(crate) fn s3(&self) -> Option<S3Config> {
        let bucket = self.blob_store.clone()?;
        Some(S3Config {
            bucket: bucket.name,
            prefix: bucket.prefix,
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            credentials_file: self.s3_credentials_file.clone(),
            profile: self.s3_profile.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_with_or_without_a_prefix() {
        let named = |text: &str| bucket(text).map(|bucket| (bucket.name, bucket.prefix)).ok();
        let pair = |name: &str, prefix: &str| Some((name.to_owned(), prefix.to_owned()));
        assert_eq!(named("s3://builds"), pair("builds", ""));
        assert_eq!(named("s3://builds/"), pair("builds", ""));
        assert_eq!(named("s3://my.builds/a/b-c/"), pair("my.builds", "a/b-c"));
        for text in ["", "builds", "s3://", "s3:///a", "http://builds", "s3://a b", "s3://builds/a//b", "s3://builds/../x", "s3://builds/ü"]
        {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
