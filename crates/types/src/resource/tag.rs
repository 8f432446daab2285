//! Tags, and the rules over them.

use std::fmt;
use std::str::FromStr;

use super::{PackageRef, ParseResourceError, ProjectRef, segments};
use crate::TagName;

/// A tag of a package: `projects/7/packages/tool/tags/stable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRef {
    /// The package.
    pub package: PackageRef,
    /// The tag.
    pub tag: TagName,
}

impl fmt::Display for TagRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/tags/{}", self.package, self.tag)
    }
}

impl FromStr for TagRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(["projects", project, "packages", package, "tags", tag]) = segments(text) else {
            return Err(ParseResourceError::Shape("projects/{project}/packages/{package}/tags/{tag}"));
        };
        let package = PackageRef { project: ProjectRef::from_segment(project)?, package: package.parse()? };
        Ok(Self { package, tag: tag.parse()? })
    }
}
