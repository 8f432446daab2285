//! Making a token.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::access::{Role, Scope, ScopeNames};
use consign_types::pattern::NamePattern;
use consign_types::resource::TokenParent;
use consign_types::text::{DeployUsername, Description, DisplayName, RequestId};
use consign_types::token::{TokenKind, TokenSecret};
use consign_types::{Digest, Timestamp};
use serde::Serialize;

use super::change::{INSTANCE, call, note};
use super::idempotency::{Call, Fingerprint, answered, to_json};
use super::list_tokens::owner;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::idempotency_records as records;
use crate::tables::tokens::{self, Owner, Token};
use crate::{Error, Metadata, Principal, Result};

/// How many tokens a project or user has at most that are not revoked.
const MAX_TOKENS: i64 = 1000;

/// How many globs a token has at most, and so a rule that grants tokens.
pub(super) const MAX_GLOBS: usize = 50;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct CreateToken {
    /// Who makes it.
    pub principal: Principal,
    /// To whom it is to belong.
    pub parent: TokenParent,
    /// Whom it is to act for.
    pub kind: TokenKind,
    /// Its name for people.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Description,
    /// The name by which it is to sign in, which only deploy tokens have.
    pub username: Option<DeployUsername>,
    /// The role that it is to act with; `None` stands for that of a developer, and for what its user has for a personal one.
    pub role: Option<Role>,
    /// What it may be used for: this, or what the words below mean.
    pub scopes: BTreeSet<Scope>,
    /// The words by which that is asked for; none where it is not by words.
    pub scope_names: ScopeNames,
    /// The packages that it may touch; none stands for all.
    pub packages: Vec<NamePattern>,
    /// The stages that it may promote to and approve for; none stands for all.
    pub stages: Vec<NamePattern>,
    /// Until when it counts; `None` until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a token, and returns its secret, which is kept nowhere. It may do no more than who makes it: `RoleInsufficient`,
    /// `ScopeInsufficient`. The same request again makes another secret for the same token.
    pub async fn create_token(&self, request: CreateToken) -> Result<(Token, TokenSecret)> {
        let (now, secret) = (self.now(), TokenSecret::generate(request.kind));
        let digest = secret.digest();
        let (token, is_replaced) = self.pool.write(move |db| create(db, &request, digest, now)).await?;
        if is_replaced {
            self.principals.invalidate_all();
        }
        Ok((token, secret))
    }
}

/// The token, and whether it had another secret before.
fn create(db: &mut Db, request: &CreateToken, secret: Digest, now: Timestamp) -> Result<(Token, bool)> {
    let may = (request.role, &request.scopes, &request.packages, &request.stages, request.expires_at);
    let shown = (&request.kind, &request.display_name, may);
    let words = (&request.description, &request.username, &request.scope_names);
    let has_words = !request.description.as_str().is_empty() || request.username.is_some() || !request.scope_names.is_empty();
    let fingerprint = Fingerprint::new().field(request.parent.to_string()).shown(&shown).added(has_words, &words).finish();
    let call = call(&request.principal, "CreateToken", &request.parent, request.request_id.as_ref(), fingerprint, now);
    if let Some(key) = call.key()
        && !records::insert(db, key, fingerprint, &[], now)?
    {
        let id = answered(db, key, fingerprint)?.read()?;
        let token = tokens::find_locked(db, id)?.ok_or(Error::Row("tokens"))?;
        check_covered(&request.principal, &token)?;
        // Whoever asks again has not come to use it. What was done with it since stands.
        if token.revision != 1 {
            return Err(Error::EtagMismatch(token.name().to_string()));
        }
        tokens::replace(db, id, secret, None)?;
        return Ok((token, true));
    }
    let mut token = new(db, request, now)?;
    check(request, &token, now)?;
    if tokens::count_made(db, &token.owner, now)? >= MAX_TOKENS {
        return Err(invalid("parent", format!("has `{MAX_TOKENS}` tokens already: revoke some")));
    }
    token.id = tokens::insert(db, &token, secret, false)?;
    note_token(db, &call, &token)?;
    if let Some(key) = call.key() {
        let mut batch = Batch::new(db);
        records::update(&mut batch, key, to_json(&token.id));
        batch.send(db)?;
    }
    Ok((token, false))
}

fn new(db: &mut Db, request: &CreateToken, now: Timestamp) -> Result<Token> {
    let role = match (&request.parent, request.kind) {
        (TokenParent::Project(_), TokenKind::Project | TokenKind::Deploy)
        | (TokenParent::Namespace(_), TokenKind::Namespace | TokenKind::Deploy) => request.role.unwrap_or(Role::Developer),
        (TokenParent::User(_), TokenKind::Personal) if request.role.is_some() => {
            return Err(invalid("role", "a personal token has the role of its user: leave it out"));
        }
        // What it says is not asked: the roles of the user count.
        (TokenParent::User(_), TokenKind::Personal) => Role::Guest,
        _ => {
            return Err(invalid(
                "kind",
                "PERSONAL belongs to a user, PROJECT to a project, NAMESPACE to a namespace, DEPLOY to either of these",
            ));
        }
    };
    if !request.scopes.is_empty() && !request.scope_names.is_empty() {
        return Err(invalid("scope_names", "in place of `scopes`, not beside them"));
    }
    Ok(Token {
        id: 0,
        owner: owner(db, &request.parent)?,
        kind: request.kind,
        display_name: request.display_name.clone(),
        description: request.description.clone(),
        username: request.username.clone(),
        role,
        scopes: if request.scope_names.is_empty() { request.scopes.clone() } else { request.scope_names.scopes() },
        scope_names: request.scope_names.clone(),
        packages: request.packages.clone(),
        stages: request.stages.clone(),
        claims: BTreeMap::new(),
        expires_at: request.expires_at,
        creator: request.principal.name.clone(),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revision: 1,
    })
}

fn check(request: &CreateToken, token: &Token, now: Timestamp) -> Result<()> {
    if token.display_name.as_str().is_empty() {
        return Err(invalid("display_name", "must be set"));
    }
    if token.scopes.is_empty() {
        return Err(invalid("scopes", "at least one"));
    }
    if token.kind == TokenKind::Deploy && !token.scopes.iter().all(|scope| scope.is_within(&[Scope::Read, Scope::Publish].into())) {
        return Err(invalid("scopes", "a deploy token reads and publishes: make a project token for more"));
    }
    if token.username.is_some() && token.kind != TokenKind::Deploy {
        return Err(invalid("username", "only deploy tokens have one"));
    }
    for (field, globs) in [("package_patterns", &token.packages), ("stage_patterns", &token.stages)] {
        if globs.len() > MAX_GLOBS {
            return Err(invalid(field, format!("at most `{MAX_GLOBS}`")));
        }
    }
    if token.role == Role::Admin {
        return Err(invalid("role", "at most that of an owner: it acts in one place alone"));
    }
    check_expiry(token.expires_at, now)?;
    check_covered(&request.principal, token)
}

/// Refuses a token that may do more than whoever makes it or changes its secret, or for longer.
pub(super) fn check_covered(principal: &Principal, token: &Token) -> Result<()> {
    check_current(principal)?;
    if principal.role < token.role {
        return Err(Error::RoleInsufficient(token.role));
    }
    if !principal.grant.covers(&token.scopes, &token.packages, &token.stages) {
        return Err(Error::ScopeInsufficient("a token may do no more than the one that makes it".to_owned()));
    }
    if principal.expires_at.is_some_and(|own| token.expires_at.is_none_or(|end| end > own)) {
        return Err(Error::ScopeInsufficient("a token may count no longer than the one that makes it".to_owned()));
    }
    Ok(())
}

/// Notes what was done with a token in the audit chain of its project, or in that of the instance.
pub(super) fn note_token(db: &mut Db, call: &Call<'_>, token: &Token) -> Result<()> {
    let chain = match token.owner {
        Owner::Project(project) => project,
        Owner::Namespace(_) | Owner::User(_) => INSTANCE,
    };
    note(db, call, chain, &Told::of(token))
}

/// What the audit tells of a token: its rights, and until when they count.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    id: i64,
    kind: TokenKind,
    display_name: &'a DisplayName,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a DeployUsername>,
    role: Role,
    scopes: &'a BTreeSet<Scope>,
    packages: Vec<&'a str>,
    stages: Vec<&'a str>,
    claims: &'a BTreeMap<String, String>,
    expires: Option<String>,
    revoked: Option<String>,
}

impl<'a> Told<'a> {
    pub(super) fn of(token: &'a Token) -> Self {
        let shown = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            id: token.id,
            kind: token.kind,
            display_name: &token.display_name,
            description: token.description.as_str(),
            username: token.username.as_ref(),
            role: token.role,
            scopes: &token.scopes,
            packages: token.packages.iter().map(NamePattern::text).collect(),
            stages: token.stages.iter().map(NamePattern::text).collect(),
            claims: &token.claims,
            expires: shown(token.expires_at),
            revoked: shown(token.revoked_at),
        }
    }
}

/// Refuses a secret that was replaced: it is there for calls under way, not to give rights to anybody.
pub(super) fn check_current(principal: &Principal) -> Result<()> {
    if principal.is_old {
        return Err(Error::ScopeInsufficient("its secret was replaced: it gives and takes no rights".to_owned()));
    }
    Ok(())
}

/// Refuses an end that is over.
pub(super) fn check_expiry(end: Option<Timestamp>, now: Timestamp) -> Result<()> {
    if end.is_some_and(|end| end <= now) { Err(invalid("expire_time", "must be in the future")) } else { Ok(()) }
}

fn invalid(field: &'static str, rule: impl Into<String>) -> Error {
    Error::ArgumentInvalid { field, rule: rule.into() }
}
