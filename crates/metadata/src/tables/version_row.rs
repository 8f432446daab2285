//! Versions, as their rows have them.

use consign_types::label::Labels;
use consign_types::order::{SortKey, VersionScheme, is_prerelease};
use consign_types::text::Description;
use consign_types::version::{Offered, Standing, VersionState};
use consign_types::{ContentDigest, PackageName, Slug, TagName, Timestamp, VersionName};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::schema::versions;

/// A version of a package, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = versions, treat_none_as_null = true)]
pub struct VersionRow {
    /// Its id, never reused.
    pub id: i64,
    /// The project of the package.
    pub project_id: i64,
    /// The package.
    pub package_id: i64,
    /// The version's own name.
    pub version: VersionName,
    /// 0 while it holds its name, its own id once it was deleted.
    pub retired: i64,
    /// Where it is in its life.
    pub state: VersionState,
    /// Left out of lists; still found by its name.
    pub hidden: bool,
    /// What `latest` and ranges may take: the number of an [`Offered`].
    pub offered: i16,
    /// Where it stands among the versions of its package.
    pub sort_key: SortKey,
    /// What is said about it.
    pub labels: Labels,
    /// What it is.
    pub description: Description,
    /// The digest of its file set, once it is sealed.
    pub content_digest: Option<ContentDigest>,
    /// The content of the request that sealed it, by which its retry is known.
    pub sealing_digest: Option<ContentDigest>,
    /// How many paths it serves.
    pub file_count: i64,
    /// The bytes that it serves, in all.
    pub size_bytes: i64,
    /// File rows that are not deleted, all revisions.
    pub row_count: i64,
    /// The sum of their sizes.
    pub row_bytes: i64,
    /// Why it was yanked, if it was.
    pub yank_reason: Option<Description>,
    /// Who yanked it.
    pub yank_actor: Option<Slug>,
    /// Why it was quarantined, if it was.
    pub quarantine_reason: Option<Description>,
    /// Who quarantined it.
    pub quarantine_actor: Option<Slug>,
    /// How often downloads of its files were prepared.
    pub download_count: i64,
    /// When the last one was.
    pub downloaded_at: Option<Timestamp>,
    /// The number of its last change.
    pub sequence: i64,
    /// Who made it.
    pub creator: Slug,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it became visible.
    pub published_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When it is removed for good.
    pub purge_at: Option<Timestamp>,
    /// The user who made it, or for whom the token of a project or namespace acts that did; not known of those that are older than this.
    #[serde(default)]
    pub creator_id: Option<i64>,
}

impl VersionRow {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.sequence)
    }

    /// A new draft without files.
    pub(crate) fn new(
        id: i64,
        package: (i64, VersionScheme),
        project_id: i64,
        version: &VersionName,
        (creator, creator_id): (&Slug, Option<i64>),
        now: Timestamp,
    ) -> Self {
        let (package_id, scheme) = package;
        Self {
            id,
            project_id,
            package_id,
            version: version.clone(),
            retired: 0,
            state: VersionState::Draft,
            hidden: false,
            offered: 0,
            sort_key: SortKey::of(scheme, version, now),
            labels: Labels::default(),
            description: "".parse().expect("a description may be empty"),
            content_digest: None,
            sealing_digest: None,
            file_count: 0,
            size_bytes: 0,
            row_count: 0,
            row_bytes: 0,
            yank_reason: None,
            yank_actor: None,
            quarantine_reason: None,
            quarantine_actor: None,
            download_count: 0,
            downloaded_at: None,
            sequence: 0,
            creator: creator.clone(),
            created_at: now,
            updated_at: now,
            published_at: None,
            deleted_at: None,
            purge_at: None,
            creator_id,
        }
    }

    /// Brings what follows from the other columns in line with them, as of a change.
    pub(crate) fn settle(&mut self, scheme: VersionScheme, sequence: i64, now: Timestamp) {
        let standing = Standing {
            published: self.published_at.is_some(),
            sealed: self.content_digest.is_some(),
            yanked: self.yank_reason.is_some(),
            quarantined: self.quarantine_reason.is_some(),
            deleted: self.deleted_at.is_some(),
        };
        self.state = standing.state();
        self.offered = Offered::of(self.state, self.hidden, is_prerelease(scheme, &self.version)).number();
        self.sort_key = SortKey::of(scheme, &self.version, self.published_at.unwrap_or(self.created_at));
        self.sequence = sequence;
        self.updated_at = now;
    }

    /// Whether it counts as one of its package's versions.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self.state, VersionState::Draft | VersionState::Deleted)
    }
}

/// A version with the name of its package and the tags that point at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its row.
    pub row: VersionRow,
    /// The name of its package.
    pub package: PackageName,
    /// The tags that point at it, sorted.
    pub tags: Vec<TagName>,
}

impl std::ops::Deref for Version {
    type Target = VersionRow;

    fn deref(&self) -> &VersionRow {
        &self.row
    }
}
