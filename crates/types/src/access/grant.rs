//! Who a caller is, what that allows, and the rule that judges its calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Denial, Need, Role, Scope};
use crate::pattern::NamePattern;
use crate::promotion::StageName;
use crate::protection::Protection;
use crate::version::Visibility;
use crate::{NamespacePath, PackageName, ProjectPath};

/// Who a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody that is known: it came without a token.
    Anonymous,
    /// An administrator, with the roles that it was given besides, which clones share.
    Admin(Arc<[Membership]>),
    /// A user, with all the roles that it has, which clones share.
    User(Arc<[Membership]>),
    /// A token that acts for one place alone.
    Bound(Membership),
    /// The same, for machines that only fetch and publish. What a package's protection keeps for a role it does not do,
    /// whatever its own.
    Deploy(Membership),
}

/// A role that counts somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Where.
    pub place: Place,
    /// The role.
    pub role: Role,
}

/// Where a role counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a project.
    Project {
        /// Its id.
        id: i64,
        /// Its path.
        path: ProjectPath,
    },
    /// In a namespace and all below it.
    Namespace {
        /// Its id.
        id: i64,
        /// Its path.
        path: NamespacePath,
    },
}

/// What is to be known of a project to judge a call about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: i64,
    /// Its path.
    pub path: ProjectPath,
    /// Who may read it without being a member. A deleted one is private.
    pub visibility: Visibility,
    /// Who may change which packages.
    pub protections: Arc<[Protection]>,
}

/// What a caller may do at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who it is.
    pub identity: Identity,
    /// What its token may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The packages that it may touch; none stands for all.
    pub packages: Vec<NamePattern>,
    /// The stages that [`Scope::Promote`] and [`Scope::Approve`] reach; none stands for all.
    pub stages: Vec<NamePattern>,
    /// Whether guests of a project read what reporters read.
    pub guests_read: bool,
}

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A project.
    Project(&'a Site),
    /// A package of it.
    Package(&'a Site, &'a PackageName),
    /// A stage of it.
    Stage(&'a Site, &'a StageName),
    /// A namespace, and the widest visibility of a project below it.
    Namespace(&'a NamespacePath, Visibility),
    /// A user: the caller's own, or another.
    User {
        /// Whether the caller acts for this user.
        is_own: bool,
    },
    /// All projects that the caller may know of.
    All,
    /// The instance.
    Instance,
}

/// The projects in which a caller has some role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All there are.
    Everything,
    /// These alone.
    Some {
        /// By their ids.
        projects: Vec<i64>,
        /// Those below these namespaces.
        namespaces: Vec<NamespacePath>,
        /// Those of these visibilities.
        visibilities: &'static [Visibility],
    },
}

impl Place {
    fn holds(&self, site: &Site) -> bool {
        match self {
            Self::Project { id, .. } => *id == site.id,
            Self::Namespace { path, .. } => path.holds(site.path.as_str()),
        }
    }

    /// The namespace, if it is one.
    fn namespace(&self) -> Option<&NamespacePath> {
        match self {
            Self::Project { .. } => None,
            Self::Namespace { path, .. } => Some(path),
        }
    }

    /// Whether it lies below a namespace, so that whoever has a role in it may know of that.
    fn is_below(&self, namespace: &NamespacePath) -> bool {
        match self {
            Self::Project { path, .. } => namespace.holds(path.as_str()),
            Self::Namespace { path, .. } => namespace.holds(path.as_str()),
        }
    }
}

impl Identity {
    /// Whether it is an administrator.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Admin(_))
    }

    /// The roles that it was given.
    fn memberships(&self) -> &[Membership] {
        match self {
            Self::Anonymous => &[],
            Self::Admin(memberships) | Self::User(memberships) => memberships,
            Self::Bound(membership) | Self::Deploy(membership) => std::slice::from_ref(membership),
        }
    }

    /// The visibilities by which it reads what it is no member of. A token for one place is nobody who signs in.
    fn sees(&self) -> &'static [Visibility] {
        match self {
            Self::Anonymous | Self::Bound(_) | Self::Deploy(_) => &[Visibility::Public],
            Self::Admin(_) | Self::User(_) => &[Visibility::Public, Visibility::Internal],
        }
    }

    /// The role in a project: the highest that it was given there or above, or that of a reporter where visibility lets it read. `None`
    /// where it may not know of the project.
    fn role_in(&self, site: &Site) -> Option<Role> {
        if self.is_admin() {
            return Some(Role::Admin);
        }
        let given = self.memberships().iter().filter(|membership| membership.place.holds(site)).map(|membership| membership.role);
        given.chain(self.sees().contains(&site.visibility).then_some(Role::Reporter)).max()
    }

    /// The role in a namespace: the highest that it was given there or above. Whoever may know of something below it is a guest.
    fn role_in_namespace(&self, namespace: &NamespacePath, seen: Visibility) -> Option<Role> {
        if self.is_admin() {
            return Some(Role::Admin);
        }
        let given = self.memberships().iter().filter_map(|membership| match &membership.place {
            Place::Namespace { path, .. } if path.holds(namespace.as_str()) => Some(membership.role),
            place => place.is_below(namespace).then_some(Role::Guest),
        });
        given.chain(self.sees().contains(&seen).then_some(Role::Guest)).max()
    }
}

impl Grant {
    /// The role in a project, whatever the scopes; `None` where its holder may not know of the project.
    pub fn role_in(&self, site: &Site) -> Option<Role> {
        self.identity.role_in(site)
    }

    /// The roles that its holder was given: in a project itself, and the highest one in the namespaces around it.
    pub fn given_in(&self, site: &Site) -> (Option<Role>, Option<Role>) {
        let given = || self.identity.memberships().iter().filter(|membership| membership.place.holds(site));
        let highest = |is_above: bool| {
            given().filter(|membership| membership.place.namespace().is_some() == is_above).map(|membership| membership.role).max()
        };
        (highest(false), highest(true))
    }

    /// May do everything.
    pub fn everything() -> Self {
        let identity = Identity::Admin(Arc::default());
        Self { identity, scopes: Scope::ALL.into(), packages: Vec::new(), stages: Vec::new(), guests_read: false }
    }

    /// May read what is public.
    pub fn anonymous() -> Self {
        let (identity, scopes) = (Identity::Anonymous, BTreeSet::from([Scope::Read]));
        Self { identity, scopes, packages: Vec::new(), stages: Vec::new(), guests_read: false }
    }

    /// Judges a call, and tells the role that the caller has in what the call is about.
    pub fn judge(&self, need: Need, target: Target<'_>) -> Result<Role, Denial> {
        let is_admin = self.identity.is_admin();
        let role = match target {
            Target::Project(site) | Target::Package(site, _) | Target::Stage(site, _) => {
                self.identity.role_in(site).ok_or(Denial::Unknown)?
            }
            Target::Namespace(path, seen) => self.identity.role_in_namespace(path, seen).ok_or(Denial::Unknown)?,
            _ if is_admin => Role::Admin,
            Target::User { is_own: true } => Role::Owner,
            Target::User { is_own: false } => return Err(Denial::Unknown),
            // What is listed is what the role suffices for.
            Target::All => need.role,
            Target::Instance => return Err(Denial::Role(Role::Admin)),
        };
        let is_of_project = matches!(target, Target::Project(_) | Target::Package(..) | Target::Stage(..));
        let reads = is_of_project && self.guests_read && need.is_for_everybody();
        if role < need.role && !reads {
            return Err(Denial::Role(need.role));
        }
        if !need.scope.is_within(&self.scopes) {
            return Err(Denial::Scope(need.scope));
        }
        match target {
            Target::Package(_, package) if !self.touches(package) => Err(Denial::Package),
            Target::Package(site, package) => match Protection::least(&site.protections, package, need.scope) {
                Some(least) if role < least || matches!(self.identity, Identity::Deploy(_)) => Err(Denial::Protected(least)),
                _ => Ok(role),
            },
            Target::Stage(_, stage) if need.scope.is_for_stages() && !self.reaches(stage) => Err(Denial::Stage),
            // What is not about one package is about others too, but for what every guest sees.
            _ if !self.packages.is_empty() && need.role > Role::Guest => Err(Denial::Package),
            _ => Ok(role),
        }
    }

    /// The projects in which it has this role or a higher one. What is below a namespace of its is not named besides.
    pub fn reach(&self, role: Role) -> Reach {
        if self.identity.is_admin() {
            return Reach::Everything;
        }
        let visibilities = if role <= Role::Reporter { self.identity.sees() } else { &[] };
        self.places(|given| given >= role || (self.guests_read && role <= Role::Reporter), visibilities)
    }

    /// The projects in which it was given this role or a higher one, there or above, whatever visibility adds, or being an administrator.
    pub fn given(&self, role: Role) -> Reach {
        self.places(|given| given >= role, &[])
    }

    fn places(&self, suffices: impl Fn(Role) -> bool, visibilities: &'static [Visibility]) -> Reach {
        let given = || self.identity.memberships().iter().filter(|membership| suffices(membership.role));
        let places = || given().map(|membership| &membership.place);
        let mut namespaces: Vec<NamespacePath> = places().filter_map(Place::namespace).cloned().collect();
        // Part by part, what is below another one stands right behind it, so the last one that was kept tells.
        namespaces.sort_by(|one, other| one.as_str().split('/').cmp(other.as_str().split('/')));
        namespaces.dedup_by(|next, kept| kept.holds(next.as_str()));
        let is_held = |path: &ProjectPath| namespaces.iter().any(|namespace| namespace.holds(path.as_str()));
        let projects = places().filter_map(|place| match place {
            Place::Project { id, path } if !is_held(path) => Some(*id),
            _ => None,
        });
        Reach::Some { projects: projects.collect(), namespaces, visibilities }
    }

    /// Whether it may touch a package of a project that it knows.
    pub fn touches(&self, package: &PackageName) -> bool {
        self.packages.is_empty() || self.packages.iter().any(|pattern| pattern.matches(package.as_str()))
    }

    /// Whether it may act on a stage of a project that it knows, as far as that takes [`Scope::Promote`] or [`Scope::Approve`].
    pub fn reaches(&self, stage: &StageName) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|pattern| pattern.matches(stage.as_str()))
    }

    /// Whether all that a token with these scopes, packages and stages may do in a place, this one may do there too, if its role is as
    /// high: what it may hand on.
    pub fn covers(&self, scopes: &BTreeSet<Scope>, packages: &[NamePattern], stages: &[NamePattern]) -> bool {
        let acts_on_stages = scopes.iter().any(|scope| scope.is_for_stages());
        scopes.iter().all(|scope| scope.is_within(&self.scopes))
            && holds(&self.packages, packages)
            && (!acts_on_stages || holds(&self.stages, stages))
    }
}

/// Whether patterns are among those that one has, where none stands for all.
fn holds(own: &[NamePattern], handed: &[NamePattern]) -> bool {
    own.is_empty() || (!handed.is_empty() && handed.iter().all(|pattern| own.contains(pattern)))
}
