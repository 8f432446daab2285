//! The blob plane for the metadata plane: what it tells and does, and to whom.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_proto::blob::blob_admin_service_client::BlobAdminServiceClient;
use consign_proto::blob::verify_blob_result::Outcome;
use consign_proto::blob::{DeleteBlobsRequest, ListBlobsRequest, StatRequest, StoredBlobId, VerifyBlobsRequest};
use consign_proto::blob::{VerifyBlobResult, delete_blob_result};
use consign_types::note::{Keyring, Note};
use consign_types::ticket::{AdminTicket, DownloadTicket};
use consign_types::{CopyName, Digest, Reason, Timestamp};
use integration_tests::grpc::refusal;
use integration_tests::rest::{Rest, file};
use integration_tests::{Builder, TestService};
use tonic::transport::Channel;
use tonic::{Code, Request};

struct Plane {
    service: TestService,
    rest: Rest,
    client: BlobAdminServiceClient<Channel>,
    keys: Keyring,
}

impl Plane {
    async fn start() -> Self {
        let (service, rest) = Builder::by_default().with("--internal-listen", "127.0.0.1:0").demo().await;
        let channel = Channel::from_shared(format!("http://{}", service.internal())).unwrap().connect_lazy();
        let keys = fs::read_to_string(service.directory().join("data/keys")).unwrap().parse().unwrap();
        Self { service, rest, client: BlobAdminServiceClient::new(channel), keys }
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        bearing(message, &self.keys, &AdminTicket { expires: in_seconds(60) })
    }

    /// Publishes bytes, and returns the name of their copy.
    async fn publish(&self, path: &str, bytes: &str) -> StoredBlobId {
        assert_eq!(self.rest.put(&file("tool", "1.0", path), bytes.to_owned()).await.status, 201);
        let request = StatRequest { sha256s: vec![digest(bytes)] };
        let blobs = self.client.clone().stat(self.signed(request)).await.unwrap().into_inner().blobs;
        assert_eq!((blobs.len(), blobs[0].size_bytes), (1, i64::try_from(bytes.len()).unwrap()));
        blobs[0].id.clone().unwrap()
    }
}

fn digest(bytes: &str) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(Digest::of(bytes.as_bytes()).as_bytes())
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn in_seconds(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    Timestamp::from_micros(i64::try_from(now).unwrap()).plus_seconds(seconds)
}

fn bearing<T, N: Note>(message: T, keys: &Keyring, ticket: &N) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {}", BASE64_URL_SAFE_NO_PAD.encode(keys.sign(ticket)));
    request.metadata_mut().insert("authorization", value.parse().unwrap());
    request
}

#[tokio::test]
async fn only_who_has_the_key_of_both_planes_is_answered() {
    let plane = Plane::start().await;
    let mut client = plane.client.clone();
    let list = ListBlobsRequest::default;
    let read = DownloadTicket { project: 1, digest: Digest::of(b"x"), generation: 1, size: 1, expires: in_seconds(60) };
    let admin = |seconds| AdminTicket { expires: in_seconds(seconds) };
    let refused = [
        (Request::new(list()), Reason::TicketInvalid),
        (bearing(list(), &Keyring::generate(), &admin(60)), Reason::TicketInvalid),
        (bearing(list(), &plane.keys, &read), Reason::TicketInvalid),
        (bearing(list(), &plane.keys, &admin(-1)), Reason::TicketExpired),
    ];
    for (request, reason) in refused {
        let status = client.list_blobs(request).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(reason), "{status:?}");
    }
    assert!(client.list_blobs(plane.signed(list())).await.is_ok());

    let mut outside = BlobAdminServiceClient::new(Channel::from_shared(format!("http://{}", plane.service.grpc())).unwrap().connect_lazy());
    assert_eq!(outside.list_blobs(plane.signed(list())).await.unwrap_err().code(), Code::Unimplemented, "it has a listener of its own");
}

#[tokio::test]
async fn what_is_stored_is_listed_page_by_page() {
    let plane = Plane::start().await;
    let mut published = Vec::new();
    for number in 0..5 {
        published.push(plane.publish(&format!("f{number}"), &format!("content {number}")).await);
    }
    published.sort_by(|one, other| one.sha256.cmp(&other.sha256));

    let (mut listed, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListBlobsRequest { page_size: 2, page_token };
        let page = plane.client.clone().list_blobs(plane.signed(request)).await.unwrap().into_inner();
        assert!(page.blobs.len() <= 2);
        listed.extend(page.blobs.into_iter().map(|blob| blob.id.unwrap()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }

    assert_eq!(listed, published);
    let status = plane.client.clone().list_blobs(plane.signed(ListBlobsRequest { page_size: 2, page_token: "x".to_owned() })).await;
    assert_eq!(refusal(&status.unwrap_err()).1, Some(Reason::PageTokenInvalid));
}

#[tokio::test]
async fn copies_are_removed_and_verified_by_their_names() {
    let plane = Plane::start().await;
    let mut client = plane.client.clone();
    let (good, bad, gone) = (plane.publish("a", "good").await, plane.publish("b", "bad").await, plane.publish("c", "gone").await);
    let other = StoredBlobId { generation: gone.generation + 1000, ..gone.clone() };

    let delete = DeleteBlobsRequest { ids: vec![gone.clone(), other.clone()] };
    let results = client.delete_blobs(plane.signed(delete)).await.unwrap().into_inner().results;
    assert_eq!(results.iter().map(|result| result.id.clone().unwrap()).collect::<Vec<_>>(), [gone.clone(), other]);
    assert!(results.iter().all(|result| result.outcome() == delete_blob_result::Outcome::Removed));
    let name = CopyName { digest: Digest::of(b"bad"), generation: bad.generation }.to_string();
    let stored = plane.service.directory().join("data/blobs").join(&name[..2]).join(&name[2..4]).join(&name);
    fs::write(stored, "bat").unwrap();

    for expected in [[Outcome::Good, Outcome::Damaged, Outcome::Missing]; 2] {
        let verify = VerifyBlobsRequest { ids: vec![good.clone(), bad.clone(), gone.clone()] };
        let results = client.verify_blobs(plane.signed(verify)).await.unwrap().into_inner().results;
        assert_eq!(results.iter().map(VerifyBlobResult::outcome).collect::<Vec<_>>(), expected);
    }
    assert_eq!(plane.rest.get(&file("tool", "1.0", "a")).await.text(), "good");
    assert_ne!(plane.rest.get(&file("tool", "1.0", "b")).await.status, 200);

    for ids in [Vec::new(), vec![good.clone(); 1001], vec![StoredBlobId { generation: 0, ..good.clone() }]] {
        let status = client.delete_blobs(plane.signed(DeleteBlobsRequest { ids })).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ArgumentInvalid));
    }
    for ids in [Vec::new(), vec![good.clone(); 101]] {
        let status = client.verify_blobs(plane.signed(VerifyBlobsRequest { ids })).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ArgumentInvalid));
    }
    for sha256s in [Vec::new(), vec![digest("x"); 1001], vec![digest("x").slice(1..)]] {
        let status = client.stat(plane.signed(StatRequest { sha256s })).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ArgumentInvalid));
    }
}
