//! A request without its body: who makes it, how it came here, and what its URL says.

use std::convert::Infallible;

use aide::operation::OperationInput;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri};
use consign_client::{Client, Error, Limits};
use consign_proto::metadata::{File, version};
use consign_types::resource::{NamespaceRef, PackageRef, ProjectRef, VersionRef};
use consign_types::token::TokenKind;
use consign_types::{FilePath, Reason, VersionName};
use serde::de::DeserializeOwned;

use super::path::{self, Allowed, Chosen, WholePath};
use super::query::Query;
use super::refusal::{Refusal, Result};
use crate::credentials::{self, Contradiction, Credential};
use crate::{FORWARDED_FOR, Manner};

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    client: Client,
    manner: Manner,
    credential: Result<Option<Credential>, Contradiction>,
    /// Whether packages are listed, looked at or deleted by it.
    is_of_packages: bool,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl FromRequestParts<Client> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, client: &Client) -> Result<Self, Self::Rejection> {
        let addresses = parts.headers.get(FORWARDED_FOR).and_then(|value| value.to_str().ok());
        let manner = parts.extensions.get::<Manner>().copied().unwrap_or(Manner { scheme: "http", strict_gitlab: false });
        let client = addresses.map_or_else(|| client.clone(), |addresses| client.asking_for(addresses));
        let limits = parts.extensions.get::<Limits>().cloned();
        Ok(Self {
            client: limits.map_or_else(|| client.clone(), |limits| client.noting(limits)),
            manner,
            credential: credentials::find(&parts.headers, parts.uri.query().unwrap_or_default(), manner.strict_gitlab),
            is_of_packages: false,
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
        })
    }
}

/// What a request says in its path and of its caller is told for all routes at once.
impl OperationInput for Call {}

/// The version that a path means.
pub(crate) struct Found {
    pub(crate) version: VersionRef,
    /// Where it is by its own name, if the path has another one.
    pub(crate) place: Option<String>,
    /// Those of its files that are placed on a stage, if that is asked for: up to 1000, or the one that is wanted.
    pub(crate) placed: Option<Vec<File>>,
}

impl Call {
    /// The client for whoever makes the request.
    pub(crate) fn client(&self) -> Result<Client> {
        match &self.credential {
            Ok(Some(credential)) => Ok(self.client.with_token(&credential.token)),
            Ok(None) => Ok(self.client.clone()),
            Err(Contradiction) => Err(Refusal::unauthorized()),
        }
    }

    /// The same for what nobody may do without a token: GitLab asks for it before it looks at anything else.
    pub(crate) fn signed_in(&self) -> Result<Client> {
        if self.is_anonymous() { Err(Refusal::unauthorized()) } else { self.client() }
    }

    /// Why a project, or something in it, is not shown. But where files are, nobody is asked for a token: what they may not know of is not
    /// there. Jobs are told where packages are that they may not see, if the metadata plane tells it.
    pub(crate) fn unseen(&self, error: Error) -> Refusal {
        match error {
            Error::Refused { reason: Reason::TokenInvalid, .. } if self.is_anonymous() => Refusal::project_not_found(),
            Error::Refused { reason: Reason::ProjectNotFound, details, .. } if self.is_of_packages && details.contains_key("hidden") => {
                Refusal::job_forbidden()
            }
            error => error.into(),
        }
    }

    /// Fetches something for whoever makes the request. A name and a password that mean nothing are passed over, as GitLab does where files
    /// are fetched: what is public is there for everybody.
    pub(crate) async fn fetch<T, F: Future<Output = Result<T>>>(&self, fetch: impl Fn(Client) -> F) -> Result<T> {
        let is_basic = matches!(&self.credential, Ok(Some(credential)) if credential.is_basic);
        match Box::pin(fetch(self.client()?)).await {
            Err(refusal) if is_basic && refusal.asks_for_token() => Box::pin(fetch(self.client.clone())).await,
            answer => answer,
        }
    }

    /// The version that is meant, for the file at a path or for all of it. Its names are judged before it is looked for, as in GitLab.
    pub(crate) async fn find_named(&self, client: &Client, path: WholePath, wanted: Option<&FilePath>) -> Result<Found> {
        let WholePath { project, names } = path;
        let (package, chosen) = match names {
            Ok(names) => names,
            Err(wrong) => return Err(self.wrong(client, &project, wrong.into()).await),
        };
        let of = PackageRef { project: project.clone(), package: package.clone() };
        let unreadable = |_| Refusal::from(Error::Protocol("a version that can't be read"));
        let (version, placed) = match chosen {
            Chosen::Named(version) => {
                return Ok(Found { version: VersionRef { project, package, version }, place: None, placed: None });
            }
            Chosen::Latest => (client.find_latest(&of).await?, None),
            Chosen::Placed(stage) => {
                let (version, files) = client.find_placed(&of, &stage, wanted).await?;
                (version, Some(files))
            }
        };
        let is_open = version.state() == version::State::Open;
        let version: VersionName = version.version.parse().map_err(unreadable)?;
        // What is placed of an open version need not be what is read by its name.
        let place = (placed.is_none() || !is_open).then(|| format!("{}/{package}/{version}", self.prefix(5)));
        Ok(Found { version: VersionRef { project, package, version }, place, placed })
    }

    /// What is answered to wrong parameters: that they are, whether the project is there or not; a token that is not valid comes first. So
    /// nobody learns from it of a project.
    pub(crate) async fn wrong(&self, client: &Client, project: &ProjectRef, refusal: Refusal) -> Refusal {
        match client.find_project(project).await.map_err(Refusal::from) {
            Err(invalid) if invalid.asks_for_token() && !self.is_anonymous() => invalid,
            _ => refusal,
        }
    }

    /// What was judged of the parameters, whatever they are about: as [`Self::wrong`], for whom it is all the same what is public.
    pub(crate) async fn judged<T>(&self, judged: Result<T>) -> Result<T> {
        let Err(refusal) = judged else { return judged };
        if self.is_anonymous() {
            return Err(refusal);
        }
        match self.client()?.who_am_i().await.map_err(Refusal::from) {
            Err(invalid) if invalid.asks_for_token() => Err(invalid),
            _ => Err(refusal),
        }
    }

    /// The same call where packages are listed, looked at and deleted, and over GraphQL: deploy tokens count for none there in GitLab.
    pub(crate) fn of_packages(self) -> Self {
        let this = Self { is_of_packages: true, ..self };
        let is_deploy = |credential: &Credential| TokenKind::of(&credential.token) == Some(TokenKind::Deploy);
        match &this.credential {
            Ok(Some(credential)) if this.is_strict() && is_deploy(credential) => Self { credential: Ok(None), ..this },
            _ => this,
        }
    }

    /// Whether to do as GitLab does, also where that is nobody's wish.
    pub(crate) fn is_strict(&self) -> bool {
        self.manner.strict_gitlab
    }

    /// What its path may have beyond GitLab's.
    pub(crate) fn allowed(&self) -> Allowed {
        Allowed { escaped_folders: !self.is_strict(), stand_ins: !self.is_strict() }
    }

    /// Whether it came without a token.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.credential, Ok(None))
    }

    /// The parameters behind the `?`.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T> {
        Query::of(&self.uri).read()
    }

    /// A segment of the path as it came; 4 is the `:id` of `/api/v4/projects/:id`.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.uri.path().split('/').nth(index).unwrap_or_default()
    }

    /// The path up to the segment before this one and the one behind it: 5 is `/api/v4/projects/:id/packages/generic`.
    pub(crate) fn prefix(&self, index: usize) -> String {
        self.uri.path().split('/').take(index + 2).collect::<Vec<_>>().join("/")
    }

    /// The project of a route below `/api/v4/projects/:id`.
    pub(crate) fn project(&self) -> Result<ProjectRef> {
        path::project(self.segment(4))
    }

    /// The namespace of a route below `/api/v4/groups/:id`.
    pub(crate) fn group(&self) -> Result<NamespaceRef> {
        path::group(self.segment(4))
    }

    /// A segment of the path, decoded.
    pub(crate) fn decoded(&self, index: usize) -> Result<String> {
        path::decode(self.segment(index)).ok_or_else(Refusal::not_found)
    }

    /// The path from a segment on, decoded.
    pub(crate) fn rest(&self, index: usize) -> Result<String> {
        let rest = self.uri.path().split('/').skip(index).collect::<Vec<_>>().join("/");
        path::decode(&rest).ok_or_else(Refusal::not_found)
    }

    /// A number in the path.
    pub(crate) fn number(&self, index: usize, name: &str) -> Result<i64> {
        self.segment(index).parse().map_err(|_| Refusal::parameter(format!("{name} is invalid")))
    }

    /// The scheme and host that the client used, as far as proxies tell: clients follow only links to where they came from.
    pub(crate) fn origin(&self) -> String {
        let header = |name| self.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()?.split(',').next()).map(str::trim);
        let scheme = header("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or(self.manner.scheme);
        let plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        let host = header("x-forwarded-host").filter(plain).or_else(|| header("host"));
        let host = host.or_else(|| self.uri.authority().map(Authority::as_str));
        host.filter(plain).map_or(String::new(), |host| format!("{scheme}://{host}"))
    }
}
