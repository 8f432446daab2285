//! Reading a tag as it stands.

use consign_types::resource::TagRef;

use super::tagging::mark;
use super::{package, project};
use crate::tables::tags::{self, PlacedTag};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// A tag as it stands, or `TagNotFound`.
    pub async fn find_tag(&self, name: TagRef) -> Result<PlacedTag> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.package.project)?.id;
                let package = package(db, project, &name.package)?.id;
                let mut tag = tags::find(db, package, &name.tag)?.ok_or(Error::TagNotFound(name))?;
                mark(db, project, std::slice::from_mut(&mut tag))?;
                Ok(tag)
            })
            .await
    }
}
