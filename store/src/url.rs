//! Where a store is. The one place that reads such addresses, and that shows them: never with a password.

use crate::OpenError;
use openline_core::host::is_this_machine;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A server and its database without secrets, for people.
pub(crate) fn server(options: &PgConnectOptions) -> String {
    let (user, database) = (options.get_username(), options.get_database().unwrap_or(options.get_username()));
    match options.get_socket() {
        Some(folder) => format!("postgres://{user}@/{database} in {}", folder.display()),
        None => format!("postgres://{user}@{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

/// A store's address: `sqlite:FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE`.
#[derive(Clone)]
pub struct StoreUrl(pub(crate) Location);

#[derive(Clone)]
pub(crate) enum Location {
    File(PathBuf),
    Server { options: Box<PgConnectOptions>, password: Option<String> },
}

const SERVERS: [&str; 2] = ["postgres://", "postgresql://"];

impl FromStr for StoreUrl {
    type Err = OpenError;

    /// The error does not repeat what may be a password.
    fn from_str(text: &str) -> Result<Self, OpenError> {
        let unknown = || OpenError::UnknownUrl(redacted(text));
        if SERVERS.iter().any(|scheme| text.starts_with(scheme)) {
            let options: PgConnectOptions = text.parse().map_err(|_| unknown())?;
            let options = Box::new(options.application_name("openline").disable_statement_logging());
            return Ok(Self(Location::Server { options, password: password(text) }));
        }
        let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        // SQLite's own names for a database in memory: the threads would each get one of their own.
        let path = path.filter(|path| !path.is_empty() && *path != ":memory:").ok_or_else(unknown)?;
        Ok(Self(Location::File(PathBuf::from(path))))
    }
}

impl StoreUrl {
    /// The database's file, when it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Location::File(path) => Some(path),
            Location::Server { .. } => None,
        }
    }

    /// The password that the address itself has, to be judged.
    pub fn password(&self) -> Option<&str> {
        match &self.0 {
            Location::Server { password, .. } => password.as_deref(),
            Location::File(_) => None,
        }
    }

    /// Whether everything goes to a server over a network, and nobody proves that it is the right one: it is neither a
    /// file, nor on this machine, nor asked for by `sslmode=verify-full`.
    pub fn is_unverified(&self) -> bool {
        let Location::Server { options, .. } = &self.0 else { return false };
        let host = options.get_host();
        let here = options.get_socket().is_some() || host.starts_with('/') || is_this_machine(host);
        !here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::File(path) => write!(f, "sqlite:{}", path.display()),
            Location::Server { options, .. } => f.write_str(&server(options)),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// What stands between the user and the `@`, or as `password=` behind the `?`; as it is written, which is enough to judge it.
fn password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (before, asked) = rest.split_once('?').unwrap_or((rest, ""));
    let user = before.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    let pairs = asked.split('&').filter_map(|pair| pair.strip_prefix("password="));
    user.map(|(_, password)| password).or_else(|| pairs.into_iter().next()).map(str::to_owned)
}

/// A text that was to be an address, without what may be a password.
fn redacted(url: &str) -> String {
    let (start, end) = match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(at)) if at > start => (&url[..start + 3], &url[at..]),
        _ => ("", url),
    };
    let shown = end.split('?').next().unwrap_or_default();
    if start.is_empty() { shown.to_owned() } else { format!("{start}…{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> StoreUrl {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (text, shown) in [
            ("sqlite:data/openline.db", "sqlite:data/openline.db"),
            ("sqlite:///srv/a.db", "sqlite:/srv/a.db"),
            ("postgres://me:hunter2@db.example/openline", "postgres://me@db.example:5432/openline"),
            ("postgresql://me@db.example:1/openline?password=hunter2", "postgres://me@db.example:1/openline"),
            ("postgres://me:hunter%32@localhost/o?host=/run/pg", "postgres://me@/o in /run/pg"),
        ] {
            let url = url(text);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter"));
            assert_eq!(url.password().is_some(), text.contains("hunter"), "{text}");
        }
        for text in ["mysql://me:hunter2@host/db", "postgres://me:hunter2@host:port/db", "sqlite:", "sqlite::memory:"] {
            let told = text.parse::<StoreUrl>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains("is not a store") && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_server_that_is_not_here_must_prove_itself() {
        for here in ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"] {
            assert!(!url(&format!("postgres://me@{here}/db")).is_unverified(), "{here}");
        }
        assert!(!url("postgres://me@localhost/db?host=/run/postgresql").is_unverified());
        assert!(!url("postgres://me@db.example/db?sslmode=verify-full").is_unverified());
        assert!(!url("sqlite:a.db").is_unverified());
        for unproved in ["db.example/db", "10.0.0.7/db", "db.example/db?sslmode=require", "db/db?sslmode=verify-ca"] {
            assert!(url(&format!("postgres://me@{unproved}")).is_unverified(), "{unproved}");
        }
        assert!(url("postgres://me@localhost/db?host=db.example").is_unverified());
    }
}
