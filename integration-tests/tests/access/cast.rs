//! Callers of every kind, and projects of every visibility.

use consign_proto::metadata::{
    self as wire, CreateMemberRequest, CreateNamespaceRequest, CreateProjectRequest, CreateTokenRequest, CreateUserRequest,
};
use consign_types::access::{Need, Role, Scope};
use consign_types::version::Visibility;
use integration_tests::{Engine, TOKEN};

use crate::world::*;

/// The scopes that tokens have in a matrix.
pub(crate) const SCOPE_SETS: [&[Scope]; 6] = [
    &Scope::ALL,
    &[Scope::Read],
    &[Scope::Read, Scope::Publish],
    &[Scope::Publish, Scope::AuditRead],
    &[Scope::Delete, Scope::TagMove, Scope::Approve],
    &[Scope::Admin, Scope::Promote, Scope::Attest],
];

pub(crate) const VISIBILITIES: [Visibility; 3] = [Visibility::Private, Visibility::Internal, Visibility::Public];

/// A caller: with a role in the namespace `team`, and so in the projects below it, or with none.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) role: Option<Role>,
    /// `None` for whoever comes without a token.
    pub(crate) secret: Option<String>,
    pub(crate) scopes: Vec<Scope>,
}

/// A world with a namespace `team` that has a project of each visibility, and callers of each kind with tokens of each set of scopes.
pub(crate) struct Cast {
    pub(crate) world: World,
    /// The names of the projects, by id and by path, with their visibilities.
    pub(crate) projects: Vec<(Visibility, String, String)>,
    pub(crate) callers: Vec<Caller>,
}

impl Cast {
    pub(crate) async fn start(engine: Engine) -> Self {
        let world = World::start(engine).await;
        let namespace = CreateNamespaceRequest { path: "team".to_owned(), ..Default::default() };
        world.grpc().projects().create_namespace(bearing(namespace, TOKEN)).await.unwrap();
        let mut projects = Vec::new();
        for visibility in VISIBILITIES {
            let new = CreateProjectRequest {
                parent: "namespaces/team".to_owned(),
                project_id: visibility.as_str().to_owned(),
                visibility: wire_visibility(visibility).into(),
                ..Default::default()
            };
            let made = world.grpc().projects().create_project(bearing(new, TOKEN)).await.unwrap().into_inner().project.unwrap();
            projects.push((visibility, made.name, format!("projects/team%2F{}", visibility.as_str())));
        }
        let mut cast = Self { world, projects, callers: vec![Caller { role: None, secret: None, scopes: vec![Scope::Read] }] };
        for role in std::iter::once(None).chain(Role::ALL.map(Some)) {
            let name = role.map_or("stranger", |role| role.as_str());
            let user = cast.world.user(name, role == Some(Role::Admin)).await;
            if let Some(role) = role.filter(|role| *role != Role::Admin) {
                cast.world.member("namespaces/team", &user.name, role).await;
            }
            for scopes in SCOPE_SETS {
                let secret = Some(cast.world.personal(&user.name, scopes).await);
                cast.callers.push(Caller { role, secret, scopes: scopes.to_vec() });
            }
        }
        cast
    }
}

impl World {
    /// A new user.
    pub(crate) async fn user(&self, name: &str, admin: bool) -> wire::User {
        let new = CreateUserRequest { username: name.to_owned(), admin, ..Default::default() };
        self.grpc().users().create_user(bearing(new, TOKEN)).await.unwrap().into_inner().user.unwrap()
    }

    /// Gives a user a role.
    pub(crate) async fn member(&self, parent: &str, user: &str, role: Role) -> wire::Member {
        let (parent, user, role) = (parent.to_owned(), user.to_owned(), wire::Role::from(role).into());
        let new = CreateMemberRequest { parent, user, role, ..Default::default() };
        self.grpc().users().create_member(bearing(new, TOKEN)).await.unwrap().into_inner().member.unwrap()
    }

    /// The secret of a new token of a user.
    pub(crate) async fn personal(&self, user: &str, scopes: &[Scope]) -> String {
        let kind = wire::token::Kind::Personal.into();
        let new = CreateTokenRequest { parent: user.to_owned(), kind, role: 0, ..wanted(1, Role::Guest, scopes) };
        self.token(new).await.1
    }
}

pub(crate) fn wire_visibility(visibility: Visibility) -> wire::Visibility {
    match visibility {
        Visibility::Private => wire::Visibility::Private,
        Visibility::Internal => wire::Visibility::Internal,
        Visibility::Public => wire::Visibility::Public,
    }
}

impl Caller {
    /// What the table says of a call that needs this, in a project of this visibility.
    pub(crate) fn expected(&self, need: Need, visibility: Visibility) -> Verdict {
        let reads = match visibility {
            Visibility::Private => false,
            Visibility::Internal => self.secret.is_some(),
            Visibility::Public => true,
        };
        self.expected_as(need, self.role.max(reads.then_some(Role::Reporter)))
    }

    /// The same for whoever has this role there.
    pub(crate) fn expected_as(&self, need: Need, role: Option<Role>) -> Verdict {
        let verdict = match role {
            None => Verdict::Unknown,
            Some(role) if role < need.role => Verdict::Role,
            Some(_) if !need.scope.is_within(&self.scopes.iter().copied().collect()) => Verdict::Scope,
            Some(_) => return Verdict::Allowed,
        };
        if self.secret.is_none() { Verdict::Unauthenticated } else { verdict }
    }
}
