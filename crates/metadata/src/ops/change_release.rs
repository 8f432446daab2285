//! Changing a release: what it says, its links, and removing it.

use consign_types::Timestamp;
use consign_types::release::{Link, Notes, SourceTag};
use consign_types::resource::ProjectRef;
use consign_types::text::{DisplayName, Etag, RequestId};

use super::change::{Begun, Change, begin, call};
use super::create_release::{add, release_name};
use super::etag_of;
use super::idempotency::{Call, Fingerprint};
use crate::connection::Db;
use crate::tables::releases::{self, Release};
use crate::{Error, Metadata, Principal, Result};

/// A release that is to be changed, and by whom.
#[derive(Clone, Debug)]
pub struct ReleaseChange<W> {
    /// Who changes it.
    pub principal: Principal,
    /// Its project.
    pub project: ProjectRef,
    /// Its tag.
    pub tag: SourceTag,
    /// What is to be done.
    pub what: W,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// What a release is to say.
#[derive(Clone, Debug)]
pub struct ReleaseWords {
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What people call it.
    pub display_name: Option<DisplayName>,
    /// What there is to say.
    pub description: Option<Notes>,
    /// When it was or will be released.
    pub released_at: Option<Timestamp>,
}

impl Metadata {
    /// Changes what a release says. `ReleaseNotFound`, `EtagMismatch`.
    pub async fn update_release(&self, request: ReleaseChange<ReleaseWords>) -> Result<Release> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }

    /// Removes a release for good. `ReleaseNotFound`.
    pub async fn delete_release(&self, request: ReleaseChange<()>) -> Result<Release> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }

    /// Adds a link. `ReleaseNotFound`, `NameTaken`, `ArgumentInvalid`.
    pub async fn create_release_link(&self, request: ReleaseChange<Link>) -> Result<Link> {
        let now = self.now();
        self.pool.write(move |db| create_link(db, &request, now)).await
    }

    /// Removes a link, by its id. `ReleaseNotFound`, also where there is no such link.
    pub async fn delete_release_link(&self, request: ReleaseChange<i64>) -> Result<Link> {
        let now = self.now();
        self.pool.write(move |db| delete_link(db, &request, now)).await
    }
}

impl<W: std::fmt::Debug> ReleaseChange<W> {
    fn call(&self, method: &'static str, now: Timestamp) -> Call<'_> {
        let fingerprint = Fingerprint::new().field(self.project.to_string()).shown(&(&self.tag, &self.what)).finish();
        call(&self.principal, method, &release_name(&self.project, &self.tag), self.request_id.as_ref(), fingerprint, now)
    }

    fn release(&self, db: &mut Db, change: &Change<'_>) -> Result<Release> {
        releases::find(db, change.project.id, &self.tag)?.ok_or_else(|| Error::ReleaseNotFound(self.tag.to_string()))
    }
}

fn update(db: &mut Db, request: &ReleaseChange<ReleaseWords>, now: Timestamp) -> Result<Release> {
    let call = request.call("UpdateRelease", now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut release = request.release(db, &change)?;
    let ReleaseWords { etag, display_name, description, released_at } = &request.what;
    etag_of(etag.as_ref(), &release.etag(), &release.tag)?;
    release.display_name = display_name.clone().unwrap_or(release.display_name);
    release.description = description.clone().unwrap_or(release.description);
    release.released_at = released_at.unwrap_or(release.released_at);
    write(db, &mut release, now)?;
    change.batch(db, &release, Vec::new()).send(db)?;
    Ok(release)
}

fn delete(db: &mut Db, request: &ReleaseChange<()>, now: Timestamp) -> Result<Release> {
    let call = request.call("DeleteRelease", now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let release = request.release(db, &change)?;
    releases::remove(db, release.id)?;
    change.batch(db, &release, Vec::new()).send(db)?;
    Ok(release)
}

fn create_link(db: &mut Db, request: &ReleaseChange<Link>, now: Timestamp) -> Result<Link> {
    let call = request.call("CreateReleaseLink", now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut release = request.release(db, &change)?;
    let link = add(&mut release, &request.what)?;
    write(db, &mut release, now)?;
    change.batch(db, &link, Vec::new()).send(db)?;
    Ok(link)
}

fn delete_link(db: &mut Db, request: &ReleaseChange<i64>, now: Timestamp) -> Result<Link> {
    let call = request.call("DeleteReleaseLink", now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut release = request.release(db, &change)?;
    let missing = || Error::ReleaseNotFound(format!("{}/links/{}", request.tag, request.what));
    let place = release.links.iter().position(|link| link.id == request.what).ok_or_else(missing)?;
    let link = release.links.remove(place);
    write(db, &mut release, now)?;
    change.batch(db, &link, Vec::new()).send(db)?;
    Ok(link)
}

fn write(db: &mut Db, release: &mut Release, now: Timestamp) -> Result<()> {
    (release.revision, release.updated_at) = (release.revision + 1, now);
    releases::update(db, release)
}
