//! Which database to use, read from its URL.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// The database that a URL names.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A PostgreSQL server, by its connection URL.
    Postgres(String),
    /// An SQLite file.
    Sqlite(PathBuf),
}

/// Why a database URL is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither a PostgreSQL nor an SQLite URL.
    #[error("database URL must start with `postgres://`, `postgresql://` or `sqlite:`")]
    Scheme,
    /// The file of an SQLite URL has no name.
    #[error("database URL `sqlite:` must be followed by the path of a file")]
    Path,
    /// Names and data would cross a network in the clear.
    #[error(
        "database host `{0}` is not this machine and the URL does not demand encryption: add `sslmode=verify-full` \
         (this build {tls} TLS to PostgreSQL), or allow plaintext with `--database-allow-plaintext`",
        tls = if cfg!(feature = "postgres-tls") { "has" } else { "does not have" }
    )]
    Plaintext(String),
    /// The URL demands what this build can't do.
    #[error("`sslmode` demands TLS, which this build does not have: build with the feature `postgres-tls`")]
    NoTls,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postgres(_) => f.write_str("Postgres(..)"),
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
        }
    }
}

/// Limits that every PostgreSQL connection gets unless its URL sets them: a network that goes silent is noticed in seconds.
const DEFAULTS: &[(&str, &str)] = &[
    ("application_name", "consign"),
    ("connect_timeout", "3"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
];

impl Target {
    /// Reads a database URL. One that would send data in the clear to another machine is refused unless `allow_plaintext`.
    pub(crate) fn parse(url: &str, allow_plaintext: bool) -> Result<Self, UrlError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(UrlError::Path) } else { Ok(Self::Sqlite(path.into())) };
        }
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or(UrlError::Scheme)?;
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parameters: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let parameter = |name| parameters.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| *value);

        let encrypted = matches!(parameter("sslmode"), Some("require" | "verify-ca" | "verify-full"));
        if encrypted && !cfg!(feature = "postgres-tls") {
            return Err(UrlError::NoTls);
        }
        let authority = address.split('/').next().unwrap_or_default();
        let authority_hosts = authority.rsplit('@').next().unwrap_or_default();
        let hosts = parameter("hostaddr").or_else(|| parameter("host")).unwrap_or(authority_hosts);
        let hosts = percent_decode_str(hosts).decode_utf8_lossy();
        let remote = hosts.split(',').map(without_port).find(|host| !is_local(host));
        if let Some(host) = remote.filter(|_| !encrypted && !allow_plaintext) {
            return Err(UrlError::Plaintext(host.to_owned()));
        }

        let mut url = url.to_owned();
        for &(name, value) in DEFAULTS.iter().filter(|(name, _)| parameter(name).is_none()) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.extend([name, "=", value]);
        }
        Ok(Self::Postgres(url))
    }
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

/// An empty host and a path are Unix sockets.
fn is_local(host: &str) -> bool {
    let loopback = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    host.is_empty() || host.starts_with('/') || host == "localhost" || loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plaintext(url: &str) -> Result<(), UrlError> {
        Target::parse(url, false).map(|_| ())
    }

    #[test]
    fn a_database_on_this_machine_may_be_plain() {
        for url in [
            "postgres:///consign?host=/run/postgresql",
            "postgres://u:p@localhost/db",
            "postgresql://127.0.0.1:5432/db",
            "postgres://[::1]:5432/db",
            "postgres://u@%2Frun%2Fpostgresql/db",
            "postgres:///db",
        ] {
            assert_eq!(plaintext(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn a_database_elsewhere_needs_encryption_or_a_word_that_it_does_not() {
        for (url, host) in [
            ("postgres://db.example/consign", "db.example"),
            ("postgres://u:p@10.0.0.1:5432/consign?sslmode=prefer", "10.0.0.1"),
            ("postgres://localhost,db.example/consign", "db.example"),
            ("postgres://localhost/consign?host=db.example", "db.example"),
            ("postgres://localhost/consign?hostaddr=10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(plaintext(url), Err(UrlError::Plaintext(host.to_owned())), "{url}");
            assert!(Target::parse(url, true).is_ok(), "{url}");
        }
    }

    #[test]
    fn encryption_needs_a_build_that_has_it() {
        let verdict = plaintext("postgres://db.example/consign?sslmode=verify-full");
        assert_eq!(verdict, if cfg!(feature = "postgres-tls") { Ok(()) } else { Err(UrlError::NoTls) });
    }

    #[test]
    fn other_urls_are_refused() {
        assert_eq!(plaintext("mysql://localhost/db"), Err(UrlError::Scheme));
        assert_eq!(plaintext("host=localhost"), Err(UrlError::Scheme));
        assert_eq!(plaintext("sqlite:"), Err(UrlError::Path));
        assert_eq!(Target::parse("sqlite:a/b.db", false), Ok(Target::Sqlite("a/b.db".into())));
    }
}
