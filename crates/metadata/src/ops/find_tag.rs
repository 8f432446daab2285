//! Reading a tag as it stands.

use consign_types::resource::TagRef;

use super::project;
use super::tagging::{find, mark};
use crate::tables::tags::PlacedTag;
use crate::{Metadata, Result};

impl Metadata {
    /// A tag as it stands, or `TagNotFound`.
    pub async fn find_tag(&self, name: TagRef) -> Result<PlacedTag> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.package.project)?.id;
                let mut tag = find(db, project, &name)?;
                mark(db, project, std::slice::from_mut(&mut tag))?;
                Ok(tag)
            })
            .await
    }
}
