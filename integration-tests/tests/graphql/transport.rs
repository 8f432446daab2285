//! The ways in which a query comes: as JSON, as a form, in the address, and several at once.

use integration_tests::Engine;
use integration_tests::rest::{Answer, Rest, file};
use reqwest::Method;
use serde_json::{Value, json};

use crate::asking::{HIDDEN, filled, package_numbers};

const NAMED: &str = "query One($path: ID!) { project(fullPath: $path) { id } } query Two { metadata { version } }";

fn project() -> Value {
    json!({ "data": { "project": { "id": "gid://gitlab/Project/1" } } })
}

async fn form(rest: &Rest, fields: &[(&str, &str)]) -> Answer {
    let request = rest.request(Method::POST, "/api/graphql").header("content-type", "application/x-www-form-urlencoded");
    rest.send(request.body(serde_urlencoded::to_string(fields).unwrap())).await
}

async fn parts(rest: &Rest, fields: &[(&str, &str)]) -> Answer {
    let part = |(name, value): &(&str, &str)| format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = fields.iter().map(part).collect::<String>() + "--cut--\r\n";
    rest.send(rest.request(Method::POST, "/api/graphql").header("content-type", "multipart/form-data; boundary=cut").body(body)).await
}

fn address(fields: &[(&str, &str)]) -> String {
    format!("/api/graphql?{}", serde_urlencoded::to_string(fields).unwrap())
}

async fn batch(rest: &Rest, queries: Value) -> Answer {
    rest.send(rest.request(Method::POST, "/api/graphql").json(&queries)).await
}

#[tokio::test]
async fn a_form_is_answered_as_json_is() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let fields = [("query", NAMED), ("operationName", "One"), ("variables", r#"{"path":"root/demo"}"#), ("unknown", "passed over")];
    for answer in [form(&rest, &fields).await, parts(&rest, &fields).await] {
        assert_eq!((answer.status, answer.json()), (200, project()), "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let two = form(&rest, &[("query", NAMED), ("operationName", "Two"), ("variables", "")]).await;
    assert!(two.json()["data"]["metadata"]["version"].is_string(), "{}", two.text());
    // Variables may be a text in JSON too.
    let text = json!({ "query": NAMED, "operationName": "One", "variables": r#"{"path":"root/demo"}"# });
    assert_eq!(batch(&rest, text).await.json(), project());
    for variables in ["[]", "7", "{"] {
        let refused = form(&rest, &[("query", NAMED), ("variables", variables)]).await;
        assert!(refused.status == 422 && refused.json()["errors"][0]["message"].is_string(), "{variables}: {}", refused.text());
        assert_eq!(refused.header("content-type"), "application/json");
    }
    let mutation = "mutation { destroyPackage(input: { id: \"gid://gitlab/Packages::Package/999\" }) { errors } }";
    assert_eq!(form(&rest, &[("query", mutation)]).await.json()["errors"][0]["message"], HIDDEN, "a form may change something");
    let nobody = rest.with_token("nonsense, of nobody");
    let refused = form(&nobody, &fields).await;
    assert_eq!((refused.status, refused.json()), (401, json!({ "errors": [{ "message": "Invalid token" }] })));
}

#[tokio::test]
async fn a_query_in_the_address_is_answered_and_changes_nothing() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let id = package_numbers(&rest).await[0];
    let send = async |method: Method, query: &[(&str, &str)]| rest.send(rest.request(method, &address(query))).await;
    let fields = [("query", NAMED), ("operationName", "One"), ("variables", r#"{"path":"root/demo"}"#)];
    let answer = send(Method::GET, &fields).await;
    assert_eq!((answer.status, answer.json(), answer.header("content-type")), (200, project(), "application/json"));
    let head = send(Method::HEAD, &fields).await;
    assert_eq!((head.status, head.text()), (200, ""));
    let absent = send(Method::GET, &[]).await;
    assert!(absent.status == 200 && absent.json()["errors"][0]["message"].is_string(), "{}", absent.text());

    let mutation = format!("mutation M {{ destroyPackage(input: {{ id: \"gid://gitlab/Packages::Package/{id}\" }}) {{ errors }} }}");
    let both = format!("query Q {{ metadata {{ version }} }} {mutation}");
    for query in [&[("query", mutation.as_str())][..], &[("query", &both), ("operationName", "M")]] {
        let refused = send(Method::GET, query).await;
        let told = json!({ "errors": [{ "message": "Mutations are forbidden in GET requests" }] });
        assert_eq!((refused.status, refused.json(), refused.header("content-type")), (422, told, "application/json"), "{query:?}");
    }
    let beside = send(Method::GET, &[("query", &both), ("operationName", "Q")]).await;
    assert!(beside.json()["data"]["metadata"]["version"].is_string(), "{}", beside.text());
    let unnamed = send(Method::GET, &[("query", &both)]).await;
    assert!(unnamed.status == 200 && unnamed.json()["errors"][0]["message"].is_string(), "{}", unnamed.text());
    assert_eq!(send(Method::HEAD, &[("query", &mutation)]).await.status, 422);
    assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200, "nothing was changed");

    let anonymous = rest.send(rest.anonymous(Method::GET, &address(&fields))).await;
    assert_eq!(anonymous.json(), json!({ "data": { "project": null } }));
    let nobody = rest.with_token("nonsense, of nobody");
    let refused = rest.send(nobody.request(Method::GET, &address(&fields))).await;
    assert_eq!((refused.status, refused.json()), (401, json!({ "errors": [{ "message": "Invalid token" }] })));
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_one_query_after_the_other() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let id = package_numbers(&rest).await[0];
    let mutation = format!("mutation {{ destroyPackage(input: {{ id: \"gid://gitlab/Packages::Package/{id}\" }}) {{ errors }} }}");
    let package = json!({ "query": format!("{{ package(id: \"gid://gitlab/Packages::Package/{id}\") {{ name }} }}") });
    let answer = batch(
        &rest,
        json!([
            { "query": NAMED, "operationName": "One", "variables": { "path": "root/demo" } },
            package,
            { "query": "{ unknown }" },
            { "query": mutation },
            { "query": "{" },
            {},
            package,
        ]),
    )
    .await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let answers = answer.json();
    assert_eq!(answers.as_array().unwrap().len(), 7);
    assert_eq!((&answers[0], &answers[1]), (&project(), &json!({ "data": { "package": { "name": "tool" } } })));
    assert_eq!(answers[3], json!({ "data": { "destroyPackage": { "errors": [] } } }));
    assert_eq!(answers[6], json!({ "data": { "package": null } }), "it is gone by then");
    for wrong in [2, 4, 5] {
        assert!(answers[wrong]["errors"][0]["message"].is_string(), "{}", answers[wrong]);
    }
    let empty = batch(&rest, json!([])).await;
    assert_eq!((empty.status, empty.json()), (200, json!([])));
    let refused = batch(&rest, json!([{ "query": "{ metadata { version } }" }, { "query": "{ a }", "variables": [1] }])).await;
    assert!(refused.status == 422 && refused.json()["errors"][0]["message"].is_string(), "{}", refused.text());
}

#[tokio::test]
async fn the_limits_of_a_request_hold_for_a_whole_batch() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let times = |query: &str, times: usize| Value::from(vec![json!({ "query": query }); times]);
    let version = "{ metadata { version } }";
    assert_eq!(batch(&rest, times(version, 50)).await.json().as_array().unwrap().len(), 50);
    let many = batch(&rest, times(version, 51)).await;
    assert_eq!((many.status, &many.json()["errors"][0]["message"]), (422, &json!("batch is too large: at most 50 queries")));
    let aliases = |many: usize, field: &str| format!("{{ {} }}", (0..many).fold(String::new(), |all, i| all + &format!(" a{i}: {field}")));
    // Each of these is within its limits, and all together are not.
    let fields = batch(&rest, times(&aliases(60, "metadata { version }"), 9)).await.json();
    assert!(
        fields.as_array().unwrap().iter().all(|answer| answer["errors"][0]["message"].as_str().unwrap().contains("too large")),
        "{fields}"
    );
    let list = "{ project(fullPath: \"root/demo\") { packages { nodes { project { packages(first: 5) { nodes { id name } } } } } } }";
    let costs = batch(&rest, times(list, 20)).await.json();
    assert_eq!(costs[0]["errors"], Value::Null, "{costs}");
    assert_eq!(costs[19]["errors"][0]["message"], "Batch is too complex.");
    let questions = batch(&rest, times(&aliases(20, "project(fullPath: \"root/demo\") { id }"), 14)).await.json();
    assert_eq!(questions[0]["errors"], Value::Null);
    assert!(questions[13]["errors"][0]["message"].as_str().unwrap().contains("too costly"), "{}", questions[13]);
    let large = rest.request(Method::POST, "/api/graphql").json(&times(&format!("{version}{}", " ".repeat(2000)), 40));
    assert_eq!(rest.send(large).await.status, 413);
}
