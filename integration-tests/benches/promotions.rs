//! What a promotion costs by the number of packages that it moves, beside a publish of one file, in one run.
//!
//! Figures are ratios and medians, since machines differ and are shared. Sizes and databases take turns, and which comes first rotates.
//! PostgreSQL is told to sync nothing, so that the trips and the work are measured, not the disk.

use std::time::Duration;

use consign_metadata::{
    Config, CreateProject, CreatePromotion, CreateStage, Metadata, Principal, PromoteItem, PublishFile, PublishMode, PublishVersion, Rules,
};
use consign_types::label::Labels;
use consign_types::promotion::Policy;
use consign_types::receipt::Receipt;
use consign_types::resource::{ProjectRef, StageRef, VersionRef};
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::signature::SigningKeys;
use consign_types::version::Visibility;
use consign_types::{Digest, Timestamp};
use integration_tests::measure::{quantile, report, timed};
use integration_tests::{BOTH, Database, Engine};

const SIZES: [usize; 5] = [1, 10, 50, 100, 500];
const ROUNDS: usize = 40;
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

struct Bench {
    engine: Engine,
    metadata: Metadata,
    _database: Database,
    /// How long promotions of each size took, and publishes.
    promoted: [Vec<Duration>; SIZES.len()],
    published: Vec<Duration>,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let mut benches = Vec::new();
        for engine in BOTH {
            benches.push(prepared(engine).await);
        }
        for round in 0..ROUNDS {
            benches.rotate_left(1);
            for bench in &mut benches {
                bench.run(round).await;
            }
        }
        benches.sort_by_key(|bench| bench.engine == Engine::Postgres);
        benches.iter_mut().for_each(Bench::report);
    });
}

async fn prepared(engine: Engine) -> Bench {
    let database = Database::create(engine);
    let config = Config { database_url: database.url().to_owned(), allow_plaintext: false, connections: 4 };
    let defaults = InForce {
        duplicate_policy: DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false },
        max_file_bytes: 1 << 30,
        quota_bytes: None,
        default_version_mode: VersionMode::Open,
        visibility: Visibility::Private,
        dedup_scope: DedupScope::Readable,
        keep_revisions: None,
    };
    let metadata = Metadata::open(&config, Rules::new(defaults, 7 * 24 * 60 * 60), || NOW).await.expect("the database opens");
    let metadata = metadata.signing(std::sync::Arc::new(SigningKeys::generate()));
    metadata.ensure_admin_token(None, "token").await.expect("an administrator can be made");
    let project = CreateProject {
        principal: principal(),
        namespace: Some("namespaces/root".parse().expect("a name")),
        slug: "demo".parse().expect("a name"),
        display_name: "".parse().expect("a name may be empty"),
        description: "".parse().expect("a text may be empty"),
        visibility: None,
        request_id: None,
    };
    metadata.create_project(project).await.expect("the project is new");
    for size in SIZES {
        let stage = CreateStage {
            principal: principal(),
            name: StageRef { project: ProjectRef::Id(1), stage: stage(size) },
            display_name: "".parse().expect("a name may be empty"),
            description: "".parse().expect("a text may be empty"),
            rank: 0,
            policy: Policy::default(),
            is_exclusive: false,
            request_id: None,
        };
        metadata.create_stage(stage).await.expect("the stage is new");
    }
    for package in 0..SIZES[SIZES.len() - 1] {
        for round in 0..2 {
            metadata.publish_version(publish(package, &format!("1.{round}"), PublishMode::Seal)).await.expect("the version is new");
        }
    }
    Bench { engine, metadata, _database: database, promoted: Default::default(), published: Vec::new() }
}

fn principal() -> Principal {
    Principal::operator("root".parse().expect("a name"))
}

fn stage(size: usize) -> consign_types::promotion::StageName {
    format!("of-{size}").parse().expect("a name")
}

fn version(package: usize, version: &str) -> VersionRef {
    let package = format!("package-{package}").parse().expect("a name");
    VersionRef { project: ProjectRef::Id(1), package, version: version.parse().expect("a version") }
}

fn publish(package: usize, name: &str, mode: PublishMode) -> PublishVersion {
    let content = format!("{package} {name}");
    let receipt = Receipt {
        upload: 1,
        project: 1,
        digest: Digest::of(content.as_bytes()),
        size: i64::try_from(content.len()).expect("it is short"),
        generation: 1,
        expires: NOW,
    };
    PublishVersion {
        principal: principal(),
        version: version(package, name),
        files: vec![PublishFile { path: "a".parse().expect("a path"), receipt, media_type: "".parse().expect("it may be empty") }],
        mode,
        hidden: None,
        tags: Vec::new(),
        labels: Labels::default(),
        keep_identical: false,
        expected_content: None,
        request_id: None,
        validate_only: false,
    }
}

impl Bench {
    async fn run(&mut self, round: usize) {
        let wanted = publish(round, &format!("2.{round}"), PublishMode::Seal);
        let (took, published) = timed(self.metadata.publish_version(wanted)).await;
        published.expect("the version is new");
        self.published.push(took);
        for step in 0..SIZES.len() {
            let index = (round + step) % SIZES.len();
            let item = |package| PromoteItem { version: version(package, &format!("1.{}", round % 2)), content: None };
            let wanted = CreatePromotion {
                principal: principal(),
                project: ProjectRef::Id(1),
                stage: stage(SIZES[index]),
                items: (0..SIZES[index]).map(item).collect(),
                waivers: Vec::new(),
                justification: "".parse().expect("it may be empty"),
                expected_current: None,
                request_id: None,
                validate_only: false,
            };
            let (took, promoted) = timed(self.metadata.create_promotion(wanted)).await;
            promoted.expect("no gate is in the way");
            self.promoted[index].push(took);
        }
    }

    fn report(&mut self) {
        let publish = quantile(&mut self.published, 0.5);
        let one = quantile(&mut self.promoted[0], 0.5);
        let most = quantile(&mut self.promoted[SIZES.len() - 1], 0.5);
        // What one item more costs, between one and the most.
        #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
        let slope = |of: Duration, size: usize| (of.saturating_sub(one)).as_secs_f64() / (size as f64 - 1.0);
        let per_item = slope(most, SIZES[SIZES.len() - 1]);
        report(&format!("{:?}: a promotion of one item takes {:.2} x a publish of one file", self.engine, ratio(one, publish)));
        for (index, size) in SIZES.into_iter().enumerate().skip(1) {
            let took = quantile(&mut self.promoted[index], 0.5);
            let more = slope(took, size) / per_item;
            report(&format!(
                "{:?}: {size:>4} items: {:>6.2} x one; one item more costs {more:.2} x that up to 500",
                self.engine,
                ratio(took, one)
            ));
        }
    }
}

fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}
