//! Uploads that break off and go on, parts on several streams, and batches, over gRPC.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::blob::{
    BatchReadItem, BatchReadRequest, BatchWriteItem, BatchWriteRequest, CancelUploadRequest, Chunk, GetCapabilitiesRequest,
    QueryUploadRequest, QueryUploadResponse, WriteRequest, WriteResponse,
};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{PrepareDownloadsRequest, PublishFile, UploadFile, UploadTicket};
use consign_types::{Digest, Reason, crc32c};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, prepare, publish, publish_request, refused, ticket};
use integration_tests::rest::Rest;
use integration_tests::service::{Stored, files};
use integration_tests::{Binary, Builder, Engine};
use tonic::{Code, Status};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");
const CHUNK: usize = 256 << 10;

fn content(bytes: usize) -> Bytes {
    (0..u64::try_from(bytes).unwrap()).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56).to_le_bytes()[0]).collect()
}

fn declared(path: &str, content: &Bytes) -> UploadFile {
    UploadFile {
        path: path.to_owned(),
        sha256: Bytes::copy_from_slice(Digest::of(content).as_bytes()),
        size_bytes: Some(i64::try_from(content.len()).unwrap()),
        ..UploadFile::default()
    }
}

async fn ticket_for(grpc: &Grpc, content: &Bytes) -> UploadTicket {
    ticket(prepare(grpc, "1.0", vec![declared("f", content)]).await.unwrap().remove(0))
}

/// The messages for the bytes of a range.
fn messages(ticket: &UploadTicket, content: &Bytes, start: usize, end: usize) -> Vec<WriteRequest> {
    let mut messages: Vec<_> = (start..end)
        .step_by(CHUNK)
        .map(|at| WriteRequest {
            write_offset: i64::try_from(at).unwrap(),
            chunk: Some(Chunk { data: content.slice(at..end.min(at + CHUNK)), crc32c: None }),
            ..WriteRequest::default()
        })
        .collect();
    let opening = WriteRequest {
        ticket: ticket.token.clone(),
        upload_id: ticket.upload_id.clone(),
        write_offset: i64::try_from(start).unwrap(),
        ..WriteRequest::default()
    };
    messages.insert(0, opening);
    messages
}

fn finish(ticket: &UploadTicket, at: usize) -> Vec<WriteRequest> {
    let mut messages = messages(ticket, &Bytes::new(), at, at);
    messages[0].finish = true;
    messages
}

async fn write(grpc: &Grpc, messages: Vec<WriteRequest>) -> Result<WriteResponse, Status> {
    Ok(grpc.blobs().write(tokio_stream::iter(messages)).await?.into_inner())
}

async fn query(grpc: &Grpc, ticket: &UploadTicket) -> QueryUploadResponse {
    let request = QueryUploadRequest { ticket: ticket.token.clone(), upload_id: ticket.upload_id.clone() };
    grpc.blobs().query_upload(request).await.unwrap().into_inner()
}

async fn publish_receipt(grpc: &Grpc, path: &str, receipt: Bytes) {
    let file = PublishFile { path: path.to_owned(), receipt, ..PublishFile::default() };
    publish(grpc, publish_request("1.0", vec![file])).await.unwrap();
}

async fn killable() -> Binary {
    let service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    Rest::to(service.http()).create_project("demo").await;
    service
}

#[tokio::test]
async fn an_upload_goes_on_after_the_service_was_killed_without_what_was_durable() {
    let mut service = killable().await;
    let bytes = content(150 << 20);
    let grpc = Grpc::to(service.grpc());
    let ticket = ticket_for(&grpc, &bytes).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut blobs = grpc.blobs();
    let stream = tokio::spawn(async move { blobs.write(tokio_stream::wrappers::ReceiverStream::new(receiver)).await });
    for message in messages(&ticket, &bytes, 0, 100 << 20) {
        sender.send(message).await.unwrap();
    }
    let durable = async || Some(query(&grpc, &ticket).await.committed_size).filter(|size| *size > 0);
    let durable = integration_tests::wait::until("durable bytes", durable).await;

    service.kill().await;
    service.start(&[]).await;
    assert!(stream.await.unwrap().is_err());

    let grpc = Grpc::to(service.grpc());
    let state = query(&grpc, &ticket).await;
    assert!(state.committed_size >= durable, "it never decreases");
    assert!(state.expire_time.is_some());
    let committed = usize::try_from(state.committed_size).unwrap();
    let mut rest = messages(&ticket, &bytes, committed, bytes.len());
    rest.last_mut().unwrap().finish = true;
    let done = write(&grpc, rest).await.unwrap();
    assert_eq!(done.sha256, Digest::of(&bytes).as_bytes().as_slice());
    assert_eq!(write(&grpc, finish(&ticket, bytes.len())).await.unwrap().receipt, done.receipt, "the answer was lost: it comes again");
    publish_receipt(&grpc, "f", done.receipt).await;
    assert_eq!(service.stored().spools, Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_upload_is_finished_without_its_bytes_after_the_service_was_killed_at_that() {
    let mut service = killable().await;
    for (number, step) in ["spool synced", "checksums placed", "blob placed", "blob durable"].into_iter().enumerate() {
        service.kill().await;
        service.start(&[("CONSIGN_TEST_KILL_AT", step)]).await;
        let grpc = Grpc::to(service.grpc());
        let bytes = content((3 << 20) + number);
        let ticket = ticket_for(&grpc, &bytes).await;
        let kept = write(&grpc, messages(&ticket, &bytes, 0, bytes.len())).await.unwrap();
        assert_eq!(kept.committed_size, i64::try_from(bytes.len()).unwrap());
        assert!(write(&grpc, finish(&ticket, bytes.len())).await.is_err(), "{step}: the service must die before it answers");
        assert_eq!(service.ended().await, Some(9), "{step}");

        service.start(&[]).await;
        let grpc = Grpc::to(service.grpc());
        assert_eq!(query(&grpc, &ticket).await.committed_size, kept.committed_size, "{step}");
        let done = write(&grpc, finish(&ticket, bytes.len())).await.unwrap();
        assert_eq!(done.committed_size, kept.committed_size, "{step}");
        let checksums = files(&service.directory().join("data/blobs"));
        assert_eq!(checksums.iter().filter(|path| path.extension().is_some_and(|extension| extension == "sums")).count(), number + 1);
        assert_eq!(service.stored().spools, Vec::<std::path::PathBuf>::new(), "{step}");
    }
}

#[tokio::test]
async fn whoever_lost_count_is_told_though_no_bytes_come() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let undeclared = UploadFile { path: "f".to_owned(), ..UploadFile::default() };
    let ticket = ticket(prepare(&grpc, "1.0", vec![undeclared]).await.unwrap().remove(0));
    let bytes = content(1000);
    for chunk in [Some(Chunk::default()), Some(Chunk { data: Bytes::from_static(b"x"), crc32c: None })] {
        let mut sent = messages(&ticket, &bytes, 0, 1000);
        sent.push(WriteRequest { write_offset: 1001, chunk, finish: true, ..WriteRequest::default() });
        assert_eq!(refused(write(&grpc, sent).await), (Code::OutOfRange, Some(Reason::OffsetMismatch)));
    }
}

#[tokio::test]
async fn a_stream_without_finish_keeps_what_came_and_a_cancelled_upload_keeps_nothing() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let bytes = content(3 << 20);
    let ticket = ticket_for(&grpc, &bytes).await;
    let first = write(&grpc, messages(&ticket, &bytes, 0, 1_500_000)).await.unwrap();
    assert_eq!((first.committed_size, first.receipt.len()), (1_500_000, 0));
    assert_eq!(query(&grpc, &ticket).await.committed_size, 1_500_000);
    assert_eq!(refused(write(&grpc, finish(&ticket, 1_500_001)).await), (Code::OutOfRange, Some(Reason::OffsetMismatch)));

    let request = CancelUploadRequest { ticket: ticket.token.clone(), upload_id: ticket.upload_id.clone() };
    grpc.blobs().cancel_upload(request.clone()).await.unwrap();
    grpc.blobs().cancel_upload(request).await.unwrap();

    assert_eq!(query(&grpc, &ticket).await.committed_size, 0);
    assert_eq!(service.stored(), Stored::default());
}

#[tokio::test]
async fn parts_of_a_file_come_on_several_streams_in_any_order() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let bytes = content(40 << 20);
    let ticket = ticket_for(&grpc, &bytes).await;
    let part = |start: usize, end: usize| {
        let mut messages = messages(&ticket, &bytes, start, end);
        messages[0].part_size = i64::try_from(end - start).unwrap();
        let grpc = grpc.clone();
        tokio::spawn(async move { write(&grpc, messages).await })
    };
    let mib = |n: usize| n << 20;
    let late = [part(mib(30), mib(40)), part(mib(10), mib(20))];
    for part in late {
        assert_eq!(part.await.unwrap().unwrap().committed_size, 0);
    }
    let state = query(&grpc, &ticket).await;
    let ranges: Vec<_> = state.part_ranges.iter().map(|range| (range.offset, range.size_bytes)).collect();
    assert_eq!(ranges, [(10 << 20, 10 << 20), (30 << 20, 10 << 20)]);
    assert_eq!(refused(write(&grpc, finish(&ticket, 0)).await), (Code::Aborted, Some(Reason::UploadIncomplete)));
    for part in [part(0, mib(10)), part(mib(20), mib(30))] {
        part.await.unwrap().unwrap();
    }
    let mut outside = messages(&ticket, &bytes, mib(39), mib(40));
    outside[0].part_size = 2 << 20;
    assert_eq!(refused(write(&grpc, outside).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));

    let done = write(&grpc, finish(&ticket, bytes.len())).await.unwrap();
    assert_eq!(done.sha256, Digest::of(&bytes).as_bytes().as_slice());
    publish_receipt(&grpc, "f", done.receipt).await;
    assert_eq!(service.stored().spools, Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_newer_stream_takes_an_upload_over() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let bytes = content(4 << 20);
    let ticket = ticket_for(&grpc, &bytes).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut blobs = grpc.blobs();
    let old = tokio::spawn(async move { blobs.write(tokio_stream::wrappers::ReceiverStream::new(receiver)).await });
    for message in messages(&ticket, &bytes, 0, 3 << 20) {
        sender.send(message).await.unwrap();
    }
    let come = async || Some(query(&grpc, &ticket).await.hashed_size).filter(|size| *size >= 2 << 20);
    let come = usize::try_from(integration_tests::wait::until("the first bytes", come).await).unwrap();

    let mut new = messages(&ticket, &bytes, come, bytes.len());
    new.last_mut().unwrap().finish = true;
    assert_eq!(write(&grpc, new).await.unwrap().committed_size, 4 << 20);
    for message in messages(&ticket, &bytes, 3 << 20, 4 << 20).split_off(1) {
        // It may have been told already.
        let _ = sender.send(message).await;
    }
    drop(sender);
    assert_eq!(refused(old.await.unwrap()), (Code::Aborted, Some(Reason::UploadSuperseded)));
}

#[tokio::test]
async fn small_files_go_up_and_come_back_in_one_call_each_with_its_own_status() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let contents: Vec<Bytes> = (0..100_usize).map(|number| content(number * 7)).collect();
    let wanted: Vec<_> = contents.iter().enumerate().map(|(number, content)| declared(&format!("f{number}"), content)).collect();
    let plans = prepare(&grpc, "1.0", wanted).await.unwrap();
    let items = plans.into_iter().zip(&contents).enumerate().map(|(number, (plan, content))| {
        let Action::Ticket(ticket) = plan else { panic!("nothing is there yet") };
        let crc32c = Some(crc32c::crc32c(content).cast_signed() + i32::from(number == 3));
        let data = if number == 5 { Bytes::from_static(b"other") } else { content.clone() };
        BatchWriteItem { ticket: ticket.token, upload_id: ticket.upload_id, data, crc32c: crc32c.filter(|_| number != 5) }
    });
    let results = grpc.blobs().batch_write(BatchWriteRequest { items: items.collect() }).await.unwrap().into_inner().results;

    let reasons: Vec<_> = results.iter().map(|result| result.status.as_ref().unwrap().reason.as_str()).collect();
    let expected = |number| match number {
        3 => "CHUNK_CORRUPT",
        5 => "SIZE_MISMATCH",
        _ => "",
    };
    assert_eq!(reasons, (0..100).map(expected).collect::<Vec<_>>());
    let good = results.into_iter().enumerate().filter(|(_, result)| !result.receipt.is_empty());
    let files = good.map(|(number, result)| PublishFile { path: format!("f{number}"), receipt: result.receipt, ..PublishFile::default() });
    publish(&grpc, publish_request("1.0", files.collect())).await.unwrap();

    let parent = format!("{PACKAGE}/versions/1.0");
    let request = PrepareDownloadsRequest { parent, page_size: 1000, ..PrepareDownloadsRequest::default() };
    let plans = grpc.files().prepare_downloads(authorized(request)).await.unwrap().into_inner().plans;
    let paths: Vec<String> = plans.iter().map(|plan| plan.file.as_ref().unwrap().path.clone()).collect();
    let mut items: Vec<_> = plans.into_iter().map(|plan| BatchReadItem { ticket: plan.ticket.unwrap().token }).collect();
    items.push(BatchReadItem { ticket: Bytes::from_static(b"forged") });
    let results = grpc.blobs().batch_read(BatchReadRequest { items }).await.unwrap().into_inner().results;
    assert_eq!(results.len(), 99);
    assert_eq!(results[98].status.as_ref().unwrap().reason, "TICKET_INVALID");
    for (path, result) in paths.iter().zip(&results) {
        assert_eq!(result.data, contents[path[1..].parse::<usize>().unwrap()], "{path}");
        assert_eq!(result.crc32c, Some(crc32c::crc32c(&result.data).cast_signed()));
    }
}

#[tokio::test]
async fn a_batch_beyond_what_the_service_says_is_refused_whole() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let limits = grpc.blobs().get_capabilities(GetCapabilitiesRequest {}).await.unwrap().into_inner();
    let size = |limit: i32| usize::try_from(limit).unwrap();
    let item = |bytes: usize| BatchWriteItem { data: Bytes::from(vec![0; bytes]), ..BatchWriteItem::default() };
    let (one, all) = (size(limits.max_batch_blob_bytes), size(limits.max_batch_bytes));
    for items in [vec![], vec![item(0); size(limits.max_batch_items) + 1], vec![item(one + 1)], vec![item(one); all / one + 1]] {
        let refusal = refused(grpc.blobs().batch_write(BatchWriteRequest { items }).await);
        assert_eq!(refusal, (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
    }
    let items = vec![BatchReadItem::default(); size(limits.max_batch_items) + 1];
    let refusal = refused(grpc.blobs().batch_read(BatchReadRequest { items }).await);
    assert_eq!(refusal, (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));

    let large = content(one + 1);
    let ticket = ticket_for(&grpc, &large).await;
    let mut whole = messages(&ticket, &large, 0, large.len());
    whole.last_mut().unwrap().finish = true;
    publish_receipt(&grpc, "f", write(&grpc, whole).await.unwrap().receipt).await;
    let parent = format!("{PACKAGE}/versions/1.0");
    let request = PrepareDownloadsRequest { parent, ..PrepareDownloadsRequest::default() };
    let plan = grpc.files().prepare_downloads(authorized(request)).await.unwrap().into_inner().plans.remove(0);
    let items = vec![BatchReadItem { ticket: plan.ticket.unwrap().token }];
    let results = grpc.blobs().batch_read(BatchReadRequest { items }).await.unwrap().into_inner().results;
    assert_eq!(results[0].status.as_ref().unwrap().reason, "FILE_TOO_LARGE");
    assert_eq!(service.stored().blobs.len(), 1);
}
