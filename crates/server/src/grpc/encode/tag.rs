//! Tags and their rules.

use consign_metadata::{MovedTag, PlacedTag, TagRule, TagSpan};
use consign_proto::metadata as wire;
use consign_proto::timestamp;
use consign_types::PackageName;
use consign_types::access::Role;
use consign_types::pattern::NamePattern;
use consign_types::resource::{ProjectRef, TagRef, TagRuleRef};
use consign_types::tag::Action;

use super::{content, package_name, version_name};

/// A tag. `immutable` is what the rules say of it.
pub(in crate::grpc) fn tag(tag: PlacedTag) -> wire::Tag {
    let etag = tag.etag();
    let PlacedTag { row, package, version, immutable } = tag;
    wire::Tag {
        name: TagRef { package: package_name(row.project_id, &package), tag: row.tag.clone() }.to_string(),
        tag_id: row.tag.to_string(),
        version: version_name(row.project_id, &package, &version).to_string(),
        content_digest: content(&row.content_digest),
        immutable,
        actor: row.actor.to_string(),
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        etag,
        sequence: row.sequence,
    }
}

/// The name of the version that a moved tag pointed at before.
pub(in crate::grpc) fn previous(moved: &MovedTag) -> String {
    let version = moved.previous.as_ref();
    version.map(|version| version_name(moved.tag.row.project_id, &moved.tag.package, version).to_string()).unwrap_or_default()
}

pub(in crate::grpc) fn tag_span(span: TagSpan, package: &PackageName) -> wire::TagHistoryEntry {
    let TagSpan { began, ended_at } = span;
    let version = began.version.as_ref().map(|version| version_name(began.project_id, package, version).to_string());
    wire::TagHistoryEntry {
        version: version.unwrap_or_default(),
        content_digest: began.content_digest.as_ref().map(content).unwrap_or_default(),
        actor: began.actor.to_string(),
        reason: began.reason.to_string(),
        start_time: Some(timestamp(began.moved_at)),
        end_time: ended_at.map(timestamp),
        sequence: began.sequence,
    }
}

pub(in crate::grpc) fn role(role: Option<Role>) -> i32 {
    role.map_or(wire::Role::Unspecified, wire::Role::from).into()
}

pub(in crate::grpc) fn tag_rule(rule: TagRule) -> wire::TagRule {
    use wire::tag_rule::{Action as WireAction, Pattern};

    let etag = rule.etag();
    let text = rule.rule.tags.text().to_owned();
    let pattern = match rule.rule.tags {
        NamePattern::Glob(_) => Pattern::TagGlob(text),
        NamePattern::Regex(_) => Pattern::TagRegex(text),
    };
    let mut wire = wire::TagRule {
        name: TagRuleRef { project: ProjectRef::Id(rule.project_id), id: rule.id }.to_string(),
        id: rule.id,
        pattern: Some(pattern),
        package_glob: rule.rule.packages.map(|pattern| pattern.text().to_owned()).unwrap_or_default(),
        description: rule.description.to_string(),
        create_time: Some(timestamp(rule.created_at)),
        update_time: Some(timestamp(rule.updated_at)),
        etag,
        ..wire::TagRule::default()
    };
    let action = match rule.rule.action {
        Action::Immutable => WireAction::Immutable,
        Action::Protected(protection) => {
            wire.protection = Some(wire::TagProtection {
                minimum_create_role: role(protection.create),
                minimum_move_role: role(protection.moving),
                minimum_delete_role: role(protection.delete),
            });
            WireAction::Protected
        }
        Action::Monotonic => WireAction::Monotonic,
        Action::Require(types) => {
            wire.predicate_types = types;
            WireAction::Require
        }
    };
    wire.set_action(action);
    wire
}
