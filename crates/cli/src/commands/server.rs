//! Which service the client commands call, and as whom.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use consign_client::transport::{connect, is_exposed};
use consign_client::{Certificates, Client, Tls, Transfers};

use crate::exit::{Ended, Exit};

/// A service, and the token for it.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Address of the metadata plane.
    #[arg(long = "server", value_name = "SERVER", env = "CONSIGN_SERVER", default_value = "http://127.0.0.1:50051", global = true)]
    endpoint: String,

    /// Token to call with. Rather give it by the variable, which other users do not see.
    #[arg(long = "token", value_name = "TOKEN", env = "CONSIGN_TOKEN", hide_env_values = true, global = true)]
    bearer: Option<String>,

    /// Authority, in PEM form, of an `https` server [default: those that the system trusts]
    #[arg(long, value_name = "FILE", env = "CONSIGN_TLS_CA", global = true)]
    tls_ca: Option<PathBuf>,

    /// Let the token cross a network in the clear, to an `http` server on another host.
    #[arg(long, env = "CONSIGN_ALLOW_PLAINTEXT", global = true)]
    allow_plaintext: bool,
}

impl Server {
    /// Calls the service as whoever has the token.
    pub(crate) async fn call(self, work: impl AsyncFnOnce(&Client) -> Result<()>) -> Result<()> {
        let Some(bearer) = self.bearer.as_deref().filter(|bearer| !bearer.is_empty()) else {
            return Err(Ended::error(Exit::Forbidden, "no token: set CONSIGN_TOKEN"));
        };
        let client = self.client()?.with_token(bearer);
        self.answered(work(&client).await)
    }

    /// Calls the service without a token.
    pub(crate) async fn call_anonymously(self, work: impl AsyncFnOnce(&Client) -> Result<()>) -> Result<()> {
        let client = self.client()?;
        self.answered(work(&client).await)
    }

    fn answered(&self, answer: Result<()>) -> Result<()> {
        match answer.as_ref().err().and_then(|error| error.downcast_ref::<consign_client::Error>()) {
            Some(consign_client::Error::Transport(status)) => {
                let told = format!("no answer from `{}`: {} (is it the address of the gRPC services?)", self.endpoint, status.message());
                Err(Ended::error(Exit::Unavailable, told))
            }
            _ => answer,
        }
    }

    fn client(&self) -> Result<Client> {
        if is_exposed(&self.endpoint) && !self.allow_plaintext {
            bail!("`{}` is on another host: use `https`, or let the token be read on the way by `--allow-plaintext`", self.endpoint);
        }
        let plane = connect(&self.endpoint, &self.tls()?)?;
        Ok(Client::new(plane.clone(), Transfers::Remote(plane)))
    }

    fn tls(&self) -> Result<Tls> {
        let Some(path) = &self.tls_ca else { return Ok(Tls::default()) };
        let read = std::fs::read(path).map_err(anyhow::Error::from);
        let tls = read.and_then(|ca| Ok(Tls::new(Certificates { ca: Some(ca), identity: None })?));
        tls.map_err(|error| anyhow!("cannot use `{}`: {error}", path.display()))
    }
}
