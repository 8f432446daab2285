//! Who makes a request, and what it may do: asked before a byte of its body is read, and judged before anything is done.
//!
//! What a method needs stands in [`consign_types::access::methods`]. A method without a row there is not reached, and one that answers without
//! having its caller judged is not answered: forgetting either is a fault that every test of the method shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use consign_metadata::{Error, Metadata, Principal};
use consign_proto::status::{refused, status, unimplemented};
use consign_types::access::methods::need;
use consign_types::access::{Denial, Need, Role, Target};
use consign_types::resource::{
    FileRef, NamespaceRef, PackageRef, PackagesRef, ProjectRef, ProjectsRef, ScopeRef, TagRef, TagRuleRef, TokenParent, TokenRef,
    VersionRef,
};
use consign_types::{PackageName, Reason};
use tonic::Status;

use crate::notes::Notes;
use crate::routes::into_response;

/// Lets a request through for the holder of a valid token, whom it notes in the request's extensions.
pub(crate) async fn authenticate(State(metadata): State<Metadata>, mut request: Request, next: Next) -> Response {
    let token = bearer(&request).map(str::to_owned);
    let principal = match principal(&metadata, token).await {
        Ok(principal) => principal,
        Err(status) => return into_response(status),
    };
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let Some(need) = need(&method) else {
        return into_response(unimplemented());
    };
    let caller = Caller { principal, need, is_judged: Arc::default() };
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    // A refusal has its status in the headers.
    if !caller.is_judged.load(Ordering::Relaxed) && !response.headers().contains_key("grpc-status") {
        tracing::error!(method, "answered without judging the caller");
        return into_response(refused(Reason::Internal, "internal error"));
    }
    response
}

/// Lets a request through that comes from the metadata plane.
pub(crate) async fn authenticate_plane(State(notes): State<Notes>, request: Request, next: Next) -> Response {
    let ticket = bearer(&request).ok_or_else(|| refused(Reason::TicketInvalid, "ticket is missing: only the metadata plane may call this"));
    match ticket.and_then(|ticket| notes.admin_ticket(ticket)) {
        Ok(_) => next.run(request).await,
        Err(status) => into_response(status),
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn principal(metadata: &Metadata, token: Option<String>) -> Result<Principal, Status> {
    let token = token.ok_or_else(|| refused(Reason::TokenInvalid, "token is missing: send `authorization: Bearer <token>`"))?;
    metadata.authenticate(&token).await.map_err(status)
}

/// The caller of a method, which [`authenticate`] noted.
pub(crate) fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| refused(Reason::TokenInvalid, "token is missing"))
}

/// Who calls a method, not judged yet.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    principal: Principal,
    need: Need,
    is_judged: Arc<AtomicBool>,
}

impl Caller {
    /// Lets the call go on if the caller may make it for this.
    pub(crate) fn about(&self, subject: &impl Subject) -> Result<Principal, Status> {
        let target = match (subject.project(), subject.package()) {
            (Some(project), Some(package)) => Target::Package(project, package),
            (Some(project), None) => Target::Project(project),
            (None, _) => Target::Above,
        };
        self.judge(target, || subject.unknown())
    }

    /// Lets the call go on for all projects that the caller may know of. It is to be narrowed to these.
    pub(crate) fn everywhere(&self) -> Result<Principal, Status> {
        self.judge(Target::All, || Error::RoleInsufficient(self.need.role))
    }

    /// Lets the call go on for whoever it is: it tells no more than the caller's own token.
    pub(crate) fn anyone(&self) -> Principal {
        self.is_judged.store(true, Ordering::Relaxed);
        self.principal.clone()
    }

    /// Lets the call go on for a caller that changes its own token.
    pub(crate) fn owns(&self, token: &TokenRef) -> Option<Principal> {
        let is_own = token.token == self.principal.token && self.principal.grant.knows_parent(&token.parent);
        self.is_judged.fetch_or(is_own, Ordering::Relaxed);
        is_own.then(|| self.principal.clone())
    }

    /// What of these projects the caller may read.
    pub(crate) fn within(&self, projects: ProjectsRef) -> Result<ProjectsRef, Status> {
        match (projects, &self.principal.grant.bound) {
            (ProjectsRef::One(project), _) => self.about(&project).map(|_| ProjectsRef::One(project)),
            (ProjectsRef::All, Some(bound)) => self.everywhere().map(|_| ProjectsRef::One(ProjectRef::Id(bound.project))),
            (ProjectsRef::All, None) => self.everywhere().map(|_| ProjectsRef::All),
        }
    }

    fn judge(&self, target: Target<'_>, unknown: impl FnOnce() -> Error) -> Result<Principal, Status> {
        self.is_judged.store(true, Ordering::Relaxed);
        let refusal = match self.principal.grant.judge(self.need, target) {
            Ok(()) => return Ok(self.principal.clone()),
            Err(Denial::Unknown) => unknown(),
            Err(Denial::Role(role)) => Error::RoleInsufficient(role),
            Err(Denial::Scope(scope)) => Error::ScopeInsufficient(format!("it lacks the scope {scope}")),
            Err(Denial::Package) => Error::ScopeInsufficient("it is for other packages".to_owned()),
        };
        Err(status(refusal))
    }
}

/// What a call is about.
pub(crate) trait Subject {
    /// Its project; `None` for what is above projects.
    fn project(&self) -> Option<&ProjectRef>;

    /// Its package, where it is about one.
    fn package(&self) -> Option<&PackageName> {
        None
    }

    /// What whoever may not know of it is told: the same as if it were not there.
    fn unknown(&self) -> Error {
        self.project().map_or(Error::RoleInsufficient(Role::Admin), |project| Error::ProjectNotFound(project.clone()))
    }
}

macro_rules! subject {
    ($($name:ty: |$subject:ident| $project:expr, $package:expr;)+) => {$(
        impl Subject for $name {
            fn project(&self) -> Option<&ProjectRef> {
                let $subject = self;
                Some(&$project)
            }

            fn package(&self) -> Option<&PackageName> {
                let $subject = self;
                $package
            }
        }
    )+};
}

subject! {
    PackagesRef: |name| name.project, name.package.as_ref();
    PackageRef: |name| name.project, Some(&name.package);
    VersionRef: |name| name.project, Some(&name.package);
    FileRef: |name| name.version.project, Some(&name.version.package);
    TagRef: |name| name.package.project, Some(&name.package.package);
}

impl Subject for ProjectRef {
    fn project(&self) -> Option<&ProjectRef> {
        Some(self)
    }
}

impl Subject for TagRuleRef {
    fn project(&self) -> Option<&ProjectRef> {
        Some(&self.project)
    }
}

/// The whole instance.
pub(crate) struct Instance;

impl Subject for Instance {
    fn project(&self) -> Option<&ProjectRef> {
        None
    }
}

impl Subject for NamespaceRef {
    fn project(&self) -> Option<&ProjectRef> {
        None
    }

    fn unknown(&self) -> Error {
        Error::NamespaceNotFound(self.clone())
    }
}

impl Subject for ScopeRef {
    fn project(&self) -> Option<&ProjectRef> {
        match self {
            Self::Project(project) => Some(project),
            Self::Instance | Self::Namespace(_) => None,
        }
    }

    fn unknown(&self) -> Error {
        match self {
            Self::Project(project) => Error::ProjectNotFound(project.clone()),
            Self::Namespace(namespace) => namespace.unknown(),
            Self::Instance => Instance.unknown(),
        }
    }
}

impl Subject for TokenParent {
    fn project(&self) -> Option<&ProjectRef> {
        match self {
            Self::Project(project) => Some(project),
            Self::User(_) => None,
        }
    }

    fn unknown(&self) -> Error {
        match self {
            Self::Project(project) => Error::ProjectNotFound(project.clone()),
            Self::User(user) => Error::UserNotFound(user.clone()),
        }
    }
}
