//! Whether a secret is told to anybody who should not have it: canaries in every place where one can be, through calls that succeed and
//! calls that fail, and a look at all that was logged and answered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::blob::{QueryUploadRequest, ReadRequest};
use consign_proto::metadata::{self as wire, CreateTokenRequest, ExchangeTokenRequest, PublishFile, PublishVersionRequest, WhoAmIRequest};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::issuer::Issuer;
use integration_tests::publishing::{self, message, prepare, upload_file, write};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Binary, Builder, Engine, TOKEN};
use reqwest::RequestBuilder;
use serde_json::json;
use tonic::Request;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");

/// How a token that is none comes over REST.
const SLOTS: [fn(RequestBuilder, &str) -> RequestBuilder; 7] = [
    |request, secret| request.header("private-token", secret),
    |request, secret| request.header("job-token", secret),
    |request, secret| request.header("deploy-token", secret),
    |request, secret| request.basic_auth("anybody", Some(secret)),
    |request, secret| request.bearer_auth(secret),
    |request, secret| request.header("authorization", secret),
    |request, secret| request.header("cookie", secret),
];

/// A service under canaries.
struct Aviary {
    service: Binary,
    rest: Rest,
    grpc: Grpc,
    issuer: Issuer,
    /// What must not be seen again.
    secrets: Vec<String>,
    /// What was answered.
    answers: Vec<String>,
}

impl Aviary {
    async fn start(engine: Engine) -> Self {
        let builder = Builder::on(engine).wrapped(&[], "exec \"$@\" 2>\"$0/log\"");
        let issuer = Issuer::start().await;
        let builder = builder.with("--oidc-issuers", &issuer.address);
        let builder = builder.with("--login-failures-per-minute", 20);
        let service = builder.spawn(PROGRAM, &[("CONSIGN_TEST_LOG", "trace")]).await;
        let (rest, grpc) = (Rest::to(service.http()), Grpc::to(service.grpc()));
        rest.create_project("demo").await;
        Self { service, rest, grpc, issuer, secrets: vec![TOKEN.to_owned()], answers: Vec::new() }
    }

    fn saw(&mut self, answer: impl std::fmt::Debug) {
        self.answers.push(format!("{answer:?}"));
    }

    /// A secret that nobody gave.
    fn canary(&mut self, name: &str) -> String {
        let secret = format!("canary-{name}-{:032x}", rand::random::<u128>());
        self.secrets.push(secret.clone());
        secret
    }

    async fn guess(&mut self) {
        for (number, slot) in SLOTS.iter().enumerate() {
            let secret = self.canary(&format!("slot-{number}"));
            for (method, path) in
                [("GET", file("tool", "1.0", "f")), ("PUT", file("tool", "1.0", "f")), ("GET", "/api/v4/projects".to_owned())]
            {
                let answer = self.rest.send(slot(self.rest.anonymous(method.parse().unwrap(), &path), &secret)).await;
                self.saw((answer.status, answer.headers.clone(), answer.text().to_owned()));
            }
        }
        for form in ["Bearer {}", "Basic {}", "{}", "Bearer {} {}"] {
            let secret = self.canary("grpc");
            let mut request = Request::new(WhoAmIRequest {});
            request.metadata_mut().insert("authorization", form.replace("{}", &secret).parse().unwrap());
            let answer = self.grpc.tokens().who_am_i(request).await;
            self.saw(answer);
        }
    }

    /// Tokens of each kind, used well and badly.
    async fn use_tokens(&mut self) {
        for (parent, kind) in [("users/root", 1), ("projects/1", 2), ("projects/1", 3), ("namespaces/root", 5)] {
            let scopes = vec![wire::Scope::Read.into(), wire::Scope::Publish.into()];
            let new = CreateTokenRequest { parent: parent.to_owned(), kind, display_name: "bird".to_owned(), scopes, ..Default::default() };
            let made = self.grpc.tokens().create_token(authorized(new)).await.unwrap().into_inner();
            self.secrets.push(made.secret.clone());
            let rest = self.rest.with_token(&made.secret);
            for path in [file("tool", "1.0", "f"), file("no/such", "1.0", "f"), "/api/v4/projects/99".to_owned()] {
                for answer in [rest.put(&path, "hello").await, rest.get(&path).await] {
                    self.saw((answer.status, answer.headers.clone(), answer.text().to_owned()));
                }
            }
            let revoke = wire::RevokeTokenRequest { name: made.token.unwrap().name, ..Default::default() };
            let answer = self.grpc.tokens().revoke_token(authorized(revoke)).await;
            self.saw(answer);
        }
        let rotated = CreateTokenRequest {
            parent: "projects/1".to_owned(),
            kind: 2,
            display_name: "bird".to_owned(),
            scopes: vec![wire::Scope::Read.into()],
            ..Default::default()
        };
        let rotated = self.grpc.tokens().create_token(authorized(rotated)).await.unwrap().into_inner();
        let rotate = wire::RotateTokenRequest { name: rotated.token.unwrap().name, ..Default::default() };
        let second = self.grpc.tokens().rotate_token(authorized(rotate)).await.unwrap().into_inner();
        self.secrets.extend([rotated.secret, second.secret]);
    }

    /// Tickets and receipts, sent to where they belong and to where they do not.
    async fn use_notes(&mut self) {
        let version = "2.0";
        let plans = prepare(&self.grpc, version, vec![upload_file("f", b"hello again")]).await.unwrap();
        let ticket = publishing::ticket(plans.into_iter().next().unwrap());
        self.secrets.push(String::from_utf8_lossy(&ticket.token).into_owned());
        self.secrets.push(shown(&ticket.token));
        let wrong = message(&ticket, 0, b"something else", true);
        let answer = write(&self.grpc, vec![wrong]).await;
        self.saw(answer);
        let mut blobs = self.grpc.blobs();
        let answer = blobs.read(ReadRequest { ticket: ticket.token.clone(), ..Default::default() }).await.map(|_| ());
        self.saw(answer);
        let mut broken = ticket.token.to_vec();
        if let Some(last) = broken.last_mut() {
            *last ^= 1;
        }
        let answer = blobs.query_upload(QueryUploadRequest { ticket: broken.into(), ..Default::default() }).await;
        self.saw(answer);
        let receipt = publishing::upload(&self.grpc, version, "f", b"hello again").await;
        self.secrets.push(shown(&receipt));
        let publish = |receipt: bytes::Bytes, version: &str| PublishVersionRequest {
            parent: publishing::PACKAGE.to_owned(),
            version_id: version.to_owned(),
            files: vec![PublishFile { path: "f".to_owned(), receipt, ..Default::default() }],
            ..Default::default()
        };
        for receipt in [receipt.clone(), receipt.slice(1..), ticket.token] {
            let answer = self.grpc.packages().publish_version(authorized(publish(receipt, "2.0"))).await;
            self.saw(answer);
        }
    }

    async fn exchange(&mut self) {
        let rule = wire::TrustRule {
            issuer: self.issuer.address.clone(),
            audiences: vec!["consign".to_owned()],
            claims: [("project_id".to_owned(), "42".to_owned())].into(),
            scopes: vec![wire::Scope::Read.into()],
            ..Default::default()
        };
        let new = wire::CreateTrustRuleRequest { parent: "projects/1".to_owned(), trust_rule: Some(rule), ..Default::default() };
        self.grpc.tokens().create_trust_rule(authorized(new)).await.unwrap();
        let private = self.canary("claim");
        for claims in [json!({"project_id": 42, "secret": private}), json!({"project_id": 43, "secret": private}), json!({"exp": 1})] {
            let subject_token = self.issuer.sign(&claims);
            self.secrets.push(subject_token.clone());
            self.secrets.extend(subject_token.split('.').map(str::to_owned));
            for subject_token in [subject_token.clone(), format!("{subject_token}x")] {
                let asked = ExchangeTokenRequest { parent: "projects/1".to_owned(), subject_token, ..Default::default() };
                match self.grpc.tokens().exchange_token(Request::new(asked)).await.map(tonic::Response::into_inner) {
                    Ok(granted) => self.secrets.push(granted.secret),
                    Err(refused) => self.saw(refused),
                }
            }
        }
    }

    /// Looks at everything. A header of an ID token is the same in all, and says nothing.
    async fn check(mut self) {
        let log = std::fs::read_to_string(self.service.directory().join("log")).unwrap();
        self.service.kill().await;
        assert!(log.lines().count() > 100 && log.contains("refused"), "there is something to look at");
        for secret in self.secrets.iter().filter(|secret| secret.len() > 15) {
            assert!(!log.contains(secret.as_str()), "the log shows {secret}: {}", line(&log, secret));
            for answer in &self.answers {
                assert!(!answer.contains(secret.as_str()), "an answer shows {secret}: {answer}");
            }
        }
    }
}

fn line<'a>(log: &'a str, secret: &str) -> &'a str {
    log.lines().find(|line| line.contains(secret)).unwrap_or_default()
}

/// Bytes as logs would show them.
fn shown(bytes: &bytes::Bytes) -> String {
    format!("{bytes:?}").trim_start_matches("b\"").trim_end_matches('"').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_or_told() {
    for engine in BOTH {
        let mut aviary = Aviary::start(engine).await;
        aviary.use_tokens().await;
        aviary.use_notes().await;
        aviary.exchange().await;
        aviary.guess().await;
        aviary.check().await;
    }
}
