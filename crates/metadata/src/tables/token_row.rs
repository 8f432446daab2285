//! Tokens as rows.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::access::{Role, Scope, ScopeNames};
use consign_types::pattern::NamePattern;
use consign_types::resource::{NamespaceRef, ProjectRef, TokenParent, TokenRef, UserRef, bot_id};
use consign_types::text::{DeployUsername, Description, DisplayName};
use consign_types::token::TokenKind;
use consign_types::{Slug, Timestamp};
use diesel::prelude::*;

use crate::error::{Error, Result};
use crate::schema::tokens;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, never reused.
    pub id: i64,
    /// To whom it belongs.
    pub owner: Owner,
    /// Whom it acts for.
    pub kind: TokenKind,
    /// Its name for people.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Description,
    /// The name by which it signs in, if it is a deploy token that was given one.
    pub username: Option<DeployUsername>,
    /// The role that it acts with.
    pub role: Role,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The words by which they were asked for, if there were such.
    pub scope_names: ScopeNames,
    /// The packages that it may touch; none stands for all.
    pub packages: Vec<NamePattern>,
    /// The stages that it may promote to and approve for; none stands for all.
    pub stages: Vec<NamePattern>,
    /// What was said of the CI job that it was made for.
    pub claims: BTreeMap<String, String>,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
    /// Who made it.
    pub creator: Slug,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Counts its changes.
    pub revision: i64,
}

/// To whom a token belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A project, by its id.
    Project(i64),
    /// A namespace, by its id.
    Namespace(i64),
    /// A user, by its id.
    User(i64),
}

impl Token {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }

    /// Its name.
    pub fn name(&self) -> TokenRef {
        let parent = match &self.owner {
            Owner::Project(id) => TokenParent::Project(ProjectRef::Id(*id)),
            Owner::Namespace(id) => TokenParent::Namespace(NamespaceRef::Id(*id)),
            Owner::User(id) => TokenParent::User(UserRef::Id(*id)),
        };
        TokenRef { parent, token: self.id }
    }

    /// Whom it acts for: its user, or one of its own, who is no person.
    pub fn user(&self) -> UserRef {
        match self.owner {
            Owner::User(id) => UserRef::Id(id),
            Owner::Project(_) | Owner::Namespace(_) => UserRef::Id(bot_id(self.id)),
        }
    }

    /// The name by which it acts, in the form that GitLab gives to such; `None` where it acts for a user.
    pub fn actor(&self) -> Option<Slug> {
        let (place, id) = match self.owner {
            Owner::Project(id) => ("project", id),
            Owner::Namespace(id) => ("namespace", id),
            Owner::User(_) => return None,
        };
        let kind = match self.kind {
            TokenKind::Deploy => "deploy",
            TokenKind::Job => "job",
            TokenKind::Personal | TokenKind::Project | TokenKind::Namespace => "bot",
        };
        Some(format!("{place}_{id}_{kind}_{}", self.id).parse().expect("words and numbers are a slug"))
    }

    /// The name by which it signs in, if it is a deploy token: the one that it was given, else one as GitLab makes them.
    pub fn signs_in_as(&self) -> Option<String> {
        let by_default = || format!("gitlab+deploy-token-{}", self.id);
        (self.kind == TokenKind::Deploy).then(|| self.username.as_ref().map_or_else(by_default, ToString::to_string))
    }

    /// The words for its scopes: those by which they were asked for, else those that mean them.
    pub fn named_scopes(&self) -> ScopeNames {
        if self.scope_names.is_empty() { ScopeNames::of(&self.scopes, self.kind == TokenKind::Deploy) } else { self.scope_names.clone() }
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it counts at a time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && !self.is_expired(now)
    }
}

/// A token as columns, without its id and secret.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = tokens, treat_none_as_null = true)]
pub(super) struct Row {
    kind: TokenKind,
    project_id: Option<i64>,
    namespace_id: Option<i64>,
    user_id: Option<i64>,
    display_name: DisplayName,
    role: Role,
    scopes: String,
    package_globs: String,
    stage_globs: String,
    claims: String,
    expires_at: Option<Timestamp>,
    creator: Slug,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revision: i64,
    description: Description,
    username: Option<DeployUsername>,
    scope_names: String,
}

pub(super) type Columns = (
    tokens::id,
    (
        tokens::kind,
        tokens::project_id,
        tokens::namespace_id,
        tokens::user_id,
        tokens::display_name,
        tokens::role,
        tokens::scopes,
        tokens::package_globs,
        tokens::stage_globs,
        tokens::claims,
        tokens::expires_at,
        tokens::creator,
        tokens::created_at,
        tokens::last_used_at,
        tokens::revoked_at,
        tokens::revision,
        tokens::description,
        tokens::username,
        tokens::scope_names,
    ),
);

pub(super) const COLUMNS: Columns = (
    tokens::id,
    (
        tokens::kind,
        tokens::project_id,
        tokens::namespace_id,
        tokens::user_id,
        tokens::display_name,
        tokens::role,
        tokens::scopes,
        tokens::package_globs,
        tokens::stage_globs,
        tokens::claims,
        tokens::expires_at,
        tokens::creator,
        tokens::created_at,
        tokens::last_used_at,
        tokens::revoked_at,
        tokens::revision,
        tokens::description,
        tokens::username,
        tokens::scope_names,
    ),
);

pub(super) fn to_row(token: &Token) -> Row {
    let (project_id, namespace_id, user_id) = match token.owner {
        Owner::Project(id) => (Some(id), None, None),
        Owner::Namespace(id) => (None, Some(id), None),
        Owner::User(id) => (None, None, Some(id)),
    };
    Row {
        kind: token.kind,
        project_id,
        namespace_id,
        user_id,
        display_name: token.display_name.clone(),
        role: token.role,
        scopes: scopes(&token.scopes),
        package_globs: globs(&token.packages),
        stage_globs: globs(&token.stages),
        claims: serde_json::to_string(&token.claims).expect("a map of texts is JSON"),
        expires_at: token.expires_at,
        creator: token.creator.clone(),
        created_at: token.created_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
        revision: token.revision,
        description: token.description.clone(),
        username: token.username.clone(),
        scope_names: token.scope_names.words().join(" "),
    }
}

/// What was written is read back; a row that is no token is a fault.
pub(super) fn from_row((id, row): (i64, Row)) -> Result<Token> {
    let fault = || Error::Row("tokens");
    let of_place = row.project_id.map(Owner::Project).or(row.namespace_id.map(Owner::Namespace));
    let owner = of_place.or(row.user_id.map(Owner::User)).ok_or_else(fault)?;
    Ok(Token {
        id,
        owner,
        kind: row.kind,
        display_name: row.display_name,
        description: row.description,
        username: row.username,
        role: row.role,
        scopes: read_scopes(&row.scopes).ok_or_else(fault)?,
        scope_names: ScopeNames::read(row.scope_names.split_ascii_whitespace()).ok_or_else(fault)?,
        packages: read_globs(&row.package_globs).ok_or_else(fault)?,
        stages: read_globs(&row.stage_globs).ok_or_else(fault)?,
        claims: serde_json::from_str(&row.claims).map_err(|_| fault())?,
        expires_at: row.expires_at,
        creator: row.creator,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
        revision: row.revision,
    })
}

/// Scopes as a column has them: words with blanks between them.
pub(super) fn scopes(scopes: &BTreeSet<Scope>) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

pub(super) fn read_scopes(text: &str) -> Option<BTreeSet<Scope>> {
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

/// Patterns as a column has them: a list in JSON.
pub(super) fn globs(patterns: &[NamePattern]) -> String {
    let globs: Vec<&str> = patterns.iter().map(NamePattern::text).collect();
    serde_json::to_string(&globs).expect("a list of texts is JSON")
}

pub(super) fn read_globs(text: &str) -> Option<Vec<NamePattern>> {
    let globs: Vec<String> = serde_json::from_str(text).ok()?;
    globs.iter().map(|glob| NamePattern::glob(glob).ok()).collect()
}
