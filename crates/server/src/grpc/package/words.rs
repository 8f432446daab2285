//! Words of `PackageService` as the metadata plane has them.

use consign_metadata::{PublishFile, Selector};
use consign_proto::metadata::{self as wire, resolve_version_request};
use consign_proto::status::{invalid, refused};
use consign_types::Reason;
use consign_types::order::VersionScheme;
use consign_types::text::Description;
use tonic::Status;

use crate::grpc::{decode, encode};
use crate::notes::Notes;

pub(super) fn needed_reason(text: &str) -> Result<Description, Status> {
    if text.is_empty() {
        return Err(invalid("reason", Reason::ArgumentInvalid, "must be given"));
    }
    decode::text("reason", text)
}

/// Files to be published, with their receipts opened.
pub(in crate::grpc) fn publish_files(notes: &Notes, files: &[wire::PublishFile]) -> Result<Vec<PublishFile>, Status> {
    let file = |file: &wire::PublishFile| {
        let receipt = notes.receipt(&file.receipt)?;
        if file.blob.as_ref().is_some_and(|blob| *blob != encode::blob(&receipt.digest, receipt.size)) {
            return Err(refused(Reason::ReceiptInvalid, format!("receipt for `{}` is for other bytes", file.path)));
        }
        let media_type = decode::text("files.media_type", &file.media_type)?;
        Ok(PublishFile { path: decode::path("files.path", &file.path)?, receipt, media_type })
    };
    files.iter().map(file).collect()
}

pub(super) fn version_scheme(number: i32) -> Result<VersionScheme, Status> {
    match wire::VersionScheme::try_from(number) {
        Ok(wire::VersionScheme::Unspecified | wire::VersionScheme::Semver) => Ok(VersionScheme::Semver),
        Ok(wire::VersionScheme::Dotted) => Ok(VersionScheme::Dotted),
        Ok(wire::VersionScheme::PublishTime) => Ok(VersionScheme::PublishTime),
        Err(_) => Err(invalid("package.version_scheme", Reason::ArgumentInvalid, "no such scheme")),
    }
}

pub(super) fn selector(wire: resolve_version_request::Selector) -> Result<Selector, Status> {
    use resolve_version_request::Selector as Wire;

    Ok(match wire {
        Wire::VersionId(version) => Selector::Exact(decode::name("version_id", &version)?),
        Wire::Range(range) => Selector::Range(decode::text("range", &range)?),
        Wire::TagId(tag) => Selector::Tag(decode::name("tag_id", &tag)?),
        Wire::StageId(stage) => Selector::Stage(decode::name("stage_id", &stage)?),
        Wire::ContentDigest(digest) => Selector::Content(decode::present("content_digest", decode::digest("content_digest", &digest)?)?),
        Wire::Latest(true) => Selector::Latest,
        Wire::Latest(false) => return Err(invalid("latest", Reason::ArgumentInvalid, "must be true, or left out")),
    })
}
