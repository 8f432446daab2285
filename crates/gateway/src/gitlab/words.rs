//! What the planes call the fields of their requests, and what clients call them here.
//!
//! A plane says what is wrong with a field as `` `field`: what is wrong ``. Whoever has only this API would look in vain for such a field.

use consign_client::Error;
use consign_types::Reason;

/// What the planes call it, without what it is part of, and what it is called here; nothing where that is all of the request.
const PARAMETERS: [(&str, &str); 26] = [
    ("parent", "namespace_id"),
    ("project_id", "path"),
    ("project", ""),
    ("settings", ""),
    ("name", "id"),
    ("display_name", "name"),
    ("package_id", "package_name"),
    ("version_id", "package_version"),
    ("files", "file"),
    ("paths", "file_name"),
    ("sha256", "X-Checksum-SHA256"),
    ("size_bytes", "size"),
    ("protection_rule", ""),
    ("package_pattern", "package_name_pattern"),
    ("minimum_publish_role", "minimum_access_level_for_push"),
    ("minimum_delete_role", "minimum_access_level_for_delete"),
    ("release", ""),
    ("tag", "tag_name"),
    ("release_time", "released_at"),
    ("expire_time", "expires_at"),
    ("role", "access_level"),
    ("user", "user_id"),
    ("filter", ""),
    ("page_size", "per_page"),
    ("page_token", "cursor"),
    ("skip", "page"),
];

/// Those of links, which have a `path` of their own; and those that only the gateway itself can get wrong.
const OTHERS: [(&str, &str); 5] =
    [("files.path", "file_name"), ("link.path", "direct_asset_path"), ("link.kind", "link_type"), ("update_mask", ""), ("link", "")];

/// The same for the arguments of GraphQL.
const ARGUMENTS: [(&str, &str); 8] = [
    ("page_token", "after"),
    ("before_token", "before"),
    ("page_size", "first"),
    ("filter", ""),
    ("settings", ""),
    ("duplicate_policy", ""),
    ("exception_regex", "genericDuplicateExceptionRegex"),
    ("keep_revisions", "keepNDuplicatedPackageFiles"),
];

/// What a plane has said, in the words of REST.
pub(crate) fn translated(message: &str) -> String {
    called(message, parameter)
}

/// The same in the words of GraphQL.
pub(crate) fn translated_for_graphql(message: &str) -> String {
    called(message, |field| word(&ARGUMENTS, last(field)).unwrap_or_else(|| last(field)))
}

/// Why a list is refused. What a client sends as this parameter is a part of the filter that a plane is sent, which nobody here knows.
pub(crate) fn filtered_by(parameter: &str, error: Error) -> Error {
    match error {
        Error::Refused { reason: Reason::FilterInvalid, message, details } => {
            let told = message.strip_prefix("`filter`: ").map(|rule| rule.strip_prefix("filter is ").unwrap_or(rule));
            let message = told.map_or_else(|| message.clone(), |rule| format!("`{parameter}`: {rule}"));
            Error::Refused { reason: Reason::FilterInvalid, message, details }
        }
        error => error,
    }
}

/// Of parameters that all are parts of a filter, the one that makes it long.
pub(crate) fn longest<'a>(parameters: &[(&'a str, Option<&str>)]) -> &'a str {
    let length = |(_, value): &&(&str, Option<&str>)| value.map_or(0, str::len);
    parameters.iter().max_by_key(length).map_or("", |(name, _)| name)
}

fn called<'a>(message: &'a str, name: impl Fn(&'a str) -> &'a str) -> String {
    let Some((field, rule)) = message.strip_prefix('`').and_then(|rest| rest.split_once("`: ")) else { return message.to_owned() };
    match name(field) {
        "" => rule.to_owned(),
        name => format!("`{name}`: {rule}"),
    }
}

fn parameter(field: &str) -> &str {
    word(&OTHERS, field).or_else(|| word(&PARAMETERS, last(field))).unwrap_or_else(|| last(field))
}

fn word(known: &[(&str, &'static str)], field: &str) -> Option<&'static str> {
    known.iter().find(|(name, _)| *name == field).map(|(_, word)| *word)
}

/// A field without what it is part of.
fn last(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_field_is_told_by_the_name_of_its_parameter() {
        for (message, told) in [
            ("`parent`: must be set", "`namespace_id`: must be set"),
            ("`project.display_name`: at most 255 bytes", "`name`: at most 255 bytes"),
            ("`name`: `x` is none", "`id`: `x` is none"),
            ("`release.release_time`: before all time", "`released_at`: before all time"),
            ("`release.description`: too long", "`description`: too long"),
            ("`link.path`: too long", "`direct_asset_path`: too long"),
            ("`link.url`: no address", "`url`: no address"),
            ("`links`: at most 1000 links", "`links`: at most 1000 links"),
            ("`files.path`: `x` is none", "`file_name`: `x` is none"),
            ("`files.size_bytes`: the bytes of `x` are `1`", "`size`: the bytes of `x` are `1`"),
            ("`protection_rule`: at most 100 rules", "at most 100 rules"),
            ("`protection_rule.package_pattern`: no glob", "`package_name_pattern`: no glob"),
            ("`member.role`: more than your own", "`access_level`: more than your own"),
            ("`update_mask`: must be set", "must be set"),
            ("`page_token`: is of another list", "`cursor`: is of another list"),
            ("`filter`: at most 2048 bytes", "at most 2048 bytes"),
            ("digest `x` is not `y`", "digest `x` is not `y`"),
            ("`x` is a file, and a folder of `x/y` too", "`x` is a file, and a folder of `x/y` too"),
        ] {
            assert_eq!(translated(message), told);
        }
        for (message, told) in [
            ("`page_token`: not a token of this list", "`after`: not a token of this list"),
            ("`before_token`: not a token of this list", "`before`: not a token of this list"),
            ("`settings.duplicate_policy.exception_regex`: too long", "`genericDuplicateExceptionRegex`: too long"),
            ("`settings.keep_revisions`: 1 to 1000", "`keepNDuplicatedPackageFiles`: 1 to 1000"),
            ("version `1.0` is in use", "version `1.0` is in use"),
        ] {
            assert_eq!(translated_for_graphql(message), told);
        }
    }

    #[test]
    fn a_filter_is_told_by_the_parameter_that_is_part_of_it() {
        let refused = |reason, message: &str| Error::Refused { reason, message: message.to_owned(), details: HashMap::new() };
        for (reason, message, told) in [
            (Reason::FilterInvalid, "`filter`: filter is longer than 2048 bytes", "`search`: longer than 2048 bytes"),
            (Reason::FilterInvalid, "`filter`: `path` has no control characters", "`search`: `path` has no control characters"),
            (Reason::ArgumentInvalid, "`skip`: must not be negative", "`skip`: must not be negative"),
        ] {
            let Error::Refused { message, .. } = filtered_by("search", refused(reason, message)) else { panic!("{message}") };
            assert_eq!(message, told);
        }
        assert_eq!(longest(&[("a", Some("x")), ("b", Some("xx")), ("c", None)]), "b");
        assert_eq!(longest(&[("a", Some("x")), ("b", None)]), "a");
    }
}
