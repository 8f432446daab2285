//! `consign member`: who has which role where.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{self as wire, CreateMemberRequest, Member as Row, UpdateMemberRequest};
use consign_types::access::Role;
use consign_types::resource::{MemberParent, MemberRef, NamespaceRef, ProjectRef, UserRef};
use consign_types::{NamespacePath, Username};
use prost_types::FieldMask;

use super::arguments::{Life, project, role};
use super::server::Server;
use crate::output::{print, shown, word};

/// Gives, lists and takes away roles.
#[derive(Debug, Args)]
pub(crate) struct Member {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give a user a role.
    Add {
        #[command(flatten)]
        place: Place,

        /// The user.
        username: Username,

        /// The role.
        #[arg(long, value_parser = role())]
        role: Role,

        #[command(flatten)]
        life: Life,
    },
    /// Give a member another role.
    Update {
        #[command(flatten)]
        place: Place,

        /// The user.
        username: Username,

        /// The role.
        #[arg(long, value_parser = role())]
        role: Role,
    },
    /// List members, those of namespaces above included.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Take a user's role away. Your own you may always give back.
    Remove {
        #[command(flatten)]
        place: Place,

        /// The user.
        username: Username,
    },
}

/// Where.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// The project, by its path or id.
    #[arg(long, value_parser = project)]
    project: Option<ProjectRef>,

    /// The namespace, by its path: the role counts in all below it.
    #[arg(long)]
    namespace: Option<NamespacePath>,
}

impl Place {
    fn name(self) -> Result<MemberParent> {
        let namespace = self.namespace.map(|path| MemberParent::Namespace(NamespaceRef::Path(path)));
        self.project.map(MemberParent::Project).or(namespace).context("neither a project nor a namespace is named")
    }

    fn member(self, username: Username) -> Result<MemberRef> {
        Ok(MemberRef { parent: self.name()?, user: UserRef::Name(username) })
    }
}

pub(crate) async fn run(command: Member) -> Result<()> {
    command.server.call(async |client| call(client, command.command).await).await
}

async fn call(client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Add { place, username, role, life } => {
            let request = CreateMemberRequest {
                parent: place.name()?.to_string(),
                user: UserRef::Name(username).to_string(),
                role: wire::Role::from(role).into(),
                expire_time: life.end(),
                ..CreateMemberRequest::default()
            };
            print(&line(&client.create_member(request).await?));
        }
        Command::Update { place, username, role } => {
            let name = place.member(username)?.to_string();
            let member = Row { name, role: wire::Role::from(role).into(), ..Row::default() };
            let update_mask = Some(FieldMask { paths: vec!["role".to_owned()] });
            let request = UpdateMemberRequest { member: Some(member), update_mask, ..UpdateMemberRequest::default() };
            print(&line(&client.update_member(request).await?));
        }
        Command::List { place } => {
            for member in client.list_members(&place.name()?).await? {
                print(&line(&member));
            }
        }
        Command::Remove { place, username } => client.delete_member(&place.member(username)?).await?,
    }
    Ok(())
}

/// A member in a line, with what matters first.
fn line(member: &Row) -> String {
    let end = member.expire_time.as_ref().map_or_else(|| "for ever".to_owned(), |end| format!("until {}", shown(end)));
    let role = word(member.role().as_str_name());
    [&member.name, &member.username, &role, &end, &member.inherited_from].map(String::as_str).join("\t").trim_end().to_owned()
}
