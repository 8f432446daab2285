//! Which fields the bodies of requests must have. Routes judge them only once the caller is known, so the types that they read don't say it.

use serde_json::{Value, json};

/// The routes with such bodies: all of the first fields, and at least one of the others.
const BODIES: [(&str, &str, &[&str], &[&str]); 20] = [
    ("post", "/projects", &[], &["name", "path"]),
    ("put", "/projects/{id}", &[], &["name", "description", "visibility"]),
    ("post", "/groups", &[], &["name", "path"]),
    ("post", "/users", &["username"], &[]),
    ("post", "/projects/{id}/members", &["access_level"], &["user_id", "username"]),
    ("post", "/groups/{id}/members", &["access_level"], &["user_id", "username"]),
    ("put", "/projects/{id}/members/{user_id}", &["access_level"], &[]),
    ("put", "/groups/{id}/members/{user_id}", &["access_level"], &[]),
    ("post", "/projects/{id}/access_tokens", TOKEN, &[]),
    ("post", "/groups/{id}/access_tokens", TOKEN, &[]),
    ("post", "/projects/{id}/deploy_tokens", TOKEN, &[]),
    ("post", "/groups/{id}/deploy_tokens", TOKEN, &[]),
    ("post", "/user/personal_access_tokens", TOKEN, &[]),
    ("post", "/users/{user_id}/personal_access_tokens", TOKEN, &[]),
    ("post", "/projects/{id}/releases", &["tag_name"], &[]),
    ("put", "/projects/{id}/releases/{tag_name}", &[], &["name", "description", "released_at"]),
    ("post", "/projects/{id}/releases/{tag_name}/assets/links", LINK, &[]),
    ("post", "/projects/{id}/packages/protection/rules", &["package_name_pattern", "package_type"], LEVELS),
    (
        "patch",
        "/projects/{id}/packages/protection/rules/{package_protection_rule_id}",
        &[],
        &["package_name_pattern", LEVELS[0], LEVELS[1]],
    ),
    // Of what is part of a body, its schema says it.
    ("", "ReleaseLinkFields", LINK, &[]),
];

const TOKEN: &[&str] = &["name", "scopes"];
const LINK: &[&str] = &["name", "url"];
const LEVELS: &[&str] = &["minimum_access_level_for_push", "minimum_access_level_for_delete"];

/// Says so in a document.
pub(super) fn tell(document: &mut Value) {
    for (method, place, all, any) in BODIES {
        if method.is_empty() {
            require(&mut document["components"]["schemas"][place], all, any);
            continue;
        }
        let content = document["paths"][format!("/api/v4{place}")][method]["requestBody"]["content"].as_object_mut();
        for media_type in content.into_iter().flat_map(serde_json::Map::values_mut) {
            require(&mut media_type["schema"], all, any);
        }
    }
}

fn require(schema: &mut Value, all: &[&str], any: &[&str]) {
    // In forms, lists are called otherwise.
    let list = |field: &str| format!("{field}[]");
    let called = |field: &&str| {
        let is_list = schema["properties"].get(list(field)).is_some();
        if is_list { list(field) } else { (*field).to_owned() }
    };
    let (all, any): (Vec<String>, Vec<String>) = (all.iter().map(called).collect(), any.iter().map(called).collect());
    if !all.is_empty() {
        schema["required"] = json!(all);
    }
    if !any.is_empty() {
        schema["anyOf"] = any.iter().map(|field| json!({ "required": [field] })).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_all_of_some_fields_and_one_of_others_as_its_kind_calls_them() {
        let mut form = json!({ "properties": { "name": {}, "scopes[]": {} } });
        require(&mut form, TOKEN, &["a", "b"]);
        assert_eq!(
            (&form["required"], &form["anyOf"]),
            (&json!(["name", "scopes[]"]), &json!([{ "required": ["a"] }, { "required": ["b"] }]))
        );
    }
}
