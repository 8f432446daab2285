//! What callers may do: roles, the scopes of tokens, and the one rule that judges a call.
//!
//! Every method says in [`methods`] what it needs. What a caller may do is the meeting of its role, the scopes of its token, and the project
//! and packages that the token is bound to.

use std::collections::BTreeSet;

use crate::PackageName;
use crate::ProjectPath;
use crate::pattern::NamePattern;
use crate::resource::{ProjectRef, TokenParent};
use crate::word::word_enum;

pub mod methods;

word_enum! {
    /// What a member may do in a namespace or project; each role may do all that the ones before it may.
    Role {
        /// Sees that the project is there.
        Guest = "guest",
        /// Reads and downloads everything.
        Reporter = "reporter",
        /// Publishes versions, and moves tags that are not protected.
        Developer = "developer",
        /// Deletes, and sets rules.
        Maintainer = "maintainer",
        /// Changes settings, members and visibility, and deletes the project.
        Owner = "owner",
        /// Everything in the instance.
        Admin = "admin",
    }
}

word_enum! {
    /// What a token may be used for, within the role that it acts with.
    Scope {
        /// Reads and downloads.
        Read = "read",
        /// Publishes versions, uploads files, moves tags.
        Publish = "publish",
        /// Deletes and undeletes packages, versions, files and tags; yanks and quarantines.
        Delete = "delete",
        /// Asks for promotions, rolls back, holds stages, reports deployments.
        Promote = "promote",
        /// Reviews promotions and reports gates.
        Approve = "approve",
        /// Adds attestations.
        Attest = "attest",
        /// Changes settings, rules, stages, policies, members, subscriptions and tokens.
        Admin = "admin",
    }
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Read, Self::Publish, Self::Delete, Self::Promote, Self::Approve, Self::Attest, Self::Admin];
}

/// What a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The least role.
    pub role: Role,
    /// The scope.
    pub scope: Scope,
}

/// What a caller may do at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its role.
    pub role: Role,
    /// What its token may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The project that it is bound to, where it acts for one.
    pub bound: Option<Bound>,
    /// The packages that it may touch; none stands for all.
    pub packages: Vec<NamePattern>,
}

/// The project that a token acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Its id.
    pub project: i64,
    /// Its path.
    pub path: ProjectPath,
}

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A project.
    Project(&'a ProjectRef),
    /// A package of it.
    Package(&'a ProjectRef, &'a PackageName),
    /// All projects that the caller may know of.
    All,
    /// Something above projects: a namespace, or the instance.
    Above,
}

/// Why a call is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The caller may not know that it is there.
    Unknown,
    /// It takes this role.
    Role(Role),
    /// It takes a token with this scope.
    Scope(Scope),
    /// The token is for other packages.
    Package,
}

impl Grant {
    /// May do everything.
    pub fn everything() -> Self {
        Self { role: Role::Admin, scopes: Scope::ALL.into(), bound: None, packages: Vec::new() }
    }

    /// Judges a call.
    pub fn judge(&self, need: Need, target: Target<'_>) -> Result<(), Denial> {
        match target {
            Target::Project(project) | Target::Package(project, _) if !self.knows(project) => return Err(Denial::Unknown),
            Target::Above if self.bound.is_some() => return Err(Denial::Unknown),
            _ => {}
        }
        if self.role < need.role {
            return Err(Denial::Role(need.role));
        }
        if !self.scopes.contains(&need.scope) {
            return Err(Denial::Scope(need.scope));
        }
        match target {
            Target::Package(_, package) if !self.touches(package) => Err(Denial::Package),
            // What is not about one package is about others too, but for what every guest sees.
            Target::Project(_) | Target::All | Target::Above if !self.packages.is_empty() && need.role > Role::Guest => {
                Err(Denial::Package)
            }
            _ => Ok(()),
        }
    }

    /// Whether it may know of a project.
    pub fn knows(&self, project: &ProjectRef) -> bool {
        self.bound.as_ref().is_none_or(|bound| match project {
            ProjectRef::Id(id) => *id == bound.project,
            ProjectRef::Path(path) => *path == bound.path,
        })
    }

    /// Whether it may know of the owner of tokens.
    pub fn knows_parent(&self, parent: &TokenParent) -> bool {
        match parent {
            TokenParent::Project(project) => self.knows(project),
            TokenParent::User(_) => self.bound.is_none(),
        }
    }

    /// Whether it may read all that its project has.
    pub fn reads_everything(&self) -> bool {
        self.role >= Role::Reporter && self.scopes.contains(&Scope::Read) && self.packages.is_empty()
    }

    /// Whether it may touch a package of a project that it knows.
    pub fn touches(&self, package: &PackageName) -> bool {
        self.packages.is_empty() || self.packages.iter().any(|pattern| pattern.matches(package.as_str()))
    }

    /// Whether all that `other` may do, this may do too: what it may hand on.
    pub fn covers(&self, other: &Self) -> bool {
        let is_bound_alike = self.bound.is_none() || self.bound == other.bound;
        let has_packages = self.packages.is_empty()
            || (!other.packages.is_empty() && other.packages.iter().all(|pattern| self.packages.contains(pattern)));
        other.role <= self.role && other.scopes.is_subset(&self.scopes) && is_bound_alike && has_packages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_is_above_the_ones_before_it() {
        let roles = [Role::Guest, Role::Reporter, Role::Developer, Role::Maintainer, Role::Owner, Role::Admin];
        assert!(roles.is_sorted());
        assert!(roles.iter().all(|role| role.as_str().parse() == Ok(*role)));
    }

    fn bound(role: Role, scopes: &[Scope], packages: &[&str]) -> Grant {
        Grant {
            role,
            scopes: scopes.iter().copied().collect(),
            bound: Some(Bound { project: 7, path: "group/tool".parse().unwrap() }),
            packages: packages.iter().map(|glob| NamePattern::glob(glob).unwrap()).collect(),
        }
    }

    #[test]
    fn a_call_takes_role_scope_project_and_package() {
        let publish = Need { role: Role::Developer, scope: Scope::Publish };
        let (here, by_path, elsewhere) = (ProjectRef::Id(7), ProjectRef::Path("group/tool".parse().unwrap()), ProjectRef::Id(8));
        let (app, lib) = ("app-web".parse().unwrap(), "lib".parse().unwrap());
        let developer = bound(Role::Developer, &[Scope::Read, Scope::Publish], &["app-*"]);

        assert_eq!(developer.judge(publish, Target::Package(&here, &app)), Ok(()));
        assert_eq!(developer.judge(publish, Target::Package(&by_path, &app)), Ok(()));
        assert_eq!(developer.judge(publish, Target::Package(&here, &lib)), Err(Denial::Package));
        assert_eq!(developer.judge(publish, Target::Project(&here)), Err(Denial::Package));
        assert_eq!(developer.judge(publish, Target::Package(&elsewhere, &app)), Err(Denial::Unknown));
        assert_eq!(developer.judge(publish, Target::Above), Err(Denial::Unknown));
        let (read, see) = (Need { role: Role::Reporter, scope: Scope::Read }, Need { role: Role::Guest, scope: Scope::Read });
        for target in [Target::Project(&here), Target::All] {
            assert_eq!((developer.judge(read, target), developer.judge(see, target)), (Err(Denial::Package), Ok(())));
        }
        let personal = Grant { packages: developer.packages.clone(), ..Grant::everything() };
        assert_eq!(personal.judge(read, Target::Above), Err(Denial::Package));
        assert!(!developer.reads_everything() && Grant::everything().reads_everything());
        let delete = Need { role: Role::Maintainer, scope: Scope::Delete };
        assert_eq!(developer.judge(delete, Target::Package(&here, &app)), Err(Denial::Role(Role::Maintainer)));
        let reader = bound(Role::Maintainer, &[Scope::Read], &[]);
        assert_eq!(reader.judge(publish, Target::Package(&here, &app)), Err(Denial::Scope(Scope::Publish)));
        assert_eq!(reader.judge(Need { role: Role::Reporter, scope: Scope::Read }, Target::Project(&here)), Ok(()));
        assert_eq!(Grant::everything().judge(delete, Target::Above), Ok(()));
    }

    #[test]
    fn nobody_hands_on_more_than_they_have() {
        let all = Grant::everything();
        let one = bound(Role::Maintainer, &[Scope::Read, Scope::Admin], &["a", "b"]);
        assert!(all.covers(&one) && one.covers(&one) && !one.covers(&all));
        for more in [
            bound(Role::Owner, &[Scope::Read], &["a"]),
            bound(Role::Guest, &[Scope::Publish], &["a"]),
            bound(Role::Guest, &[Scope::Read], &[]),
            bound(Role::Guest, &[Scope::Read], &["c"]),
            Grant { bound: None, ..bound(Role::Guest, &[Scope::Read], &["a"]) },
        ] {
            assert!(!one.covers(&more), "{more:?}");
        }
        assert!(one.covers(&bound(Role::Guest, &[Scope::Read], &["b"])));
    }
}
