//! Protection rules: who may change the packages that a pattern names.
//!
//! They are access rules: what they ask is asked of the role in the project, before anything is done.

use serde::{Deserialize, Serialize};

use crate::PackageName;
use crate::access::{Role, Scope};
use crate::pattern::NamePattern;

/// What a rule asks. Every rule whose pattern fits must be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// The packages.
    pub packages: NamePattern,
    /// The least role that publishes to them; `None` for no limit.
    pub publish: Option<Role>,
    /// The least role that deletes them, their versions and files; `None` for no limit.
    pub delete: Option<Role>,
}

impl Protection {
    /// What it asks of a call that takes this scope: of all that publish, and of all that delete.
    fn asks(&self, scope: Scope) -> Option<Role> {
        match scope {
            Scope::Publish | Scope::TagMove | Scope::Upload => self.publish,
            Scope::Delete => self.delete,
            _ => None,
        }
    }

    /// The highest role that rules ask of a call about a package which takes this scope.
    pub fn least(rules: &[Self], package: &PackageName, scope: Scope) -> Option<Role> {
        rules.iter().filter(|rule| rule.packages.matches(package.as_str())).filter_map(|rule| rule.asks(scope)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_rules_that_fit_the_strictest_counts() {
        let rule = |glob: &str, publish, delete| Protection { packages: NamePattern::glob(glob).unwrap(), publish, delete };
        let rules = [
            rule("app-*", Some(Role::Maintainer), None),
            rule("*-web", Some(Role::Owner), Some(Role::Admin)),
            rule("lib", None, Some(Role::Owner)),
        ];
        let cases = [
            ("app-web", Scope::Publish, Some(Role::Owner)),
            ("app-cli", Scope::Publish, Some(Role::Maintainer)),
            ("app-cli", Scope::TagMove, Some(Role::Maintainer)),
            ("app-cli", Scope::Upload, Some(Role::Maintainer)),
            ("app-cli", Scope::Delete, None),
            ("app-cli", Scope::AuditRead, None),
            ("app-web", Scope::Delete, Some(Role::Admin)),
            ("lib", Scope::Publish, None),
            ("lib", Scope::Delete, Some(Role::Owner)),
            ("lib", Scope::Read, None),
            ("other", Scope::Publish, None),
        ];
        for (package, scope, expected) in cases {
            assert_eq!(Protection::least(&rules, &package.parse().unwrap(), scope), expected, "{package} {scope}");
        }
    }
}
