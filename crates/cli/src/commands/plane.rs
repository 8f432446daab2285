//! The service that a command calls, and as whom.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use consign_client::transport::connect;
use consign_client::{Client, Transfers};
use consign_proto::metadata as wire;
use consign_types::ProjectPath;
use consign_types::resource::ProjectRef;

/// The longest life that `--days` gives anything.
const MAX_DAYS: i64 = 3650;

/// The service, and as whom it is called.
#[derive(Debug, Args)]
pub(super) struct Plane {
    /// Address of the metadata plane.
    #[arg(long, env = "CONSIGN_SERVER", default_value = "http://127.0.0.1:50051", global = true)]
    server: String,

    /// Token to call with. Rather give it by the variable, which other users do not see.
    #[arg(long = "token", value_name = "TOKEN", env = "CONSIGN_TOKEN", hide_env_values = true, global = true)]
    bearer: Option<String>,
}

impl Plane {
    /// Calls the service.
    pub(super) async fn call(self, work: impl AsyncFnOnce(&Client) -> Result<()>) -> Result<()> {
        let Some(bearer) = self.bearer.filter(|bearer| !bearer.is_empty()) else { bail!("no token: set CONSIGN_TOKEN") };
        let plane = connect(&self.server)?;
        let client = Client::new(plane.clone(), Transfers::Remote(plane)).with_token(&bearer);
        let answer = work(&client).await;
        match answer.as_ref().err().and_then(|error| error.downcast_ref::<consign_client::Error>()) {
            Some(consign_client::Error::Transport(status)) => {
                bail!("no answer from `{}`: {} (is it the address of the gRPC services?)", self.server, status.message())
            }
            _ => answer,
        }
    }
}

/// Days from now.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Life {
    /// Days for which it counts [default: until it is ended]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
    days: Option<i64>,
}

impl Life {
    /// Its end.
    #[expect(clippy::disallowed_methods, reason = "days are counted from the caller's own time")]
    pub(super) fn end(self) -> Option<prost_types::Timestamp> {
        self.days.map(|days| {
            let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
            prost_types::Timestamp { seconds: end.as_second(), nanos: 0 }
        })
    }
}

/// What a member may do; each may do all that the ones before may.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    Guest,
    Reporter,
    Developer,
    Maintainer,
    Owner,
}

impl From<Role> for wire::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Guest => Self::Guest,
            Role::Reporter => Self::Reporter,
            Role::Developer => Self::Developer,
            Role::Maintainer => Self::Maintainer,
            Role::Owner => Self::Owner,
        }
    }
}

/// A project by its id, or else by its path.
pub(super) fn project(text: &str) -> Result<ProjectRef, String> {
    if let Ok(id) = text.parse() {
        return Ok(ProjectRef::Id(id));
    }
    text.parse::<ProjectPath>().map(ProjectRef::Path).map_err(|error| error.to_string())
}

/// The last word of an enum's value, as people write it.
pub(super) fn word(name: &str) -> String {
    name.rsplit_once('_').map_or(name, |(_, word)| word).to_lowercase()
}

/// An instant for people.
pub(super) fn shown(time: &prost_types::Timestamp) -> String {
    jiff::Timestamp::from_second(time.seconds).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) fn print(text: &str) {
    println!("{text}");
}
