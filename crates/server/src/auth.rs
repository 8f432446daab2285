//! Who makes a request, and what it may do: asked before a byte of its body is read, and judged before anything is done.
//!
//! What a method needs stands in [`consign_types::access::methods`]. A method without a row there is not reached, and one that answers without
//! having its caller judged is not answered: forgetting either is a fault that every test of the method shows.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use consign_metadata::{About, Error, Metadata, Principal, Version, Within};
use consign_proto::status::{refused, status, told, unimplemented};
use consign_types::Reason;
use consign_types::access::methods::need;
use consign_types::access::{Need, Reach, Role};
use consign_types::resource::{
    AttestationRef, FileRef, MemberParent, NamespaceRef, PackageRef, PackagesRef, ProjectRef, ProjectsRef, PromotionRef, ProtectionRuleRef,
    ScopeRef, StageRef, TagRef, TagRuleRef, TokenParent, TokenRef, TrustRuleRef, TrustedKeyRef, UserRef, VersionRef,
};
use tonic::{Code, Status};

use crate::notes::Notes;
use crate::routes::into_response;
use crate::throttle::{Standing, Throttle};

/// The method by which a token gets another secret.
const ROTATE: &str = "consign.metadata.v1.TokenService/RotateToken";

/// What is asked about those who make requests.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) metadata: Metadata,
    pub(crate) throttle: Throttle,
}

/// Notes in the request's extensions who makes it: the holder of a valid token, or nobody that is known. An invalid token is refused, and
/// whoever comes too often.
pub(crate) async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let (token, address) = (bearer(&request), gate.throttle.address(&request));
    let (found, failing) = gate.principal(token.clone(), address).await;
    let refuse = |status| with(failing, into_response(status));
    let (principal, reused) = match found {
        Ok(principal) => (principal, None),
        // Whoever rotates a token by a secret that was replaced is heard, for that to be known.
        Err(status) if method == ROTATE && told(&status).reason == Some(Reason::TokenRevoked) => {
            (Principal::anonymous(), token.ok().flatten())
        }
        Err(status) => return refuse(status),
    };
    let Some(need) = need(&method) else {
        return into_response(unimplemented());
    };
    if principal.is_anonymous() && reused.is_none() && !need.is_for_everybody() {
        return into_response(status(Error::TokenMissing));
    }
    let standing = match gate.throttle.check_publish(&method, &principal.name) {
        Ok(standing) => standing.or(failing),
        Err(status) => return into_response(status),
    };
    let caller = Caller { metadata: gate.metadata, principal, reused, need, is_judged: Arc::default() };
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    // A refusal has its status in the headers.
    if !caller.is_judged.load(Ordering::Relaxed) && !response.headers().contains_key("grpc-status") {
        tracing::error!(method, "answered without judging the caller");
        return into_response(refused(Reason::Internal, "internal error"));
    }
    with(standing, response)
}

/// The same answer, with how the caller stands whom a limit applies to.
fn with(standing: Option<Standing>, mut response: Response) -> Response {
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response
}

/// Lets a request through that comes from the metadata plane.
pub(crate) async fn authenticate_plane(State(notes): State<Notes>, request: Request, next: Next) -> Response {
    let missing = || refused(Reason::TicketInvalid, "ticket is missing: only the metadata plane may call this");
    let ticket = bearer(&request).ok().flatten().ok_or_else(missing);
    match ticket.and_then(|ticket| notes.admin_ticket(&ticket)) {
        Ok(_) => next.run(request).await,
        Err(status) => into_response(status),
    }
}

/// The token that a request came with; `None` for none. Two, or what is no token, are refused: what was meant is not guessed.
fn bearer(request: &Request) -> Result<Option<String>, Status> {
    let mut given = request.headers().get_all(AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    let Some(first) = first else { return Ok(None) };
    let token = first.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match (token, second) {
        (Some((_, token)), None) => Ok(Some(token.trim().to_owned())),
        _ => Err(refused(Reason::TokenInvalid, "token is not valid: send one `authorization: Bearer <token>`")),
    }
}

impl Gate {
    /// Whoever comes with this token, and how those at the address stand who failed to sign in, if this one did.
    async fn principal(
        &self,
        token: Result<Option<String>, Status>,
        address: Option<IpAddr>,
    ) -> (Result<Principal, Status>, Option<Standing>) {
        let token = match token {
            Ok(Some(token)) => token,
            Ok(None) => return (Ok(Principal::anonymous()), None),
            Err(status) => return (Err(status), self.throttle.note_failure(address)),
        };
        if let Err(status) = self.throttle.check_address(address, &token) {
            return (Err(status), None);
        }
        let found = self.metadata.authenticate(&token).await.map_err(status);
        let failing = match &found {
            Ok(_) => {
                self.throttle.note_success(&token);
                None
            }
            Err(status) if status.code() == Code::Unauthenticated => self.throttle.note_failure(address),
            Err(_) => None,
        };
        (found, failing)
    }
}

/// The caller of a method, which [`authenticate`] noted.
pub(crate) fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| status(Error::TokenMissing))
}

/// Who calls a method, not judged yet.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    metadata: Metadata,
    principal: Principal,
    /// The secret that it came with, if another one took its place: it may do nothing, and is heard only where it would rotate its token.
    reused: Option<String>,
    need: Need,
    is_judged: Arc<AtomicBool>,
}

impl Caller {
    /// Lets the call go on if the caller may make it for this. Who makes it is told with the role in what it is about.
    pub(crate) async fn about(&self, subject: &impl Subject) -> Result<Principal, Status> {
        self.admitted(self.need, subject.about()).await
    }

    /// Lets the call go on if the caller has what this call takes in place of what the method says: who makes it is told as by
    /// [`Self::about`].
    pub(crate) async fn needing(&self, need: Need, subject: &impl Subject) -> Result<Principal, Status> {
        self.admitted(need, subject.about()).await
    }

    /// Lets the call go on if the caller knows of this and its token has the scope, whatever its role there.
    pub(crate) async fn seeing(&self, subject: &impl Subject) -> Result<Principal, Status> {
        self.admitted(Need { role: Role::Guest, ..self.need }, subject.about()).await
    }

    /// Lets the call go on if the caller may also do what takes more than the method does, for this.
    pub(crate) async fn also(&self, need: Need, subject: &impl Subject) -> Result<(), Status> {
        self.admitted(need, subject.about()).await.map(|_| ())
    }

    /// Lets the call go on for all projects that the caller may know of: for those within this reach.
    pub(crate) async fn everywhere(&self) -> Result<Reach, Status> {
        Ok(self.admitted(self.need, About::All).await?.grant.reach(self.need.role))
    }

    /// The same, for those of them in which the caller was given this role or a higher one.
    pub(crate) async fn member(&self, role: Role) -> Result<Reach, Status> {
        Ok(self.admitted(self.need, About::All).await?.grant.given(role.max(self.need.role)))
    }

    /// Lets the call go on for whoever holds a token: it tells no more than the caller's own.
    pub(crate) fn anyone(&self) -> Result<Principal, Status> {
        self.is_judged.store(true, Ordering::Relaxed);
        if self.principal.is_anonymous() { Err(status(Error::TokenMissing)) } else { Ok(self.principal.clone()) }
    }

    /// Lets the call go on for whoever brings a proof of its own, which is judged instead.
    pub(crate) fn proves_itself(&self) {
        self.is_judged.store(true, Ordering::Relaxed);
    }

    /// The secret that the caller came with, if it was replaced. Such a caller is refused, whatever it asks for.
    pub(crate) fn reused(&self) -> Option<&str> {
        self.reused.as_deref()
    }

    /// Who calls, where what may be done is judged by something else than the method.
    pub(crate) fn unjudged(&self) -> &Principal {
        &self.principal
    }

    /// Lets the call go on for a caller that changes its own token.
    pub(crate) fn owns(&self, token: &TokenRef) -> Option<Principal> {
        let is_named = self.principal.is_owner(&token.parent) || (token.parent == TokenParent::Users && self.principal.user.is_some());
        let is_own = token.token == self.principal.token && is_named;
        self.is_judged.fetch_or(is_own, Ordering::Relaxed);
        is_own.then(|| self.principal.clone().acting_as(self.principal.own_role()))
    }

    /// Where a list over projects may look.
    pub(crate) async fn within(&self, projects: ProjectsRef) -> Result<Within, Status> {
        match projects {
            ProjectsRef::One(project) => self.about(&project).await.map(|_| Within::Project(project)),
            ProjectsRef::All => self.everywhere().await.map(Within::Reach),
            ProjectsRef::Below(namespace) => {
                self.seeing(&namespace).await?;
                self.everywhere().await.map(|reach| Within::Below(namespace, reach))
            }
        }
    }

    /// Whether the caller may call a method for something.
    pub(crate) async fn may(&self, method: &str, about: About) -> Result<bool, Status> {
        let Some(need) = need(method) else { return Ok(false) };
        match self.metadata.admit(&self.principal, need, about).await {
            Ok(_) => Ok(true),
            Err(error) => match status(error) {
                refusal if refusal.code() == Code::Unavailable || refusal.code() == Code::Internal => Err(refusal),
                _ => Ok(false),
            },
        }
    }

    /// Which of these versions, a page of them, the caller may delete.
    pub(crate) async fn deletable(&self, versions: &[Version]) -> Result<HashSet<i64>, Status> {
        let Some(need) = need("consign.metadata.v1.PackageService/DeleteVersion") else { return Ok(HashSet::new()) };
        self.metadata.find_deletable(&self.principal, need, versions).await.map_err(status)
    }

    /// The same caller as it is by now: one whose call lasts is judged by what it has left.
    pub(crate) async fn renewed(&self) -> Result<Self, Status> {
        let principal = self.metadata.renew(&self.principal).await.map_err(status)?;
        Ok(Self { principal, ..self.clone() })
    }

    async fn admitted(&self, need: Need, about: About) -> Result<Principal, Status> {
        self.is_judged.store(true, Ordering::Relaxed);
        self.metadata.admit(&self.principal, need, about).await.map_err(status)
    }
}

/// What a call is about.
pub(crate) trait Subject {
    /// As the metadata plane judges it.
    fn about(&self) -> About;
}

macro_rules! subject {
    ($($name:ty: |$subject:ident| $about:expr;)+) => {$(
        impl Subject for $name {
            fn about(&self) -> About {
                let $subject = self;
                $about
            }
        }
    )+};
}

subject! {
    ProjectRef: |name| About::Project(name.clone());
    PackagesRef: |name| match &name.package {
        Some(package) => About::Package(name.project.clone(), package.clone()),
        None => About::Project(name.project.clone()),
    };
    PackageRef: |name| About::Package(name.project.clone(), name.package.clone());
    VersionRef: |name| About::Package(name.project.clone(), name.package.clone());
    FileRef: |name| name.version.about();
    TagRef: |name| name.package.about();
    TagRuleRef: |name| name.project.about();
    ProtectionRuleRef: |name| name.project.about();
    TrustRuleRef: |name| name.project.about();
    StageRef: |name| About::Stage(name.clone());
    PromotionRef: |name| name.project.about();
    AttestationRef: |name| name.project.about();
    TrustedKeyRef: |name| name.project.about();
    NamespaceRef: |name| About::Namespace(name.clone());
    UserRef: |name| About::User(name.clone());
    ScopeRef: |name| match name {
        ScopeRef::Instance => About::Instance,
        ScopeRef::Namespace(namespace) => namespace.about(),
        ScopeRef::Project(project) => project.about(),
    };
    TokenParent: |name| match name {
        TokenParent::Project(project) => project.about(),
        TokenParent::Namespace(namespace) => namespace.about(),
        TokenParent::User(user) => user.about(),
        TokenParent::Users | TokenParent::Instance => About::Instance,
    };
    TokenRef: |name| match &name.parent {
        TokenParent::Users => About::UserOf(name.token),
        parent => parent.about(),
    };
    MemberParent: |name| match name {
        MemberParent::Project(project) => project.about(),
        MemberParent::Namespace(namespace) => namespace.about(),
    };
    Instance: |_instance| About::Instance;
}

/// The whole instance.
pub(crate) struct Instance;
