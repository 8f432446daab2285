//! Promotions, as their rows have them.

use consign_types::promotion::{Report, Review, StageName, State, Verdict, Waiver};
use consign_types::text::Description;
use consign_types::{ContentDigest, Digest, PackageName, Slug, Timestamp, VersionName};
use diesel::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schema::{promotion_items, promotions};

/// A request to place versions on a stage, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Its id, never reused.
    pub id: i64,
    /// The project.
    pub project_id: i64,
    /// The stage.
    pub stage_id: i64,
    /// What the stage is called.
    pub stage: StageName,
    /// Where it stands.
    pub state: State,
    /// What it places.
    pub items: Vec<PromotionItem>,
    /// Why it was asked for.
    pub justification: Description,
    /// Who asked for it.
    pub creator: Slug,
    /// The gates that were put aside.
    pub waivers: Vec<Waiver>,
    /// The gates as last judged.
    pub verdicts: Vec<Verdict>,
    /// What people said, oldest first.
    pub reviews: Vec<Review>,
    /// What checkers reported, oldest first.
    pub reports: Vec<Report>,
    /// SHA-256 of the policy that it was judged by.
    pub policy_digest: Digest,
    /// The promotion after which the stage stands again, for one that undoes others; 0: after none.
    pub rollback_target: Option<i64>,
    /// The promotion that undid it.
    pub rolled_back_by: Option<i64>,
    /// The hash of the one that was applied before it in the project.
    pub previous_record_hash: Option<Digest>,
    /// The hash of its record, once it was applied.
    pub record_hash: Option<Digest>,
    /// Its signed statement: a DSSE envelope in JSON.
    pub statement: Option<String>,
    /// The change that applied it; 0: none did.
    pub sequence: i64,
    /// Counts its changes.
    pub revision: i64,
    /// When it is judged again by itself, while it is pending.
    pub judge_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its versions were placed.
    pub effective_at: Option<Timestamp>,
    /// When it ceased to be pending.
    pub closed_at: Option<Timestamp>,
}

/// A version within a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionItem {
    /// The package.
    pub package_id: i64,
    /// The version.
    pub version_id: i64,
    /// What the package is called.
    pub package: PackageName,
    /// What the version is called.
    pub version: VersionName,
    /// What is placed.
    pub content_digest: ContentDigest,
    /// The change as of which the version consisted of that.
    pub content_sequence: i64,
    /// The version whose place it took.
    pub replaced_version: Option<VersionName>,
    /// When the version was published; `None` where it is placed again by a rollback.
    pub published_at: Option<Timestamp>,
}

impl Promotion {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = promotions, treat_none_as_null = true)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) project_id: i64,
    pub(super) stage_id: i64,
    pub(super) stage: StageName,
    pub(super) state: State,
    pub(super) justification: Description,
    pub(super) creator: Slug,
    pub(super) waivers: String,
    pub(super) verdicts: String,
    pub(super) reviews: String,
    pub(super) reports: String,
    pub(super) policy_digest: Digest,
    pub(super) rollback_target: Option<i64>,
    pub(super) rolled_back_by: Option<i64>,
    pub(super) previous_record_hash: Option<Digest>,
    pub(super) record_hash: Option<Digest>,
    pub(super) statement: Option<String>,
    pub(super) sequence: i64,
    pub(super) revision: i64,
    pub(super) judge_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) effective_at: Option<Timestamp>,
    pub(super) closed_at: Option<Timestamp>,
}

#[derive(Clone, Queryable, Insertable)]
#[diesel(table_name = promotion_items)]
pub(super) struct ItemRow {
    pub(super) promotion_id: i64,
    pub(super) position: i32,
    pub(super) package_id: i64,
    pub(super) version_id: i64,
    pub(super) package: PackageName,
    pub(super) version: VersionName,
    pub(super) content_digest: ContentDigest,
    pub(super) content_sequence: i64,
    pub(super) replaced_version: Option<VersionName>,
    pub(super) published_at: Option<Timestamp>,
}

pub(super) fn to_row(promotion: &Promotion) -> Row {
    let of = promotion.clone();
    Row {
        id: of.id,
        project_id: of.project_id,
        stage_id: of.stage_id,
        stage: of.stage,
        state: of.state,
        justification: of.justification,
        creator: of.creator,
        waivers: to_json(&of.waivers),
        verdicts: to_json(&of.verdicts),
        reviews: to_json(&of.reviews),
        reports: to_json(&of.reports),
        policy_digest: of.policy_digest,
        rollback_target: of.rollback_target,
        rolled_back_by: of.rolled_back_by,
        previous_record_hash: of.previous_record_hash,
        record_hash: of.record_hash,
        statement: of.statement,
        sequence: of.sequence,
        revision: of.revision,
        judge_at: of.judge_at,
        created_at: of.created_at,
        effective_at: of.effective_at,
        closed_at: of.closed_at,
    }
}

fn to_json<T: Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).expect("its keys are texts")
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    serde_json::from_str(text).map_err(|_| Error::Row("promotions"))
}

pub(super) fn from_row(row: Row, items: Vec<PromotionItem>) -> Result<Promotion> {
    Ok(Promotion {
        id: row.id,
        project_id: row.project_id,
        stage_id: row.stage_id,
        stage: row.stage,
        state: row.state,
        items,
        justification: row.justification,
        creator: row.creator,
        waivers: from_json(&row.waivers)?,
        verdicts: from_json(&row.verdicts)?,
        reviews: from_json(&row.reviews)?,
        reports: from_json(&row.reports)?,
        policy_digest: row.policy_digest,
        rollback_target: row.rollback_target,
        rolled_back_by: row.rolled_back_by,
        previous_record_hash: row.previous_record_hash,
        record_hash: row.record_hash,
        statement: row.statement,
        sequence: row.sequence,
        revision: row.revision,
        judge_at: row.judge_at,
        created_at: row.created_at,
        effective_at: row.effective_at,
        closed_at: row.closed_at,
    })
}
