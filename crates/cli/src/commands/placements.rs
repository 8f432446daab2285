//! `consign where`: on which stages something stands.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use consign_client::Client;
use consign_proto::metadata::list_placements_request::Subject;
use consign_proto::metadata::{ListPlacementsRequest, Placement};
use consign_types::Digest;
use consign_types::resource::ProjectRef;

use super::arguments::{package_version, project};
use super::content::{directory_digest, file_digest};
use super::server::Server;
use super::stage::placement_line;
use crate::output::print;

/// Tells on which stages something stands.
#[derive(Debug, Args)]
pub(crate) struct Where {
    #[command(flatten)]
    server: Server,

    /// The project, by its path or id.
    #[arg(value_parser = project)]
    project: ProjectRef,

    /// A version (`tool@1.0`), the digest of a file or of a version's content (`sha256:…`), a file here, or a directory here that has
    /// just the files of a version.
    what: String,

    /// Also where it stood before.
    #[arg(long)]
    past: bool,
}

pub(crate) async fn run(command: Where) -> Result<()> {
    let Where { server, project, what, past } = command;
    let subjects = subjects(&project, &what)?;
    server.call(async |client| call(client, &project, subjects, past).await).await
}

async fn call(client: &Client, project: &ProjectRef, subjects: Vec<Subject>, show_past: bool) -> Result<()> {
    let mut placements: Vec<Placement> = Vec::new();
    for subject in subjects {
        let request =
            ListPlacementsRequest { parent: project.to_string(), subject: Some(subject), show_past, ..ListPlacementsRequest::default() };
        placements.extend(client.list_placements(request).await?);
    }
    for placement in &placements {
        print(&placement_line(placement));
    }
    Ok(())
}

/// What is looked for.
fn subjects(project: &ProjectRef, what: &str) -> Result<Vec<Subject>> {
    let content = |digest: &[u8; 32]| Subject::ContentDigest(digest.to_vec().into());
    let file = |digest: &[u8; 32]| Subject::FileSha256(digest.to_vec().into());
    let path = Path::new(what);
    if let Some(digest) = what.strip_prefix("sha256:") {
        let digest: Digest = digest.parse().map_err(|error| anyhow!("`{what}`: {error}"))?;
        return Ok(vec![content(digest.as_bytes()), file(digest.as_bytes())]);
    }
    match package_version(what) {
        Ok(version) => Ok(vec![Subject::Version(version.within(project).to_string())]),
        Err(_) if path.is_dir() => Ok(vec![content(directory_digest(path)?.as_bytes())]),
        Err(_) if path.is_file() => Ok(vec![file(file_digest(path)?.as_bytes())]),
        Err(_) => bail!("`{what}` is no version (`tool@1.0`), digest (`sha256:…`), file or directory"),
    }
}
