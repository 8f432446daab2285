//! `BatchWrite` and `BatchRead`: small blobs whole, each with its own status.

use bytes::Bytes;
use consign_proto::blob::{
    BatchReadRequest, BatchReadResponse, BatchReadResult, BatchWriteItem, BatchWriteRequest, BatchWriteResponse, BatchWriteResult,
    ItemStatus,
};
use consign_proto::status::{invalid, refused, status, told};
use consign_types::receipt::Receipt;
use consign_types::ticket::{DownloadTicket, UploadTicket};
use consign_types::{Reason, crc32c};
use tonic::Status;

use super::{BlobApi, MAX_BATCH_BLOB_BYTES, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, check_sum};

pub(super) async fn write(api: &BlobApi, request: BatchWriteRequest) -> Result<BatchWriteResponse, Status> {
    check_count(request.items.len())?;
    let bytes: usize = request.items.iter().map(|item| item.data.len()).sum();
    if bytes > MAX_BATCH_BYTES || request.items.iter().any(|item| item.data.len() > MAX_BATCH_BLOB_BYTES) {
        let rule = format!("at most `{MAX_BATCH_BLOB_BYTES}` bytes each, and `{MAX_BATCH_BYTES}` in all");
        return Err(invalid("items.data", Reason::ArgumentInvalid, rule));
    }
    let opened: Vec<Result<(UploadTicket, Bytes), Status>> = request.items.into_iter().map(|item| open(api, item)).collect();
    let good = opened.iter().filter_map(|item| item.as_ref().ok().cloned()).collect();
    let mut written = api.blobs.write_batch(good).await.into_iter();
    let result = |item: Result<_, Status>| match item {
        Ok(_) => written.next().expect("each blob has its answer").map_err(status),
        Err(refusal) => Err(refusal),
    };
    let results = opened.into_iter().map(result).map(|result| write_result(api, result)).collect();
    Ok(BatchWriteResponse { results })
}

fn open(api: &BlobApi, item: BatchWriteItem) -> Result<(UploadTicket, Bytes), Status> {
    let ticket = api.upload_ticket(&item.ticket, &item.upload_id)?;
    check_sum(std::slice::from_ref(&item.data), item.crc32c, || "the blob".to_owned())?;
    Ok((ticket, item.data))
}

fn write_result(api: &BlobApi, result: Result<Receipt, Status>) -> BatchWriteResult {
    match result {
        Ok(receipt) => BatchWriteResult {
            status: Some(ItemStatus::default()),
            receipt: api.notes.sign(&receipt),
            sha256: Bytes::copy_from_slice(receipt.digest.as_bytes()),
        },
        Err(refusal) => BatchWriteResult { status: Some(item_status(&refusal)), ..BatchWriteResult::default() },
    }
}

pub(super) async fn read(api: &BlobApi, request: BatchReadRequest) -> Result<BatchReadResponse, Status> {
    check_count(request.items.len())?;
    let mut left = i64::try_from(MAX_BATCH_BYTES).expect("a limit of a batch is small");
    let opened: Vec<Result<DownloadTicket, Status>> = request
        .items
        .iter()
        .map(|item| {
            let ticket = api.notes.download_ticket(&item.ticket)?;
            let limit = left.min(i64::try_from(MAX_BATCH_BLOB_BYTES).expect("a limit of a batch is small"));
            if ticket.size > limit {
                return Err(refused(Reason::FileTooLarge, format!("the blob has `{}` bytes, and `{limit}` fit: use Read", ticket.size)));
            }
            left -= ticket.size;
            Ok(ticket)
        })
        .collect();
    let good: Vec<DownloadTicket> = opened.iter().filter_map(|ticket| ticket.as_ref().ok().cloned()).collect();
    let bytes = good.iter().map(|ticket| ticket.size).sum::<i64>();
    let _share = api.transfers.reserve(u32::try_from(bytes).unwrap_or(u32::MAX)).await?;
    let mut found = api.blobs.read_batch(good).await.into_iter();
    let result = |ticket: Result<_, Status>| match ticket {
        Ok(_) => found.next().expect("each blob has its answer").map_err(status),
        Err(refusal) => Err(refusal),
    };
    let results = opened.into_iter().map(result).map(read_result).collect();
    Ok(BatchReadResponse { results })
}

fn read_result(result: Result<Bytes, Status>) -> BatchReadResult {
    match result {
        Ok(data) => {
            let crc32c = Some(crc32c::crc32c(&data).cast_signed());
            BatchReadResult { status: Some(ItemStatus::default()), data, crc32c }
        }
        Err(refusal) => BatchReadResult { status: Some(item_status(&refusal)), ..BatchReadResult::default() },
    }
}

fn check_count(items: usize) -> Result<(), Status> {
    if (1..=MAX_BATCH_ITEMS).contains(&items) {
        return Ok(());
    }
    Err(invalid("items", Reason::ArgumentInvalid, format!("1 to `{MAX_BATCH_ITEMS}`")))
}

/// A refusal as one item of a batch tells it.
fn item_status(refusal: &Status) -> ItemStatus {
    let told = told(refusal);
    ItemStatus {
        code: refusal.code().into(),
        reason: told.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        message: refusal.message().to_owned(),
        metadata: told.details,
    }
}
