//! The cleanup policy of a project: how many files of one name its packages keep.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use consign_client::Error;
use consign_proto::metadata::Settings;
use consign_types::resource::ScopeRef;
use prost_types::Timestamp;

use super::project::{self, Project};
use super::refusal::{Refusal, Result, known, told};
use super::scalar::Time;
use super::session::Session;

/// What deletes packages, as the planes call that.
const DELETE: &str = "consign.metadata.v1.PackageService/DeletePackage";

/// How many files of one name a package keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "PackagesCleanupKeepDuplicatedPackageFilesEnum")]
pub(super) enum Keep {
    AllPackageFiles,
    OnePackageFile,
    TenPackageFiles,
    TwentyPackageFiles,
    ThirtyPackageFiles,
    FortyPackageFiles,
    FiftyPackageFiles,
}

/// The words, and what each says in numbers.
const NUMBERS: [(Keep, i32); 6] = [
    (Keep::OnePackageFile, 1),
    (Keep::TenPackageFiles, 10),
    (Keep::TwentyPackageFiles, 20),
    (Keep::ThirtyPackageFiles, 30),
    (Keep::FortyPackageFiles, 40),
    (Keep::FiftyPackageFiles, 50),
];

impl Keep {
    fn number(self) -> Option<i32> {
        NUMBERS.iter().find(|(keep, _)| *keep == self).map(|(_, number)| *number)
    }

    /// The word for a number; for one that has none, that which keeps no fewer.
    fn of(number: Option<i32>) -> Self {
        let word = number.and_then(|number| NUMBERS.iter().find(|(_, word)| *word >= number));
        word.map_or(Self::AllPackageFiles, |(keep, _)| *keep)
    }
}

/// How long after its policy was changed GitLab means to clean a project up, in seconds; also where all is kept.
const CADENCE: i64 = 12 * 60 * 60;

/// What is kept, and when the rest is next deleted.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct PackagesCleanupPolicy {
    keep_n_duplicated_package_files: Keep,
    next_run_at: Option<Time>,
}

/// What is to be kept. What is not given stays.
#[derive(Debug, InputObject)]
pub(super) struct UpdatePackagesCleanupPolicyInput {
    project_path: ID,
    keep_n_duplicated_package_files: Option<Keep>,
    client_mutation_id: Option<String>,
}

/// What became of it.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdatePackagesCleanupPolicyPayload {
    packages_cleanup_policy: Option<PackagesCleanupPolicy>,
    errors: Vec<String>,
    client_mutation_id: Option<String>,
}

impl PackagesCleanupPolicy {
    fn of(in_force: Option<Settings>) -> Result<Self> {
        let in_force = in_force.ok_or(Refusal::Plane(Error::Protocol("no settings in force")))?;
        let ended = in_force.cleanup_end_time.map(|time| Timestamp { seconds: time.seconds.saturating_add(CADENCE), ..time });
        Ok(Self {
            keep_n_duplicated_package_files: Keep::of(in_force.keep_revisions),
            next_run_at: in_force.next_cleanup_time.or(ended).map(|time| Time::of(Some(time))),
        })
    }
}

/// That of a project, for those who may delete packages of it: to GitLab, that is the same right.
pub(super) async fn find(session: &Session, project: &Project) -> Result<Option<PackagesCleanupPolicy>> {
    if known(session.ask(session.client().may(DELETE, &project.row.name)).await)? != Some(true) {
        return Ok(None);
    }
    let found = known(session.ask(session.client().find_settings(&ScopeRef::Project(project.reference()))).await)?;
    found.map(|found| PackagesCleanupPolicy::of(found.effective_settings)).transpose()
}

/// Changes that of a project.
pub(super) async fn update(session: &Session, input: UpdatePackagesCleanupPolicyInput) -> Result<UpdatePackagesCleanupPolicyPayload> {
    let project = project::required_at(session, &input.project_path).await?;
    let changed = match input.keep_n_duplicated_package_files {
        Some(keep) => session
            .ask(session.client().keep_revisions(&project.reference(), keep.number()))
            .await
            .and_then(|changed| PackagesCleanupPolicy::of(changed.effective_settings)),
        None => find(session, &project).await.and_then(|found| found.ok_or(Refusal::Hidden)),
    };
    let (packages_cleanup_policy, errors) = told(changed)?;
    Ok(UpdatePackagesCleanupPolicyPayload { packages_cleanup_policy, errors, client_mutation_id: input.client_mutation_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_word_is_told_as_the_next_one_that_keeps_no_fewer() {
        for (number, keep) in [
            (None, Keep::AllPackageFiles),
            (Some(1), Keep::OnePackageFile),
            (Some(2), Keep::TenPackageFiles),
            (Some(10), Keep::TenPackageFiles),
            (Some(41), Keep::FiftyPackageFiles),
            (Some(50), Keep::FiftyPackageFiles),
            (Some(51), Keep::AllPackageFiles),
        ] {
            assert_eq!(Keep::of(number), keep, "{number:?}");
        }
        for (keep, number) in NUMBERS {
            assert_eq!((keep.number(), Keep::of(Some(number))), (Some(number), keep));
        }
        assert_eq!(Keep::AllPackageFiles.number(), None);
    }
}
