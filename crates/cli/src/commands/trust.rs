//! `consign trust`: which CI jobs get tokens by what their CI system says of them.

use anyhow::Result;
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{self as wire, CreateTrustRuleRequest, TrustRule};
use consign_types::access::Role;
use consign_types::resource::{ProjectRef, TrustRuleRef};
use prost_types::Duration;

use super::arguments::{project, role};
use super::scopes::{Purpose, Rights, patterns};
use super::server::Server;
use crate::output::{print, word};

/// Makes, lists and removes trust rules.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trust the jobs of a CI system whose ID tokens have these claims.
    Create(Create),
    /// List trust rules.
    List {
        /// The project, by its path or id.
        #[arg(long, value_parser = project)]
        project: ProjectRef,
    },
    /// Remove a trust rule. Tokens that it gave stay until their end.
    Remove {
        /// The rule, as `list` shows it: `projects/7/trustRules/3`.
        name: TrustRuleRef,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// The project, by its path or id.
    #[arg(long, value_parser = project)]
    project: ProjectRef,

    /// The OIDC issuer, exactly as in claim `iss`: `https://gitlab.com`, `https://token.actions.githubusercontent.com`.
    #[arg(long)]
    issuer: String,

    /// The audience of the ID tokens; may be given several times.
    #[arg(long = "audience", required = true)]
    audiences: Vec<String>,

    /// What a claim must be, such as `project_id=42` or `ref=v*`; may be given several times. Name a number that never changes hands.
    #[arg(long = "claim", required = true, value_parser = claim)]
    claims: Vec<(String, String)>,

    #[command(flatten)]
    purpose: Purpose,

    /// The role that the tokens act with.
    #[arg(long, value_parser = role(), default_value = "developer")]
    role: Role,

    /// Minutes for which they count at most.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=1440))]
    minutes: i64,
}

pub(crate) async fn run(command: Trust) -> Result<()> {
    command.server.call(async |client| call(client, command.command).await).await
}

async fn call(client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create(create) => print(&line(&client.create_trust_rule(request(create)?).await?)),
        Command::List { project } => {
            for rule in client.list_trust_rules(&project).await? {
                print(&line(&rule));
            }
        }
        Command::Remove { name } => client.delete_trust_rule(&name).await?,
    }
    Ok(())
}

fn request(create: Create) -> Result<CreateTrustRuleRequest> {
    let Rights { scopes, package_patterns, stage_patterns } = create.purpose.rights()?;
    let rule = TrustRule {
        issuer: create.issuer,
        audiences: create.audiences,
        claims: create.claims.into_iter().collect(),
        scopes,
        role: wire::Role::from(create.role).into(),
        package_patterns,
        stage_patterns,
        maximum_ttl: Some(Duration { seconds: 60 * create.minutes, nanos: 0 }),
        ..TrustRule::default()
    };
    Ok(CreateTrustRuleRequest { parent: create.project.to_string(), trust_rule: Some(rule), ..CreateTrustRuleRequest::default() })
}

/// A claim and its glob, with `=` between them.
fn claim(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(name, glob)| (name.to_owned(), glob.to_owned()));
    parts.ok_or_else(|| "must look like `project_id=42`".to_owned())
}

/// A rule in a line, with what matters first.
fn line(rule: &TrustRule) -> String {
    let mut claims: Vec<String> = rule.claims.iter().map(|(name, glob)| format!("{name}={glob}")).collect();
    claims.sort();
    let scopes: Vec<&str> = rule.scopes().filter_map(wire::Scope::known).map(|scope| scope.as_str()).collect();
    let (packages, stages) = (patterns(&rule.package_patterns, "packages"), patterns(&rule.stage_patterns, "stages"));
    let minutes = rule.maximum_ttl.map_or(0, |ttl| ttl.seconds / 60);
    let granted = [word(rule.role().as_str_name()), scopes.join(" "), packages, stages, format!("{minutes} minutes")].join("\t");
    [rule.name.clone(), rule.issuer.clone(), rule.audiences.join(" "), claims.join(" "), granted].join("\t")
}
