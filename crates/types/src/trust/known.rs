//! What is known of issuers and their claims.
//!
//! Sources: the documentation of GitLab on ID tokens, of GitHub on the OIDC tokens of Actions, and of Kubernetes on service account tokens;
//! RFC 7519 and OpenID Connect Core 1.0 for the rest.

use super::Issuer;

/// What a claim is worth in a trust rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// A number that its issuer gives once: whoever has it stays the same.
    Id,
    /// A name, or made of names: it can be given up and taken by somebody else.
    Name,
    /// How, where or when a job runs: it narrows a rule, and is true of everybody's jobs.
    Circumstance,
    /// It is about the token, not about its job.
    Envelope,
}

const IDS: [&str; 9] = [
    "actor_id",
    "enterprise_id",
    "job_namespace_id",
    "job_project_id",
    "namespace_id",
    "project_id",
    "repository_id",
    "repository_owner_id",
    "user_id",
];

const NAMES: [&str; 14] = [
    "actor",
    "ci_config_ref_uri",
    "enterprise",
    "job_namespace_path",
    "job_project_path",
    "job_workflow_ref",
    "namespace_path",
    "project_path",
    "repository",
    "repository_owner",
    "sub",
    "user_email",
    "user_login",
    "workflow_ref",
];

const CIRCUMSTANCES: [&str; 32] = [
    "base_ref",
    "check_run_id",
    "ci_config_sha",
    "deployment_tier",
    "environment",
    "environment_action",
    "environment_node_id",
    "environment_protected",
    "event_name",
    "groups_direct",
    "head_ref",
    "job_id",
    "job_source",
    "job_workflow_sha",
    "pipeline_id",
    "pipeline_source",
    "project_visibility",
    "ref",
    "ref_path",
    "ref_protected",
    "ref_type",
    "repository_visibility",
    "run_attempt",
    "run_id",
    "run_number",
    "runner_environment",
    "runner_id",
    "sha",
    "user_access_level",
    "user_identities",
    "workflow",
    "workflow_sha",
];

const ENVELOPE: [&str; 11] = ["acr", "amr", "aud", "auth_time", "azp", "exp", "iat", "iss", "jti", "nbf", "nonce"];

/// Events that start a job with the rights of a repository for code that may come from outside of it.
pub(super) const FOREIGN_EVENTS: [&str; 2] = ["pull_request_target", "workflow_run"];

/// What a claim is worth, where the claim is a known one. The `sub` of GitLab and GitHub is made of names.
pub fn nature(claim: &str) -> Option<Nature> {
    let tables =
        [(IDS.as_slice(), Nature::Id), (&NAMES, Nature::Name), (&CIRCUMSTANCES, Nature::Circumstance), (&ENVELOPE, Nature::Envelope)];
    tables.into_iter().find(|(names, _)| names.contains(&claim)).map(|(_, nature)| nature)
}

/// The claims of which a rule of this issuer must name one exactly; empty for issuers that are not known.
pub(super) fn required_ids(issuer: &Issuer) -> &'static [&'static str] {
    if is_at(issuer, "https://gitlab.com") {
        &["project_id", "namespace_id", "user_id"]
    } else if is_github(issuer) {
        &["repository_id", "repository_owner_id"]
    } else {
        &[]
    }
}

/// GitHub, where an enterprise may have a path of its own; GitHub with data residency; and GitHub on an own server.
fn is_github(issuer: &Issuer) -> bool {
    let host = issuer.as_str().trim_start_matches("https://").split('/').next().unwrap_or_default();
    is_at(issuer, "https://token.actions.githubusercontent.com")
        || (host.starts_with("token.actions.") && host.ends_with(".ghe.com"))
        || issuer.as_str().ends_with("/_services/token")
}

fn is_at(issuer: &Issuer, root: &str) -> bool {
    issuer.as_str().strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
