//! What is found of files once the service runs again.

use std::collections::BTreeMap;

use consign_proto::metadata::GetUsageRequest;
use futures::{StreamExt as _, stream};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::Rest;
use integration_tests::{Binary, wait};
use reqwest::Method;
use tokio::time::timeout;

use crate::client::Client;
use crate::plan::{Plan, batch_of, url};

/// How many files are looked for at once.
const AT_ONCE: usize = 8;

/// What is found of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All its bytes, under its name.
    Whole,
    /// Nothing under its name.
    Nothing,
    /// Something else, which must never be.
    Wrong(String),
}

/// Looks at a service from outside.
pub(crate) struct Inspection {
    plan: Plan,
    client: Client,
    rest: Rest,
    grpc: Grpc,
}

impl Inspection {
    /// Of a service that runs.
    pub(crate) fn of(service: &Binary, plan: &Plan) -> Self {
        let client = Client::of(service, plan.clone());
        Self { plan: plan.clone(), client, rest: Rest::to(service.http()), grpc: Grpc::to(service.grpc()) }
    }

    /// Looks for files.
    pub(crate) async fn look_for(&self, numbers: &[u64]) -> Vec<(u64, Found)> {
        stream::iter(numbers.to_vec()).map(async |number| (number, self.find(number).await)).buffer_unordered(AT_ONCE).collect().await
    }

    async fn find(&self, number: u64) -> Found {
        let request = self.rest.request(Method::GET, &url(number)).timeout(wait::PATIENCE);
        match self.rest.attempt(request).await {
            Ok(answer) if answer.status == 200 && answer.body == self.plan.bytes(number) => Found::Whole,
            Ok(answer) if answer.status == 404 => Found::Nothing,
            Ok(answer) => Found::Wrong(format!("status {} and {} bytes", answer.status, answer.body.len())),
            Err(error) => Found::Wrong(format!("{error:?}")),
        }
    }

    /// Publishes again, one by one, what nobody knows the end of. Returns what was acknowledged now, which should be all, and what went
    /// wrong.
    pub(crate) async fn retry(&self, numbers: &[u64]) -> (Vec<u64>, Vec<String>) {
        let retried = stream::iter(numbers.to_vec()).map(async |number| {
            let answer = timeout(wait::PATIENCE, self.client.put(number)).await.unwrap_or_else(|_| Err("no answer".to_owned()));
            answer.map(|()| number).map_err(|how| format!("retry of file {number}: {how}"))
        });
        let answers: Vec<_> = retried.buffer_unordered(AT_ONCE).collect().await;
        let (acknowledged, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        (acknowledged.into_iter().flatten().collect(), failed.into_iter().filter_map(Result::err).collect())
    }

    /// Compares the counters of the project with the files that are there: each once, however often it was tried.
    pub(crate) async fn count(&self, numbers: &[u64]) -> Option<String> {
        let contents: BTreeMap<u64, usize> = numbers.iter().map(|number| (self.plan.content(*number), self.plan.size(*number))).collect();
        let request = authorized(GetUsageRequest { name: "projects/root%2Fdemo".to_owned(), top_count: 0 });
        let usage = match self.grpc.projects().get_usage(request).await {
            Ok(usage) => usage.into_inner().usage.unwrap(),
            Err(status) => return Some(format!("what the project holds: {status:?}")),
        };
        let counted = [usage.file_count, usage.logical_bytes, usage.stored_bytes];
        let sizes = numbers.iter().map(|number| self.plan.size(*number));
        let expected = [numbers.len(), sizes.sum(), contents.values().sum()].map(|number| i64::try_from(number).unwrap());
        (counted != expected).then(|| format!("files, their bytes, bytes of distinct contents: {counted:?}, and not {expected:?}"))
    }
}

/// What is half there of files of which nobody knows the end: one by itself, or a version that came as a whole.
pub(crate) fn half_there(found: &[(u64, Found)]) -> Vec<String> {
    let mut half: Vec<String> = Vec::new();
    let mut batches: BTreeMap<u64, Vec<&Found>> = BTreeMap::new();
    for (number, found) in found {
        if let Found::Wrong(how) = found {
            half.push(format!("file {number} is half there: {how}"));
        }
        if let Some(batch) = batch_of(*number) {
            batches.entry(batch).or_default().push(found);
        }
    }
    let torn = batches.into_iter().filter(|(_, found)| found.iter().any(|one| *one != found[0]));
    half.extend(torn.map(|(batch, found)| format!("version {batch} is half there: {found:?}")));
    half
}
