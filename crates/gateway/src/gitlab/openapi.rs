//! The `OpenAPI` document of the routes, made of the routes themselves: their paths, and the types that they read and answer.
//!
//! - `required`: which fields bodies must have

mod required;

use std::collections::BTreeSet;

use aide::axum::ApiRouter;
use aide::generate::{GenContext, in_context};
use aide::openapi::{
    ApiKeyLocation, Info, License, MediaType, OpenApi, Operation, Parameter, PathItem, ReferenceOr, Response, SecurityRequirement,
    SecurityScheme,
};
use aide::operation::{OperationOutput, ParamLocation, parameters_from_schema};
use aide::util::iter_operations_mut;
use axum::Json;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use consign_client::Client;
use schemars::JsonSchema;
use serde_json::Value;

use super::refusal::Refusal;

/// Where the document is.
const PATH: &str = "/api/v4/openapi.json";

/// What the names in paths mean, on all routes alike.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is only described")]
struct PathParameters {
    /// The number of the project or group, or its path in one segment, such as `group%2Fproject`.
    id: String,
    /// Letters, digits, `.`, `-`, `_` and `+`.
    package_name: String,
    /// Letters, digits, `.`, `-`, `_` and `+`; `latest` stands for the latest one where something is read, and `stage:` with the name
    /// of a stage for what is placed there.
    package_version: String,
    /// Letters, digits, `.`, `-`, `_`, `+`, and within it `~` and `@`. There may be folders before it, each with a `/` behind it.
    file_name: String,
    /// The number of a package.
    package_id: i64,
    /// The number of a file.
    package_file_id: i64,
    /// The number of a protection rule.
    package_protection_rule_id: i64,
    /// The tag of a release.
    tag_name: String,
    /// The number of a link.
    link_id: i64,
    /// The path of a link.
    path: String,
    /// The number of a token.
    token_id: i64,
    /// The number of a token, or `self` for the one in use.
    token: String,
    /// The number of a user.
    user_id: i64,
    /// A commit.
    sha: String,
}

/// The body of a refusal says why in one of two ways.
#[derive(JsonSchema)]
#[schemars(rename = "Refusal")]
#[expect(dead_code, reason = "it is only described")]
struct Reasons {
    /// What was wrong with the request as a whole: words, or lists of words by field.
    #[schemars(with = "Option<Value>")]
    message: Option<Value>,
    /// What was wrong with a parameter, or with the token.
    error: Option<String>,
    error_description: Option<String>,
    scope: Option<String>,
}

/// The refusals that any route may answer.
const EVERYWHERE: [u16; 7] = [400, 401, 403, 404, 429, 500, 503];

impl OperationOutput for Refusal {
    type Inner = Self;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        let mut response = Json::<Reasons>::operation_response(ctx, operation)?;
        // `429` is the one that is no JSON.
        response.content.insert("text/plain; charset=utf-8".to_owned(), MediaType::default());
        // Those of resumable uploads, as their draft has them.
        response.content.insert("application/problem+json".to_owned(), MediaType::default());
        Some(response)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Response)> {
        let Some(response) = Self::operation_response(ctx, operation) else { return Vec::new() };
        EVERYWHERE.iter().map(|status| (Some(*status), response.clone())).collect()
    }
}

/// The routes, with the document of them beside them.
pub(super) fn served(routes: ApiRouter<Client>) -> Router<Client> {
    let mut document = OpenApi { info: info(), ..OpenApi::default() };
    let served = routes.finish_api_with(&mut document, |mut api| {
        describe(api.inner_mut());
        api
    });
    let mut document = serde_json::to_value(&document).expect("a document has text for keys");
    required::tell(&mut document);
    prune(&mut document);
    let text = document.to_string();
    served.route(PATH, get(move || async move { ([(CONTENT_TYPE, "application/json")], text).into_response() }))
}

fn info() -> Info {
    Info {
        title: "Consign".to_owned(),
        description: Some("The part of GitLab's REST API that clients of generic packages use.".to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: Some(License { name: "Apache-2.0".to_owned(), identifier: Some("Apache-2.0".to_owned()), ..License::default() }),
        ..Info::default()
    }
}

/// Adds what all routes have in common: the names in their paths, ids of the operations, and the ways to send a token.
fn describe(document: &mut OpenApi) {
    let known = in_context(|context| {
        let schema = context.schema.subschema_for::<PathParameters>();
        parameters_from_schema(context, schema, ParamLocation::Path)
    });
    let paths = document.paths.get_or_insert_default();
    paths.paths = std::mem::take(&mut paths.paths)
        .into_iter()
        .map(|(path, mut item)| {
            let path = path.replace("{*", "{");
            if let ReferenceOr::Item(item) = &mut item {
                complete(&path, item, &known);
            }
            (path, item)
        })
        .collect();
    let schemes = transports();
    document.security = schemes.iter().map(|(name, _)| SecurityRequirement::from([((*name).to_owned(), Vec::new())])).collect();
    // What is public is there for everybody.
    document.security.push(SecurityRequirement::default());
    let components = document.components.get_or_insert_default();
    components.security_schemes.extend(schemes.into_iter().map(|(name, scheme)| (name.to_owned(), ReferenceOr::Item(scheme))));
}

fn complete(path: &str, item: &mut PathItem, known: &[Parameter]) {
    let is_named = |parameter: &&Parameter| path.contains(&format!("{{{}}}", parameter.parameter_data_ref().name));
    item.parameters.extend(known.iter().filter(is_named).cloned().map(ReferenceOr::Item));
    let words: Vec<&str> = path.split(['/', '{', '}', '_', '.']).filter(|word| !matches!(*word, "" | "api" | "v4")).collect();
    for (method, operation) in iter_operations_mut(item) {
        operation.operation_id = Some(format!("{method}_{}", words.join("_")));
    }
}

/// Removes the schemas that nothing refers to: those whose fields became parameters.
fn prune(document: &mut Value) {
    let mut used = BTreeSet::new();
    let mut open = references(&document["paths"]);
    while let Some(name) = open.pop() {
        if used.insert(name.clone()) {
            open.extend(references(&document["components"]["schemas"][&name]));
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| used.contains(name));
    }
}

/// The names of the schemas that a part of a document refers to.
fn references(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/components/schemas/"));
            named.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The ways to send a token.
#[expect(clippy::default_trait_access, reason = "the map is of a crate that is needed nowhere else")]
fn transports() -> [(&'static str, SecurityScheme); 5] {
    let header = |name: &str| SecurityScheme::ApiKey {
        location: ApiKeyLocation::Header,
        name: name.to_owned(),
        description: None,
        extensions: Default::default(),
    };
    let http = |scheme: &str| SecurityScheme::Http {
        scheme: scheme.to_owned(),
        bearer_format: None,
        description: None,
        extensions: Default::default(),
    };
    [
        ("private_token", header("PRIVATE-TOKEN")),
        ("job_token", header("JOB-TOKEN")),
        ("deploy_token", header("DEPLOY-TOKEN")),
        ("bearer", http("bearer")),
        ("basic", http("basic")),
    ]
}
