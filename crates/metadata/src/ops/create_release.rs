//! Making a release.

use consign_types::Timestamp;
use consign_types::release::{Link, MAX_LINK_BYTES, MAX_LINKS, Notes, SourceTag, bytes_of, conflict};
use consign_types::resource::ProjectRef;
use consign_types::text::{DisplayName, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::releases::{self, Release};
use crate::{Error, Metadata, Principal, Result};

/// A release to be made.
#[derive(Clone, Debug)]
pub struct CreateRelease {
    /// Who makes it.
    pub principal: Principal,
    /// The project.
    pub project: ProjectRef,
    /// The tag.
    pub tag: SourceTag,
    /// What people call it.
    pub display_name: DisplayName,
    /// What there is to say.
    pub description: Notes,
    /// Its links, whose ids do not matter.
    pub links: Vec<Link>,
    /// When it was or will be released; `None` for now.
    pub released_at: Option<Timestamp>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a release. `NameTaken` if its tag has one, or if two links have one name or address.
    pub async fn create_release(&self, request: CreateRelease) -> Result<Release> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateRelease, now: Timestamp) -> Result<Release> {
    let shown = (&request.tag, &request.display_name, &request.description, &request.links, request.released_at);
    let fingerprint = Fingerprint::new().field(request.project.to_string()).shown(&shown).finish();
    let name = release_name(&request.project, &request.tag);
    let call = call(&request.principal, "CreateRelease", &name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut release = Release {
        id: 0,
        project_id: change.project.id,
        tag: request.tag.clone(),
        display_name: request.display_name.clone(),
        description: request.description.clone(),
        links: Vec::new(),
        last_link: 0,
        creator: request.principal.name.clone(),
        revision: 1,
        released_at: request.released_at.unwrap_or(now),
        created_at: now,
        updated_at: now,
    };
    for link in &request.links {
        add(&mut release, link)?;
    }
    release.id = releases::insert(db, &release)?.ok_or_else(|| Error::NameTaken(release.tag.to_string()))?;
    change.batch(db, &release, Vec::new()).send(db)?;
    Ok(release)
}

/// What the audit calls a release.
pub(super) fn release_name(project: &ProjectRef, tag: &SourceTag) -> String {
    format!("{project}/releases/{tag}")
}

/// Adds a link, with an id of its own.
pub(super) fn add(release: &mut Release, link: &Link) -> Result<Link> {
    if release.links.len() >= MAX_LINKS {
        return Err(Error::ArgumentInvalid { field: "links", rule: format!("a release has at most {MAX_LINKS} links") });
    }
    if let Some(taken) = conflict(&release.links, link) {
        return Err(Error::NameTaken(taken));
    }
    release.last_link += 1;
    let link = Link { id: release.last_link, ..link.clone() };
    release.links.push(link.clone());
    if bytes_of(&release.links) > MAX_LINK_BYTES {
        return Err(Error::ArgumentInvalid { field: "links", rule: format!("the links of a release have at most {MAX_LINK_BYTES} bytes") });
    }
    Ok(link)
}
