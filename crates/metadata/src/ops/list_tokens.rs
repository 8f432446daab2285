//! Listing and finding tokens.

use consign_types::Timestamp;
use consign_types::filter::Filter;
use consign_types::resource::{TokenParent, TokenRef, UserRef};

use super::change::lock;
use super::{namespace, project, user};
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::token_lists::{self, Owners, Selection, Shown};
use crate::tables::tokens::{self, Owner, Token};
use crate::{Error, Listed, Metadata, Page, Principal, Result};

/// Which tokens, how ordered, and which page.
#[derive(Clone, Debug)]
pub struct ListTokens {
    /// Whose.
    pub parent: TokenParent,
    /// Whether they count or not.
    pub shown: Shown,
    /// As of when they do.
    pub as_of: Timestamp,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: TokenOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How tokens are ordered. What has no such time stands as if that were far away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOrder {
    /// By id.
    Id,
    /// By the name for people.
    DisplayName,
    /// By when they were made.
    CreateTime,
    /// By until when they count.
    ExpireTime,
    /// By when they were last used.
    LastUseTime,
}

/// The last second of the year 9999, as each database has it within a statement.
const FAR: Timestamp = Timestamp::from_micros(253_402_300_799_000_000);

macro_rules! columns {
    ($column:literal, $db:expr) => {
        match $db {
            Db::Postgres(_) => &[concat!("coalesce(tokens.", $column, ", timestamptz '9999-12-31 23:59:59+00')"), "tokens.id"],
            Db::Sqlite(_) => &[concat!("coalesce(tokens.", $column, ", 253402300799000000)"), "tokens.id"],
        }
    };
}

impl TokenOrder {
    /// Where a token stands in this order.
    pub fn cursor(self, token: &Token) -> Cursor {
        let values = match self {
            Self::Id => Vec::new(),
            Self::DisplayName => vec![Value::Text(token.display_name.to_string())],
            Self::CreateTime => vec![Value::Time(token.created_at)],
            Self::ExpireTime => vec![Value::Time(token.expires_at.unwrap_or(FAR))],
            Self::LastUseTime => vec![Value::Time(token.last_used_at.unwrap_or(FAR))],
        };
        Cursor { values, id: token.id }
    }

    fn order(self, descending: bool, db: &Db) -> Order {
        let (columns, kinds): (&'static [&'static str], _) = match self {
            Self::Id => (&["tokens.id"], ""),
            Self::DisplayName => (&["tokens.display_name", "tokens.id"], "s"),
            Self::CreateTime => (&["tokens.created_at", "tokens.id"], "t"),
            Self::ExpireTime => (columns!("expires_at", db), "t"),
            Self::LastUseTime => (columns!("last_used_at", db), "t"),
        };
        Order { columns, kinds, descending }
    }
}

impl Principal {
    /// Whose tokens are meant: those of whichever user are, for anybody but an administrator, the own ones.
    pub fn meaning(&self, parent: TokenParent) -> TokenParent {
        match (parent, self.user) {
            (TokenParent::Users, Some(user)) if !self.grant.identity.is_admin() => TokenParent::User(UserRef::Id(user)),
            (parent, _) => parent,
        }
    }
}

impl Metadata {
    /// Tokens of a project, namespace or user, of all users, or all there are. `FilterInvalid`.
    pub async fn list_tokens(&self, request: ListTokens) -> Result<Listed<Token>> {
        self.pool
            .read(move |db| {
                let ListTokens { parent, shown, as_of: now, filter, order, descending, page } = request;
                let owners = match &parent {
                    TokenParent::Users => Owners::Users,
                    TokenParent::Instance => Owners::All,
                    parent => Owners::One(owner(db, parent)?),
                };
                let selection = || -> Result<Selection> {
                    let filter = filter.clone().map(|filter| condition(filter, &token_lists::field)).transpose()?;
                    Ok(Selection { owners, shown, now, filter })
                };
                let total = if page.count { Some(token_lists::count(db, selection()?)?) } else { None };
                let order = order.order(descending, db);
                let rows = token_lists::list(db, selection()?, &order, page.after.as_ref(), page.slice())?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }

    /// A token by its id: that of whoever asks.
    pub async fn find_token(&self, id: i64) -> Result<Token> {
        self.pool.read(move |db| tokens::find(db, id)?.ok_or(Error::TokenInvalid)).await
    }

    /// A token by its name; `TokenNotFound`.
    pub async fn find_named_token(&self, name: TokenRef) -> Result<Token> {
        self.pool
            .read(move |db| {
                let found = tokens::find(db, name.token)?;
                let found = match (&name.parent, found) {
                    (parent, Some(token)) if is_of(db, &token, parent)? => Some(token),
                    _ => None,
                };
                found.ok_or(Error::TokenNotFound(name))
            })
            .await
    }
}

/// Whether a token is one of those that a name is about.
fn is_of(db: &mut Db, token: &Token, parent: &TokenParent) -> Result<bool> {
    Ok(match parent {
        TokenParent::Users => matches!(token.owner, Owner::User(_)),
        TokenParent::Instance => true,
        parent => token.owner == owner(db, parent)?,
    })
}

/// To whom they belong; `ArgumentInvalid` where no one is named.
pub(super) fn owner(db: &mut Db, parent: &TokenParent) -> Result<Owner> {
    Ok(match parent {
        TokenParent::Project(name) => Owner::Project(project(db, name)?.id),
        TokenParent::Namespace(name) => Owner::Namespace(namespace(db, name)?.id),
        TokenParent::User(name) => Owner::User(user(db, name)?.id),
        TokenParent::Users | TokenParent::Instance => {
            return Err(Error::ArgumentInvalid { field: "parent", rule: "name one project, namespace or user".to_owned() });
        }
    })
}

/// A token by its name, which nobody else changes until the transaction ends.
pub(super) fn token(db: &mut Db, name: &TokenRef) -> Result<Token> {
    let missing = || Error::TokenNotFound(name.clone());
    // Projects are locked before what belongs to them.
    if let TokenParent::Project(_) = &name.parent
        && let Owner::Project(project) = owner(db, &name.parent)?
    {
        lock(db, project)?;
    } else if let TokenParent::Instance = &name.parent
        && let Some(Token { owner: Owner::Project(project), .. }) = tokens::find(db, name.token)?
    {
        lock(db, project)?;
    }
    let found = tokens::find_locked(db, name.token)?.ok_or_else(missing)?;
    if is_of(db, &found, &name.parent)? { Ok(found) } else { Err(missing()) }
}
