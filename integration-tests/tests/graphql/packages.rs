//! A package by itself, and who may know of it.

use consign_proto::metadata::Stage;
use integration_tests::grpc::Grpc;
use integration_tests::rest::file;
use integration_tests::{BOTH, Builder, Engine, promoting};
use reqwest::Method;
use serde_json::{Value, json};

use crate::asking::{HIDDEN, as_role, data, error, filled, package_numbers, post};

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

#[tokio::test]
async fn a_package_by_itself_tells_more_than_one_in_a_list() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let ids = package_numbers(&rest).await;
    let id = json!({ "id": format!("gid://gitlab/Packages::Package/{}", ids[0]) });
    let details = "query($id: PackagesPackageID!) { package(id: $id) { __typename _links { webPath } userPermissions { destroyPackage }
        lastDownloadedAt publicPackage mavenUrl npmUrl nugetUrl pypiUrl pypiSetupUrl conanUrl composerUrl composerConfigRepositoryUrl
        versions { nodes { __typename version } } } }";
    let package = data(&rest, details, id.clone()).await["package"].clone();
    assert_eq!(package["__typename"], "PackageDetailsType");
    assert_eq!(package["_links"]["webPath"], format!("/root/demo/-/packages/{}", ids[0]));
    assert_eq!((&package["userPermissions"]["destroyPackage"], &package["publicPackage"]), (&json!(true), &json!(false)));
    let others = json!([{ "__typename": "PackageBase", "version": "2.0" }, { "__typename": "PackageBase", "version": "3.0" }]);
    assert_eq!(package["versions"]["nodes"], others);
    for absent in ["lastDownloadedAt", "mavenUrl", "npmUrl", "nugetUrl", "pypiUrl", "pypiSetupUrl", "conanUrl", "composerUrl"] {
        assert_eq!(package[absent], Value::Null, "{absent}");
    }
    assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
    integration_tests::wait::until("the count of the download", async || {
        let package = data(&rest, details, id.clone()).await["package"].clone();
        package["lastDownloadedAt"].is_string().then_some(())
    })
    .await;

    let listed = "{ project(fullPath: \"root/demo\") { packages(first: 1, sort: NAME_ASC) { nodes {
        __typename _links { webPath } userPermissions { destroyPackage } canDestroy pipelines { nodes { id } } tags { nodes { name } } } } } }";
    let nodes = data(&rest, listed, json!({})).await["project"]["packages"]["nodes"].clone();
    let links = json!({ "webPath": format!("/root/demo/-/packages/{}", ids[4]) });
    let expected = json!([{ "__typename": "Package", "_links": links, "userPermissions": { "destroyPackage": true }, "canDestroy": true,
        "pipelines": { "nodes": [] }, "tags": { "nodes": [] } }]);
    assert_eq!(nodes, expected);
    for field in ["packageFiles { nodes { id } }", "versions { nodes { id } }", "lastDownloadedAt", "publicPackage"] {
        let query = format!("{{ project(fullPath: \"root/demo\") {{ packages {{ nodes {{ {field} }} }} }} }}");
        assert!(error(&rest, &query, json!({})).await.contains("Unknown field"), "{field}");
    }
    // A package that is not shown has no page.
    let hidden = data(&rest, details, json!({ "id": format!("gid://gitlab/Packages::Package/{}", ids[1]) })).await;
    assert_eq!(hidden["package"]["_links"]["webPath"], Value::Null);
    let reporter = as_role(&rest, 20).await;
    assert_eq!(data(&reporter, details, id).await["package"]["userPermissions"]["destroyPackage"], false);
}

/// Whether a version of these is meant, or the package `Other`, which has one alone.
fn is_named(node: &Value, deletes: &[&str]) -> bool {
    let (name, version) = (node["name"].as_str().unwrap(), node["version"].as_str().unwrap());
    deletes.contains(&if name == "Other" { name } else { version })
}

#[tokio::test]
async fn what_may_be_destroyed_is_what_a_deletion_would_remove() {
    for engine in BOTH {
        let (service, rest) = filled(engine).await;
        let ids = package_numbers(&rest).await;
        let grpc = Grpc::to(service.grpc());
        promoting::add_stage(&grpc, "staging", Stage::default()).await;
        promoting::promoted(&grpc, promoting::placing("staging", "1.0")).await;
        let rule = json!({ "package_name_pattern": "Other", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
        post(&rest, "/api/v4/projects/1/packages/protection/rules", rule).await;
        let reading =
            post(&rest, "/api/v4/projects/1/access_tokens", json!({ "name": "r", "scopes": ["read_api"], "access_level": 40 })).await;
        let reading = rest.with_token(reading["token"].as_str().unwrap());
        let (developer, maintainer) = (as_role(&rest, 30).await, as_role(&rest, 40).await);

        let listed = "{ project(fullPath: \"root/demo\") { packages(sort: VERSION_ASC, packageName: \"o\") { nodes {
            name version canDestroy userPermissions { destroyPackage } } } } group(fullPath: \"root\") { packages { nodes { name version canDestroy } } } }";
        let one = "query($id: PackagesPackageID!) { package(id: $id) { canDestroy userPermissions { destroyPackage }
            versions { nodes { version userPermissions { destroyPackage } } } } }";
        for (caller, deletes) in [(&rest, &["Other", "2.0", "3.0"][..]), (&maintainer, &["2.0", "3.0"]), (&developer, &[]), (&reading, &[])]
        {
            let may = |node: &Value| is_named(node, deletes);
            let found = data(caller, listed, json!({})).await;
            for node in found["project"]["packages"]["nodes"].as_array().unwrap() {
                let told = (&node["canDestroy"], &node["userPermissions"]["destroyPackage"]);
                assert_eq!(told, (&json!(may(node)), &json!(may(node))), "{engine:?} {node} {deletes:?}");
            }
            assert_eq!(found["project"]["packages"]["nodes"].as_array().unwrap().len(), 4);
            let of_group = found["group"]["packages"]["nodes"].as_array().cloned().unwrap_or_default();
            for node in of_group.iter().filter(|node| node["name"] != "lib") {
                assert_eq!(node["canDestroy"], json!(may(node)), "{engine:?} {node} {deletes:?}");
            }
            let by_itself =
                data(caller, one, json!({ "id": format!("gid://gitlab/Packages::Package/{}", ids[0]) })).await["package"].clone();
            assert_eq!((&by_itself["canDestroy"], &by_itself["userPermissions"]["destroyPackage"]), (&json!(false), &json!(false)));
            for other in by_itself["versions"]["nodes"].as_array().unwrap() {
                let expected = deletes.contains(&other["version"].as_str().unwrap());
                assert_eq!(other["userPermissions"]["destroyPackage"], json!(expected), "{engine:?} {other} {deletes:?}");
            }
        }
        let destroy = "mutation($id: PackagesPackageID!) { destroyPackage(input: { id: $id }) { errors } }";
        for (id, kept) in [(ids[0], true), (ids[4], true), (ids[2], false)] {
            let id = json!({ "id": format!("gid://gitlab/Packages::Package/{id}") });
            let errors = data(&maintainer, destroy, id).await["destroyPackage"]["errors"].clone();
            assert_eq!(errors.as_array().unwrap().is_empty(), !kept, "{engine:?} {errors}");
        }
    }
}

#[tokio::test]
async fn deploy_tokens_count_for_none_if_the_gateway_is_strict() {
    for strict in [false, true] {
        let builder = if strict { Builder::by_default().flag("--strict-gitlab") } else { Builder::by_default() };
        let (_service, rest) = builder.demo().await;
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
        let token = post(&rest, "/api/v4/projects/1/deploy_tokens", json!({ "name": "x", "scopes": ["read_package_registry"] })).await;
        let deploy = rest.with_token(token["token"].as_str().unwrap());
        let query = "{ project(fullPath: \"root/demo\") { packages { nodes { name } } } }";
        let seen = json!({ "project": { "packages": { "nodes": [{ "name": "tool" }] } } });
        let expected = if strict { json!({ "project": null }) } else { seen.clone() };
        assert_eq!(data(&deploy, query, json!({})).await, expected, "{strict}");
        let address = format!("/api/graphql?{}", serde_urlencoded::to_string([("query", query)]).unwrap());
        let answer = deploy.get(&address).await;
        assert_eq!((answer.status, answer.json(), answer.header("content-type")), (200, json!({ "data": expected }), "application/json"));
        assert_eq!(data(&rest, query, json!({})).await, seen, "other tokens count");
    }
}
