//! Tokens to messages.

use consign_metadata::{Owner, Token};
use consign_proto::access::scope_numbers;
use consign_proto::metadata as wire;
use consign_proto::timestamp;
use consign_types::Timestamp;
use consign_types::pattern::NamePattern;
use consign_types::resource::bot_id;
use consign_types::token::TokenKind;

use super::tag::role;

/// Patterns over names, as they were given.
pub(in crate::grpc) fn patterns(patterns: &[NamePattern]) -> Vec<String> {
    patterns.iter().map(NamePattern::text).map(str::to_owned).collect()
}

/// A token as it is at a time. It has no secret to show.
pub(in crate::grpc) fn token(token: Token, now: Timestamp) -> wire::Token {
    let kind = match token.kind {
        TokenKind::Personal => wire::token::Kind::Personal,
        TokenKind::Project => wire::token::Kind::Project,
        TokenKind::Deploy => wire::token::Kind::Deploy,
        TokenKind::Namespace => wire::token::Kind::Namespace,
        TokenKind::Job => wire::token::Kind::Job,
    };
    let acting = match token.owner {
        Owner::Project(_) | Owner::Namespace(_) => Some(token.role),
        Owner::User(_) => None,
    };
    wire::Token {
        name: token.name().to_string(),
        id: token.id,
        kind: kind.into(),
        etag: token.etag(),
        display_name: token.display_name.to_string(),
        scopes: scope_numbers(&token.scopes),
        role: role(acting),
        package_patterns: patterns(&token.packages),
        stage_patterns: patterns(&token.stages),
        expire_time: token.expires_at.map(timestamp),
        creator: token.creator.to_string(),
        create_time: Some(timestamp(token.created_at)),
        last_use_time: token.last_used_at.map(timestamp),
        revoke_time: token.revoked_at.map(timestamp),
        description: token.description.to_string(),
        username: token.signs_in_as().unwrap_or_default(),
        scope_names: token.named_scopes().words().iter().map(|word| (*word).to_owned()).collect(),
        user: token.user().to_string(),
        expired: token.is_expired(now),
        claims: token.claims.into_iter().collect(),
    }
}

/// Whom a token of a project or namespace acts for, as a user.
pub(in crate::grpc) fn bot(token: &Token) -> wire::User {
    wire::User {
        name: token.user().to_string(),
        id: bot_id(token.id),
        username: token.actor().map(|actor| actor.to_string()).unwrap_or_default(),
        display_name: token.display_name.to_string(),
        disabled: token.revoked_at.is_some(),
        create_time: Some(timestamp(token.created_at)),
        update_time: Some(timestamp(token.created_at)),
        etag: token.etag(),
        bot: true,
        ..wire::User::default()
    }
}
