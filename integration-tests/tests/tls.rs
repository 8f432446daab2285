//! TLS on all listeners, and between the roles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use consign_client::transport::connect;
use consign_client::{Certificates, Client, Identity, Lasting, Publish, Tls, Transfers, Transport};
use consign_proto::blob::ListBlobsRequest;
use consign_proto::blob::blob_admin_service_client::BlobAdminServiceClient;
use consign_types::Digest;
use futures::{TryStreamExt as _, stream};
use integration_tests::authority::{Authority, Files, Pair};
use integration_tests::publishing::PACKAGE;
use integration_tests::rest::{Rest, file};
use integration_tests::{Builder, Engine, TOKEN, wait};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tonic::Code;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");

/// The way to a plane for somebody who trusts the authority, and may have a certificate.
fn way(address: SocketAddr, authority: &Authority, identity: Option<&Pair>) -> Transport {
    let identity = identity.map(|pair| Identity { chain: pair.chain.clone().into(), key: pair.key.clone().into() });
    let tls = Tls::new(Certificates { ca: Some(authority.pem().into()), identity }).unwrap();
    connect(&format!("https://{address}"), &tls).unwrap()
}

/// What `curl` answers: the version of HTTP and the status, or nothing where it does not trust the server.
async fn curl(options: &[&str], url: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"]);
    let output = curl.args(options).arg(url).output().await.unwrap();
    if output.status.success() { String::from_utf8(output.stdout).unwrap() } else { String::new() }
}

/// A question on a connection that goes on after it.
async fn asks_again(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn rest_and_grpc_over_tls_serve_our_clients_and_curl() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.issue(), &authority);
    let service = Builder::on(Engine::Sqlite).with_tls(&files).start().await;
    let rest = Rest::over_tls(service.http(), &authority);
    rest.create_project("demo").await;
    rest.create_project("other").await;
    let content = Bytes::from(vec![7; 3_000_000]);

    let plane = way(service.grpc(), &authority, None);
    let client = Client::new(plane.clone(), Transfers::Remote(plane)).with_token(TOKEN);
    let publish = Publish {
        version: format!("{PACKAGE}/versions/1.0").parse().unwrap(),
        path: "f".parse().unwrap(),
        digest: Some(Digest::of(&content)),
        size: Some(3_000_000),
        always_send: false,
        media_type: String::new(),
        hidden: None,
        keep_identical: false,
    };
    let body = |_| stream::iter([Ok::<_, std::io::Error>(content.clone())]);
    client.publish_file(&publish, &mut Lasting(body)).await.unwrap();
    let download = client.prepare_download(&publish.version, &publish.path).await.unwrap();
    let read: Vec<Bytes> = client.read(&download, 0, 0).await.unwrap().try_collect().await.unwrap();
    assert!(read.concat() == content);
    assert!(rest.get(&file("tool", "1.0", "f")).await.body == content);
    let links = rest.get("/api/v4/projects?per_page=1").await;
    assert!(links.header("link").starts_with(&format!("<https://{}/", service.http())), "{links:?}");

    let ca = files.ca().display().to_string();
    for (address, path) in [(service.http(), "healthz"), (service.grpc(), "consign.metadata.v1.ProjectService/GetProject")] {
        let url = format!("https://{address}/{path}");
        for (options, version) in [(["--http2", "--tlsv1.3"], "2"), (["--http1.1", "--tls-max"], "1.1")] {
            let options = [options.as_slice(), if version == "2" { &[] } else { &["1.2"] }].concat();
            let answer = curl(&[&options, ["--cacert", ca.as_str()].as_slice()].concat(), &url).await;
            assert!(answer.starts_with(&format!("{version} ")) && !answer.ends_with("000"), "{url}: {answer}");
        }
        assert_eq!(curl(&[], &url).await, "", "a stranger's certificate is not trusted");
    }
}

#[tokio::test]
async fn a_certificate_that_is_swapped_on_disk_is_shown_to_new_connections_and_old_ones_go_on() {
    let authority = Authority::new("ours");
    let (old, new) = (authority.issue(), authority.issue());
    let files = Files::new(&old, &authority);
    let service = Builder::on(Engine::Sqlite).with_tls(&files).start().await;
    let mut connection = authority.connect(service.http()).await;
    assert_eq!(asks_again(&mut connection).await, "HTTP/1.1 200 OK");
    assert_eq!(authority.shown(service.grpc()).await, old.shown);

    files.put(&new.chain, &new.key);

    for address in [service.http(), service.grpc()] {
        wait::until("the new certificate", async || (authority.shown(address).await == new.shown).then_some(())).await;
    }
    assert_eq!(asks_again(&mut connection).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_broken_pair_on_disk_is_told_once_and_the_one_before_stays_in_use() {
    let authority = Authority::new("ours");
    let (old, stranger, new) = (authority.issue(), authority.issue(), authority.issue());
    let files = Files::new(&old, &authority);
    let builder = Builder::on(Engine::Sqlite).wrapped(&[], "exec \"$@\" 2>\"$0/log\"").with_tls(&files);
    let service = builder.spawn(PROGRAM, &[]).await;
    let told = |text: &str| fs::read_to_string(service.directory().join("log")).unwrap().matches(text).count();

    files.put(&new.chain, &stranger.key);
    let reason = "the private key does not belong to the certificate";
    wait::until("the warning", async || (told(reason) > 0).then_some(())).await;
    assert_eq!(authority.shown(service.http()).await, old.shown);

    files.put("nothing", "");
    wait::until("the next warning", async || (told("there is no certificate in PEM form") > 0).then_some(())).await;
    assert_eq!(authority.shown(service.http()).await, old.shown);

    files.put(&new.chain, &new.key);
    wait::until("the new certificate", async || (authority.shown(service.http()).await == new.shown).then_some(())).await;
    assert_eq!(told(reason), 1);
}

#[tokio::test]
async fn three_roles_over_tls_do_what_one_process_does_and_the_internal_door_wants_a_certificate() {
    let (authority, elsewhere) = (Authority::new("ours"), Authority::new("elsewhere"));
    let pairs = [authority.issue(), authority.issue(), authority.issue()];
    let [of_blob, of_metadata, of_gateway] = pairs.each_ref().map(|pair| Files::new(pair, &authority));
    let keys = tempfile::tempdir().unwrap();
    let role = |builder: Builder, role, files| builder.role(role).with("--key-file", keys.path().join("keys").display()).with_tls(files);
    let blob = role(Builder::by_default(), "blob", &of_blob).with("--tls-client-ca", of_blob.ca().display());
    let blob = blob.with("--trash-seconds", 1).with("--internal-listen", "127.0.0.1:0").start().await;
    let collecting = Builder::on(Engine::Sqlite).with("--gc-interval-seconds", 1).with("--gc-grace-seconds", 1);
    let metadata = role(collecting, "metadata", &of_metadata).with("--blob-internal-endpoint", format!("https://{}", blob.internal()));
    let metadata = metadata.start().await;
    let gateway = Builder::by_default().role("gateway").with_tls(&of_gateway);
    let gateway = gateway.with("--metadata-endpoint", format!("https://{}", metadata.grpc()));
    let gateway = gateway.with("--blob-endpoint", format!("https://{}", blob.grpc())).start().await;
    let rest = Rest::over_tls(gateway.http(), &authority);
    rest.create_project("demo").await;
    let path = file("tool", "1.0", "f");

    assert_eq!(rest.put(&path, "hello").await.status, 201);
    assert_eq!(rest.get(&path).await.text(), "hello");
    wait::until("readiness", async || (rest.get("/readyz").await.status == 200).then_some(())).await;

    let database = metadata.database();
    let past = database.ago(3600);
    database.execute(&format!("update files set deleted_at = {past}, purge_at = {past}"));
    wait::until("the collection through the internal door", async || blob.stored().blobs.is_empty().then_some(())).await;

    let strange = elsewhere.issue();
    for (identity, is_let_in) in [(None, false), (Some(&strange), false), (Some(&pairs[1]), true)] {
        let mut client = BlobAdminServiceClient::new(way(blob.internal(), &authority, identity));
        let refused = client.list_blobs(ListBlobsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code() == Code::PermissionDenied, is_let_in, "the plane itself misses a ticket: {refused:?}");
    }
}

#[tokio::test]
async fn strangers_that_speak_no_tls_or_never_finish_a_handshake_are_cut_off_and_hold_up_nobody() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.issue(), &authority);
    let service = Builder::on(Engine::Sqlite).with_tls(&files).start().await;
    let mut half = Vec::new();
    for address in [service.http(), service.grpc()].repeat(50) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"\x16\x03\x01\x02\x00").await.unwrap();
        half.push(stream);
    }

    let mut plain = TcpStream::connect(service.http()).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // It may end by a reset, since not all was read.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    let rest = Rest::over_tls(service.http(), &authority);
    rest.create_project("demo").await;
    assert_eq!(rest.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    for mut stream in half {
        let end = tokio::time::timeout(wait::PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "a handshake has a time limit");
    }
}

#[tokio::test]
async fn files_that_can_not_be_used_are_named_at_the_start() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.issue(), &authority);
    files.put(&authority.issue().chain, &authority.issue().key);
    let refused = async |options: Vec<(&str, String)>| {
        let data = tempfile::tempdir().unwrap();
        let place = [("--data-dir", data.path().display().to_string()), ("--http-listen", "127.0.0.1:0".to_owned())];
        let options = place.into_iter().chain([("--grpc-listen", "127.0.0.1:0".to_owned())]).chain(options);
        let options: Vec<String> = options.flat_map(|(option, value)| [option.to_owned(), value]).collect();
        consign_server::start(&integration_tests::service::settings(&options)).await.unwrap_err().to_string()
    };
    let [cert, key, _] = files.options();

    assert_eq!(refused(vec![cert, key]).await, "cannot use the files for TLS: the private key does not belong to the certificate");
    let missing = refused(vec![("--tls-ca", Path::new("/nowhere/ca.crt").display().to_string())]).await;
    assert!(missing.starts_with("cannot read `/nowhere/ca.crt`: No such file"), "{missing}");
}
