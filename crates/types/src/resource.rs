//! The names by which the API addresses things, such as `projects/7/packages/tool/versions/1.0`.

mod numbered;
mod promotion;
mod rule;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod user;
mod versions;

use std::fmt;
use std::str::FromStr;

use crate::name::ParseNameError;
use crate::{FilePath, NamespacePath, PackageName, ProjectPath, VersionName};

pub use promotion::{AttestationRef, PromotionRef, StageRef, TrustedKeyRef};
pub use rule::{ProtectionRuleRef, RuleRef, TagRuleRef, TrustRuleRef};
pub use tag::TagRef;
pub use token::{TokenParent, TokenRef};
pub use user::{MemberParent, MemberRef, UserRef, bot_id, bot_token};
pub use versions::VersionsRef;

/// A resource name can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseResourceError {
    /// It does not have the shape of such a name.
    #[error("resource name must look like `{0}`")]
    Shape(&'static str),
    /// A part of it breaks the rule of that part.
    #[error(transparent)]
    Name(#[from] ParseNameError),
}

/// A project, by its id or by its path.
///
/// On the wire `projects/7` or `projects/group%2Fsub%2Ftool`: the path's `/` are percent-encoded, so it stays one segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectRef {
    /// By numeric id, the canonical form.
    Id(i64),
    /// By full path.
    Path(ProjectPath),
}

impl ProjectRef {
    /// Reads the segment behind `projects/`.
    pub fn from_segment(segment: &str) -> Result<Self, ParseResourceError> {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            return segment.parse().map(Self::Id).map_err(|_| ParseResourceError::Shape("projects/{id or path}"));
        }
        Ok(Self::Path(segment.replace("%2F", "/").replace("%2f", "/").parse()?))
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "projects/{id}"),
            Self::Path(path) => write!(f, "projects/{}", path.as_str().replace('/', "%2F")),
        }
    }
}

impl FromStr for ProjectRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("projects/") {
            Some(segment) if !segment.contains('/') => Self::from_segment(segment),
            _ => Err(ParseResourceError::Shape("projects/{id or path}")),
        }
    }
}

/// A namespace, by its id or by its path: `namespaces/7`, `namespaces/group/sub`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamespaceRef {
    /// By numeric id.
    Id(i64),
    /// By full path.
    Path(NamespacePath),
}

impl fmt::Display for NamespaceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "namespaces/{id}"),
            Self::Path(path) => write!(f, "namespaces/{path}"),
        }
    }
}

impl FromStr for NamespaceRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = ParseResourceError::Shape("namespaces/{id or path}");
        let name = text.strip_prefix("namespaces/").ok_or(shape.clone())?;
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            return name.parse().map(Self::Id).map_err(|_| shape);
        }
        Ok(Self::Path(name.parse()?))
    }
}

/// A package of a project: `projects/7/packages/tool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRef {
    /// The project.
    pub project: ProjectRef,
    /// The package's name.
    pub package: PackageName,
}

impl fmt::Display for PackageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/packages/{}", self.project, self.package)
    }
}

impl FromStr for PackageRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let PackagesRef { project, package } = text.parse()?;
        // `-` is a package's name too; only lists read it as "all of them".
        let package = package.map_or_else(|| "-".parse(), Ok)?;
        Ok(Self { project, package })
    }
}

/// A package of a project, or all of them: `projects/7/packages/tool`, `projects/7/packages/-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagesRef {
    /// The project.
    pub project: ProjectRef,
    /// The package's name; `None` stands for every package of the project.
    pub package: Option<PackageName>,
}

impl fmt::Display for PackagesRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/packages/{}", self.project, self.package.as_ref().map_or("-", PackageName::as_str))
    }
}

impl FromStr for PackagesRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(["projects", project, "packages", package]) = segments(text) else {
            return Err(ParseResourceError::Shape("projects/{project}/packages/{package}"));
        };
        let package = if package == "-" { None } else { Some(package.parse()?) };
        Ok(Self { project: ProjectRef::from_segment(project)?, package })
    }
}

/// A version of a package: `projects/7/packages/tool/versions/1.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionRef {
    /// The project.
    pub project: ProjectRef,
    /// The package's name.
    pub package: PackageName,
    /// The version.
    pub version: VersionName,
}

impl VersionRef {
    /// The package that it is a version of.
    pub fn package(&self) -> PackageRef {
        PackageRef { project: self.project.clone(), package: self.package.clone() }
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/packages/{}/versions/{}", self.project, self.package, self.version)
    }
}

impl FromStr for VersionRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(["projects", project, "packages", package, "versions", version]) = segments(text) else {
            return Err(ParseResourceError::Shape("projects/{project}/packages/{package}/versions/{version}"));
        };
        Ok(Self { project: ProjectRef::from_segment(project)?, package: package.parse()?, version: version.parse()? })
    }
}

/// A file of a version: `projects/7/packages/tool/versions/1.0/files/bin/tool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRef {
    /// The version.
    pub version: VersionRef,
    /// The path within the version.
    pub path: FilePath,
}

impl fmt::Display for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/files/{}", self.version, self.path)
    }
}

impl FromStr for FileRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = ParseResourceError::Shape("projects/{project}/packages/{package}/versions/{version}/files/{path}");
        // A path has slashes of its own, so the name ends where its sixth segment does.
        let (end, _) = text.match_indices('/').nth(5).ok_or(shape.clone())?;
        let path = text[end..].strip_prefix("/files/").ok_or(shape)?;
        Ok(Self { version: text[..end].parse()?, path: path.parse()? })
    }
}

/// A project, those below a namespace, or all that the caller may read: `projects/7`, `namespaces/group`, `projects/-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectsRef {
    /// One.
    One(ProjectRef),
    /// Those below a namespace.
    Below(NamespaceRef),
    /// All.
    All,
}

impl fmt::Display for ProjectsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(project) => project.fmt(f),
            Self::Below(namespace) => namespace.fmt(f),
            Self::All => f.write_str("projects/-"),
        }
    }
}

impl FromStr for ProjectsRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "projects/-" => Ok(Self::All),
            text if text.starts_with("namespaces/") => text.parse().map(Self::Below),
            text => text.parse().map(Self::One),
        }
    }
}

/// A place that has settings and usage: `instance`, `namespaces/group/sub`, `projects/7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeRef {
    /// The whole instance.
    Instance,
    /// A namespace and all below it.
    Namespace(NamespaceRef),
    /// A project.
    Project(ProjectRef),
}

impl fmt::Display for ScopeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance => f.write_str("instance"),
            Self::Namespace(name) => name.fmt(f),
            Self::Project(name) => name.fmt(f),
        }
    }
}

crate::word::serde_as_text!(ScopeRef, VersionRef);

impl FromStr for ScopeRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            None if text == "instance" => Ok(Self::Instance),
            Some(("namespaces", _)) => text.parse().map(Self::Namespace),
            Some(("projects", _)) => text.parse().map(Self::Project),
            _ => Err(ParseResourceError::Shape("instance, namespaces/{path} or projects/{project}")),
        }
    }
}

/// The segments of a name that has just so many.
fn segments<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('/').collect::<Vec<_>>().try_into().ok()
}
