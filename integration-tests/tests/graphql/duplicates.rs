//! Whether a file may be published again, as groups say.

use integration_tests::rest::file;
use integration_tests::{BOTH, Builder, Engine};
use reqwest::Method;
use serde_json::{Value, json};

use crate::asking::{HIDDEN, as_role, ask, data, error, filled};

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
        // What is no expression is an error of the query; one that is too long is one of the mutation.
        let no_expression = json!({ "namespacePath": "root", "genericDuplicateExceptionRegex": "[", "genericDuplicatesAllowed": true });
        let refused = ask(&rest, UPDATE, json!({ "input": no_expression })).await;
        let told = refused.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 200 && told.contains("[ is an invalid regexp: "), "{}", refused.text());
        assert_eq!(refused.header("content-type"), "application/json");
        assert!(refused.json()["data"].is_null(), "{}", refused.text());
        let refused = change(json!({ "genericDuplicateExceptionRegex": "a".repeat(256), "genericDuplicatesAllowed": true })).await;
        assert_eq!(refused["packageSettings"], Value::Null);
        assert!(refused["errors"][0].as_str().unwrap().contains("255"), "{refused}");
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
