//! What the planes call the fields of their requests, and what clients call them here.
//!
//! A plane says what is wrong with a field as `` `field`: what is wrong ``. Whoever has only this API would look in vain for such a field.

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
    ("filter", "query"),
    ("page_size", "per_page"),
    ("page_token", "page"),
    ("skip", "page"),
];

/// Those of links, which have a `path` of their own; and those that only the gateway itself can get wrong.
const OTHERS: [(&str, &str); 5] =
    [("files.path", "file_name"), ("link.path", "direct_asset_path"), ("link.kind", "link_type"), ("update_mask", ""), ("link", "")];

/// What a plane has said, in the words of this API.
pub(crate) fn translated(message: &str) -> String {
    let Some((field, rule)) = message.strip_prefix('`').and_then(|rest| rest.split_once("`: ")) else { return message.to_owned() };
    match parameter(field) {
        "" => rule.to_owned(),
        parameter => format!("`{parameter}`: {rule}"),
    }
}

fn parameter(field: &str) -> &str {
    let last = field.rsplit('.').next().unwrap_or(field);
    let named = |known: &[(&str, &'static str)], field: &str| known.iter().find(|(name, _)| *name == field).map(|(_, word)| *word);
    named(&OTHERS, field).or_else(|| named(&PARAMETERS, last)).unwrap_or(last)
}

#[cfg(test)]
mod tests {
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
            ("`page_token`: is of another list", "`page`: is of another list"),
            ("`filter`: at most 2048 bytes", "`query`: at most 2048 bytes"),
            ("digest `x` is not `y`", "digest `x` is not `y`"),
            ("`x` is a file, and a folder of `x/y` too", "`x` is a file, and a folder of `x/y` too"),
        ] {
            assert_eq!(translated(message), told);
        }
    }
}
