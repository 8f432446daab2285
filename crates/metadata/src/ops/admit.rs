//! Whether a caller may make a call: the rule of `consign_types::access` over what is known of the caller and of what the call is about.

use std::sync::Arc;

use consign_types::access::{Denial, Identity, Need, Role, Scope, Site, Target};
use consign_types::protection::Protection;
use consign_types::resource::{NamespaceRef, ProjectRef, StageRef, UserRef};
use consign_types::token::TokenKind;
use consign_types::version::Visibility;
use consign_types::{NamespacePath, PackageName};
use moka::sync::Cache;

use super::authenticate::{self, MAX_REMEMBERED, REMEMBERED};
use super::create_protection_rule::MAX_RULES;
use crate::connection::Db;
use crate::tables::projects::Project;
use crate::tables::tokens::Owner;
use crate::tables::{namespaces, projects, protection_rules, tokens, users};
use crate::{Error, Metadata, Principal, Result};

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A project.
    Project(ProjectRef),
    /// A package of it.
    Package(ProjectRef, PackageName),
    /// A stage of it.
    Stage(StageRef),
    /// A namespace.
    Namespace(NamespaceRef),
    /// A user.
    User(UserRef),
    /// The user whose this token is, by its id.
    UserOf(i64),
    /// All projects that the caller may know of.
    All,
    /// The instance.
    Instance,
}

impl About {
    /// What the caller is told. Whoever may not know of it, the same as if it were not there.
    fn refused(self, denial: Denial) -> Error {
        match (denial, self) {
            (Denial::Scope(scope), _) => Error::ScopeInsufficient(format!("it lacks the scope {scope}")),
            (Denial::Stage, _) => other_stages(),
            (Denial::Package, _) => Error::ScopeInsufficient("it is for other packages".to_owned()),
            (Denial::Protected(role), Self::Package(_, package)) => Error::PackageProtected { package, role },
            (Denial::Role(role) | Denial::Protected(role), _) => Error::RoleInsufficient(role),
            (Denial::Unknown, Self::Project(name) | Self::Package(name, _) | Self::Stage(StageRef { project: name, .. })) => {
                Error::ProjectNotFound(name)
            }
            (Denial::Unknown, Self::Namespace(name)) => Error::NamespaceNotFound(name),
            (Denial::Unknown, Self::User(name)) => Error::UserNotFound(name),
            (Denial::Unknown, Self::UserOf(_) | Self::All | Self::Instance) => Error::RoleInsufficient(Role::Admin),
        }
    }
}

/// What whoever holds a token for other stages is told.
pub(super) fn other_stages() -> Error {
    Error::ScopeInsufficient("it is for other stages".to_owned())
}

/// What is known of projects, by each of their names.
pub(crate) type Sites = Cache<ProjectRef, Site>;

pub(crate) fn remember() -> Sites {
    Cache::builder().time_to_live(REMEMBERED).max_capacity(MAX_REMEMBERED).build()
}

impl Metadata {
    /// Lets a call go on if the caller may make it, and tells the role that the caller has in what the call is about. Else it is refused:
    /// `…NotFound` where the caller may not know of it, `RoleInsufficient`, `ScopeInsufficient`; `TokenMissing` without a token.
    ///
    /// Nobody is refused by what is remembered, so what was given to the caller a moment ago counts at once. A project that the caller may
    /// not know of costs the same statements as one that is not there; where [`crate::Rules::tells_jobs`], jobs alone are told the one from
    /// the other.
    pub async fn admit(&self, principal: &Principal, need: Need, about: About) -> Result<Principal> {
        if let Some(role) = self.remembered(principal, need, &about) {
            return Ok(Principal { role, ..principal.clone() });
        }
        let (known, now, asked) = (principal.clone(), self.now(), about.clone());
        let guests_read = self.rules.guests_read;
        let (principal, found) = self
            .pool
            .read(move |db| {
                let principal = match known.digest {
                    Some(digest) => authenticate::find(db, digest, now)?.0.among(guests_read),
                    None => known,
                };
                Ok((principal, look(db, &asked)?))
            })
            .await?;
        match judge(&principal, need, &about, &found) {
            Ok(role) => {
                self.remember(&principal, &about, &found);
                Ok(Principal { role, ..principal })
            }
            Err(_) if principal.grant.identity == Identity::Anonymous => Err(Error::TokenMissing),
            Err(denial) => Err(match (about.refused(denial), &found) {
                (Error::ProjectNotFound(name), Found::Site(_)) if self.rules.tells_jobs && principal.kind == Some(TokenKind::Job) => {
                    Error::ProjectHidden(name)
                }
                (error, _) => error,
            }),
        }
    }

    /// The role by which a call is allowed, as far as it is remembered. What gives or takes rights is judged by what holds now.
    fn remembered(&self, principal: &Principal, need: Need, about: &About) -> Option<Role> {
        if need.scope == Scope::Admin {
            return None;
        }
        let found = match about {
            About::Project(name) | About::Package(name, _) | About::Stage(StageRef { project: name, .. }) => {
                Found::Site(self.sites.get(name)?)
            }
            About::Namespace(_) | About::User(_) | About::UserOf(_) => return None,
            About::All | About::Instance => Found::Nothing,
        };
        judge(principal, need, about, &found).ok()
    }

    /// Only what allowed a call is remembered: to refuse one takes the same time whether there is something or not.
    fn remember(&self, principal: &Principal, about: &About, found: &Found) {
        if let Some(digest) = principal.digest {
            self.principals.insert(digest, principal.clone());
        }
        if let (About::Project(name) | About::Package(name, _) | About::Stage(StageRef { project: name, .. }), Found::Site(site)) =
            (about, found)
        {
            self.sites.insert(name.clone(), site.clone());
        }
    }
}

fn judge(principal: &Principal, need: Need, about: &About, found: &Found) -> Result<Role, Denial> {
    let target = match (about, found) {
        (About::Package(_, package), Found::Site(site)) => Target::Package(site, package),
        (About::Stage(name), Found::Site(site)) => Target::Stage(site, &name.stage),
        (_, Found::Site(site)) => Target::Project(site),
        (_, Found::Namespace(path, seen)) => Target::Namespace(path, *seen),
        (_, Found::User(id)) => Target::User { is_own: principal.user == Some(*id) },
        (About::All, Found::Nothing) => Target::All,
        (About::Instance, Found::Nothing) => Target::Instance,
        // An administrator may know that it is not there, and be answered as before if it went by the same request.
        (_, Found::Nothing) if principal.grant.identity.is_admin() => Target::Instance,
        (_, Found::Nothing) => return Err(Denial::Unknown),
    };
    principal.grant.judge(need, target)
}

/// What a call is about, as it was found.
enum Found {
    Site(Site),
    Namespace(NamespacePath, Visibility),
    User(i64),
    Nothing,
}

/// What is to be known of a project to judge a call about it. A deleted one is its members' alone.
pub(super) fn site(project: &Project, protections: Arc<[Protection]>) -> Site {
    let visibility = if project.deleted_at.is_some() { Visibility::Private } else { project.visibility };
    Site { id: project.id, path: project.path.clone(), visibility, protections }
}

fn look(db: &mut Db, about: &About) -> Result<Found> {
    let found = match about {
        About::Project(name) | About::Package(name, _) | About::Stage(StageRef { project: name, .. }) => {
            let project = projects::find_any(db, name)?;
            // Asked also where there is none, which is not to be told by the time that it takes.
            let rules = protection_rules::list(db, project.as_ref().map_or(0, |project| project.id), 0, MAX_RULES)?;
            project.map(|project| Found::Site(site(&project, rules.into_iter().map(|rule| rule.protection).collect())))
        }
        About::Namespace(name) => match namespaces::find(db, name)? {
            Some(namespace) => {
                let seen = projects::widest_visibility(db, &namespace.path)?;
                Some(Found::Namespace(namespace.path, seen))
            }
            None => None,
        },
        About::User(name) => users::find(db, name)?.map(|user| Found::User(user.id)),
        About::UserOf(token) => match tokens::find(db, *token)?.map(|token| token.owner) {
            Some(Owner::User(user)) => Some(Found::User(user)),
            _ => None,
        },
        About::All | About::Instance => None,
    };
    Ok(found.unwrap_or(Found::Nothing))
}
