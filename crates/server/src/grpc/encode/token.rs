//! Tokens to messages.

use consign_metadata::{Owner, Token};
use consign_proto::access::scope_numbers;
use consign_proto::metadata as wire;
use consign_proto::timestamp;
use consign_types::pattern::NamePattern;
use consign_types::token::TokenKind;

use super::tag::role;

/// Patterns over names, as they were given.
pub(in crate::grpc) fn patterns(patterns: &[NamePattern]) -> Vec<String> {
    patterns.iter().map(NamePattern::text).map(str::to_owned).collect()
}

/// A token, which has no secret to show.
pub(in crate::grpc) fn token(token: Token) -> wire::Token {
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
        claims: token.claims.into_iter().collect(),
    }
}
