//! A database as large as one likes, in the shape of one in use: for benchmarks.
//!
//! There are ten files in a version. The first package has a tenth of all versions, or all of them where it is the only one; the
//! others share the rest. Everything follows from numbers, so the same size gives the same rows, and what is near the highest version
//! of a package is alike in all sizes.

mod rows;

use std::ops::Range;

use consign_types::label::Labels;
use consign_types::version::Standing;
use consign_types::{Digest, FilePath, VersionName};

use crate::Database;
use rows::{PACKAGE_LABELS, PACKAGES, Rows};

const FILES_OF_VERSION: i64 = 10;
const FILES_OF_PACKAGE: i64 = 1000;
const PROJECTS: i64 = 5;

/// How many of a package's versions have the major number 2. Those below have 1 and 0.
const OF_MAJOR_2: i64 = 40;

/// What is in a generated database. Packages, versions and files are numbered from 0; ids are one higher.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    files: i64,
}

/// A version of a generated database.
#[derive(Clone, Debug)]
pub struct GeneratedVersion {
    /// Its number.
    pub number: i64,
    /// The number of its package.
    pub package: i64,
    /// How many versions of the package are higher.
    pub below: i64,
    /// Its name.
    pub name: VersionName,
    /// What is known of its life.
    pub standing: Standing,
    /// Whether it is left out of lists.
    pub hidden: bool,
}

/// A row of a file of a generated database.
#[derive(Clone, Debug)]
pub struct GeneratedFile {
    /// Its path.
    pub path: FilePath,
    /// Its revision.
    pub revision: i32,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: i64,
    content: i64,
}

impl Shape {
    /// A database of this many files, a multiple of 1000.
    pub fn of(files: i64) -> Self {
        assert!(files > 0 && files % FILES_OF_PACKAGE == 0, "the number of files is a multiple of {FILES_OF_PACKAGE}");
        Self { files }
    }

    /// How many packages there are.
    pub fn packages(self) -> i64 {
        self.files / FILES_OF_PACKAGE
    }

    /// How many versions there are.
    pub fn versions(self) -> i64 {
        self.files / FILES_OF_VERSION
    }

    /// The id of the project of a package. The first project has most of them.
    pub fn project(self, package: i64) -> i64 {
        if package % 10 < 8 { 1 } else { 2 + package / 10 % (PROJECTS - 1) }
    }

    /// The name of a package.
    pub fn package_name(self, package: i64) -> String {
        if package == 0 { "tool".to_owned() } else { format!("team-{}.lib-{package:05}", package % 20) }
    }

    /// The numbers of the versions of a package, the lowest first.
    pub fn versions_of(self, package: i64) -> Range<i64> {
        let others = self.packages() - 1;
        let first = if others == 0 { self.versions() } else { self.versions() / 10 };
        let start = |package: i64| if package == 0 { 0 } else { first + (self.versions() - first) * (package - 1) / others.max(1) };
        start(package)..start(package + 1).min(self.versions())
    }

    /// The version of this number, of this package.
    pub fn version(self, package: i64, number: i64) -> GeneratedVersion {
        let of_package = self.versions_of(package);
        let (count, from_below) = (of_package.end - of_package.start, number - of_package.start);
        let below = count - 1 - from_below;
        let lower = (count - OF_MAJOR_2) / 2;
        let (major, rest) = match from_below {
            _ if below < OF_MAJOR_2 => (2, OF_MAJOR_2 - 1 - below),
            n if n < lower => (0, n),
            n => (1, n - lower),
        };
        let prerelease = if below % 10 == 0 { "-rc.1" } else { "" };
        let name = format!("{major}.{}.{}{prerelease}", rest / 10, rest % 10).parse().expect("three numbers are a version");
        let published = below % 50 != 7;
        let standing = Standing {
            published,
            sealed: published && below % 20 != 5,
            yanked: published && below % 13 == 1,
            quarantined: published && below % 50 == 9,
            deleted: below % 40 == 11,
        };
        GeneratedVersion { number, package, below, name, standing, hidden: below % 17 == 2 }
    }

    /// The rows of the files of a version. The last path has the same bytes in all versions of a package, the first one the bytes that
    /// it had one version before, in every other version.
    pub fn files(self, version: &GeneratedVersion) -> Vec<GeneratedFile> {
        let number = version.number;
        let row = |index: i64| {
            let repeats = index == 0 && version.below % 2 == 0 && number > self.versions_of(version.package).start;
            let content = match index {
                0 if repeats => (number - 1) * FILES_OF_VERSION,
                1 if number % 100 == 0 => self.files + self.packages(),
                9 => self.files + version.package,
                _ => number * FILES_OF_VERSION + index,
            };
            let (path, revision) = match index {
                9 => ("LICENSE".to_owned(), 1),
                8 if version.below % 25 == 6 => (format!("bin/{}-7.tar.gz", version.name), 2),
                _ => (format!("bin/{}-{index}.tar.gz", version.name), 1),
            };
            let digest = Digest::of(format!("content {content}").as_bytes());
            let path = path.parse().expect("words and numbers are a path");
            GeneratedFile { path, revision, digest, size: 1000 + content * 7919 % 1_000_000, content }
        };
        (0..FILES_OF_VERSION).map(row).collect()
    }

    /// Fills a migrated database in which no project is yet. Takes seconds for each 100,000 files.
    pub fn fill(self, database: &Database) {
        let mut rows = Rows::new(database);
        rows.begin();
        rows.insert_projects();
        for package in 0..self.packages() {
            self.fill_package(&mut rows, package);
        }
        rows.finish();
    }

    fn fill_package(self, rows: &mut Rows, package: i64) {
        let (id, project, name) = (package + 1, self.project(package), self.package_name(package));
        let (mut count, mut file_rows, mut bytes) = (0, 0, 0);
        for number in self.versions_of(package) {
            let version = self.version(package, number);
            let files = self.files(&version);
            rows.insert_version(project, &version, &files);
            rows.insert_files(project, &version, &files);
            if !version.standing.deleted {
                count += i64::from(version.standing.published);
                file_rows += FILES_OF_VERSION;
                bytes += files.iter().map(|file| file.size).sum::<i64>();
            }
        }
        let last = self.versions_of(package).end;
        let (made, changed) = (rows.time(self.versions_of(package).start), rows.time(last));
        let counted = format!("{count}, {file_rows}, {bytes}, {last}, {made}, {changed}");
        let labels = if package % 10 == 0 { r#"{"kind":"tool"}"# } else { "{}" };
        rows.add(PACKAGES, &format!("{id}, {project}, '{name}', '{name}', 0, '', '{labels}', 'semver', {counted}"));
        if package % 10 == 0 {
            rows.add(PACKAGE_LABELS, &format!("{id}, 'kind', 'tool'"));
        }
    }
}

/// Every other version has a channel, and every fourth the number of its build.
fn labels(version: &GeneratedVersion) -> Labels {
    let channel = if version.below % 10 == 0 { "candidate" } else { "stable" };
    let channel = (version.below % 2 == 0).then(|| ("channel".to_owned(), channel.to_owned()));
    let build = (version.below % 4 == 0).then(|| ("build".to_owned(), version.number.to_string()));
    Labels::new(channel.into_iter().chain(build)).expect("two words are labels")
}

#[cfg(test)]
mod tests {
    use consign_metadata::{Config, Metadata, Rules};
    use consign_types::Timestamp;
    use consign_types::resource::{PackageRef, ProjectRef};

    use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
    use consign_types::version::Visibility;

    use super::*;
    use crate::BOTH;

    fn in_force() -> InForce {
        InForce {
            duplicate_policy: DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false },
            max_file_bytes: 1 << 30,
            quota_bytes: None,
            default_version_mode: VersionMode::Open,
            visibility: Visibility::Private,
            dedup_scope: DedupScope::Readable,
            keep_revisions: None,
        }
    }

    #[tokio::test]
    async fn a_generated_database_is_one_that_operations_could_have_left() {
        for engine in BOTH {
            let database = Database::create(engine);
            let config = Config { database_url: database.url().to_owned(), allow_plaintext: false, connections: 1 };
            let metadata = Metadata::open(&config, Rules::new(in_force(), 0), || Timestamp::from_micros(0)).await.unwrap();
            let shape = Shape::of(11_000);

            shape.fill(&database);

            assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
            for (table, count) in [("packages", 11), ("versions", 1100), ("files", 11_000)] {
                assert_eq!(database.count(table), count, "{engine:?} {table}");
            }
            let is_offered = |version: &GeneratedVersion| {
                let Standing { published, yanked, quarantined, deleted, .. } = version.standing;
                published && !yanked && !quarantined && !deleted && !version.hidden && !version.name.as_str().contains('-')
            };
            let highest = shape.versions_of(0).rev().map(|number| shape.version(0, number)).find(is_offered).unwrap();
            let name = PackageRef { project: ProjectRef::Id(1), package: "tool".parse().unwrap() };
            assert_eq!(metadata.find_package(name).await.unwrap().latest, Some(highest.name), "{engine:?}");
        }
    }
}
