//! A service with two projects, and what its answers say.

use bytes::Bytes;
use consign_proto::access::scope_numbers;
use consign_proto::metadata::token_service_client::TokenServiceClient;
use consign_proto::metadata::{self as wire, CreateTokenRequest};
use consign_types::Reason;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::{Grpc, refusal};
use integration_tests::rest::Rest;
use integration_tests::service::TestService;
use integration_tests::{Builder, Engine, TOKEN, raw};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

/// The package of the methods.
pub(crate) const PACKAGE: &str = "consign.metadata.v1";

/// A service with two projects.
pub(crate) struct World {
    pub(crate) service: TestService,
    pub(crate) rest: Rest,
    pub(crate) channel: Channel,
}

impl World {
    pub(crate) async fn start(engine: Engine) -> Self {
        let (service, rest) = Builder::on(engine).demo().await;
        rest.create_project("other").await;
        let channel = Grpc::to(service.grpc()).channel();
        Self { service, rest, channel }
    }

    pub(crate) async fn call(&self, method: &str, token: &str, message: Bytes) -> Result<Bytes, Status> {
        self.call_as(method, Some(token), message).await
    }

    pub(crate) async fn call_as(&self, method: &str, token: Option<&str>, message: Bytes) -> Result<Bytes, Status> {
        raw::call(&self.channel, &format!("{PACKAGE}.{method}"), token, message).await
    }

    pub(crate) fn grpc(&self) -> Grpc {
        Grpc::to(self.service.grpc())
    }

    pub(crate) fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    /// A token of a project with these rights.
    pub(crate) async fn token(&self, request: CreateTokenRequest) -> (wire::Token, String) {
        let answer = self.tokens().create_token(bearing(request, TOKEN)).await.unwrap().into_inner();
        (answer.token.unwrap(), answer.secret)
    }
}

pub(crate) fn bearing<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

pub(crate) fn wanted(project: i64, role: Role, scopes: &[Scope]) -> CreateTokenRequest {
    CreateTokenRequest {
        parent: format!("projects/{project}"),
        kind: wire::token::Kind::Project.into(),
        display_name: "test".to_owned(),
        scopes: scope_numbers(scopes),
        role: wire::Role::from(role).into(),
        ..CreateTokenRequest::default()
    }
}

/// What the answer to a call says of the caller's rights.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Unknown,
    Unauthenticated,
    Role,
    Scope,
}

pub(crate) fn verdict(answer: &Result<Bytes, Status>) -> Verdict {
    let Err(status) = answer else { return Verdict::Allowed };
    match refusal(status) {
        (_, Some(Reason::ProjectNotFound | Reason::NamespaceNotFound), _) => Verdict::Unknown,
        (Code::Unauthenticated, Some(Reason::TokenInvalid), _) => Verdict::Unauthenticated,
        (_, Some(Reason::RoleInsufficient), _) => Verdict::Role,
        (_, Some(Reason::ScopeInsufficient), _) => Verdict::Scope,
        (Code::Unauthenticated | Code::Internal | Code::Unimplemented | Code::Unavailable, ..) => panic!("{status:?}"),
        _ => Verdict::Allowed,
    }
}
