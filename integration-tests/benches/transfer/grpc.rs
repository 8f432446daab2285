//! Large files over gRPC. The process of the benchmark is the client.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use consign_client::transport::connect;
use consign_client::{Client, Publish, Tls, Transfers};
use consign_proto::blob::ReadRequest;
use consign_proto::metadata::PrepareDownloadsRequest;
use consign_types::resource::{PackageRef, VersionRef};
use futures::StreamExt as _;
use integration_tests::TOKEN;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::PACKAGE;

const PATH: &str = "file";

/// Our client, over a connection of its own to each plane.
pub(crate) fn client(address: SocketAddr) -> Client {
    let way = || connect(&format!("http://{address}"), &Tls::default()).expect("an address makes an endpoint");
    Client::new(way(), Transfers::Remote(way())).with_token(TOKEN)
}

fn version_of(version: &str) -> VersionRef {
    let PackageRef { project, package } = PACKAGE.parse().expect("the package is named well");
    VersionRef { project, package, version: version.parse().expect("the version is named well") }
}

/// Publishes a version of one file with our client.
pub(crate) async fn upload(client: &Client, version: &str, bytes: u64, chunks: impl Iterator<Item = Bytes> + Send + 'static) {
    let publish = Publish {
        version: version_of(version),
        path: PATH.parse().expect("the path is written well"),
        digest: None,
        size: Some(i64::try_from(bytes).expect("a file is smaller than that")),
        always_send: true,
        media_type: String::new(),
        hidden: None,
        keep_identical: false,
    };
    let body = futures::stream::iter(chunks.map(Ok::<_, Infallible>));
    client.publish_file(&publish, &mut Some(body)).await.expect("the file is published");
}

/// Fetches that file with our client, and counts its bytes.
pub(crate) async fn download(client: &Client, version: &str) -> u64 {
    let path = PATH.parse().expect("the path is written well");
    let download = client.prepare_download(&version_of(version), &path).await.expect("the file is there");
    let mut pieces = pin!(client.read(&download, 0, 0).await.expect("the file is read"));
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        bytes += piece.expect("the file is whole").len() as u64;
    }
    bytes
}

/// Fetches that file with a stub that sets nothing, and counts its bytes.
pub(crate) async fn download_by_stub(grpc: &Grpc, version: &str) -> u64 {
    let parent = format!("{PACKAGE}/versions/{version}");
    let request = PrepareDownloadsRequest { parent, paths: vec![PATH.to_owned()], ..PrepareDownloadsRequest::default() };
    let prepared = grpc.files().prepare_downloads(authorized(request)).await.expect("the file is there").into_inner();
    let ticket = prepared.plans.into_iter().next().and_then(|plan| plan.ticket).expect("a plan has a ticket").token;
    let mut messages = grpc.blobs().read(ReadRequest { ticket, ..ReadRequest::default() }).await.expect("the file is read").into_inner();
    let mut bytes = 0;
    while let Some(message) = messages.next().await {
        bytes += message.expect("the file is whole").chunk.map_or(0, |chunk| chunk.data.len() as u64);
    }
    bytes
}
