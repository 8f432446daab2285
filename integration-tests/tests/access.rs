//! Who may do what: every method with every role, every scope and every project, against the written table; and the life of tokens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use consign_proto::DESCRIPTORS;
use consign_proto::metadata::token_service_client::TokenServiceClient;
use consign_proto::metadata::{self as wire, CreateTokenRequest, ListTokensRequest, RevokeTokenRequest, RotateTokenRequest, WhoAmIRequest};
use consign_types::Reason;
use consign_types::access::methods::need;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::{Grpc, refusal};
use integration_tests::rest::{Rest, file};
use integration_tests::service::TestService;
use integration_tests::{BOTH, Builder, Engine, TOKEN, raw, wait};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

const PACKAGE: &str = "consign.metadata.v1";

/// Methods of served services that are only designed.
const NOT_BUILT: [&str; 11] = [
    "PackageService/CreateProtectionRule",
    "PackageService/ListProtectionRules",
    "PackageService/UpdateProtectionRule",
    "PackageService/DeleteProtectionRule",
    "TokenService/ExchangeToken",
    "TokenService/CreateTrustRule",
    "TokenService/GetTrustRule",
    "TokenService/ListTrustRules",
    "TokenService/UpdateTrustRule",
    "TokenService/DeleteTrustRule",
    "TokenService/TestPermissions",
];

const SERVED: [&str; 6] = ["ProjectService", "PackageService", "FileService", "TagService", "TokenService", "AuditService"];

/// A call of every method that is about a project, in this project. None of them finds or changes anything where it is allowed: packages are
/// not there, and etags are of long ago.
#[expect(clippy::too_many_lines, reason = "a row for each method")]
fn calls_in(project: &str) -> Vec<(&'static str, Bytes)> {
    let package = format!("{project}/packages/absent");
    let version = format!("{package}/versions/1.0");
    let file = format!("{version}/files/f");
    let tag = format!("{package}/tags/t");
    let (rule, etag) = (format!("{project}/tagRules/999"), "of-long-ago".to_owned());
    let sha256 = Bytes::from(vec![7; 32]);
    let reason = "a test".to_owned();
    let new_rule = || Some(wire::TagRule { name: rule.clone(), ..wire::TagRule::default() });
    macro_rules! calls {
        ($($method:literal => $message:ident { $($field:ident: $value:expr),* };)+) => {
            vec![$(($method, {
                let mut message = wire::$message::default();
                $(message.$field = $value;)*
                Bytes::from(message.encode_to_vec())
            })),+]
        };
    }
    calls! {
        "ProjectService/GetProject" => GetProjectRequest { name: project.to_owned() };
        "ProjectService/UpdateProject" => UpdateProjectRequest { project: Some(wire::Project { name: project.to_owned(), etag: etag.clone(), description: "x".to_owned(), ..wire::Project::default() }) };
        "ProjectService/DeleteProject" => DeleteProjectRequest { name: project.to_owned(), etag: etag.clone() };
        "ProjectService/UndeleteProject" => UndeleteProjectRequest { name: project.to_owned() };
        "ProjectService/GetSettings" => GetSettingsRequest { name: project.to_owned() };
        "ProjectService/UpdateSettings" => UpdateSettingsRequest { settings: Some(wire::Settings { name: project.to_owned(), etag: etag.clone(), ..wire::Settings::default() }) };
        "ProjectService/GetUsage" => GetUsageRequest { name: project.to_owned() };
        "PackageService/GetPackage" => GetPackageRequest { name: package.clone() };
        "PackageService/ListPackages" => ListPackagesRequest { parent: project.to_owned() };
        "PackageService/UpdatePackage" => UpdatePackageRequest { package: Some(wire::Package { name: package.clone(), ..wire::Package::default() }) };
        "PackageService/DeletePackage" => DeletePackageRequest { name: package.clone() };
        "PackageService/UndeletePackage" => UndeletePackageRequest { name: package.clone() };
        "PackageService/CreateVersion" => CreateVersionRequest { parent: package.clone(), version_id: "1.0".to_owned(), labels: [(String::new(), String::new())].into() };
        "PackageService/GetVersion" => GetVersionRequest { name: version.clone() };
        "PackageService/ListVersions" => ListVersionsRequest { parent: package.clone() };
        "PackageService/UpdateVersion" => UpdateVersionRequest { version: Some(wire::Version { name: version.clone(), ..wire::Version::default() }) };
        "PackageService/PublishVersion" => PublishVersionRequest { parent: package.clone(), version_id: "1.0".to_owned() };
        "PackageService/DeleteVersion" => DeleteVersionRequest { name: version.clone() };
        "PackageService/UndeleteVersion" => UndeleteVersionRequest { name: version.clone() };
        "PackageService/YankVersion" => YankVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/UnyankVersion" => UnyankVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/QuarantineVersion" => QuarantineVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/ReleaseVersion" => ReleaseVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/ResolveVersion" => ResolveVersionRequest { parent: package.clone(), selector: Some(wire::resolve_version_request::Selector::Latest(true)) };
        "PackageService/CompareVersions" => CompareVersionsRequest { base: version.clone(), target: version.clone() };
        "PackageService/SearchVersions" => SearchVersionsRequest { parent: project.to_owned() };
        "PackageService/FindByDigest" => FindByDigestRequest { parent: project.to_owned(), sha256: sha256.clone() };
        "FileService/PrepareUploads" => PrepareUploadsRequest { parent: version.clone() };
        "FileService/CommitFiles" => CommitFilesRequest { parent: version.clone(), files: vec![wire::PublishFile { path: "f".to_owned(), ..wire::PublishFile::default() }] };
        "FileService/PrepareDownloads" => PrepareDownloadsRequest { parent: version.clone() };
        "FileService/GetFile" => GetFileRequest { name: file.clone() };
        "FileService/ListFiles" => ListFilesRequest { parent: version.clone() };
        "FileService/DeleteFile" => DeleteFileRequest { name: file.clone() };
        "FileService/UndeleteFile" => UndeleteFileRequest { name: file.clone() };
        "FileService/GetFileChecksums" => GetFileChecksumsRequest { name: file.clone() };
        "TagService/CreateTag" => CreateTagRequest { parent: package.clone(), tag_id: "t".to_owned(), version: version.clone() };
        "TagService/GetTag" => GetTagRequest { name: tag.clone() };
        "TagService/ListTags" => ListTagsRequest { parent: package.clone() };
        "TagService/UpdateTag" => UpdateTagRequest { tag: Some(wire::Tag { name: tag.clone(), version: version.clone(), ..wire::Tag::default() }) };
        "TagService/DeleteTag" => DeleteTagRequest { name: tag.clone() };
        "TagService/BatchUpdateTags" => BatchUpdateTagsRequest { parent: project.to_owned() };
        "TagService/ListTagHistory" => ListTagHistoryRequest { name: tag.clone() };
        "TagService/RestoreTag" => RestoreTagRequest { name: tag.clone(), sequence: 1 };
        "TagService/CreateTagRule" => CreateTagRuleRequest { parent: project.to_owned(), tag_rule: new_rule() };
        "TagService/ListTagRules" => ListTagRulesRequest { parent: project.to_owned() };
        "TagService/UpdateTagRule" => UpdateTagRuleRequest { tag_rule: new_rule() };
        "TagService/DeleteTagRule" => DeleteTagRuleRequest { name: rule.clone() };
        "TagService/TestTagRule" => TestTagRuleRequest { parent: project.to_owned(), tag_rule: new_rule() };
        "TokenService/CreateToken" => CreateTokenRequest { parent: project.to_owned(), kind: 2 };
        "TokenService/ListTokens" => ListTokensRequest { parent: project.to_owned() };
        "TokenService/RevokeToken" => RevokeTokenRequest { name: format!("{project}/tokens/999") };
        "TokenService/RotateToken" => RotateTokenRequest { name: format!("{project}/tokens/999") };
        "AuditService/ListAuditEntries" => ListAuditEntriesRequest { parent: project.to_owned() };
        "AuditService/GetCheckpoint" => GetCheckpointRequest { parent: project.to_owned() };
        "AuditService/VerifyChain" => VerifyChainRequest { parent: project.to_owned() };
    }
}

/// A call of every method that is about what is above projects.
fn calls_above() -> Vec<(&'static str, Bytes)> {
    let encoded = |message: &dyn Fn() -> Vec<u8>| Bytes::from(message());
    vec![
        (
            "ProjectService/CreateNamespace",
            encoded(&|| wire::CreateNamespaceRequest { path: "root".to_owned(), ..Default::default() }.encode_to_vec()),
        ),
        ("ProjectService/GetNamespace", encoded(&|| wire::GetNamespaceRequest { name: "namespaces/root".to_owned() }.encode_to_vec())),
        ("ProjectService/ListNamespaces", Bytes::new()),
        (
            "ProjectService/DeleteNamespace",
            encoded(&|| wire::DeleteNamespaceRequest { name: "namespaces/root".to_owned(), ..Default::default() }.encode_to_vec()),
        ),
        (
            "ProjectService/CreateProject",
            encoded(&|| wire::CreateProjectRequest { project_id: "demo".to_owned(), ..Default::default() }.encode_to_vec()),
        ),
    ]
}

struct World {
    service: TestService,
    rest: Rest,
    channel: Channel,
}

impl World {
    async fn start(engine: Engine) -> Self {
        let (service, rest) = Builder::on(engine).demo().await;
        rest.create_project("other").await;
        let channel = Grpc::to(service.grpc()).channel();
        Self { service, rest, channel }
    }

    async fn call(&self, method: &str, token: &str, message: Bytes) -> Result<Bytes, Status> {
        raw::call(&self.channel, &format!("{PACKAGE}.{method}"), token, message).await
    }

    fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    /// A token of a project with these rights.
    async fn token(&self, request: CreateTokenRequest) -> (wire::Token, String) {
        let answer = self.tokens().create_token(bearing(request, TOKEN)).await.unwrap().into_inner();
        (answer.token.unwrap(), answer.secret)
    }
}

fn bearing<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn wanted(project: i64, role: Role, scopes: &[Scope]) -> CreateTokenRequest {
    let role = wire::Role::from_str_name(&format!("ROLE_{}", role.as_str().to_uppercase())).unwrap();
    let scope = |scope: &Scope| wire::Scope::from_str_name(&format!("SCOPE_{}", scope.as_str().to_uppercase())).unwrap().into();
    CreateTokenRequest {
        parent: format!("projects/{project}"),
        kind: wire::token::Kind::Project.into(),
        display_name: "test".to_owned(),
        scopes: scopes.iter().map(scope).collect(),
        role: role.into(),
        ..CreateTokenRequest::default()
    }
}

/// What the answer to a call says of the caller's rights.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Unknown,
    Role,
    Scope,
}

fn verdict(answer: &Result<Bytes, Status>) -> Verdict {
    let Err(status) = answer else { return Verdict::Allowed };
    match refusal(status) {
        (_, Some(Reason::ProjectNotFound | Reason::NamespaceNotFound), _) => Verdict::Unknown,
        (_, Some(Reason::RoleInsufficient), _) => Verdict::Role,
        (_, Some(Reason::ScopeInsufficient), _) => Verdict::Scope,
        (Code::Unauthenticated | Code::Internal | Code::Unimplemented | Code::Unavailable, ..) => panic!("{status:?}"),
        _ => Verdict::Allowed,
    }
}

#[test]
fn every_method_has_its_row_and_its_call() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let services = files.iter().flat_map(|file| &file.service).filter(|service| SERVED.contains(&service.name()));
    let methods: BTreeSet<String> =
        services.flat_map(|service| service.method.iter().map(|method| format!("{}/{}", service.name(), method.name()))).collect();
    let mut called: BTreeSet<String> =
        calls_in("projects/1").into_iter().chain(calls_above()).map(|(method, _)| method.to_owned()).collect();
    called.extend(["ProjectService/ListProjects".to_owned(), "TokenService/WhoAmI".to_owned()]);
    for method in &methods {
        let is_built = !NOT_BUILT.contains(&method.as_str());
        assert_eq!(need(&format!("{PACKAGE}.{method}")).is_some(), is_built, "{method}");
        assert_eq!(called.contains(method), is_built, "{method}");
    }
    assert!(called.is_subset(&methods), "{called:?}");
}

/// Compares the answers to one token with the table. Returns how many those were.
async fn compare(world: &World, role: Role, scopes: &[Scope]) -> usize {
    let (_, secret) = world.token(wanted(1, role, scopes)).await;
    let calls: Vec<_> = ["projects/1", "projects/root%2Fdemo"].into_iter().flat_map(calls_in).collect();
    for (method, message) in &calls {
        let need = need(&format!("{PACKAGE}.{method}")).unwrap();
        let expected = match () {
            () if role < need.role => Verdict::Role,
            () if !scopes.contains(&need.scope) => Verdict::Scope,
            () => Verdict::Allowed,
        };
        let answer = world.call(method, &secret, message.clone()).await;
        assert_eq!(verdict(&answer), expected, "{method} as {role} with {scopes:?}: {answer:?}");
    }
    calls.len()
}

#[tokio::test]
async fn every_method_takes_its_role_its_scope_and_its_project() {
    let roles = [Role::Guest, Role::Reporter, Role::Developer, Role::Maintainer, Role::Owner];
    let sets: [&[Scope]; 6] =
        [&Scope::ALL, &[Scope::Read], &[Scope::Read, Scope::Publish], &[Scope::Publish], &[Scope::Delete], &[Scope::Admin, Scope::Promote]];
    let mut cells = 0;
    for engine in BOTH {
        let world = World::start(engine).await;
        for (role, scopes) in roles.iter().flat_map(|role| sets.iter().map(move |scopes| (*role, *scopes))) {
            cells += compare(&world, role, scopes).await;
        }
        // What is of others is not there, whatever the role.
        let (_, secret) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
        for project in ["projects/2", "projects/root%2Fother", "projects/999", "projects/root%2Fabsent"] {
            for (method, message) in calls_in(project) {
                let answer = world.call(method, &secret, message).await;
                assert_eq!(verdict(&answer), Verdict::Unknown, "{method} in {project}: {answer:?}");
                assert!(answer.unwrap_err().message().contains(project), "{method}");
                cells += 1;
            }
        }
        for (method, message) in calls_above() {
            let answer = world.call(method, &secret, message.clone()).await;
            assert!(matches!(verdict(&answer), Verdict::Unknown | Verdict::Role), "{method}: {answer:?}");
            assert_eq!(verdict(&world.call(method, TOKEN, message).await), Verdict::Allowed, "{method}");
            cells += 2;
        }
    }
    assert!(cells > 3000, "{cells} cells");
}

#[tokio::test]
async fn lists_over_all_projects_show_those_that_the_token_is_for() {
    let world = World::start(Engine::Sqlite).await;
    assert_eq!(world.rest.put(&file("tool", "1.0", "f"), "here").await.status, 201);
    assert_eq!(world.rest.put("/api/v4/projects/2/packages/generic/tool/1.0/f", "here").await.status, 201);
    let (_, secret) = world.token(wanted(2, Role::Reporter, &[Scope::Read])).await;
    let all = "projects/-".to_owned();

    let packages = wire::ListPackagesRequest { parent: all.clone(), ..Default::default() }.encode_to_vec();
    let packages = world.call("PackageService/ListPackages", &secret, packages.into()).await.unwrap();
    let packages = wire::ListPackagesResponse::decode(packages).unwrap().packages;
    assert_eq!(packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["projects/2/packages/tool"]);
    let versions = wire::SearchVersionsRequest { parent: all.clone(), ..Default::default() }.encode_to_vec();
    let versions = world.call("PackageService/SearchVersions", &secret, versions.into()).await.unwrap();
    assert_eq!(wire::SearchVersionsResponse::decode(versions).unwrap().versions.len(), 1);
    let sha256 = Bytes::copy_from_slice(consign_types::Digest::of(b"here").as_bytes());
    let found = wire::FindByDigestRequest { parent: all, sha256, ..Default::default() }.encode_to_vec();
    let found = world.call("PackageService/FindByDigest", &secret, found.into()).await.unwrap();
    assert_eq!(wire::FindByDigestResponse::decode(found).unwrap().files.len(), 1);
    let projects = world.call("ProjectService/ListProjects", &secret, Bytes::new()).await.unwrap();
    let projects = wire::ListProjectsResponse::decode(projects).unwrap().projects;
    assert_eq!(projects.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(), ["projects/2"]);
}

#[tokio::test]
async fn a_token_for_some_packages_touches_no_others() {
    let world = World::start(Engine::Sqlite).await;
    for package in ["app-web", "lib"] {
        assert_eq!(world.rest.put(&file(package, "1.0", "f"), package).await.status, 201);
    }
    let globs = vec!["app-*".to_owned()];
    let (_, secret) = world.token(CreateTokenRequest { package_patterns: globs, ..wanted(1, Role::Owner, &Scope::ALL) }).await;
    let rest = world.rest.with_token(&secret);

    assert_eq!(rest.put(&file("app-web", "2.0", "f"), "new").await.status, 201);
    assert_eq!(rest.get(&file("app-web", "1.0", "f")).await.text(), "app-web");
    let refused = (rest.put(&file("lib", "2.0", "f"), "new").await, rest.get(&file("lib", "1.0", "f")).await);
    for answer in [refused.0, refused.1] {
        assert_eq!((answer.status, answer.text()), (403, r#"{"message":"403 Forbidden"}"#));
    }
    // What is about more than one package is refused, for it would tell of others; but not that the project is there.
    let seen = ["ProjectService/GetProject"];
    for (method, message) in calls_in("projects/1") {
        let answer = world.call(method, &secret, message).await;
        let refused = verdict(&answer) == Verdict::Scope;
        assert_eq!(refused, !seen.contains(&method), "{method}: {answer:?}");
    }
    let lists = [
        (
            "PackageService/ListVersions",
            wire::ListVersionsRequest { parent: "projects/1/packages/-".to_owned(), ..Default::default() }.encode_to_vec(),
        ),
        ("TagService/ListTags", wire::ListTagsRequest { parent: "projects/1/packages/-".to_owned(), ..Default::default() }.encode_to_vec()),
        (
            "PackageService/ListPackages",
            wire::ListPackagesRequest { parent: "projects/-".to_owned(), ..Default::default() }.encode_to_vec(),
        ),
        (
            "PackageService/SearchVersions",
            wire::SearchVersionsRequest { parent: "projects/-".to_owned(), ..Default::default() }.encode_to_vec(),
        ),
    ];
    for (method, message) in lists {
        assert_eq!(verdict(&world.call(method, &secret, message.into()).await), Verdict::Scope, "{method}");
    }
    let own = wire::ListVersionsRequest { parent: "projects/1/packages/app-web".to_owned(), ..Default::default() }.encode_to_vec();
    assert!(world.call("PackageService/ListVersions", &secret, own.into()).await.is_ok());
    let delete = wire::DeleteProjectRequest { name: "projects/1".to_owned(), ..Default::default() }.encode_to_vec();
    assert_eq!(verdict(&world.call("ProjectService/DeleteProject", &secret, delete.into()).await), Verdict::Scope);
}

#[tokio::test]
async fn rest_takes_the_token_of_a_project_in_every_form() {
    let world = World::start(Engine::Sqlite).await;
    let (_, reader) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
    let deploy =
        CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..wanted(1, Role::Developer, &[Scope::Read, Scope::Publish]) };
    let (token, publisher) = world.token(deploy).await;
    let (reader, publisher) = (world.rest.with_token(&reader), world.rest.with_token(&publisher));

    assert_eq!(publisher.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    assert_eq!(reader.get(&file("tool", "1.0", "f")).await.text(), "hello");
    assert_eq!(reader.put(&file("tool", "1.0", "g"), "hello").await.status, 403);
    for rest in [&reader, &publisher] {
        let answer = rest.get("/api/v4/projects/2/packages/generic/tool/1.0/f").await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"message":"404 Project Not Found"}"#));
    }
    assert_eq!(world.rest.with_token("consign_prj_000000000000000000000000000000000000").get(&file("tool", "1.0", "f")).await.status, 401);

    world.tokens().revoke_token(bearing(RevokeTokenRequest { name: token.name, ..Default::default() }, TOKEN)).await.unwrap();
    wait::until("the end of the token", async || (publisher.get(&file("tool", "1.0", "f")).await.status == 401).then_some(())).await;
}

#[tokio::test]
async fn a_token_lives_is_rotated_and_ends() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let mut tokens = world.tokens();
        let (token, first) = world.token(wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin])).await;
        assert!(first.starts_with("consign_prj_"), "{first}");
        assert_eq!(
            (token.name.as_str(), token.creator.as_str(), token.etag.is_empty()),
            (format!("projects/1/tokens/{}", token.id).as_str(), "root", false)
        );
        let me = tokens.who_am_i(bearing(WhoAmIRequest {}, &first)).await.unwrap().into_inner();
        assert_eq!((me.actor, me.user, me.token.unwrap().id), (format!("project_1_bot_{}", token.id), String::new(), token.id));
        let root = tokens.who_am_i(bearing(WhoAmIRequest {}, TOKEN)).await.unwrap().into_inner();
        assert_eq!((root.actor.as_str(), root.user.as_str()), ("root", "users/root"));

        // It rotates itself, and the old secret counts for a while.
        let overlap = Some(prost_types::Duration { seconds: 60, nanos: 0 });
        let rotate = RotateTokenRequest { name: token.name.clone(), overlap, ..Default::default() };
        let rotated = tokens.rotate_token(bearing(rotate, &first)).await.unwrap().into_inner();
        assert_ne!(rotated.secret, first);
        for secret in [&first, &rotated.secret] {
            assert!(tokens.who_am_i(bearing(WhoAmIRequest {}, secret)).await.is_ok());
        }
        let rotate = RotateTokenRequest { name: token.name.clone(), ..Default::default() };
        let again = tokens.rotate_token(bearing(rotate, TOKEN)).await.unwrap().into_inner();
        for secret in [&first, &rotated.secret] {
            assert_eq!(refusal(&tokens.who_am_i(bearing(WhoAmIRequest {}, secret)).await.unwrap_err()).1, Some(Reason::TokenInvalid));
        }

        let listed = ListTokensRequest { parent: "projects/1".to_owned(), ..Default::default() };
        let list = async |request: &ListTokensRequest| {
            world.tokens().list_tokens(bearing(request.clone(), TOKEN)).await.unwrap().into_inner().tokens
        };
        let shown =
            wait::until("the note of its use", async || list(&listed).await.into_iter().find(|token| token.last_use_time.is_some()));
        assert_eq!(shown.await.id, token.id);

        let stale = RevokeTokenRequest { name: token.name.clone(), etag: token.etag.clone(), ..Default::default() };
        assert_eq!(refusal(&tokens.revoke_token(bearing(stale, TOKEN)).await.unwrap_err()).1, Some(Reason::EtagMismatch));
        let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
        let revoked = tokens.revoke_token(bearing(revoke.clone(), &again.secret)).await.unwrap().into_inner().token.unwrap();
        assert!(revoked.revoke_time.is_some());
        assert_eq!(tokens.revoke_token(bearing(revoke, TOKEN)).await.unwrap().into_inner().token.unwrap(), revoked, "once more");
        assert_eq!(refusal(&tokens.who_am_i(bearing(WhoAmIRequest {}, &again.secret)).await.unwrap_err()).1, Some(Reason::TokenInvalid));
        assert!(list(&listed).await.is_empty());
        assert_eq!(list(&ListTokensRequest { show_inactive: true, ..listed.clone() }).await.len(), 1);
        let rotate = RotateTokenRequest { name: token.name.clone(), ..Default::default() };
        assert_eq!(refusal(&tokens.rotate_token(bearing(rotate, TOKEN)).await.unwrap_err()).1, Some(Reason::TokenExpired));
        let missing = RevokeTokenRequest { name: "projects/1/tokens/999".to_owned(), ..Default::default() };
        assert_eq!(refusal(&tokens.revoke_token(bearing(missing, TOKEN)).await.unwrap_err()).1, Some(Reason::TokenNotFound));
        let elsewhere = RevokeTokenRequest { name: format!("projects/2/tokens/{}", token.id), ..Default::default() };
        assert_eq!(refusal(&tokens.revoke_token(bearing(elsewhere, TOKEN)).await.unwrap_err()).1, Some(Reason::TokenNotFound));
    }
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let world = World::start(Engine::Sqlite).await;
    let expire_time = Some(prost_types::Timestamp::from(now() + Duration::from_secs(2)));
    let (_, secret) = world.token(CreateTokenRequest { expire_time, ..wanted(1, Role::Reporter, &[Scope::Read]) }).await;

    let refused = wait::until("its end", async || world.tokens().who_am_i(bearing(WhoAmIRequest {}, &secret)).await.err()).await;

    assert_eq!(refusal(&refused).1, Some(Reason::TokenExpired));
    assert_eq!(world.rest.with_token(&secret).get(&file("tool", "1.0", "f")).await.status, 401);
}

#[tokio::test]
async fn nobody_makes_a_token_that_may_do_more_than_theirs() {
    let world = World::start(Engine::Sqlite).await;
    let (_, maintainer) = world.token(wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin])).await;
    let mut tokens = world.tokens();
    let mut refused = async |request: CreateTokenRequest, token: &str| {
        let status = tokens.create_token(bearing(request, token)).await.err();
        status.and_then(|status| refusal(&status).1)
    };
    let ordinary = || wanted(1, Role::Reporter, &[Scope::Read]);

    assert_eq!(refused(ordinary(), &maintainer).await, None);
    assert_eq!(refused(wanted(1, Role::Owner, &[Scope::Read]), &maintainer).await, Some(Reason::RoleInsufficient));
    assert_eq!(refused(wanted(1, Role::Reporter, &[Scope::Publish]), &maintainer).await, Some(Reason::ScopeInsufficient));
    assert_eq!(refused(wanted(2, Role::Reporter, &[Scope::Read]), &maintainer).await, Some(Reason::ProjectNotFound));
    let personal = CreateTokenRequest { parent: "users/root".to_owned(), kind: 1, role: 0, ..ordinary() };
    assert_eq!(refused(personal.clone(), &maintainer).await, Some(Reason::UserNotFound));
    assert_eq!(refused(personal.clone(), TOKEN).await, None);
    assert_eq!(
        refused(CreateTokenRequest { parent: "users/nobody".to_owned(), ..personal.clone() }, TOKEN).await,
        Some(Reason::UserNotFound)
    );
    let past = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    for broken in [
        CreateTokenRequest { display_name: String::new(), ..ordinary() },
        CreateTokenRequest { scopes: Vec::new(), ..ordinary() },
        CreateTokenRequest { scopes: vec![99], ..ordinary() },
        CreateTokenRequest { kind: 0, ..ordinary() },
        CreateTokenRequest { kind: wire::token::Kind::Job.into(), ..ordinary() },
        CreateTokenRequest { kind: wire::token::Kind::Personal.into(), ..ordinary() },
        CreateTokenRequest { role: wire::Role::Admin.into(), ..ordinary() },
        CreateTokenRequest { role: 99, ..ordinary() },
        CreateTokenRequest { expire_time: past, ..ordinary() },
        CreateTokenRequest { package_patterns: vec!["a".to_owned(); 51], ..ordinary() },
        CreateTokenRequest { package_patterns: vec![String::new()], ..ordinary() },
        CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..wanted(1, Role::Owner, &[Scope::Delete]) },
        CreateTokenRequest { role: 2, ..personal },
    ] {
        assert_eq!(refused(broken.clone(), TOKEN).await, Some(Reason::ArgumentInvalid), "{broken:?}");
    }
}

#[tokio::test]
async fn the_same_request_again_makes_another_secret_for_the_same_token() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let request = CreateTokenRequest { request_id, ..wanted(1, Role::Reporter, &[Scope::Read]) };
        let (one, first) = world.token(request.clone()).await;
        let (other, second) = world.token(request.clone()).await;

        assert_eq!(one.id, other.id);
        assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &second)).await.is_ok());
        assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &first)).await.is_err());
        let reused = CreateTokenRequest { display_name: "else".to_owned(), ..request };
        let status = world.tokens().create_token(bearing(reused, TOKEN)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::RequestIdReused));
        drop(world.service);
    }
}

#[tokio::test]
async fn nobody_gets_the_secret_of_a_token_that_may_do_more_than_theirs() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let (owner, _) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
        let (_, maintainer) = world.token(wanted(1, Role::Maintainer, &[Scope::Admin])).await;
        let (reader, _) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
        let rotate = async |name: &str, by: &str| {
            let request = RotateTokenRequest { name: name.to_owned(), ..Default::default() };
            world.tokens().rotate_token(bearing(request, by)).await.err().and_then(|status| refusal(&status).1)
        };
        assert_eq!(rotate(&owner.name, &maintainer).await, Some(Reason::RoleInsufficient));
        assert_eq!(rotate(&reader.name, &maintainer).await, Some(Reason::ScopeInsufficient));
        let personal = CreateTokenRequest { parent: "users/root".to_owned(), kind: 1, role: 0, ..wanted(1, Role::Guest, &[Scope::Admin]) };
        let (_, personal) = world.token(personal).await;
        assert_eq!(rotate("users/root/tokens/1", &personal).await, Some(Reason::ScopeInsufficient));
        assert_eq!(rotate(&owner.name, TOKEN).await, None);
    }
}

#[tokio::test]
async fn a_token_does_not_prolong_itself_and_an_old_secret_changes_none() {
    let world = World::start(Engine::Sqlite).await;
    let in_seconds = |seconds| Some(prost_types::Timestamp::from(now() + Duration::from_secs(seconds)));
    let (token, secret) =
        world.token(CreateTokenRequest { expire_time: in_seconds(600), ..wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin]) }).await;
    let rotate = |expire_time| RotateTokenRequest { name: token.name.clone(), expire_time, ..Default::default() };
    let refused = async |request: RotateTokenRequest, by: &str| {
        world.tokens().rotate_token(bearing(request, by)).await.err().and_then(|status| refusal(&status).1)
    };

    assert_eq!(refused(rotate(in_seconds(6000)), &secret).await, Some(Reason::ScopeInsufficient));
    for expire_time in [None, in_seconds(6000)] {
        let longer = CreateTokenRequest { expire_time, ..wanted(1, Role::Guest, &[Scope::Read]) };
        let status = world.tokens().create_token(bearing(longer, &secret)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ScopeInsufficient));
    }

    let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
    let overlap = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    let request = RotateTokenRequest { overlap, request_id, ..rotate(in_seconds(500)) };
    let first = world.tokens().rotate_token(bearing(request.clone(), &secret)).await.unwrap().into_inner().secret;
    assert_eq!(refused(rotate(None), &secret).await, Some(Reason::ScopeInsufficient), "the old secret");
    let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
    assert_eq!(refusal(&world.tokens().revoke_token(bearing(revoke, &secret)).await.unwrap_err()).1, Some(Reason::ScopeInsufficient));
    // The answer may have been lost: the same request again makes another secret in place of that one.
    let second = world.tokens().rotate_token(bearing(request.clone(), &secret)).await.unwrap().into_inner().secret;
    assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &first)).await.is_err());
    assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &second)).await.is_ok());
    assert_eq!(refused(rotate(None), &second).await, None);
    assert_eq!(refused(request, TOKEN).await, None, "another caller's request is another one");
}

#[tokio::test]
async fn a_revocation_stands_whatever_is_done_at_the_same_time() {
    for engine in BOTH {
        let world = World::start(engine).await;
        for _ in 0..20 {
            let (token, secret) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
            let rotate = RotateTokenRequest { name: token.name.clone(), ..Default::default() };
            let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
            let (mut one, mut other) = (world.tokens(), world.tokens());
            let (rotated, revoked) = tokio::join!(one.rotate_token(bearing(rotate, &secret)), other.revoke_token(bearing(revoke, TOKEN)));
            revoked.unwrap();
            if let Ok(rotated) = rotated {
                let answer = world.tokens().who_am_i(bearing(WhoAmIRequest {}, &rotated.into_inner().secret)).await;
                assert!(answer.is_err(), "{engine:?}: it was revoked");
            }
        }
    }
}

#[tokio::test]
async fn nobody_is_told_of_bytes_that_they_may_not_read_nor_lifts_the_limits_of_the_instance() {
    let world = World::start(Engine::Sqlite).await;
    assert_eq!(world.rest.put("/api/v4/projects/2/packages/generic/tool/1.0/f", "of project 2").await.status, 201);
    assert_eq!(world.rest.put(&file("lib", "1.0", "f"), "of lib").await.status, 201);
    let presence = async |package: &str, content: &str, by: &str| {
        let sha256 = Bytes::copy_from_slice(consign_types::Digest::of(content.as_bytes()).as_bytes());
        let files = vec![wire::UploadFile { path: "f".to_owned(), sha256, ..Default::default() }];
        let request =
            wire::PrepareUploadsRequest { parent: format!("projects/1/packages/{package}/versions/9.0"), files, ..Default::default() };
        let answer = world.call("FileService/PrepareUploads", by, request.encode_to_vec().into()).await.unwrap();
        let plan = wire::PrepareUploadsResponse::decode(answer).unwrap().plans.remove(0);
        matches!(plan.action, Some(wire::upload_plan::Action::Receipt(_)))
    };
    let (_, all) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
    let (_, publisher) = world.token(wanted(1, Role::Developer, &[Scope::Publish])).await;
    let limited = CreateTokenRequest { package_patterns: vec!["app-*".to_owned()], ..wanted(1, Role::Owner, &Scope::ALL) };
    let (_, limited) = world.token(limited).await;

    assert!(presence("app-x", "of lib", &all).await);
    assert!(!presence("app-x", "of lib", &publisher).await);
    assert!(!presence("app-x", "of lib", &limited).await);
    assert!(!presence("app-x", "of project 2", &all).await);
    for settings in [
        wire::Settings { dedup_scope: wire::DedupScope::Instance.into(), ..Default::default() },
        wire::Settings { quota_bytes: Some(1 << 40), ..Default::default() },
        wire::Settings { max_file_bytes: Some(1 << 40), ..Default::default() },
    ] {
        let settings = Some(wire::Settings { name: "projects/1".to_owned(), ..settings });
        let request = wire::UpdateSettingsRequest { settings, ..Default::default() }.encode_to_vec();
        assert_eq!(verdict(&world.call("ProjectService/UpdateSettings", &all, request.clone().into()).await), Verdict::Role);
        assert_eq!(verdict(&world.call("ProjectService/UpdateSettings", TOKEN, request.into()).await), Verdict::Allowed);
    }
}

#[tokio::test]
async fn private_and_absent_look_the_same() {
    let world = World::start(Engine::Sqlite).await;
    assert_eq!(world.rest.put("/api/v4/projects/2/packages/generic/tool/1.0/f", "x").await.status, 201);
    let (_, secret) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
    for ((method, private), (_, absent)) in calls_in("projects/2").into_iter().zip(calls_in("projects/9")) {
        let [private, absent] = [private, absent].map(|message| world.call(method, &secret, message));
        let (private, absent) = (private.await.unwrap_err(), absent.await.unwrap_err());
        let told = |status: &Status| {
            (status.code(), status.message().replace("projects/9", "projects/2"), refusal(status).1, status.details().len())
        };
        assert_eq!(told(&private), told(&absent), "{method}");
    }
    let rest = world.rest.with_token(&secret);
    for path in ["", "/packages/generic/tool/1.0/f"] {
        let (private, absent) =
            (rest.get(&format!("/api/v4/projects/2{path}")).await, rest.get(&format!("/api/v4/projects/9{path}")).await);
        assert_eq!((private.status, private.text()), (absent.status, absent.text()));
    }
}
