//! Lists of packages: which of them, how ordered, and how many.

use integration_tests::{BOTH, Engine};
use serde_json::json;

use crate::asking::{data, error, filled, shown};

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
async fn what_is_wrong_is_told_by_the_name_of_its_argument() {
    const LIST: &str = "query($after: String, $before: String, $name: String, $version: String) { project(fullPath: \"root/demo\") {
        packages(after: $after, before: $before, packageName: $name, packageVersion: $version) { nodes { name } } } }";
    let (_service, rest) = filled(Engine::Sqlite).await;
    let long = "x".repeat(3000);
    for (variables, told) in [
        (json!({ "after": "x" }), "`after`: not a token of this list with these arguments"),
        (json!({ "before": "x" }), "`before`: not a token of this list with these arguments"),
        (json!({ "name": long, "version": "1.0" }), "`packageName`: longer than 2048 bytes"),
        (json!({ "name": "tool", "version": long }), "`packageVersion`: longer than 2048 bytes"),
    ] {
        assert_eq!(error(&rest, LIST, variables).await, told);
    }
}
