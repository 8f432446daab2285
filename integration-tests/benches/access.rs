//! What it adds to a call to know who makes it and whether it may be made, where that was asked a moment ago: the promise is less than 50 µs.
//! And whether it takes longer to refuse what is private than what is not there.

use std::time::{Duration, Instant};

use consign_metadata::{About, Config, CreateMember, CreateNamespace, CreateProject, CreateToken, CreateUser, Metadata, Principal, Rules};
use consign_types::Timestamp;
use consign_types::access::methods::need;
use consign_types::access::{Need, Role, Scope, ScopeNames};
use consign_types::resource::{MemberParent, NamespaceRef, ProjectRef, TokenParent, UserRef};
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::token::TokenKind;
use consign_types::version::Visibility;
use integration_tests::measure::{Figures, report, timed, verdict};
use integration_tests::{Database, Engine};

const CALLS: u32 = 100_000;
const ROUNDS: usize = 5;

/// How many strangers are refused.
const REFUSALS: usize = 20_000;

/// The promise, in microseconds.
const LIMIT: f64 = 50.0;

/// How many roles users have. As many as they may have is the most.
const ROLES: [usize; 3] = [1, 100, 999];

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

#[tokio::main]
async fn main() {
    let database = Database::create(Engine::Sqlite);
    let metadata = opened(&database).await;
    for roles in ROLES {
        let secret = user(&metadata, roles).await;
        let need = need("consign.metadata.v1.PackageService/PublishVersion").expect("the method has a row");
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let (started, about) = (Instant::now(), about());
            for _ in 0..CALLS {
                admit(&metadata, &secret, need, &about).await;
            }
            best = best.min(started.elapsed() / CALLS);
        }
        let micros = best.as_secs_f64() * 1e6;
        report(&format!(
            "who calls and whether they may, a user with {roles} roles: {micros:.2} µs ({} {LIMIT} µs)",
            verdict(micros, LIMIT)
        ));
    }
    let need = need("consign.metadata.v1.PackageService/GetPackage").expect("the method has a row");
    let stranger = user(&metadata, 0).await;
    let [private, absent] = refusals(&metadata, &stranger, need).await.map(|median| median * 1e6);
    report(&format!("a refusal of what is private: {private:.1} µs, of what is not there: {absent:.1} µs, ratio {:.3}", private / absent));
}

/// The medians of what it takes to refuse a stranger what is private, and what is not there, in turns.
async fn refusals(metadata: &Metadata, secret: &str, need: Need) -> [f64; 2] {
    let projects = ["team/tool", "team/none"].map(|path| About::Project(ProjectRef::Path(path.parse().expect("a path"))));
    let mut figures = [Figures::default(), Figures::default()];
    for call in 0..REFUSALS {
        let which = call % 2;
        let principal = metadata.authenticate(secret).await.expect("the token is valid");
        let (taken, answer) = timed(metadata.admit(&principal, need, projects[which].clone())).await;
        assert!(answer.is_err(), "the stranger may know of neither");
        figures[which].push(taken.as_secs_f64());
    }
    figures.map(|figures| figures.median())
}

fn about() -> About {
    About::Package(ProjectRef::Path("team/tool".parse().expect("a path")), "app".parse().expect("a name"))
}

async fn admit(metadata: &Metadata, secret: &str, need: Need, about: &About) {
    let principal = metadata.authenticate(secret).await.expect("the token is valid");
    metadata.admit(&principal, need, about.clone()).await.expect("the user may publish");
}

async fn opened(database: &Database) -> Metadata {
    let config = Config { database_url: database.url().to_owned(), allow_plaintext: true, connections: 2 };
    let defaults = InForce {
        duplicate_policy: DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false },
        max_file_bytes: 1 << 30,
        quota_bytes: None,
        default_version_mode: VersionMode::Open,
        visibility: Visibility::Private,
        dedup_scope: DedupScope::Readable,
        keep_revisions: None,
    };
    let metadata = Metadata::open(&config, Rules::new(defaults, 0), || NOW).await.expect("the database opens");
    metadata.ensure_admin_token(None, "token").await.expect("there is an administrator");
    namespace(&metadata, "team").await;
    for number in 0..ROLES[2] {
        namespace(&metadata, &format!("team/n{number}")).await;
    }
    let project = CreateProject {
        principal: admin(),
        namespace: Some(NamespaceRef::Path("team".parse().expect("a path"))),
        slug: "tool".parse().expect("a word is a name"),
        display_name: "".parse().expect("it may be empty"),
        description: "".parse().expect("it may be empty"),
        visibility: None,
        request_id: None,
    };
    metadata.create_project(project).await.expect("the project is new");
    metadata
}

async fn namespace(metadata: &Metadata, path: &str) {
    let path = path.parse().expect("a path");
    let new = CreateNamespace { principal: admin(), path, display_name: "".parse().expect("it may be empty"), request_id: None };
    metadata.create_namespace(new).await.expect("the namespace is new");
}

/// The secret of a user with so many roles, of which the last one is that of a developer where the project is; without any, of a stranger.
async fn user(metadata: &Metadata, roles: usize) -> String {
    let username: consign_types::Username = format!("user-{roles}").parse().expect("a word is a name");
    let new = CreateUser {
        principal: admin(),
        username: username.clone(),
        display_name: "".parse().expect("it may be empty"),
        email: None,
        is_admin: false,
        request_id: None,
    };
    metadata.create_user(new).await.expect("the user is new");
    // One that it owns was made with it.
    for number in 1..roles {
        member(metadata, &username, &format!("team/n{number}"), Role::Guest).await;
    }
    if roles > 0 {
        member(metadata, &username, "team", Role::Developer).await;
    }
    let token = CreateToken {
        principal: admin(),
        parent: TokenParent::User(UserRef::Name(username)),
        kind: TokenKind::Personal,
        display_name: "bench".parse().expect("a word is a name"),
        description: "".parse().expect("a description may be empty"),
        username: None,
        role: None,
        scopes: Scope::ALL.into(),
        scope_names: ScopeNames::default(),
        packages: Vec::new(),
        stages: Vec::new(),
        expires_at: None,
        request_id: None,
    };
    metadata.create_token(token).await.expect("the token is made").1.expose().to_owned()
}

async fn member(metadata: &Metadata, username: &consign_types::Username, path: &str, role: Role) {
    let new = CreateMember {
        principal: admin(),
        parent: MemberParent::Namespace(NamespaceRef::Path(path.parse().expect("a path"))),
        user: UserRef::Name(username.clone()),
        role,
        expires_at: None,
        request_id: None,
    };
    metadata.create_member(new).await.expect("the role is new");
}

fn admin() -> Principal {
    Principal::operator("root".parse().expect("a word is a name"))
}
