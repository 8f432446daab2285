//! `consign token`: making, listing and ending tokens.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{self as wire, CreateTokenRequest, ExchangeTokenRequest};
use consign_types::access::Role;
use consign_types::resource::{NamespaceRef, ProjectRef, TokenParent, TokenRef, UserRef};
use consign_types::{NamespacePath, Username};

use super::arguments::{Life, Scopes, project, role, scopes};
use super::scopes::{Purpose, Rights, patterns};
use super::server::Server;
use crate::output::{print, shown, warn, word};

/// Makes, lists and ends tokens.
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token. Its secret is the one line on standard output; it can't be read again.
    Create(Create),
    /// List the tokens of a project, namespace or user.
    List(List),
    /// Give a token another secret, which is the one line on standard output.
    Rotate(Rotate),
    /// End a token.
    Revoke {
        /// The token, as `list` shows it: `projects/7/tokens/3`.
        name: TokenRef,
    },
    /// Tell whom the token stands for.
    Who,
    /// Change the ID token of a CI job into a token by the trust rules of a project. Its secret is the one line on standard output.
    Exchange(Exchange),
}

#[derive(Debug, Args)]
struct Exchange {
    /// The project, by its path or id.
    #[arg(long, value_parser = project)]
    project: ProjectRef,

    /// The ID token. Rather give it by the variable, which other users do not see.
    #[arg(long, env = "CONSIGN_ID_TOKEN", hide_env_values = true)]
    id_token: String,

    /// What the token may be used for; may be given several times [default: all that the rule grants]
    #[arg(long = "scope", value_parser = scopes())]
    scopes: Vec<Scopes>,
}

/// To whom tokens belong.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Parent {
    /// The project, by its path or id.
    #[arg(long, value_parser = project)]
    project: Option<ProjectRef>,

    /// The namespace, by its path.
    #[arg(long)]
    namespace: Option<NamespacePath>,

    /// The user, whose personal tokens are meant.
    #[arg(long)]
    user: Option<Username>,
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    parent: Parent,

    /// What people call it.
    #[arg(long)]
    name: String,

    #[command(flatten)]
    purpose: Purpose,

    /// The role that the token of a project or namespace acts with [default: developer]
    #[arg(long, value_parser = role())]
    role: Option<Role>,

    /// Make a deploy token: for machines that fetch and publish.
    #[arg(long, conflicts_with = "user")]
    deploy: bool,

    #[command(flatten)]
    life: Life,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    parent: Parent,

    /// Also those that are revoked or expired.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct Rotate {
    /// The token, as `list` shows it: `projects/7/tokens/3`.
    name: TokenRef,

    /// Seconds for which the old secret still counts, at most a day.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=86_400))]
    overlap_seconds: i64,
}

pub(crate) async fn run(command: Token) -> Result<()> {
    let Token { server, command } = command;
    match command {
        // Who they are is told by the ID token.
        Command::Exchange(wanted) => server.call_anonymously(async |client| exchange(client, wanted).await).await,
        command => server.call(async |client| call(client, command).await).await,
    }
}

async fn exchange(client: &Client, wanted: Exchange) -> Result<()> {
    let request = ExchangeTokenRequest {
        parent: wanted.project.to_string(),
        subject_token: wanted.id_token,
        scopes: Scopes::numbers(&wanted.scopes),
        ..ExchangeTokenRequest::default()
    };
    let (token, secret) = client.exchange_token(request).await?;
    show(&token);
    print(&secret);
    Ok(())
}

async fn call(client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Exchange(wanted) => exchange(client, wanted).await?,
        Command::Create(create) => {
            let (token, secret) = client.create_token(request(create)?).await?;
            show(&token);
            print(&secret);
        }
        Command::List(List { parent, all }) => {
            for token in client.list_tokens(&parent.name()?, all).await? {
                print(&line(&token));
            }
        }
        Command::Rotate(Rotate { name, overlap_seconds }) => {
            let (token, secret) = client.rotate_token(&name, overlap_seconds, None).await?;
            show(&token);
            print(&secret);
        }
        Command::Revoke { name } => print(&line(&client.revoke_token(&name).await?)),
        Command::Who => {
            let caller = client.who_am_i().await?;
            print(&format!("{}\n{}", caller.actor, line(&caller.token)));
        }
    }
    Ok(())
}

impl Parent {
    fn name(&self) -> Result<TokenParent> {
        let project = self.project.clone().map(TokenParent::Project);
        let namespace = self.namespace.clone().map(|path| TokenParent::Namespace(NamespaceRef::Path(path)));
        let user = self.user.clone().map(|name| TokenParent::User(UserRef::Name(name)));
        project.or(namespace).or(user).context("no project, namespace or user is named")
    }
}

fn request(create: Create) -> Result<CreateTokenRequest> {
    let kind = match &create.parent {
        Parent { user: Some(_), .. } => wire::token::Kind::Personal,
        _ if create.deploy => wire::token::Kind::Deploy,
        Parent { namespace: Some(_), .. } => wire::token::Kind::Namespace,
        _ => wire::token::Kind::Project,
    };
    let Rights { scopes, package_patterns, stage_patterns } = create.purpose.rights()?;
    Ok(CreateTokenRequest {
        parent: create.parent.name()?.to_string(),
        kind: kind.into(),
        display_name: create.name,
        scopes,
        role: create.role.map_or(wire::Role::Unspecified, wire::Role::from).into(),
        package_patterns,
        stage_patterns,
        expire_time: create.life.end(),
        ..CreateTokenRequest::default()
    })
}

/// A token in a line, with what matters first.
fn line(token: &wire::Token) -> String {
    let scopes: Vec<&str> = token.scopes().filter_map(wire::Scope::known).map(|scope| scope.as_str()).collect();
    let (packages, stages) = (patterns(&token.package_patterns, "packages"), patterns(&token.stage_patterns, "stages"));
    let end = match (&token.revoke_time, &token.expire_time) {
        (Some(revoked), _) => format!("revoked {}", shown(revoked)),
        (None, Some(end)) => format!("until {}", shown(end)),
        (None, None) => "until it is revoked".to_owned(),
    };
    let used = token.last_use_time.as_ref().map_or_else(|| "never used".to_owned(), |used| format!("used {}", shown(used)));
    let role = token.role().known().map_or("its user", |role| role.as_str()).to_owned();
    let kind = word(token.kind().as_str_name());
    let parts = [token.name.clone(), kind, token.display_name.clone(), role, scopes.join(" "), packages, stages, end, used];
    parts.join("\t")
}

/// What was made, for people: a script takes standard output.
fn show(token: &wire::Token) {
    warn(&line(token));
}
