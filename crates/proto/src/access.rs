//! Roles and scopes to the wire, and back.

use consign_types::access::{Role, Scope};

use crate::metadata as wire;

macro_rules! same_words {
    ($known:ty, $wire:ty: $($variant:ident),+) => {
        impl From<$known> for $wire {
            fn from(known: $known) -> Self {
                match known {
                    $(<$known>::$variant => Self::$variant,)+
                }
            }
        }

        impl $wire {
            /// What it stands for; `None` for what was left open.
            pub fn known(self) -> Option<$known> {
                match self {
                    Self::Unspecified => None,
                    $(Self::$variant => Some(<$known>::$variant),)+
                }
            }
        }
    };
}

same_words!(Role, wire::Role: Guest, Planner, Reporter, Developer, Maintainer, Owner, Admin);
same_words!(Scope, wire::Scope: Read, Publish, Delete, Promote, Approve, Attest, Admin, TagMove, AuditRead, Upload);

/// Scopes as a message has them.
pub fn scope_numbers<'a>(scopes: impl IntoIterator<Item = &'a Scope>) -> Vec<i32> {
    scopes.into_iter().map(|scope| wire::Scope::from(*scope).into()).collect()
}
