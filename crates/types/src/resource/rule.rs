//! The rules of a project that are known by their numbers.

use std::fmt;

use super::numbered::numbered_ref;

numbered_ref! {
    /// A tag rule of a project: `projects/7/tagRules/3`.
    TagRuleRef, "tagRules"
}

numbered_ref! {
    /// A protection rule of a project: `projects/7/protectionRules/3`.
    ProtectionRuleRef, "protectionRules"
}

numbered_ref! {
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
