//! Who a token stands for.

use consign_types::access::Role;
use consign_types::resource::NamespaceRef;
use consign_types::{Digest, NamespacePath, Slug};

use crate::tables::tokens;
use crate::{Error, Metadata, Result};

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name that rows and logs carry; unique.
    pub name: Slug,
    /// What it may do.
    pub role: Role,
}

impl Principal {
    /// The principal's own namespace, which has its name.
    pub(crate) fn namespace(&self) -> Result<NamespaceRef> {
        let path = NamespacePath::top(&self.name);
        path.map(NamespaceRef::Path).map_err(|error| Error::ArgumentInvalid { field: "parent", rule: error.to_string() })
    }
}

impl Metadata {
    /// Finds whom a token stands for.
    ///
    /// The token is looked up by its digest, so no comparison depends on how much of a secret was guessed.
    pub async fn authenticate(&self, token: &str) -> Result<Principal> {
        let digest = Digest::of(token.as_bytes());
        self.pool
            .read(move |db| match tokens::find(db, digest)? {
                Some(name) => Ok(Principal { name, role: Role::Admin }),
                None => Err(Error::TokenInvalid),
            })
            .await
    }
}
