//! A client that publishes what is planned.

use bytes::Bytes;
use consign_proto::blob::{BatchWriteItem, BatchWriteRequest};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{PrepareUploadsRequest, PublishFile, PublishVersionRequest, UploadFile};
use integration_tests::Binary;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::Rest;
use reqwest::Method;
use tonic::Status;

use crate::plan::{Plan, Work, names, url};

/// A client, with connections of its own.
#[derive(Clone)]
pub(crate) struct Client {
    plan: Plan,
    rest: Rest,
    grpc: Grpc,
}

impl Client {
    /// Of a service that runs.
    pub(crate) fn of(service: &Binary, plan: Plan) -> Self {
        Self { plan, rest: Rest::to(service.http()), grpc: Grpc::to(service.grpc()) }
    }

    /// Publishes. An error says what came instead of success.
    pub(crate) async fn publish(&self, work: &Work) -> Result<(), String> {
        match work {
            Work::One(number) => self.put(*number).await,
            Work::Batch(numbers) => self.publish_whole(numbers.clone().collect()).await.map_err(|status| format!("{status:?}")),
        }
    }

    /// Publishes one file over REST.
    pub(crate) async fn put(&self, number: u64) -> Result<(), String> {
        let request = self.rest.request(Method::PUT, &url(number)).body(self.plan.bytes(number));
        match self.rest.attempt(request).await {
            Ok(answer) if answer.status == 201 => Ok(()),
            Ok(answer) => Err(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    async fn publish_whole(&self, numbers: Vec<u64>) -> Result<(), Status> {
        let [package, version, _] = names(numbers[0]);
        let parent = format!("projects/root%2Fdemo/packages/{package}");
        let files = numbers.iter().map(|number| self.declared(*number)).collect();
        let request =
            PrepareUploadsRequest { parent: format!("{parent}/versions/{version}"), files, request_id: String::new(), known_only: false };
        let plans = self.grpc.files().prepare_uploads(authorized(request)).await?.into_inner().plans;
        let items = numbers.iter().zip(plans).map(|(number, plan)| match plan.action {
            Some(Action::Ticket(ticket)) => {
                let data = Bytes::from(self.plan.bytes(*number));
                BatchWriteItem { ticket: ticket.token, upload_id: ticket.upload_id, data, crc32c: None }
            }
            _ => unreachable!("the bytes are to be sent, even if they are here"),
        });
        let request = BatchWriteRequest { items: items.collect() };
        let results = self.grpc.blobs().batch_write(request).await?.into_inner().results;
        let files = numbers.iter().zip(results).map(|(number, result)| {
            let [_, _, path] = names(*number);
            PublishFile { path, receipt: result.receipt, ..PublishFile::default() }
        });
        let request = PublishVersionRequest {
            parent,
            version_id: version,
            files: files.collect(),
            keep_open: true,
            ..PublishVersionRequest::default()
        };
        self.grpc.packages().publish_version(authorized(request)).await.map(|_| ())
    }

    fn declared(&self, number: u64) -> UploadFile {
        let [_, _, path] = names(number);
        let size_bytes = Some(i64::try_from(self.plan.size(number)).unwrap());
        UploadFile { path, size_bytes, always_send: true, ..UploadFile::default() }
    }
}
