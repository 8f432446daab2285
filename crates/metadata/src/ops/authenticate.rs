//! Who a token stands for.

use std::time::Duration;

use consign_types::access::Role;
use consign_types::resource::NamespaceRef;
use consign_types::{Digest, NamespacePath, Slug};

use moka::sync::Cache;

use crate::connection::Db;
use crate::tables::tokens;
use crate::{Error, Metadata, Result};

/// How long it is remembered whom a token stands for.
const REMEMBERED: Duration = Duration::from_secs(2);

/// For how many tokens.
const MAX_REMEMBERED: u64 = 10_000;

/// Whom tokens stand for, by the digests of their texts.
pub(crate) type Principals = Cache<Digest, Principal>;

pub(crate) fn remember() -> Principals {
    Cache::builder().time_to_live(REMEMBERED).max_capacity(MAX_REMEMBERED).build()
}

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
    /// The token is looked up by its digest, so no comparison depends on how much of a secret was guessed. An answer is remembered for a
    /// moment: a token that was taken away is good for two seconds longer, at most.
    pub async fn authenticate(&self, token: &str) -> Result<Principal> {
        let digest = Digest::of(token.as_bytes());
        if let Some(principal) = self.principals.get(&digest) {
            return Ok(principal);
        }
        let find = move |db: &mut Db| match tokens::find(db, digest)? {
            Some(name) => Ok(Principal { name, role: Role::Admin }),
            None => Err(Error::TokenInvalid),
        };
        let principal = self.pool.read(find).await?;
        self.principals.insert(digest, principal.clone());
        Ok(principal)
    }
}
