//! Lists: every field that they are filtered by, and how comparisons go together.

use std::collections::HashMap;

use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, CreateVersionRequest, DeleteVersionRequest, ListFilesRequest, Package,
    PublishVersionRequest, QuarantineVersionRequest, UpdatePackageRequest, Visibility, YankVersionRequest,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::lists::{List, Query, assert_filters, page};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, read, refused};
use integration_tests::{BOTH, Builder};
use tonic::Code;

const FILTER_INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::FilterInvalid));

fn within(parent: &str) -> Query {
    Query { parent: parent.to_owned(), ..Query::default() }
}

fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A time as filters have it.
fn time(time: Option<prost_types::Timestamp>) -> String {
    format!("\"{}\"", time.unwrap())
}

async fn publish_one(grpc: &Grpc, package: &str, version: &str, pairs: &[(&str, &str)], content: &'static [u8]) {
    let request = brought(grpc, &format!("projects/1/packages/{package}"), version, &[("a", content)]).await;
    publish(grpc, PublishVersionRequest { labels: labels(pairs), ..request }).await.unwrap();
}

/// Asserts that these filters are refused, and those that are refused by every list.
async fn assert_refused(grpc: &Grpc, list: List, query: &Query, filters: &[&str]) {
    let long = format!("id = {}", "1".repeat(2048));
    let many = vec!["id = 1"; 51].join(" ");
    let deep = format!("{}id = 1{}", "(".repeat(11), ")".repeat(11));
    let always =
        ["nonsense = 1", "x", "=", "id", "id =", "id = 1 OR", "(id = 1", "id = 1)", "AND", "NOT", "id == 1", "\"id\" = 1", "id = \"1"];
    for filter in always.iter().chain(filters).chain(&[long.as_str(), many.as_str(), deep.as_str()]) {
        let refusal = page(grpc, list, Query { filter: (*filter).to_owned(), ..query.clone() }).await;
        assert_eq!(refused(refusal), FILTER_INVALID, "{list:?} with `{filter}`");
    }
}

#[tokio::test]
async fn packages_are_filtered_by_every_field() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let mut made = Vec::new();
        for (name, pairs) in [("alpha", [("team", "core")].as_slice()), ("Beta_x", &[("team", "web"), ("os/arch", "a b")]), ("gamma", &[])]
        {
            publish_one(&grpc, name, "1.0.0", &[], b"one").await;
            let package = Package { name: format!("projects/1/packages/{name}"), labels: labels(pairs), ..Package::default() };
            let request = UpdatePackageRequest { package: Some(package), ..UpdatePackageRequest::default() };
            made.push(grpc.packages().update_package(authorized(request)).await.unwrap().into_inner().package.unwrap());
        }
        publish_one(&grpc, "Beta_x", "1.1.0", &[], b"five5").await;
        let (alpha, beta, gamma) = (time(made[0].create_time), time(made[1].create_time), time(made[2].update_time));
        let cases: [(String, &[&str]); 32] = [
            (String::new(), &["Beta_x", "alpha", "gamma"]),
            ("package_id = alpha".to_owned(), &["alpha"]),
            ("package_id = ALPHA".to_owned(), &[]),
            ("package_id != alpha".to_owned(), &["Beta_x", "gamma"]),
            ("package_id > alpha".to_owned(), &["gamma"]),
            ("package_id <= alpha".to_owned(), &["Beta_x", "alpha"]),
            ("package_id : ETA".to_owned(), &["Beta_x"]),
            ("package_id:PH".to_owned(), &["alpha"]),
            ("package_id : _".to_owned(), &["Beta_x"]),
            ("package_id : %".to_owned(), &[]),
            ("labels.team = core".to_owned(), &["alpha"]),
            ("labels.team : *".to_owned(), &["Beta_x", "alpha"]),
            ("labels:team".to_owned(), &["Beta_x", "alpha"]),
            ("labels.\"os/arch\" = \"a b\"".to_owned(), &["Beta_x"]),
            ("labels.team >= d".to_owned(), &["Beta_x"]),
            ("NOT labels.team = core".to_owned(), &["Beta_x", "gamma"]),
            ("-labels.team:*".to_owned(), &["gamma"]),
            ("labels.other = core".to_owned(), &[]),
            ("version_count = 2".to_owned(), &["Beta_x"]),
            ("version_count < 2".to_owned(), &["alpha", "gamma"]),
            ("size_bytes >= 8".to_owned(), &["Beta_x"]),
            (format!("create_time > {alpha}"), &["Beta_x", "gamma"]),
            (format!("create_time = {alpha}"), &["alpha"]),
            ("create_time < \"0001-01-01T00:00:00Z\"".to_owned(), &[]),
            ("create_time < \"9999-01-01T00:00:00.999999Z\"".to_owned(), &["Beta_x", "alpha", "gamma"]),
            (format!("create_time <= {beta} AND create_time >= {alpha}"), &["Beta_x", "alpha"]),
            (format!("update_time > {gamma}"), &["Beta_x"]),
            ("package_id = alpha OR package_id = gamma".to_owned(), &["alpha", "gamma"]),
            ("labels.team:* AND package_id = alpha OR package_id = gamma".to_owned(), &["alpha"]),
            ("(labels.team:* AND package_id = alpha) OR package_id = gamma".to_owned(), &["alpha", "gamma"]),
            ("NOT (package_id = alpha OR package_id = gamma)".to_owned(), &["Beta_x"]),
            ("version_count = 1 size_bytes = 3 -package_id = gamma".to_owned(), &["alpha"]),
        ];
        assert_filters(&grpc, List::Packages, &within("projects/1"), &cases).await;
        let bad = ["version_count = two", "version_count : 1", "create_time > yesterday", "labels = core", "package_id.x = 1", "name = a"];
        assert_refused(&grpc, List::Packages, &within("projects/1"), &bad).await;
    }
}

/// Six versions: each in another state, and with labels.
async fn six_versions(grpc: &Grpc) {
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        publish_one(grpc, "tool", version, &[("v", version), ("team", "core")], version.as_bytes()).await;
    }
    let open = brought(grpc, PACKAGE, "1.4.0", &[("a", b"one")]).await;
    publish(grpc, PublishVersionRequest { keep_open: true, ..open }).await.unwrap();
    let draft = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "1.5.0".to_owned(), ..CreateVersionRequest::default() };
    grpc.packages().create_version(authorized(draft)).await.unwrap();
    let name = |version: &str| format!("{PACKAGE}/versions/{version}");
    let why = || "why".to_owned();
    let yank = YankVersionRequest { name: name("1.1.0"), reason: why(), ..YankVersionRequest::default() };
    grpc.packages().yank_version(authorized(yank)).await.unwrap();
    let quarantine = QuarantineVersionRequest { name: name("1.2.0"), reason: why(), ..QuarantineVersionRequest::default() };
    grpc.packages().quarantine_version(authorized(quarantine)).await.unwrap();
    let delete = DeleteVersionRequest { name: name("1.3.0"), ..DeleteVersionRequest::default() };
    grpc.packages().delete_version(authorized(delete)).await.unwrap();
}

#[tokio::test]
async fn versions_are_filtered_by_every_field() {
    for engine in BOTH {
        let (mut service, grpc) = Builder::on(engine).demo_grpc().await;
        six_versions(&grpc).await;
        let (first, open) = (get_version(&grpc, "1.0.0").await.unwrap(), get_version(&grpc, "1.4.0").await.unwrap());
        let digest = Digest::try_from(first.content_digest.as_ref()).unwrap();
        read(&grpc, "1.4.0", "a", 0, 0).await.unwrap();
        // What was counted is written when the service ends.
        service.restart().await;
        let grpc = Grpc::to(service.grpc());
        let downloaded = get_version(&grpc, "1.4.0").await.unwrap();
        assert_eq!(downloaded.download_count, 1);

        let cases: [(String, &[&str]); 17] = [
            (format!("id = {}", first.id), &["tool/1.0.0"]),
            (format!("id >= {}", open.id), &["tool/1.4.0", "tool/1.5.0"]),
            ("package = tool AND version = 1.1.0".to_owned(), &["tool/1.1.0"]),
            ("package = other".to_owned(), &[]),
            ("version : .4".to_owned(), &["tool/1.4.0"]),
            ("state = published".to_owned(), &["tool/1.0.0"]),
            ("state = YANKED OR state = Quarantined".to_owned(), &["tool/1.1.0", "tool/1.2.0"]),
            ("state = draft".to_owned(), &["tool/1.5.0"]),
            ("state:open".to_owned(), &["tool/1.4.0"]),
            ("state = deleted".to_owned(), &["tool/1.3.0"]),
            ("labels.v = 1.0.0 OR labels.v = 1.3.0".to_owned(), &["tool/1.0.0", "tool/1.3.0"]),
            (format!("content_digest = {digest}"), &["tool/1.0.0"]),
            (format!("creator = \"{}\" AND labels.team = core AND state = published", first.creator), &["tool/1.0.0"]),
            (format!("create_time <= {}", time(first.create_time)), &["tool/1.0.0"]),
            (format!("publish_time >= {}", time(open.publish_time)), &["tool/1.4.0"]),
            (format!("update_time = {}", time(first.update_time)), &["tool/1.0.0"]),
            (format!("last_download_time = {}", time(downloaded.last_download_time)), &["tool/1.4.0"]),
        ];
        let query = Query { show_deleted: true, ..within(PACKAGE) };
        assert_filters(&grpc, List::Versions, &query, &cases).await;
        let bad = ["state = sold", "id = x", "content_digest = abc", "publish_time = never", "hidden = maybe"];
        assert_refused(&grpc, List::Versions, &query, &bad).await;

        let cases: [(String, &[&str]); 7] = [
            ("package = tool AND version = 1.1.0".to_owned(), &["tool/1.1.0"]),
            ("state = open OR state = yanked".to_owned(), &["tool/1.1.0", "tool/1.4.0"]),
            ("state = draft".to_owned(), &[]),
            (format!("creator = \"{}\"", first.creator), &["tool/1.0.0", "tool/1.1.0", "tool/1.2.0", "tool/1.4.0"]),
            ("labels.team:core".to_owned(), &["tool/1.0.0", "tool/1.1.0", "tool/1.2.0"]),
            (format!("create_time < {}", time(open.create_time)), &["tool/1.0.0", "tool/1.1.0", "tool/1.2.0"]),
            (format!("publish_time > {}", time(first.publish_time)), &["tool/1.1.0", "tool/1.2.0", "tool/1.4.0"]),
        ];
        let query = Query { order_by: "publish_time".to_owned(), ..within("projects/-") };
        assert_filters(&grpc, List::Search, &query, &cases).await;
        assert_refused(
            &grpc,
            List::Search,
            &query,
            &["update_time = 1", "content_digest = abc", "state = sold", "hidden > true1", "namespace_id = root"],
        )
        .await;
    }
}

#[tokio::test]
async fn files_are_filtered_by_every_field() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for (path, content) in [("bin/a", b"one".as_slice()), ("b.TXT", b"five5"), ("bin/a", b"newer")] {
            let mut set = brought(&grpc, PACKAGE, "1.0.0", &[(path, content)]).await;
            set.files[0].media_type = if path == "bin/a" { "application/x-tar".to_owned() } else { String::new() };
            publish(&grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
        }
        let query = within(&format!("{PACKAGE}/versions/1.0.0"));
        let request = ListFilesRequest { parent: query.parent.clone(), order_by: "id".to_owned(), ..ListFilesRequest::default() };
        let files = grpc.files().list_files(authorized(request)).await.unwrap().into_inner().files;
        let cases: [(String, &[&str]); 13] = [
            (format!("id = {}", files[0].id), &["bin/a@1"]),
            (format!("id > {}", files[0].id), &["b.TXT@1", "bin/a@2"]),
            ("path = bin/a".to_owned(), &["bin/a@1", "bin/a@2"]),
            ("path:txt".to_owned(), &["b.TXT@1"]),
            ("path:bin/".to_owned(), &["bin/a@1", "bin/a@2"]),
            ("revision = 2".to_owned(), &["bin/a@2"]),
            ("media_type = application/x-tar AND revision < 2".to_owned(), &["bin/a@1"]),
            ("media_type = \"\"".to_owned(), &["b.TXT@1"]),
            (format!("creator = \"{}\"", files[0].creator), &["b.TXT@1", "bin/a@1", "bin/a@2"]),
            (format!("sha256 = {}", Digest::of(b"newer")), &["bin/a@2"]),
            ("size_bytes = 5".to_owned(), &["b.TXT@1", "bin/a@2"]),
            ("NOT size_bytes = 5".to_owned(), &["bin/a@1"]),
            (format!("create_time < {}", time(files[2].create_time)), &["b.TXT@1", "bin/a@1"]),
        ];
        assert_filters(&grpc, List::Files, &query, &cases).await;
        assert_refused(&grpc, List::Files, &query, &["revision = x", "sha256 = abc", "size_bytes = 1.5", "md5 = 1"]).await;
    }
}

#[tokio::test]
async fn projects_and_namespaces_are_filtered_by_every_field() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let request =
            CreateNamespaceRequest { path: "group".to_owned(), display_name: "The Group".to_owned(), ..CreateNamespaceRequest::default() };
        let group = grpc.projects().create_namespace(authorized(request)).await.unwrap().into_inner().namespace.unwrap();
        let request = CreateProjectRequest {
            parent: "namespaces/group".to_owned(),
            project_id: "tool".to_owned(),
            display_name: "The Tool".to_owned(),
            visibility: Visibility::Public.into(),
            ..CreateProjectRequest::default()
        };
        let tool = grpc.projects().create_project(authorized(request)).await.unwrap().into_inner().project.unwrap();
        let cases: [(String, &[&str]); 10] = [
            (format!("id = {}", tool.id), &["group/tool"]),
            ("path = root/demo".to_owned(), &["root/demo"]),
            ("path:GROUP".to_owned(), &["group/tool"]),
            ("display_name = \"The Tool\"".to_owned(), &["group/tool"]),
            ("display_name:tool".to_owned(), &["group/tool"]),
            ("visibility = public".to_owned(), &["group/tool"]),
            ("visibility = PRIVATE OR visibility = internal".to_owned(), &["root/demo"]),
            (format!("create_time < {}", time(tool.create_time)), &["root/demo"]),
            (format!("update_time >= {}", time(tool.update_time)), &["group/tool"]),
            ("path = root/demo AND visibility = public".to_owned(), &[]),
        ];
        assert_filters(&grpc, List::Projects, &within(""), &cases).await;
        assert_refused(&grpc, List::Projects, &within(""), &["visibility = secret", "id = x", "description = x"]).await;
        let cases: [(String, &[&str]); 5] = [
            (format!("id = {}", group.id), &["group"]),
            ("path != group".to_owned(), &["root"]),
            ("path:OO".to_owned(), &["root"]),
            ("display_name:\"the g\"".to_owned(), &["group"]),
            (format!("create_time = {}", time(group.create_time)), &["group"]),
        ];
        assert_filters(&grpc, List::Namespaces, &within(""), &cases).await;
        assert_refused(&grpc, List::Namespaces, &within(""), &["visibility = public", "id : 1"]).await;
    }
}
