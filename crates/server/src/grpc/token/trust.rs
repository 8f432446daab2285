//! Trust rules, and the exchange of ID tokens: the part of `TokenService` that needs no token made before.

use std::collections::{BTreeMap, HashMap};

use consign_metadata::{CreateTrustRule, DeleteTrustRule, Error, ExchangeToken, Metadata, Terms, TrustChange, TrustRule, UpdateTrustRule};
use consign_proto::access::scope_numbers;
use consign_proto::metadata::{
    self as wire, CreateTrustRuleRequest, DeleteTrustRuleRequest, ExchangeTokenRequest, ExchangeTokenResponse, GetTrustRuleRequest,
    ListTrustRulesRequest, ListTrustRulesResponse, UpdateTrustRuleRequest,
};
use consign_proto::status::{invalid, refused, status};
use consign_proto::timestamp;
use consign_types::Reason;
use consign_types::access::Role;
use consign_types::pattern::NamePattern;
use consign_types::resource::{ProjectRef, TrustRuleRef};
use consign_types::trust::{Audience, ClaimGlob, ClaimName, Issuer, TrustRule as Trust};
use tonic::Status;

use crate::auth::Caller;
use crate::grpc::page::Listing;
use crate::grpc::{decode, encode};
use crate::oidc::{Issuers, VerifyError};

/// For how many seconds tokens count where a rule does not say.
const DEFAULT_TTL_SECONDS: i64 = 60 * 60;

/// Rules name issuers that the settings name: whoever maintains a project does not choose where this service fetches keys.
fn taken(issuers: Option<&Issuers>, issuer: Issuer) -> Result<Issuer, Status> {
    if issuers.is_some_and(|issuers| issuers.take(&issuer)) {
        return Ok(issuer);
    }
    let rule = format!("ID tokens of `{issuer}` are not taken here: whoever runs the service names it in `--oidc-issuers`");
    Err(invalid("trust_rule.issuer", Reason::ArgumentInvalid, rule))
}

pub(super) async fn create(
    metadata: &Metadata,
    issuers: Option<&Issuers>,
    caller: &Caller,
    request: CreateTrustRuleRequest,
) -> Result<wire::TrustRule, Status> {
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let new = decode::present("trust_rule", request.trust_rule)?;
    let principal = caller.about(&project).await?;
    let issuer = taken(issuers, decode::text("trust_rule.issuer", &new.issuer)?)?;
    let trust = Trust::new(issuer, audiences(&new.audiences)?, claims(&new.claims)?);
    let wanted = CreateTrustRule {
        principal,
        project,
        trust: trust.map_err(|error| invalid("trust_rule", Reason::ArgumentInvalid, error))?,
        terms: Terms {
            role: decode::role("trust_rule.role", new.role)?.unwrap_or(Role::Developer),
            scopes: decode::scopes(&new.scopes)?,
            packages: packages(&new)?,
            stages: stages(&new)?,
            maximum_ttl_seconds: seconds("trust_rule.maximum_ttl", new.maximum_ttl)?.unwrap_or(DEFAULT_TTL_SECONDS),
        },
        description: decode::text("trust_rule.description", &new.description)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    metadata.create_trust_rule(wanted).await.map(encoded).map_err(status)
}

pub(super) async fn get(metadata: &Metadata, caller: &Caller, request: GetTrustRuleRequest) -> Result<wire::TrustRule, Status> {
    let name: TrustRuleRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    metadata.find_trust_rule(name).await.map(encoded).map_err(status)
}

pub(super) async fn list(metadata: &Metadata, caller: &Caller, request: ListTrustRulesRequest) -> Result<ListTrustRulesResponse, Status> {
    let listing = Listing::of("ListTrustRules", &[&request.parent]);
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let page = listing.page(request.page_size, &request.page_token)?;
    let found = metadata.list_trust_rules(project, page).await.map_err(status)?;
    let next_page_token = listing.next(&found, |rule| rule.id.to_string());
    Ok(ListTrustRulesResponse { trust_rules: found.map(encoded).items, next_page_token })
}

pub(super) async fn update(
    metadata: &Metadata,
    issuers: Option<&Issuers>,
    caller: &Caller,
    request: UpdateTrustRuleRequest,
) -> Result<wire::TrustRule, Status> {
    const FIELDS: &[&str] =
        &["issuer", "audiences", "claims", "scopes", "role", "package_patterns", "stage_patterns", "maximum_ttl", "description"];
    let new = decode::present("trust_rule", request.trust_rule)?;
    let mask = decode::mask(request.update_mask, FIELDS)?;
    let name: TrustRuleRef = decode::name("trust_rule.name", &new.name)?;
    let role = decode::role("trust_rule.role", new.role)?;
    let ttl = seconds("trust_rule.maximum_ttl", new.maximum_ttl)?;
    let wanted = UpdateTrustRule {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&new.etag)?,
        change: TrustChange {
            issuer: mask.changed("issuer", !new.issuer.is_empty(), || taken(issuers, decode::text("trust_rule.issuer", &new.issuer)?))?,
            audiences: mask.changed("audiences", !new.audiences.is_empty(), || audiences(&new.audiences))?,
            claims: mask.changed("claims", !new.claims.is_empty(), || claims(&new.claims))?,
            role: mask.changed("role", role.is_some(), || decode::present("trust_rule.role", role))?,
            scopes: mask.changed("scopes", !new.scopes.is_empty(), || decode::scopes(&new.scopes))?,
            packages: mask.changed("package_patterns", !new.package_patterns.is_empty(), || packages(&new))?,
            stages: mask.changed("stage_patterns", !new.stage_patterns.is_empty(), || stages(&new))?,
            maximum_ttl_seconds: mask.changed("maximum_ttl", ttl.is_some(), || Ok(ttl.unwrap_or(DEFAULT_TTL_SECONDS)))?,
            description: mask
                .changed("description", !new.description.is_empty(), || decode::text("trust_rule.description", &new.description))?,
        },
        request_id: decode::request_id(&request.request_id)?,
    };
    metadata.update_trust_rule(wanted).await.map(encoded).map_err(status)
}

pub(super) async fn delete(metadata: &Metadata, caller: &Caller, request: DeleteTrustRuleRequest) -> Result<(), Status> {
    let name: TrustRuleRef = decode::name("name", &request.name)?;
    let wanted = DeleteTrustRule {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    metadata.delete_trust_rule(wanted).await.map_err(status)
}

/// What the caller may do is in the ID token that it sends: the rules of the project judge that.
pub(super) async fn exchange(
    metadata: &Metadata,
    issuers: Option<&Issuers>,
    caller: &Caller,
    request: ExchangeTokenRequest,
) -> Result<ExchangeTokenResponse, Status> {
    caller.proves_itself();
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let scopes = decode::scopes(&request.scopes)?;
    let (ttl_seconds, request_id) = (seconds("ttl", request.ttl)?, decode::request_id(&request.request_id)?);
    let not_matched = || status(Error::TrustNotMatched(project.clone()));
    let issuers = issuers.ok_or_else(|| refusal(VerifyError::KeysUnavailable, not_matched))?;
    // The token by itself comes first: what is told of that tells nothing of the project.
    let job = issuers.verify(&request.subject_token).await.map_err(|error| refusal(error, not_matched))?;
    let wanted = ExchangeToken {
        replay_until: job.replay_until(),
        project,
        claims: job.claims,
        subject: job.subject,
        unique: job.unique,
        scopes,
        ttl_seconds,
        request_id,
    };
    let (token, secret, rule) = metadata.exchange_token(wanted).await.map_err(status)?;
    Ok(ExchangeTokenResponse {
        token: Some(encode::token(token, metadata.now())),
        secret: secret.expose().to_owned(),
        trust_rule: rule.to_string(),
    })
}

fn refusal(error: VerifyError, not_matched: impl FnOnce() -> Status) -> Status {
    let told = format!("ID token is not valid: {error}");
    match error {
        VerifyError::Issuer => not_matched(),
        VerifyError::Expired => refused(Reason::TokenExpired, told),
        VerifyError::KeysUnavailable => refused(Reason::MetadataUnavailable, format!("{error}: try again")),
        _ => refused(Reason::TokenInvalid, told),
    }
}

fn audiences(texts: &[String]) -> Result<Vec<Audience>, Status> {
    texts.iter().map(|text| decode::text("trust_rule.audiences", text)).collect()
}

fn claims(texts: &HashMap<String, String>) -> Result<BTreeMap<ClaimName, ClaimGlob>, Status> {
    let claim = |(name, glob): (&String, &String)| Ok((decode::text("trust_rule.claims", name)?, decode::text("trust_rule.claims", glob)?));
    texts.iter().map(claim).collect()
}

fn packages(new: &wire::TrustRule) -> Result<Vec<NamePattern>, Status> {
    decode::globs("trust_rule.package_patterns", &new.package_patterns)
}

fn stages(new: &wire::TrustRule) -> Result<Vec<NamePattern>, Status> {
    decode::globs("trust_rule.stage_patterns", &new.stage_patterns)
}

fn seconds(field: &str, duration: Option<prost_types::Duration>) -> Result<Option<i64>, Status> {
    match duration {
        Some(duration) if duration.nanos != 0 => Err(invalid(field, Reason::ArgumentInvalid, "whole seconds")),
        duration => Ok(duration.map(|duration| duration.seconds)),
    }
}

fn name(rule: &TrustRule) -> String {
    TrustRuleRef { project: ProjectRef::Id(rule.project_id), id: rule.id }.to_string()
}

fn encoded(rule: TrustRule) -> wire::TrustRule {
    wire::TrustRule {
        name: name(&rule),
        id: rule.id,
        etag: rule.etag(),
        issuer: rule.trust.issuer().to_string(),
        audiences: rule.trust.audiences().iter().map(ToString::to_string).collect(),
        claims: rule.trust.claims().iter().map(|(name, glob)| (name.to_string(), glob.to_string())).collect(),
        scopes: scope_numbers(&rule.terms.scopes),
        role: encode::role(Some(rule.terms.role)),
        package_patterns: encode::patterns(&rule.terms.packages),
        stage_patterns: encode::patterns(&rule.terms.stages),
        maximum_ttl: Some(prost_types::Duration { seconds: rule.terms.maximum_ttl_seconds, nanos: 0 }),
        description: rule.description.to_string(),
        create_time: Some(timestamp(rule.created_at)),
        update_time: Some(timestamp(rule.updated_at)),
    }
}
