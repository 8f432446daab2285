//! Words as column types, for every back end: a row is read through the same parser as a request.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::pg::Pg;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, SqlOrd, SqlType, Text};
use diesel::sqlite::Sqlite;

use crate::access::Role;
use crate::attestation::{Format, KeyName, SubjectKind};
use crate::event::EventType;
use crate::label::{LabelKey, LabelValue, Labels};
use crate::order::{SortKey, VersionScheme};
use crate::promotion::{PredicateType, StageName, State};
use crate::release::{Notes, SourceTag};
use crate::text::{DeployUsername, Description, DisplayName, EmailAddress, MediaType, RequestId};
use crate::token::TokenKind;
use crate::trust::Issuer;
use crate::version::{VersionState, Visibility};
use crate::{ContentDigest, Digest, FilePath, NamespacePath, PackageName, ProjectPath, Slug, TagName, Timestamp, Username, VersionName};

macro_rules! text_column {
    ($($name:ident),+) => {$(
        impl<DB> ToSql<Text, DB> for $name
        where
            DB: Backend,
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.as_str().to_sql(out)
            }
        }

        impl<DB> FromSql<Text, DB> for $name
        where
            DB: Backend,
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(String::from_sql(bytes)?.parse()?)
            }
        }
    )+};
}

text_column!(
    DeployUsername,
    Description,
    DisplayName,
    EmailAddress,
    EventType,
    FilePath,
    Format,
    Issuer,
    KeyName,
    LabelKey,
    LabelValue,
    MediaType,
    NamespacePath,
    PackageName,
    PredicateType,
    ProjectPath,
    RequestId,
    Role,
    TokenKind,
    Slug,
    StageName,
    State,
    SubjectKind,
    TagName,
    Username,
    VersionName,
    VersionScheme,
    VersionState,
    Visibility,
    Notes,
    SourceTag
);

macro_rules! digest_column {
    ($($name:ident),+) => {$(
        impl<DB> ToSql<Binary, DB> for $name
        where
            DB: Backend,
            [u8]: ToSql<Binary, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.as_bytes().as_slice().to_sql(out)
            }
        }

        impl<DB> FromSql<Binary, DB> for $name
        where
            DB: Backend,
            Vec<u8>: FromSql<Binary, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(Self::try_from(Vec::<u8>::from_sql(bytes)?.as_slice())?)
            }
        }
    )+};
}

digest_column!(ContentDigest, Digest);

/// An instant: `timestamptz` in PostgreSQL, microseconds since 1970 in an `integer` in SQLite.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185), sqlite_type(name = "Long"))]
pub struct Instant;

impl SqlOrd for Instant {}

/// PostgreSQL counts from 2000-01-01; this many microseconds lie between.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<Instant, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.as_micros().checked_sub(POSTGRES_EPOCH).ok_or("instant out of range")?;
        ToSql::<BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<Instant, Pg> for Timestamp {
    fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(bytes)?;
        Ok(Self::from_micros(micros.checked_add(POSTGRES_EPOCH).ok_or("instant out of range")?))
    }
}

impl ToSql<Instant, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.as_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<Instant, Sqlite> for Timestamp {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Sqlite>>::from_sql(bytes).map(Self::from_micros)
    }
}

impl<DB> ToSql<Binary, DB> for SortKey
where
    DB: Backend,
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_bytes().to_sql(out)
    }
}

impl<DB> FromSql<Binary, DB> for SortKey
where
    DB: Backend,
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Vec::from_sql(bytes).map(Self::from_bytes)
    }
}

impl ToSql<Text, Pg> for Labels {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Text, Pg>::to_sql(&self.to_text(), &mut out.reborrow())
    }
}

impl ToSql<Text, Sqlite> for Labels {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.to_text());
        Ok(IsNull::No)
    }
}

impl<DB> FromSql<Text, DB> for Labels
where
    DB: Backend,
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(String::from_sql(bytes)?.parse()?)
    }
}
