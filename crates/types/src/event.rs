//! Events: what watchers are told of changes.
//!
//! Events tell of what a project keeps and of where it stands. Who may do what is told by the audit alone.

use crate::word::word_enum;

word_enum! {
    /// What happened.
    EventType {
        /// A project was made.
        ProjectCreated = "project.created",
        /// Its path, texts or visibility changed.
        ProjectChanged = "project.changed",
        /// It was deleted, and can be brought back.
        ProjectDeleted = "project.deleted",
        /// It was brought back.
        ProjectUndeleted = "project.undeleted",
        /// Settings of it changed.
        SettingsChanged = "settings.changed",
        /// Texts, labels or the scheme of a package changed.
        PackageChanged = "package.changed",
        /// It was deleted with all its versions.
        PackageDeleted = "package.deleted",
        /// It was brought back.
        PackageUndeleted = "package.undeleted",
        /// A version came to be: as a draft, open, or sealed at once.
        VersionCreated = "version.created",
        /// Files came to it, or its texts, labels or hidden status changed.
        VersionChanged = "version.changed",
        /// It was sealed: its files never change again.
        VersionPublished = "version.published",
        /// It was yanked.
        VersionYanked = "version.yanked",
        /// That was taken back.
        VersionUnyanked = "version.unyanked",
        /// It was quarantined: nobody reads it.
        VersionQuarantined = "version.quarantined",
        /// That was taken back.
        VersionReleased = "version.released",
        /// It was deleted.
        VersionDeleted = "version.deleted",
        /// It was brought back.
        VersionUndeleted = "version.undeleted",
        /// A file of an open version was deleted.
        FileDeleted = "file.deleted",
        /// It was brought back.
        FileUndeleted = "file.undeleted",
        /// A tag points at a version, and pointed at none.
        TagCreated = "tag.created",
        /// It points at another version or content.
        TagMoved = "tag.moved",
        /// It points at nothing any more.
        TagDeleted = "tag.deleted",
        /// A rule over tags was made.
        TagRuleCreated = "tag_rule.created",
        /// It was changed.
        TagRuleChanged = "tag_rule.changed",
        /// It was removed.
        TagRuleDeleted = "tag_rule.deleted",
        /// A release was written.
        ReleaseCreated = "release.created",
        /// It, or one of its links, was changed.
        ReleaseChanged = "release.changed",
        /// It was removed.
        ReleaseDeleted = "release.deleted",
        /// A stage was declared.
        StageCreated = "stage.created",
        /// What it asks for, or how it is called, changed.
        StageChanged = "stage.changed",
        /// It was removed.
        StageDeleted = "stage.deleted",
        /// Nothing is placed on it but by a rollback.
        StageHeld = "stage.held",
        /// That was taken back.
        StageReleased = "stage.released",
        /// Somebody asked for a promotion.
        PromotionCreated = "promotion.created",
        /// A person spoke about it.
        PromotionReviewed = "promotion.reviewed",
        /// A checker spoke about one of its gates.
        PromotionReported = "promotion.reported",
        /// Its versions stand on the stage.
        PromotionSucceeded = "promotion.succeeded",
        /// A gate can't hold any more.
        PromotionRejected = "promotion.rejected",
        /// It was taken back before it was applied.
        PromotionCancelled = "promotion.cancelled",
        /// Another one took its place before it was applied.
        PromotionSuperseded = "promotion.superseded",
        /// A runtime said what it runs.
        DeploymentRecorded = "deployment.recorded",
        /// A statement about a content or file was added.
        AttestationCreated = "attestation.created",
        /// A key or identity is trusted.
        TrustedKeyCreated = "trusted_key.created",
        /// It was changed.
        TrustedKeyChanged = "trusted_key.changed",
        /// It was removed.
        TrustedKeyDeleted = "trusted_key.deleted",
    }
}

/// The methods of which each call is one event, about what the call names.
const OF_METHODS: &[(&str, EventType)] = &[
    ("CreateProject", EventType::ProjectCreated),
    ("UpdateProject", EventType::ProjectChanged),
    ("DeleteProject", EventType::ProjectDeleted),
    ("UndeleteProject", EventType::ProjectUndeleted),
    ("UpdateSettings", EventType::SettingsChanged),
    ("UpdatePackage", EventType::PackageChanged),
    ("DeletePackage", EventType::PackageDeleted),
    ("UndeletePackage", EventType::PackageUndeleted),
    ("CreateVersion", EventType::VersionCreated),
    ("UpdateVersion", EventType::VersionChanged),
    ("YankVersion", EventType::VersionYanked),
    ("UnyankVersion", EventType::VersionUnyanked),
    ("QuarantineVersion", EventType::VersionQuarantined),
    ("ReleaseVersion", EventType::VersionReleased),
    ("DeleteVersion", EventType::VersionDeleted),
    ("UndeleteVersion", EventType::VersionUndeleted),
    ("DeleteFile", EventType::FileDeleted),
    ("UndeleteFile", EventType::FileUndeleted),
    ("CreateTagRule", EventType::TagRuleCreated),
    ("UpdateTagRule", EventType::TagRuleChanged),
    ("DeleteTagRule", EventType::TagRuleDeleted),
    ("CreateRelease", EventType::ReleaseCreated),
    ("UpdateRelease", EventType::ReleaseChanged),
    ("CreateReleaseLink", EventType::ReleaseChanged),
    ("DeleteReleaseLink", EventType::ReleaseChanged),
    ("DeleteRelease", EventType::ReleaseDeleted),
    ("CreateStage", EventType::StageCreated),
    ("UpdateStage", EventType::StageChanged),
    ("DeleteStage", EventType::StageDeleted),
    ("HoldStage", EventType::StageHeld),
    ("ReleaseStage", EventType::StageReleased),
    ("CancelPromotion", EventType::PromotionCancelled),
    ("RecordDeployment", EventType::DeploymentRecorded),
    ("CreateAttestation", EventType::AttestationCreated),
    ("CreateTrustedKey", EventType::TrustedKeyCreated),
    ("UpdateTrustedKey", EventType::TrustedKeyChanged),
    ("DeleteTrustedKey", EventType::TrustedKeyDeleted),
];

impl EventType {
    /// The one event of a call to a method, by its name in the audit. `None` where it depends on the call what is told: of publishes,
    /// moves of tags, and promotions; and of what rules over rights, which not everybody may read who reads events.
    pub fn of_method(method: &str) -> Option<Self> {
        OF_METHODS.iter().find(|(name, _)| *name == method).map(|(_, event)| *event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_thing_and_what_became_of_it() {
        for (_, event) in OF_METHODS {
            assert_eq!(event.as_str().split('.').count(), 2, "{event}");
            assert_eq!(event.as_str().parse(), Ok(*event));
        }
        assert_eq!(EventType::of_method("YankVersion"), Some(EventType::VersionYanked));
        assert_eq!(EventType::of_method("PublishVersion"), None);
    }

    #[test]
    fn a_method_is_told_of_in_one_way() {
        let mut names: Vec<&str> = OF_METHODS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
