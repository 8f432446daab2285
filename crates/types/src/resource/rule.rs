//! The rules of a project that are known by their numbers.

use std::fmt;
use std::str::FromStr;

use super::{ParseResourceError, ProjectRef, segments};

macro_rules! rule_ref {
    ($(#[$doc:meta])* $name:ident, $collection:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The project.
            pub project: ProjectRef,
            /// The id of the rule.
            pub rule: i64,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{}/", $collection, "/{}"), self.project, self.rule)
            }
        }

        impl FromStr for $name {
            type Err = ParseResourceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let shape = ParseResourceError::Shape(concat!("projects/{project}/", $collection, "/{id}"));
                let Some(["projects", project, $collection, rule]) = segments(text) else {
                    return Err(shape);
                };
                let is_number = rule.bytes().all(|byte| byte.is_ascii_digit());
                let rule = rule.parse().ok().filter(|_| is_number).ok_or(shape)?;
                Ok(Self { project: ProjectRef::from_segment(project)?, rule })
            }
        }
    };
}

rule_ref! {
    /// A tag rule of a project: `projects/7/tagRules/3`.
    TagRuleRef, "tagRules"
}

rule_ref! {
    /// A protection rule of a project: `projects/7/protectionRules/3`.
    ProtectionRuleRef, "protectionRules"
}

rule_ref! {
    /// A trust rule of a project: `projects/7/trustRules/3`.
    TrustRuleRef, "trustRules"
}

/// A rule of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleRef {
    /// Over tags.
    Tag(TagRuleRef),
    /// Over packages.
    Protection(ProtectionRuleRef),
    /// Over who is given tokens.
    Trust(TrustRuleRef),
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(name) => name.fmt(f),
            Self::Protection(name) => name.fmt(f),
            Self::Trust(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_by_its_number() {
        for name in ["projects/7/protectionRules/3", "projects/a%2Fb/protectionRules/3"] {
            assert_eq!(name.parse::<ProtectionRuleRef>().unwrap().to_string(), name);
        }
        assert!("projects/7/trustRules/3".parse::<TrustRuleRef>().is_ok() && "projects/7/tagRules/3".parse::<TagRuleRef>().is_ok());
        for name in
            ["projects/7/tagRules/3", "projects/7/protectionRules/", "projects/7/protectionRules/x", "projects/7/protectionRules/+3"]
        {
            assert!(name.parse::<ProtectionRuleRef>().is_err(), "{name}");
        }
    }
}
