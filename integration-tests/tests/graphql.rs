//! GitLab's GraphQL: what it tells of packages, what it changes, and what it does not take.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::time::Instant;

use consign_proto::metadata::{QuarantineVersionRequest, YankVersionRequest};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::{Answer, Rest, file};
use integration_tests::{BOTH, Builder, Engine, TestService};
use reqwest::Method;
use serde_json::{Value, json};

const HIDDEN: &str = "The resource that you are attempting to access does not exist or you don't have permission to perform this action";

async fn ask(rest: &Rest, query: &str, variables: Value) -> Answer {
    rest.send(rest.request(Method::POST, "/api/graphql").json(&json!({ "query": query, "variables": variables }))).await
}

/// The data of an answer without errors.
async fn data(rest: &Rest, query: &str, variables: Value) -> Value {
    let answer = ask(rest, query, variables).await;
    assert_eq!((answer.status, answer.json().get("errors")), (200, None), "{query}: {}", answer.text());
    answer.json()["data"].clone()
}

/// The first error of an answer that is no refusal by HTTP.
async fn error(rest: &Rest, query: &str, variables: Value) -> String {
    let answer = ask(rest, query, variables).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{query}: {}", answer.text())).to_owned()
}

async fn post(rest: &Rest, path: &str, body: Value) -> Value {
    let answer = rest.send(rest.request(Method::POST, path).json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// The same service for a token of the project with this role.
async fn as_role(rest: &Rest, level: i32) -> Rest {
    let new = json!({ "name": "test", "scopes": ["api"], "access_level": level });
    let token = post(rest, "/api/v4/projects/1/access_tokens", new).await["token"].clone();
    rest.with_token(token.as_str().unwrap())
}

/// `root/demo` with `tool` 1.0, 1.1 (hidden), 2.0 (deprecated), 3.0 (error) and `Other` 1.0, and `root/sub/deep` with `lib` 1.0.
async fn filled(engine: Engine) -> (TestService, Rest) {
    let (service, rest) = Builder::on(engine).demo().await;
    for path in ["tool/1.0/f", "tool/1.1/f?status=hidden", "tool/2.0/f", "tool/3.0/f", "Other/1.0/f"] {
        assert_eq!(rest.put(&format!("/api/v4/projects/1/packages/generic/{path}"), path).await.status, 201);
    }
    let group = post(&rest, "/api/v4/groups", json!({ "path": "sub", "parent_id": 1 })).await;
    post(&rest, "/api/v4/projects", json!({ "name": "deep", "namespace_id": group["id"] })).await;
    assert_eq!(rest.put("/api/v4/projects/2/packages/generic/lib/1.0/to/f", "deep").await.status, 201);
    let mut packages = Grpc::to(service.grpc()).packages();
    let (name, reason) = ("projects/1/packages/tool/versions/2.0".to_owned(), "old".to_owned());
    packages.yank_version(authorized(YankVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    let (name, reason) = ("projects/1/packages/tool/versions/3.0".to_owned(), "bad".to_owned());
    packages.quarantine_version(authorized(QuarantineVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    (service, rest)
}

/// `name version status` of each node.
fn shown(packages: &Value) -> Vec<String> {
    let word = |node: &Value| ["name", "version", "status"].map(|field| node[field].as_str().unwrap_or_default()).join(" ");
    packages["nodes"].as_array().unwrap_or_else(|| panic!("{packages}")).iter().map(word).collect()
}

const UPDATE: &str = "mutation($input: UpdateNamespacePackageSettingsInput!) { updateNamespacePackageSettings(input: $input) {
    packageSettings { genericDuplicatesAllowed genericDuplicateExceptionRegex } errors clientMutationId } }";

#[tokio::test]
async fn the_duplicate_rule_of_a_namespace_is_read_and_changed_and_holds() {
    const SETTINGS: &str = "query($path: ID!) {
        namespace(fullPath: $path) { id name fullPath packageSettings { genericDuplicatesAllowed genericDuplicateExceptionRegex } }
        group(fullPath: $path) { id packageSettings { genericDuplicatesAllowed } } }";
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "one").await.status, 201);
        let before = data(&rest, SETTINGS, json!({ "path": "root" })).await;
        assert_eq!(
            before,
            json!({
                "namespace": { "id": "gid://gitlab/Namespace/1", "name": "Administrator", "fullPath": "root",
                    "packageSettings": { "genericDuplicatesAllowed": true, "genericDuplicateExceptionRegex": "" } },
                "group": { "id": "gid://gitlab/Group/1", "packageSettings": { "genericDuplicatesAllowed": true } },
            })
        );
        let change = async |input: Value| {
            let mut input = input;
            input["namespacePath"] = "root".into();
            input["clientMutationId"] = "7".into();
            data(&rest, UPDATE, json!({ "input": input })).await["updateNamespacePackageSettings"].clone()
        };
        let changed = change(json!({ "genericDuplicatesAllowed": false })).await;
        let settings =
            |allowed: bool, pattern: &str| json!({ "genericDuplicatesAllowed": allowed, "genericDuplicateExceptionRegex": pattern });
        assert_eq!(changed, json!({ "packageSettings": settings(false, ""), "errors": [], "clientMutationId": "7" }));
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "two").await.status, 400, "{engine:?}");
        // What is not given stays.
        let changed = change(json!({ "genericDuplicateExceptionRegex": "1\\..*" })).await;
        assert_eq!(changed["packageSettings"], settings(false, "1\\..*"));
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "three").await.status, 201);
        let refused = change(json!({ "genericDuplicateExceptionRegex": "[", "genericDuplicatesAllowed": true })).await;
        assert_eq!(refused["packageSettings"], Value::Null);
        assert!(refused["errors"][0].as_str().unwrap().contains("invalid"), "{refused}");
        assert_eq!(change(json!({})).await["packageSettings"], settings(false, "1\\..*"));
    }
}

#[tokio::test]
async fn settings_are_changed_by_owners_alone_and_others_see_no_difference_to_what_is_absent() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let (maintainer, nobody) = (as_role(&rest, 40).await, rest.with_token("nonsense, of nobody"));
    let input = |path: &str| json!({ "input": { "namespacePath": path, "genericDuplicatesAllowed": false } });
    for path in ["root", "absent", "1", "a b", ""] {
        assert_eq!(error(&maintainer, UPDATE, input(path)).await, HIDDEN, "{path}");
    }
    assert_eq!(error(&rest, UPDATE, input("absent")).await, HIDDEN);
    assert_eq!(rest.put(&file("tool", "1.0", "f"), "two").await.status, 201, "nothing was changed");
    let refused = ask(&nobody, UPDATE, input("root")).await;
    assert_eq!((refused.status, refused.json()), (401, json!({ "errors": [{ "message": "Invalid token" }] })));
    let anonymous = rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": UPDATE, "variables": input("root") }));
    let anonymous = rest.send(anonymous).await;
    assert_eq!((anonymous.status, &anonymous.json()["errors"][0]["message"]), (200, &json!(HIDDEN)));
}

#[tokio::test]
async fn packages_are_listed_filtered_ordered_and_counted() {
    const LIST: &str = "query($sort: PackageSort, $name: String, $version: String, $type: PackageTypeEnum, $status: PackageStatus) {
        project(fullPath: \"root/demo\") { packages(sort: $sort, packageName: $name, packageVersion: $version, packageType: $type, status: $status,
            includeVersionless: true) { count nodes { name version status } } } }";
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let all = ["Other 1.0 DEFAULT", "tool 3.0 ERROR", "tool 2.0 DEPRECATED", "tool 1.0 DEFAULT"];
        let rising = ["tool 1.0 DEFAULT", "tool 2.0 DEPRECATED", "tool 3.0 ERROR", "Other 1.0 DEFAULT"];
        for (variables, expected) in [
            (json!({}), &all[..]),
            (json!({ "sort": "CREATED_ASC" }), &rising),
            (json!({ "sort": "TYPE_ASC", "type": "GENERIC" }), &rising),
            (json!({ "sort": "NAME_DESC" }), &["tool 3.0 ERROR", "tool 2.0 DEPRECATED", "tool 1.0 DEFAULT", "Other 1.0 DEFAULT"]),
            (json!({ "sort": "VERSION_DESC", "name": "TOOL" }), &["tool 3.0 ERROR", "tool 2.0 DEPRECATED", "tool 1.0 DEFAULT"]),
            (json!({ "version": "2.0" }), &["tool 2.0 DEPRECATED"]),
            (json!({ "type": "NPM" }), &[]),
            (json!({ "status": "HIDDEN" }), &["tool 1.1 HIDDEN"]),
            (json!({ "status": "ERROR" }), &["tool 3.0 ERROR"]),
            (json!({ "status": "PROCESSING" }), &[]),
        ] {
            let packages = data(&rest, LIST, variables.clone()).await["project"]["packages"].clone();
            let mut found = shown(&packages);
            if variables["sort"] == "NAME_DESC" {
                // Versions of one name come in whichever order.
                found[..3].sort_by(|one, other| other.cmp(one));
            }
            assert_eq!(
                (found, &packages["count"]),
                (expected.iter().map(ToString::to_string).collect(), &json!(expected.len())),
                "{variables}"
            );
        }
        let group = "{ group(fullPath: \"root\") { packages(sort: PROJECT_PATH_DESC, first: 2) { count
            nodes { name version status project { id fullPath name } } } } }";
        let packages = data(&rest, group, json!({})).await["group"]["packages"].clone();
        assert_eq!((shown(&packages)[0].as_str(), &packages["count"]), ("lib 1.0 DEFAULT", &json!(5)));
        let project = json!({ "id": "gid://gitlab/Project/2", "fullPath": "root/sub/deep", "name": "deep" });
        assert_eq!(packages["nodes"][0]["project"], project, "{engine:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_by_cursors_of_entries() {
    const PAGE: &str = "query($first: Int, $after: String) { project(fullPath: \"root/demo\") { packages(first: $first, after: $after, sort: CREATED_ASC) {
        nodes { name version } edges { cursor node { version } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
    let (_service, rest) = filled(Engine::Sqlite).await;
    let page =
        async |first: i32, after: Value| data(&rest, PAGE, json!({ "first": first, "after": after })).await["project"]["packages"].clone();
    for size in [1, 2, 3, 4, 100] {
        let (mut found, mut after) = (Vec::new(), Value::Null);
        loop {
            let packages = page(size, after.clone()).await;
            assert_eq!(packages["pageInfo"]["hasPreviousPage"], json!(!after.is_null()));
            found.extend(shown(&packages));
            after = packages["pageInfo"]["endCursor"].clone();
            if packages["pageInfo"]["hasNextPage"] == json!(false) {
                break;
            }
        }
        assert_eq!(found, ["tool 1.0 ", "tool 2.0 ", "tool 3.0 ", "Other 1.0 "], "pages of {size}");
    }
    // A cursor stands where it stood, whatever is published in the meantime.
    let all = page(3, Value::Null).await;
    assert_eq!(rest.put(&file("tool", "9.0", "f"), "new").await.status, 201);
    assert_eq!(all["edges"][0]["cursor"], all["pageInfo"]["startCursor"]);
    for (edge, expected) in [(0, "tool 2.0 "), (1, "tool 3.0 "), (2, "Other 1.0 ")] {
        assert_eq!(shown(&page(1, all["edges"][edge]["cursor"].clone()).await), [expected], "behind {edge}");
    }
    assert_eq!(shown(&page(0, Value::Null).await), Vec::<String>::new());
    for (first, after) in [(-1, ""), (1, "x"), (1, "-1."), (1, "0.x"), (1, "99999999999."), (1, "60000.")] {
        let answer = ask(&rest, PAGE, json!({ "first": first, "after": after })).await;
        assert!(answer.status == 200 && answer.json()["errors"][0]["message"].is_string(), "{first} {after}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_package_is_shown_with_its_files_and_whoever_asks_with_their_name() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    assert_eq!(rest.put(&file("tool", "1.0", "to/g"), "four").await.status, 201);
    let ids = package_numbers(&rest).await;
    let query = "query($id: PackagesPackageID!) { package(id: $id) { id name version packageType status statusMessage canDestroy createdAt updatedAt
        project { fullPath } tags { nodes { name } } pipelines { nodes { id } }
        packageFiles(first: 5) { count nodes { id fileName size fileSha256 fileMd5 fileSha1 createdAt updatedAt downloadPath } } } }";
    let package = data(&rest, query, json!({ "id": format!("gid://gitlab/Packages::Package/{}", ids[0]) })).await["package"].clone();
    let listed = &rest.get(&format!("/api/v4/projects/1/packages/{}", ids[0])).await.json();
    assert_eq!((&package["name"], &package["version"], &package["status"]), (&json!("tool"), &json!("1.0"), &json!("DEFAULT")));
    assert_eq!((&package["packageType"], &package["canDestroy"]), (&json!("GENERIC"), &json!(true)));
    assert_eq!((&package["createdAt"], &package["project"]["fullPath"]), (&listed["created_at"], &json!("root/demo")));
    assert_eq!((&package["tags"]["nodes"], &package["pipelines"]["nodes"]), (&json!([]), &json!([])));
    let (files, listed) =
        (&package["packageFiles"], rest.get(&format!("/api/v4/projects/1/packages/{}/package_files", ids[0])).await.json());
    assert_eq!((&files["count"], &files["nodes"][1]["fileName"], &files["nodes"][1]["size"]), (&json!(2), &json!("to/g"), &json!("4")));
    assert_eq!(files["nodes"][1]["fileSha256"], listed[1]["file_sha256"]);
    assert_eq!(files["nodes"][1]["id"], format!("gid://gitlab/Packages::PackageFile/{}", listed[1]["id"]));
    assert_eq!(rest.get(files["nodes"][1]["downloadPath"].as_str().unwrap()).await.text(), "four");
    let hidden = data(&rest, query, json!({ "id": format!("gid://gitlab/Packages::Package/{}", ids[1]) })).await;
    assert_eq!(hidden["package"]["status"], "HIDDEN");
    for id in ["gid://gitlab/Packages::Package/999999", "gid://gitlab/Packages::Package/0"] {
        assert_eq!(data(&rest, query, json!({ "id": id })).await["package"], Value::Null);
    }
    assert!(error(&rest, query, json!({ "id": "7" })).await.contains("does not represent an instance of Packages::Package"));

    let me = "{ currentUser { id username name } metadata { version revision } }";
    let told = data(&rest, me, json!({})).await;
    assert_eq!(told["currentUser"]["username"], rest.get("/api/v4/user").await.json()["username"]);
    assert_eq!(told["metadata"]["version"], rest.get("/api/v4/version").await.json()["version"]);
    let anonymous = rest.send(rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": me }))).await;
    assert_eq!(anonymous.json(), json!({ "data": { "currentUser": null, "metadata": null } }));
}

#[tokio::test]
async fn what_is_private_looks_as_if_it_were_not_there() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let ids = package_numbers(&rest).await;
    let query = "query($path: ID!, $id: PackagesPackageID!) { project(fullPath: $path) { id packages { nodes { name } } } package(id: $id) { name } }";
    let anonymous = async |path: &str, id: i64| {
        let variables = json!({ "path": path, "id": format!("gid://gitlab/Packages::Package/{id}") });
        rest.send(rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": query, "variables": variables }))).await
    };
    let nothing = json!({ "data": { "project": null, "package": null } });
    for (path, id) in [("root/demo", ids[0]), ("root/absent", 999_999), ("root", 0)] {
        let answer = anonymous(path, id).await;
        assert_eq!((answer.status, answer.json()), (200, nothing.clone()), "{path}");
    }
    let own = as_role(&rest, 40).await;
    let foreign = data(&own, query, json!({ "path": "root/sub/deep", "id": format!("gid://gitlab/Packages::Package/{}", ids[5]) })).await;
    assert_eq!(foreign, nothing["data"], "another project");
    let settings = "{ namespace(fullPath: \"root/sub\") { packageSettings { genericDuplicatesAllowed } } }";
    assert_eq!(data(&own, settings, json!({})).await["namespace"], Value::Null);

    let public = rest.request(Method::PUT, "/api/v4/projects/1").json(&json!({ "visibility": "public" }));
    assert_eq!(rest.send(public).await.status, 200);
    let seen = anonymous("root/demo", ids[0]).await.json()["data"].clone();
    assert_eq!((seen["project"]["packages"]["nodes"].as_array().unwrap().len(), &seen["package"]["name"]), (4, &json!("tool")));
    let destroy = format!("mutation {{ destroyPackage(input: {{ id: \"gid://gitlab/Packages::Package/{}\" }}) {{ errors }} }}", ids[0]);
    let refused = rest.send(rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": destroy }))).await;
    assert_eq!(refused.json()["errors"][0]["message"], HIDDEN);
    assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
}

const PACKAGES: &str =
    "mutation($ids: [PackagesPackageID!]!) { destroyPackages(input: { ids: $ids, clientMutationId: \"m\" }) { errors clientMutationId } }";
const FILES: &str =
    "mutation($path: ID!, $ids: [PackagesPackageFileID!]!) { destroyPackageFiles(input: { projectPath: $path, ids: $ids }) { errors } }";

fn packages(ids: &[i64]) -> Value {
    json!({ "ids": ids.iter().map(|id| format!("gid://gitlab/Packages::Package/{id}")).collect::<Vec<_>>() })
}

fn files(path: &str, ids: &[i64]) -> Value {
    json!({ "path": path, "ids": ids.iter().map(|id| format!("gid://gitlab/Packages::PackageFile/{id}")).collect::<Vec<_>>() })
}

/// The numbers of `tool` 1.0, 1.1, 2.0, 3.0, of `Other` 1.0 and of `lib` 1.0.
async fn package_numbers(rest: &Rest) -> Vec<i64> {
    let mut ids = Vec::new();
    for query in [
        "1/packages?status=default&package_name=tool",
        "1/packages?status=hidden",
        "1/packages?status=deprecated",
        "1/packages?status=error",
        "1/packages?package_name=Other",
        "2/packages",
    ] {
        ids.push(rest.get(&format!("/api/v4/projects/{query}")).await.json()[0]["id"].as_i64().unwrap_or_else(|| panic!("{query}")));
    }
    ids
}

/// The numbers of their files, one each.
async fn file_numbers(rest: &Rest) -> Vec<i64> {
    let mut ids = Vec::new();
    for package in package_numbers(rest).await {
        let query = format!("{{ package(id: \"gid://gitlab/Packages::Package/{package}\") {{ packageFiles {{ nodes {{ id }} }} }} }}");
        let id = data(rest, &query, json!({})).await["package"]["packageFiles"]["nodes"][0]["id"].clone();
        ids.push(id.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap());
    }
    ids
}

#[tokio::test]
async fn packages_are_destroyed_by_their_numbers_all_or_none() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let (developer, maintainer) = (as_role(&rest, 30).await, as_role(&rest, 40).await);
        let ids = package_numbers(&rest).await;
        let one = "mutation($id: PackagesPackageID!) { destroyPackage(input: { id: $id }) { errors } }";
        let id = |number: i64| json!({ "id": format!("gid://gitlab/Packages::Package/{number}") });
        for (by, number) in [(&developer, ids[0]), (&maintainer, ids[5]), (&maintainer, 999_999)] {
            assert_eq!(error(by, one, id(number)).await, HIDDEN, "{number}");
            assert_eq!(error(by, PACKAGES, packages(&[ids[0], number])).await, HIDDEN, "{number}");
        }
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200, "none of several where one is refused");
        let rule = json!({ "package_name_pattern": "Other", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
        post(&rest, "/api/v4/projects/1/packages/protection/rules", rule).await;
        let kept = json!(["Package is deletion protected."]);
        assert_eq!(data(&maintainer, one, id(ids[4])).await["destroyPackage"]["errors"], kept);
        assert_eq!(data(&maintainer, PACKAGES, packages(&[ids[0], ids[4]])).await["destroyPackages"]["errors"], kept);
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
        assert_eq!(data(&maintainer, one, id(ids[0])).await["destroyPackage"]["errors"], json!([]), "{engine:?}");
        assert_eq!(error(&maintainer, one, id(ids[0])).await, HIDDEN, "it is gone");
        let gone = data(&rest, PACKAGES, packages(&[ids[1], ids[2], ids[2], ids[5]])).await["destroyPackages"].clone();
        assert_eq!(gone, json!({ "errors": [], "clientMutationId": "m" }));
        for path in [file("tool", "1.0", "f"), file("tool", "2.0", "f"), "/api/v4/projects/2/packages/generic/lib/1.0/to/f".to_owned()] {
            assert_eq!(rest.get(&path).await.status, 404, "{path}");
        }
        assert_eq!(error(&rest, PACKAGES, packages(&(1..=101).collect::<Vec<_>>())).await, "Cannot delete more than 100 packages");
        assert_eq!(data(&rest, PACKAGES, packages(&[])).await["destroyPackages"]["errors"], json!([]));
    }
}

#[tokio::test]
async fn files_are_destroyed_by_their_numbers() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let (developer, maintainer) = (as_role(&rest, 30).await, as_role(&rest, 40).await);
        let ids = file_numbers(&rest).await;
        let one = "mutation($id: PackagesPackageFileID!) { destroyPackageFile(input: { id: $id }) { errors } }";
        let id = |number: i64| json!({ "id": format!("gid://gitlab/Packages::PackageFile/{number}") });
        for (by, number) in [(&developer, ids[0]), (&maintainer, ids[5]), (&maintainer, 999_999)] {
            assert_eq!(error(by, one, id(number)).await, HIDDEN, "{number}");
        }
        assert_eq!(error(&rest, FILES, files("root/demo", &[ids[0], ids[5]])).await, HIDDEN, "one of another project");
        assert_eq!(error(&rest, FILES, files("root/absent", &[ids[0]])).await, HIDDEN);
        assert_eq!(error(&rest, FILES, files("root/demo", &(1..=101).collect::<Vec<_>>())).await, "Cannot delete more than 100 files");
        let rule = json!({ "package_name_pattern": "Other", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
        post(&rest, "/api/v4/projects/1/packages/protection/rules", rule).await;
        let kept = json!(["Package is deletion protected."]);
        assert_eq!(data(&maintainer, one, id(ids[4])).await["destroyPackageFile"]["errors"], kept);
        assert_eq!(data(&maintainer, FILES, files("root/demo", &[ids[0], ids[4]])).await["destroyPackageFiles"]["errors"], kept);
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
        assert_eq!(data(&maintainer, one, id(ids[0])).await["destroyPackageFile"]["errors"], json!([]), "{engine:?}");
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 404);
        assert_eq!(error(&maintainer, one, id(ids[0])).await, HIDDEN, "it is gone");
        let gone = data(&maintainer, FILES, files("root/demo", &[ids[1], ids[1]])).await;
        assert_eq!(gone["destroyPackageFiles"]["errors"], json!([]), "of a hidden package");
        assert_eq!(data(&rest, one, id(ids[5])).await["destroyPackageFile"]["errors"], json!([]), "of another project");
    }
}

#[tokio::test]
async fn what_would_cost_too_much_is_refused_before_anything_is_asked() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let aliases = |many: usize, field: &str| format!("{{ {} }}", (0..many).fold(String::new(), |all, i| all + &format!(" a{i}: {field}")));
    let deep = |levels: usize| {
        format!(
            "{{ group(fullPath: \"root\") {{ {}id{} }} }}",
            "packages(first: 1) { nodes { project { ".repeat(levels),
            " } } }".repeat(levels)
        )
    };
    let mut doubling = "{ ...F0 }".to_owned();
    for number in 0..25 {
        write!(doubling, " fragment F{number} on Query {{ ...F{0} ...F{0} }}", number + 1).unwrap();
    }
    doubling += " fragment F25 on Query { metadata { version } }";
    let nested =
        "{ project(fullPath: \"root/demo\") { packages { nodes { project { packages { nodes { packageFiles { nodes { id } } } } } } } } }";
    for (what, query, told) in [
        ("1000 aliases", aliases(1000, "project(fullPath: \"root/demo\") { id }"), "too large"),
        ("fragments that double", doubling, "too large"),
        ("a circle", "{ ...F } fragment F on Query { ...F ...F }".to_owned(), "too deep"),
        ("depth", deep(7), "deep"),
        ("nested lists", nested.to_owned(), "complex"),
        ("many questions", aliases(300, "metadata { version }") + "#", ""),
        ("many projects", aliases(300, "project(fullPath: \"root/demo\") { id }"), "costly"),
        ("many directives", format!("{{ metadata {{ version {} }} }}", "@skip(if: false) ".repeat(20)), "directive"),
    ] {
        let began = Instant::now();
        let answer = ask(&rest, &query, json!({})).await;
        let message = answer.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 200 && message.contains(told) && message.is_empty() == told.is_empty(), "{what}: {}", answer.text());
        assert!(began.elapsed().as_secs() < 5, "{what} took {:?}", began.elapsed());
    }
    // What tools and people ask is within all of it.
    let introspection = include_str!("introspection.graphql");
    let schema = data(&rest, introspection, json!({})).await;
    let types: Vec<&str> = schema["__schema"]["types"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    for name in ["PackagesPackageID", "UntrustedRegexp", "PackageSort", "UpdateNamespacePackageSettingsInput", "PackageFileConnection"] {
        assert!(types.contains(&name), "{name}: {types:?}");
    }
    let usual = "{ project(fullPath: \"root/demo\") { packages { nodes { id name version status packageFiles { nodes { id fileName size } } } } } }";
    assert_eq!(data(&rest, usual, json!({})).await["project"]["packages"]["nodes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_break_nothing() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let query = r#"{"query":"{ metadata { version } }"}"#;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = rest.request(Method::POST, "/api/graphql").header("content-type", kind).body(body);
        rest.send(request).await
    };
    for (what, kind, body, status) in [
        ("a query", "application/json; charset=utf-8", query.into(), 200),
        ("no JSON", "application/json", b"query".to_vec(), 400),
        ("nothing", "application/json", Vec::new(), 400),
        ("no text", "application/json", vec![0xff; 100], 400),
        ("no query", "application/json", b"{}".to_vec(), 200),
        ("another query", "application/json", br#"{"query":7}"#.to_vec(), 400),
        ("a batch", "application/json", format!("[{query},{query}]").into_bytes(), 400),
        ("10 MB", "application/json", vec![b' '; 10 << 20], 413),
        ("a little too much", "application/json", vec![b' '; (64 << 10) + 1], 413),
        ("deep JSON", "application/json", format!(r#"{{"query":"{{a}}","variables":{}"#, "[".repeat(60_000)).into_bytes(), 400),
        ("a form", "application/x-www-form-urlencoded", b"query={metadata{version}}".to_vec(), 415),
        ("parts", "multipart/form-data; boundary=x", b"--x--".to_vec(), 415),
        ("plain text", "text/plain", query.into(), 415),
        ("bare GraphQL", "application/graphql", b"{metadata{version}}".to_vec(), 415),
    ] {
        let answer = send(kind, body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(what == "a query" || answer.json()["errors"][0]["message"].is_string(), "{what}: {}", answer.text());
    }
    let open = |text: &str| text.repeat(30_000 / text.len());
    for text in [
        String::new(),
        "{".to_owned(),
        "subscription { x }".to_owned(),
        "{ unknown }".to_owned(),
        open("{a"),
        format!("{{ a(x: {}", open("[")),
        format!("{{ a(x: {}{}) }}", open("["), open("]")),
        format!("{{ a(x: {}", open("{a:")),
        format!("query($a: {}Int{}) {{ a }}", open("["), open("]")),
        format!("{{ metadata {{ {} }} }}", open("... { version ")),
        format!("{}{}", open("{a"), open("}")),
        format!("{{ metadata {{ version }} }} {}", open("fragment F on Query { a } ")),
        "\u{0}\u{feff}\u{202e}".to_owned(),
    ] {
        let began = Instant::now();
        let answer = send("application/json", serde_json::to_vec(&json!({ "query": text })).unwrap()).await;
        let shown: String = text.chars().take(40).collect();
        assert!(answer.status == 200 && answer.json()["errors"][0]["message"].is_string(), "{shown}: {} {}", answer.status, answer.text());
        assert!(began.elapsed().as_secs() < 5, "{shown} took {:?}", began.elapsed());
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(rest.send(rest.request(method, "/api/graphql?query={metadata{version}}")).await.status, 405);
    }
    let two = rest.request(Method::POST, "/api/graphql").header("job-token", "another").json(&json!({ "query": "{ __typename }" }));
    assert_eq!(rest.send(two).await.status, 401, "two tokens");
    assert_eq!(send("application/json", query.into()).await.status, 200, "it goes on");
}
