//! Groups: what Consign calls namespaces.

use consign_proto::metadata::Namespace;
use schemars::JsonSchema;
use serde::Serialize;

use super::Time;

/// A group.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Group {
    id: i64,
    name: String,
    path: String,
    full_path: String,
    full_name: String,
    /// The group that it is in; `null` at the top.
    parent_id: Option<i64>,
    description: &'static str,
    visibility: &'static str,
    created_at: Option<Time>,
    web_url: String,
}

impl Group {
    pub(crate) fn of(found: &Namespace, origin: &str) -> Self {
        Self {
            id: found.id,
            name: found.display_name.clone(),
            path: found.path.rsplit('/').next().unwrap_or_default().to_owned(),
            full_path: found.path.clone(),
            full_name: found.path.replace('/', " / "),
            parent_id: Some(found.parent_id).filter(|id| *id != 0),
            description: "",
            visibility: "private",
            created_at: found.create_time.map(Time::from),
            web_url: format!("{origin}/groups/{}", found.path),
        }
    }
}
