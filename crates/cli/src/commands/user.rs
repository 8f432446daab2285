//! `consign user`: whoever signs in.

use anyhow::Result;
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{CreateUserRequest, UpdateUserRequest, User as Row};
use consign_types::Username;
use consign_types::resource::UserRef;
use prost_types::FieldMask;

use super::server::Server;
use crate::output::print;

/// Makes, lists and changes users.
#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a user, with a namespace of the same name.
    Create {
        /// The name to sign in by.
        username: Username,

        /// What people call it [default: the user name]
        #[arg(long, default_value = "")]
        name: String,

        /// Its mail address.
        #[arg(long, default_value = "")]
        email: String,

        /// Make it an administrator.
        #[arg(long)]
        admin: bool,
    },
    /// List users.
    List,
    /// Refuse its tokens.
    Disable {
        /// The user.
        username: Username,
    },
    /// Let its tokens count again.
    Enable {
        /// The user.
        username: Username,
    },
    /// Make it an administrator.
    Promote {
        /// The user.
        username: Username,
    },
    /// Make it an administrator no more.
    Demote {
        /// The user.
        username: Username,
    },
}

pub(crate) async fn run(command: User) -> Result<()> {
    command.server.call(async |client| call(client, command.command).await).await
}

async fn call(client: &Client, command: Command) -> Result<()> {
    let changed = |username: Username, field: &str, admin, disabled| {
        let user = Row { name: UserRef::Name(username).to_string(), admin, disabled, ..Row::default() };
        let update_mask = Some(FieldMask { paths: vec![field.to_owned()] });
        client.update_user(UpdateUserRequest { user: Some(user), update_mask, ..UpdateUserRequest::default() })
    };
    let user = match command {
        Command::Create { username, name, email, admin } => {
            let username = username.to_string();
            client.create_user(CreateUserRequest { username, display_name: name, email, admin, ..CreateUserRequest::default() }).await?
        }
        Command::List => {
            for user in client.list_users().await? {
                print(&line(&user));
            }
            return Ok(());
        }
        Command::Disable { username } => changed(username, "disabled", false, true).await?,
        Command::Enable { username } => changed(username, "disabled", false, false).await?,
        Command::Promote { username } => changed(username, "admin", true, false).await?,
        Command::Demote { username } => changed(username, "admin", false, false).await?,
    };
    print(&line(&user));
    Ok(())
}

/// A user in a line, with what matters first.
fn line(user: &Row) -> String {
    let kind = if user.admin { "admin" } else { "user" };
    let state = if user.disabled { "disabled" } else { "enabled" };
    [&user.name, &user.username, kind, state, &user.display_name, &user.email].join("\t").trim_end().to_owned()
}
