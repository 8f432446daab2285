//! How many files of one name packages keep, and that the others go.

use consign_proto::metadata::audit_service_client::AuditServiceClient;
use consign_proto::metadata::{AuditEntry, ListAuditEntriesRequest};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder, Engine, TestService, wait};
use reqwest::Method;
use serde_json::{Value, json};

use crate::asking::{HIDDEN, as_role, ask, data, error, filled, post};

const UPDATE: &str = "mutation($input: UpdatePackagesCleanupPolicyInput!) { updatePackagesCleanupPolicy(input: $input) {
    packagesCleanupPolicy { keepNDuplicatedPackageFiles nextRunAt } errors clientMutationId } }";

const POLICY: &str = "{ project(fullPath: \"root/demo\") { packagesCleanupPolicy { keepNDuplicatedPackageFiles nextRunAt } } }";

async fn policy(rest: &Rest) -> Value {
    data(rest, POLICY, json!({})).await["project"]["packagesCleanupPolicy"].clone()
}

async fn keep(rest: &Rest, word: &str) -> Value {
    let input = json!({ "projectPath": "root/demo", "keepNDuplicatedPackageFiles": word, "clientMutationId": "7" });
    data(rest, UPDATE, json!({ "input": input })).await["updatePackagesCleanupPolicy"].clone()
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn hours_until(time: &str) -> f64 {
    let time: jiff::Timestamp = time.parse().unwrap();
    (time - jiff::Timestamp::now()).total(jiff::Unit::Hour).unwrap()
}

#[tokio::test]
async fn the_policy_of_a_project_is_read_and_changed() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        assert_eq!(policy(&rest).await, json!({ "keepNDuplicatedPackageFiles": "ALL_PACKAGE_FILES", "nextRunAt": null }), "{engine:?}");
        for word in ["ONE", "TEN", "TWENTY", "THIRTY", "FORTY", "FIFTY"] {
            let word = format!("{word}_PACKAGE_FILE{}", if word == "ONE" { "" } else { "S" });
            let changed = keep(&rest, &word).await;
            assert_eq!((&changed["errors"], &changed["clientMutationId"]), (&json!([]), &json!("7")));
            assert_eq!(changed["packagesCleanupPolicy"]["keepNDuplicatedPackageFiles"], word.as_str(), "{engine:?}");
            assert_eq!(policy(&rest).await, changed["packagesCleanupPolicy"], "{engine:?} {word}");
            let hours = hours_until(changed["packagesCleanupPolicy"]["nextRunAt"].as_str().unwrap());
            assert!((11.9..=12.0).contains(&hours), "{engine:?}: in {hours} hours");
        }
        // What is not given stays.
        let input = json!({ "projectPath": "root/demo" });
        let same = data(&rest, UPDATE, json!({ "input": input })).await["updatePackagesCleanupPolicy"].clone();
        assert_eq!(same["packagesCleanupPolicy"], policy(&rest).await);
        assert_eq!(policy(&rest).await["keepNDuplicatedPackageFiles"], "FIFTY_PACKAGE_FILES");
        let all = keep(&rest, "ALL_PACKAGE_FILES").await;
        let off = all["packagesCleanupPolicy"].clone();
        assert_eq!((&off["keepNDuplicatedPackageFiles"], &policy(&rest).await), (&json!("ALL_PACKAGE_FILES"), &off), "{engine:?}");
        let hours = hours_until(off["nextRunAt"].as_str().unwrap());
        assert!((11.9..=12.0).contains(&hours), "{engine:?}: in {hours} hours, as GitLab tells it");
        let answer = ask(&rest, UPDATE, json!({ "input": { "projectPath": "root/demo", "keepNDuplicatedPackageFiles": "7" } })).await;
        assert!(answer.status == 200 && answer.json()["errors"][0]["message"].is_string(), "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn maintainers_alone_know_of_the_policy() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    keep(&rest, "TEN_PACKAGE_FILES").await;
    let input = |path: &str| json!({ "input": { "projectPath": path, "keepNDuplicatedPackageFiles": "ONE_PACKAGE_FILE" } });
    let (developer, maintainer) = (as_role(&rest, 30).await, as_role(&rest, 40).await);
    assert_eq!(policy(&developer).await, Value::Null);
    let new = json!({ "name": "reader", "scopes": ["read_api"], "access_level": 40 });
    let reader = post(&rest, "/api/v4/projects/1/access_tokens", new).await["token"].clone();
    assert_eq!(policy(&rest.with_token(reader.as_str().unwrap())).await, Value::Null, "it may not delete packages");
    let public = rest.request(Method::PUT, "/api/v4/projects/1").json(&json!({ "visibility": "public" }));
    assert_eq!(rest.send(public).await.status, 200);
    let unknown = rest.send(rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": POLICY }))).await;
    assert_eq!(unknown.json(), json!({ "data": { "project": { "packagesCleanupPolicy": null } } }));
    assert_eq!(policy(&maintainer).await["keepNDuplicatedPackageFiles"], "TEN_PACKAGE_FILES");
    assert_eq!(error(&developer, UPDATE, input("root/demo")).await, HIDDEN);
    assert_eq!(error(&developer, UPDATE, json!({ "input": { "projectPath": "root/demo" } })).await, HIDDEN);
    for path in ["root/sub/deep", "root/absent", "root", ""] {
        assert_eq!(error(&maintainer, UPDATE, input(path)).await, HIDDEN, "{path}");
    }
    let anonymous = rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": UPDATE, "variables": input("root/demo") }));
    assert_eq!(rest.send(anonymous).await.json()["errors"][0]["message"], HIDDEN);
    assert_eq!(policy(&rest).await["keepNDuplicatedPackageFiles"], "TEN_PACKAGE_FILES", "nothing was changed");
    let changed = data(&maintainer, UPDATE, input("root/demo")).await;
    assert_eq!(changed["updatePackagesCleanupPolicy"]["errors"], json!([]));
    assert_eq!(policy(&rest).await["keepNDuplicatedPackageFiles"], "ONE_PACKAGE_FILE");
}

async fn audited(service: &TestService) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest { parent: "projects/1".to_owned(), page_size: 1000, ..ListAuditEntriesRequest::default() };
    let entries = AuditServiceClient::new(Grpc::to(service.grpc()).channel()).list_audit_entries(authorized(request)).await.unwrap();
    entries.into_inner().audit_entries.into_iter().filter(|entry| entry.method == "CleanUpFiles").collect()
}

#[tokio::test]
async fn a_run_deletes_what_is_not_kept_and_the_next_one_is_told() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).with("--cleanup-interval-seconds", 1).demo().await;
        for number in 1..=12 {
            assert_eq!(rest.put(&file("tool", "1.0", "to/f"), format!("body {number}")).await.status, 201);
            assert_eq!(rest.put(&file("tool", "1.0", &format!("g{number}")), "once").await.status, 201);
        }
        keep(&rest, "TEN_PACKAGE_FILES").await;
        let id = rest.get("/api/v4/projects/1/packages").await.json()[0]["id"].clone();
        let files = async || rest.get(&format!("/api/v4/projects/1/packages/{id}/package_files?per_page=100")).await.json();
        let first = wait::until("the run", async || Some(files().await).filter(|files| files.as_array().unwrap().len() == 22)).await;
        let sizes = first.as_array().unwrap().iter().filter(|file| file["file_name"] == "to%2Ff").count();
        assert_eq!(sizes, 10, "{engine:?}");
        assert_eq!(rest.get(&file("tool", "1.0", "to/f")).await.text(), "body 12", "{engine:?}");
        let entries = audited(&service).await;
        assert_eq!((entries.len(), entries[0].resource.as_str()), (1, "projects/1/packages/tool/versions/1.0"), "{engine:?}");

        let before = policy(&rest).await["nextRunAt"].clone();
        let later = wait::until("the next run", async || Some(policy(&rest).await).filter(|policy| policy["nextRunAt"] != before)).await;
        assert!(later["nextRunAt"].as_str() > before.as_str(), "{engine:?} {before} {later}");
        assert_eq!(files().await.as_array().unwrap().len(), 22, "{engine:?}");
        assert_eq!(service.stored().blobs.len(), 13, "{engine:?}: what was deleted can be brought back");
    }
}

#[tokio::test]
async fn a_policy_that_was_ended_deletes_nothing_and_can_begin_again() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).with("--cleanup-interval-seconds", "1").demo().await;
        keep(&rest, "ONE_PACKAGE_FILE").await;
        let ended = keep(&rest, "ALL_PACKAGE_FILES").await["packagesCleanupPolicy"]["nextRunAt"].clone();
        let path = file("tool", "1.0", "f");
        for bytes in ["one", "two"] {
            assert_eq!(rest.put(&path, bytes).await.status, 201);
        }
        rest.create_project("other").await;
        let input = json!({ "projectPath": "root/other", "keepNDuplicatedPackageFiles": "ONE_PACKAGE_FILE" });
        data(&rest, UPDATE, json!({ "input": input })).await;
        let other = "{ project(fullPath: \"root/other\") { packagesCleanupPolicy { nextRunAt } } }";
        let first = data(&rest, other, json!({})).await;
        wait::until("a run of another project", async || (data(&rest, other, json!({})).await != first).then_some(())).await;
        assert_eq!(policy(&rest).await["nextRunAt"], ended, "{engine:?}: it stays as it was told");
        let id = rest.get("/api/v4/projects/1/packages").await.json()[0]["id"].clone();
        let files = format!("/api/v4/projects/1/packages/{id}/package_files");
        assert_eq!(rest.get(&files).await.header("x-total"), "2", "{engine:?}");

        keep(&rest, "ONE_PACKAGE_FILE").await;
        let one = async || (rest.get(&files).await.header("x-total") == "1").then_some(());
        wait::until("the file that is too many to go", one).await;
        drop(service);
    }
}
