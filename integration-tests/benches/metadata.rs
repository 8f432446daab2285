//! What operations of the metadata plane cost where there is much, beside the same where there is little: on one server, in one run.
//!
//! Figures are ratios, since machines differ and are shared. Calls on the two databases take turns, and which comes first rotates. They
//! go to names all over the databases, so that what a large one does not keep in memory counts. `cargo bench --bench metadata sqlite`
//! or `… postgres` runs on one kind of database alone.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use consign_metadata::{
    Config, Cursor, FindByDigest, ListPackages, ListVersions, Metadata, PackageOrder, Page, PrepareDownloads, PrepareUploads, Principal,
    PublishFile, PublishMode, PublishVersion, ResolveVersion, Result, Rules, SearchVersions, Selector, UploadFile, VersionList,
    VersionOrder, Wanted, Within,
};
use consign_types::access::Reach;
use consign_types::filter::Filter;
use consign_types::label::Labels;
use consign_types::receipt::Receipt;
use consign_types::resource::{PackagesRef, ProjectRef, VersionRef};
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::version::{VersionState, Visibility};
use consign_types::{Digest, Timestamp};
use integration_tests::generator::{GeneratedVersion, Shape};
use integration_tests::measure::{quantile, report, timed};
use integration_tests::{Database, Engine};

const SMALL: i64 = 1_000;
const LARGE: i64 = 1_000_000;
const CALLS: usize = 300;
const WARMING_CALLS: usize = 30;
const PAGE: usize = 50;

/// A search finds about 40 of the 100 versions of the small database, so pages of searches are smaller.
const SEARCH_PAGE: usize = 25;

/// How much longer a promised operation may take on the large database.
const PROMISE: f64 = 1.5;

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

/// What is measured: how it is called, whether its ratio is promised, and what. What changes something comes last.
///
/// A page of all packages sorts the versions of each package that it touches, and a part of a name is looked for in all names of a
/// project: these grow, slowly, and are not promised.
const OPERATIONS: &[(&str, bool, Operation)] = &[
    ("find_version", true, Operation::FindVersion),
    ("resolve_version latest", true, Operation::Resolve(None)),
    ("resolve_version ^1", false, Operation::Resolve(Some("^1"))),
    ("list_versions of a package", true, Operation::ListVersions { all: false, middle: false }),
    ("list_versions of a package, from the middle", true, Operation::ListVersions { all: false, middle: true }),
    ("list_versions of packages/-", false, Operation::ListVersions { all: true, middle: false }),
    ("list_versions of packages/-, from the middle", false, Operation::ListVersions { all: true, middle: true }),
    ("list_packages, one by a part of its name", false, Operation::ListPackages),
    ("search_versions, a label of many", false, Operation::Search { sparse: false, everywhere: false }),
    ("search_versions, a label of one", false, Operation::Search { sparse: true, everywhere: false }),
    ("search_versions of projects/-, a label of many", false, Operation::Search { sparse: false, everywhere: true }),
    ("search_versions of projects/-, a label of one", false, Operation::Search { sparse: true, everywhere: true }),
    ("find_by_digest", true, Operation::FindByDigest { shared: false, everywhere: false }),
    ("find_by_digest, bytes of many files", true, Operation::FindByDigest { shared: true, everywhere: false }),
    ("find_by_digest of projects/-", true, Operation::FindByDigest { shared: false, everywhere: true }),
    ("find_by_digest of projects/-, bytes of many files", true, Operation::FindByDigest { shared: true, everywhere: true }),
    ("prepare_downloads of a path", false, Operation::PrepareDownloads),
    ("prepare_uploads of a file", false, Operation::PrepareUploads),
    ("publish_version of a file, a new version", true, Operation::Publish { new: true }),
    ("publish_version of a file, an open version", true, Operation::Publish { new: false }),
];

#[derive(Clone, Copy)]
enum Operation {
    FindVersion,
    Resolve(Option<&'static str>),
    ListVersions { all: bool, middle: bool },
    ListPackages,
    Search { sparse: bool, everywhere: bool },
    FindByDigest { shared: bool, everywhere: bool },
    PrepareDownloads,
    PrepareUploads,
    Publish { new: bool },
}

fn main() {
    let named = |name: &str| std::env::args().skip(1).any(|argument| argument == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let mut broken = Vec::new();
    for (engine, name, other) in [(Engine::Postgres, "postgres", "sqlite"), (Engine::Sqlite, "sqlite", "postgres")] {
        if named(name) || !named(other) {
            broken.extend(runtime.block_on(run(engine)));
        }
    }
    assert!(broken.is_empty(), "over {PROMISE:.1} × or miscounted: {broken:?}");
}

/// Measures on one kind of database, and answers what is not as promised.
async fn run(engine: Engine) -> Vec<String> {
    report(&format!("{engine:?}"));
    let sides = [Side::create(engine, SMALL).await, Side::create(engine, LARGE).await];
    report(&format!("{:<52}{:>18}{:>18}{:>8}", "µs: median (95 % below)", SMALL, LARGE, "ratio"));
    let mut broken = Vec::new();
    for &(name, is_promised, operation) in OPERATIONS {
        let ratio = measure(&sides, name, is_promised, operation).await;
        if is_promised && ratio > PROMISE {
            broken.push(format!("{engine:?}: {name}: {ratio:.2}"));
        }
    }
    for side in sides {
        if let Err(why) = side.recount().await {
            broken.push(format!("{engine:?}: {} files: {why}", side.shape.versions() * 10));
        }
    }
    broken
}

async fn measure(sides: &[Side; 2], name: &str, is_promised: bool, operation: Operation) -> f64 {
    let mut times = [Vec::with_capacity(CALLS), Vec::with_capacity(CALLS)];
    for call in 0..WARMING_CALLS + CALLS {
        for step in 0..2 {
            let side = (call + step) % 2;
            let time = sides[side].call(operation, call).await;
            if call >= WARMING_CALLS {
                times[side].push(time);
            }
        }
    }
    let [small, large] = times.map(|mut times| [0.5, 0.95].map(|share| quantile(&mut times, share).as_secs_f64() * 1e6));
    let ratio = large[0] / small[0];
    let shown = |[median, most]: [f64; 2]| format!("{median:.0} ({most:.0})");
    let mark = if is_promised { " *" } else { "" };
    report(&format!("{name:<52}{:>18}{:>18}{ratio:>8.2}{mark}", shown(small), shown(large)));
    ratio
}

/// A database, and what is known of it.
struct Side {
    metadata: Metadata,
    shape: Shape,
    packages: Vec<i64>,
    middle: [Cursor; 2],
    /// What was given out last, so that nothing is made twice.
    made: Cell<i64>,
    _database: Database,
}

impl Side {
    async fn create(engine: Engine, files: i64) -> Self {
        let database = Database::create(engine);
        let config = Config { database_url: database.url().to_owned(), allow_plaintext: false, connections: 1 };
        let metadata = Metadata::open(&config, Rules::new(in_force(), 0), || NOW).await.expect("the database opens");
        let shape = Shape::of(files);
        let started = Instant::now();
        shape.fill(&database);
        report(&format!("{files} files are there in {:.1} s", started.elapsed().as_secs_f64()));

        let mut packages: Vec<i64> = (0..shape.packages()).filter(|package| shape.project(*package) == 1).collect();
        packages.sort_by_key(|package| shape.package_name(*package));
        let middle_package = packages[packages.len() / 2];
        // So far from the end that a page fits behind it.
        let of_tool = shape.versions_of(0);
        let middle = ((of_tool.end - of_tool.start) / 2).min(of_tool.end - 80);
        let middle_of_all = if packages.len() == 1 { middle } else { shape.versions_of(middle_package).start };
        let in_tool = metadata.find_version(name(shape, &readable(shape, 0, middle))).await.expect("the version is there");
        let in_all = metadata.find_version(name(shape, &readable(shape, middle_package, middle_of_all))).await;
        let in_all = VersionOrder::Package.cursor(&in_all.expect("the version is there"));
        let middle = [VersionOrder::Version.cursor(&in_tool), in_all];
        Self { metadata, shape, packages, middle, made: Cell::new(0), _database: database }
    }

    /// Some version of the first project that can be read, by turns in the largest package and elsewhere.
    fn some(&self, call: usize) -> GeneratedVersion {
        let package = if call.is_multiple_of(4) { 0 } else { self.packages[call * 7919 % self.packages.len()] };
        let of_package = self.shape.versions_of(package);
        let call = i64::try_from(call).expect("there are few calls");
        readable(self.shape, package, of_package.start + call * 104_729 % (of_package.end - of_package.start))
    }

    async fn call(&self, operation: Operation, call: usize) -> Duration {
        let metadata = &self.metadata;
        match operation {
            Operation::FindVersion => time(metadata.find_version(name(self.shape, &self.some(call)))).await,
            Operation::Resolve(range) => time(metadata.resolve_version(self.resolve(range, call))).await,
            Operation::ListVersions { all, middle } => time(metadata.list_versions(self.list_versions(all, middle))).await,
            Operation::ListPackages => time(metadata.list_packages(list_packages())).await,
            Operation::Search { sparse, everywhere } => time(metadata.search_versions(self.search(sparse, everywhere, call))).await,
            Operation::FindByDigest { shared, everywhere } => {
                time(metadata.find_by_digest(self.find_by_digest(shared, everywhere, call))).await
            }
            Operation::PrepareDownloads => time(metadata.prepare_downloads(self.prepare_downloads(call))).await,
            Operation::PrepareUploads => time(metadata.prepare_uploads(self.prepare_uploads(call))).await,
            Operation::Publish { new } => time(metadata.publish_version(self.publish(new, call))).await,
        }
    }

    fn resolve(&self, range: Option<&str>, call: usize) -> ResolveVersion {
        let selector = range.map_or(Selector::Latest, |range| Selector::Range(range.parse().expect("a range")));
        ResolveVersion { package: name(self.shape, &self.some(call)).package(), selector, include_prerelease: false, path: None }
    }

    fn list_versions(&self, all: bool, middle: bool) -> ListVersions {
        let package = (!all).then(|| "tool".parse().expect("a word is a name"));
        let after = middle.then(|| self.middle[usize::from(all)].clone());
        let order = if all { VersionOrder::Package } else { VersionOrder::Version };
        let page = Page { after, ..Page::first(PAGE) };
        let list = VersionList { filter: None, order, descending: false, show_hidden: false, page };
        ListVersions { parent: PackagesRef { project: ProjectRef::Id(1), package }, list, show_deleted: false }
    }

    fn search(&self, sparse: bool, everywhere: bool, call: usize) -> SearchVersions {
        let filter =
            if sparse { format!("labels.build = \"{}\"", labelled(&self.some(call))) } else { "labels.channel = stable".to_owned() };
        let filter = Filter::parse(&filter).expect("a filter");
        let page = Page::first(SEARCH_PAGE);
        let list = VersionList { filter, order: VersionOrder::PublishTime, descending: true, show_hidden: false, page };
        SearchVersions { within: project(everywhere), list }
    }

    fn find_by_digest(&self, shared: bool, everywhere: bool, call: usize) -> FindByDigest {
        let files = self.shape.files(&if shared { readable(self.shape, 0, 0) } else { self.some(call) });
        FindByDigest { within: project(everywhere), digest: files[if shared { 9 } else { 2 }].digest, page: Page::first(PAGE) }
    }

    fn prepare_downloads(&self, call: usize) -> PrepareDownloads {
        let version = self.some(call);
        let paths = vec![self.shape.files(&version)[2].path.clone()];
        PrepareDownloads {
            version: name(self.shape, &version),
            files: Wanted::Some { paths, digests: Vec::new() },
            as_directory: false,
            is_counted: true,
        }
    }

    fn prepare_uploads(&self, call: usize) -> PrepareUploads {
        let (made, version) = (self.make(), name(self.shape, &self.some(call)));
        let digest = Some(Digest::of(format!("made {made}").as_bytes()));
        let file = UploadFile { path: "new".parse().expect("a word is a path"), digest, size: Some(1000), always_send: false };
        let version = VersionRef { version: format!("3.0.{made}").parse().expect("a version"), ..version };
        PrepareUploads { principal: principal(), version, files: vec![file], request_id: None, known_only: false }
    }

    /// A new version of some package, or one more file of a version that is open: the sixth from above of its package.
    fn publish(&self, new: bool, call: usize) -> PublishVersion {
        let (made, some) = (self.make(), self.some(call));
        let version = if new {
            VersionRef { version: format!("3.0.{made}").parse().expect("a version"), ..name(self.shape, &some) }
        } else {
            name(self.shape, &self.shape.version(some.package, self.shape.versions_of(some.package).end - 6))
        };
        let digest = Digest::of(format!("made {made}").as_bytes());
        let receipt = Receipt { upload: i64::MAX, project: 1, digest, size: 1000, generation: 1, expires: NOW };
        let path = format!("new-{made}").parse().expect("a word is a path");
        PublishVersion {
            principal: principal(),
            version,
            files: vec![PublishFile { path, receipt, media_type: "".parse().expect("a media type may be empty") }],
            mode: if new { PublishMode::Seal } else { PublishMode::KeepOpen },
            hidden: None,
            tags: Vec::new(),
            labels: Labels::default(),
            keep_identical: false,
            expected_content: None,
            request_id: None,
            validate_only: false,
        }
    }

    fn make(&self) -> i64 {
        self.made.update(|made| made + 1);
        self.made.get()
    }

    /// Whether all counters are right, after what was published too.
    async fn recount(&self) -> std::result::Result<(), String> {
        let started = Instant::now();
        let wrong = self.metadata.recount().await.map_err(|error| format!("recount: {error}"))?;
        report(&format!("{} files recounted in {:.1} s: {wrong:?}", self.shape.versions() * 10, started.elapsed().as_secs_f64()));
        if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:?}")) }
    }
}

async fn time<T>(call: impl Future<Output = Result<T>>) -> Duration {
    let (time, answer) = timed(call).await;
    black_box(answer.expect("the operation succeeds"));
    time
}

/// The first version of a package from this number on, or else before it, whose files can be read.
fn readable(shape: Shape, package: i64, number: i64) -> GeneratedVersion {
    let of_package = shape.versions_of(package);
    let version = |number| shape.version(package, number);
    let is_readable = |version: &GeneratedVersion| VersionState::READABLE.contains(&version.standing.state());
    (number..of_package.end).map(version).find(is_readable).unwrap_or_else(|| {
        let before = (of_package.start..number).rev();
        before.map(version).find(is_readable).expect("most versions can be read")
    })
}

fn name(shape: Shape, version: &GeneratedVersion) -> VersionRef {
    let package = shape.package_name(version.package).parse().expect("words and numbers are a name");
    VersionRef { project: ProjectRef::Id(shape.project(version.package)), package, version: version.name.clone() }
}

/// The number of a version that has the label `build` and is near.
fn labelled(version: &GeneratedVersion) -> i64 {
    version.number + version.below % 4
}

fn project(everywhere: bool) -> Within {
    if everywhere { Within::Reach(Reach::Everything) } else { Within::Project(ProjectRef::Id(1)) }
}

fn list_packages() -> ListPackages {
    ListPackages {
        within: Within::Project(ProjectRef::Id(1)),
        filter: Filter::parse("package_id:OOL").expect("a filter"),
        order: PackageOrder::Name,
        descending: false,
        show_deleted: false,
        page: Page::first(PAGE),
    }
}

fn principal() -> Principal {
    Principal::operator("root".parse().expect("a word is a name"))
}

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
