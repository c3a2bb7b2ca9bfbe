//! From an address to a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use strongroom_store::{Environment, Error, ErrorKind, Result, Store};
use strongroom_tokio::Hosted;

use crate::dav::{Dav, DavCreate, DavCredentials, DavSettings};
#[cfg(unix)]
use crate::sftp::{Sftp, SftpCreate, SftpSettings};

/// Opens the store at an address, on a runtime of its own. Connects to nothing yet.
///
/// * `sftp://user@host:port/path` is a folder on a server that is reached by SSH; `/~/path` starts at the user's home. Options: `key`
///   and `known_hosts` name files for `ssh`, `connections` says how many are opened at most, `create` is `link` or, for a single
///   writer on a server without hard links, `rename`.
/// * `dav://host:port/path` and, encrypted, `davs://host:port/path` are a folder on a WebDAV server. Options: `create` is `claim` or, for
///   a single writer, `condition`; `ca` names a file of certificates (PEM) that are trusted besides the system's. The credentials are
///   `STRONGROOM_DAV_USER` and `STRONGROOM_DAV_PASSWORD`, or `STRONGROOM_DAV_TOKEN`.
/// * All take `timeout`, the seconds of silence after which a call fails, and `make=true`, by which the folder is made if it is
///   missing; for a new repository, not for every day.
///
/// # Errors
///
/// `Invalid` if the address is none of these, has an option that is unknown or a password in it; the address itself is never
/// repeated. `PermissionDenied` if a file it names cannot be read, `Other` if no runtime can be started.
pub fn open(url: &str, environment: &dyn Environment) -> Result<Arc<dyn Store>> {
    let url = Url::parse(url).map_err(|error| invalid(format!("not an address: {error}")))?;
    if url.password().is_some() {
        return Err(invalid(
            "a password in an address ends up in logs and histories; put it into the environment",
        ));
    }
    if url.fragment().is_some() {
        return Err(invalid("an address has no #fragment"));
    }
    match url.scheme() {
        #[cfg(unix)]
        "sftp" => host(Sftp::new(&sftp_settings(&url)?, environment)),
        "dav" | "davs" => host(Dav::new(&dav_settings(&url, environment)?)?),
        scheme => Err(invalid(format!(
            "no store has addresses that start with {scheme}:"
        ))),
    }
}

/// What to do about a folder that is missing.
pub(crate) const MAKE_IT: &str = "make it, or say make=true in the address once";

fn host<S: Store>(store: S) -> Result<Arc<dyn Store>> {
    let hosted = Hosted::new(store);
    let hosted = hosted.map_err(|error| Error::new(ErrorKind::Other, "open").with_source(error))?;
    Ok(Arc::new(hosted))
}

pub(crate) fn invalid(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, "open").with_source(why.into())
}

#[cfg(unix)]
fn sftp_settings(url: &Url) -> Result<SftpSettings> {
    let mut options = Options::of(url)?;
    let mut settings = SftpSettings::new(host_of(url)?);
    settings.port = url.port();
    let user = decode(url.username())?;
    if user.starts_with('-') {
        return Err(invalid("a user does not start with a dash"));
    }
    settings.user = (!user.is_empty()).then_some(user);
    let path = decode(url.path())?;
    settings.root = match path.strip_prefix("/~") {
        Some(home) if home.is_empty() || home.starts_with('/') => home.trim_matches('/').to_owned(),
        _ if path.len() > 1 => path.trim_end_matches('/').to_owned(),
        _ => path,
    };
    settings.key = options.take("key").map(Into::into);
    settings.known_hosts = options.take("known_hosts").map(Into::into);
    if let Some(connections) = options.number("connections")? {
        settings.connections = usize::try_from(connections)
            .unwrap_or(usize::MAX)
            .clamp(1, 64);
    }
    if let Some(seconds) = options.number("timeout")? {
        settings.timeout = Duration::from_secs(seconds.clamp(1, 86_400));
    }
    settings.make_folder = options.make()?;
    settings.create = match options.take("create").as_deref() {
        None | Some("link") => SftpCreate::Link,
        Some("rename") => SftpCreate::Rename,
        Some(_) => return Err(invalid("create is link or rename")),
    };
    options.end()?;
    Ok(settings)
}

fn dav_settings(url: &Url, environment: &dyn Environment) -> Result<DavSettings> {
    let mut options = Options::of(url)?;
    if !url.username().is_empty() {
        return Err(invalid(
            "the user of a WebDAV server is STRONGROOM_DAV_USER in the environment",
        ));
    }
    let scheme = if url.scheme() == "davs" {
        "https"
    } else {
        "http"
    };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    let mut settings = DavSettings::new(format!("{scheme}://{}{port}{path}/", host_of(url)?));
    let variable = |name| environment.variable(name);
    if let Some(token) = variable("STRONGROOM_DAV_TOKEN") {
        settings.credentials = Some(DavCredentials::bearer(token));
    } else if let Some(user) = variable("STRONGROOM_DAV_USER") {
        let password = variable("STRONGROOM_DAV_PASSWORD").unwrap_or_default();
        settings.credentials = Some(DavCredentials::basic(user, password));
    }
    if let Some(file) = options.take("ca") {
        let pem = environment
            .file(file.as_ref())
            .map_err(|error| Error::new(ErrorKind::PermissionDenied, "open").with_source(error))?;
        settings.authorities = Some(pem);
    }
    if let Some(seconds) = options.number("timeout")? {
        settings.timeout = Duration::from_secs(seconds.clamp(1, 86_400));
    }
    settings.make_folder = options.make()?;
    settings.create = match options.take("create").as_deref() {
        None | Some("claim") => DavCreate::Claim,
        Some("condition") => DavCreate::Condition,
        Some(_) => return Err(invalid("create is claim or condition")),
    };
    options.end()?;
    Ok(settings)
}

fn host_of(url: &Url) -> Result<&str> {
    match url.host_str() {
        // `ssh` would take it for an option.
        Some(host) if host.starts_with('-') => Err(invalid("a host does not start with a dash")),
        Some(host) if !host.is_empty() => Ok(host),
        _ => Err(invalid("an address has a host")),
    }
}

/// The options of an address that have not been looked at.
struct Options(BTreeMap<String, String>);

impl Options {
    fn of(url: &Url) -> Result<Self> {
        let mut options = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            let earlier = options.insert(name.clone().into_owned(), value.into_owned());
            if earlier.is_some() {
                return Err(invalid(format!("the option {name} is there twice")));
            }
        }
        Ok(Self(options))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>> {
        let number = |text: String| {
            text.parse()
                .map_err(|_| invalid(format!("{name} is a number")))
        };
        self.take(name).map(number).transpose()
    }

    fn make(&mut self) -> Result<bool> {
        match self.take("make").as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(invalid("make is true or false")),
        }
    }

    /// A misspelt option must not be passed over.
    fn end(self) -> Result<()> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(invalid(format!("there is no option {name}"))),
        }
    }
}

/// Undoes the percent-encoding of a URL.
pub(crate) fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let byte = match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *byte,
        };
        bytes.push(byte);
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid("a path is text"))?;
    if text.contains('\0') {
        return Err(invalid("a path has no zero byte"));
    }
    Ok(text)
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn an_sftp_address_says_where_and_how() {
        let settings = |text: &str| sftp_settings(&Url::parse(text).expect("a URL"));
        let full = settings(
            "sftp://me@nas.example:2222/srv/my%20backup/?key=/k/id&known_hosts=/k/known&connections=2&timeout=9&create=rename",
        )
        .expect("an address");
        assert_eq!(full.host, "nas.example");
        assert_eq!(full.port, Some(2222));
        assert_eq!(full.user.as_deref(), Some("me"));
        assert_eq!(full.root, "/srv/my backup");
        assert_eq!(full.key, Some("/k/id".into()));
        assert_eq!(full.connections, 2);
        assert_eq!(full.timeout, Duration::from_secs(9));
        assert_eq!(full.create, SftpCreate::Rename);
        for (address, root) in [
            ("sftp://h/~/a/b/", "a/b"),
            ("sftp://h/~", ""),
            ("sftp://h/~user", "/~user"),
            ("sftp://h/", "/"),
        ] {
            assert_eq!(
                settings(address).expect("an address").root,
                root,
                "{address}"
            );
        }
    }

    #[test]
    fn a_dav_address_says_where_and_the_environment_who() {
        let url =
            Url::parse("davs://host.example:8443/remote/dav?create=condition").expect("a URL");
        let settings = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let environment: BTreeMap<_, _> = pairs.collect();
            dav_settings(&url, &environment).expect("an address")
        };
        let basic = settings(&[
            ("STRONGROOM_DAV_USER", "me"),
            ("STRONGROOM_DAV_PASSWORD", "geheim"),
        ]);
        assert_eq!(basic.url, "https://host.example:8443/remote/dav/");
        assert_eq!(basic.create, DavCreate::Condition);
        assert!(basic.credentials.is_some());
        assert!(!format!("{basic:?}").contains("geheim"));
        assert!(settings(&[]).credentials.is_none());
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for address in [
            "",
            "nas",
            "s3://bucket/",
            "dav:///path",
            "sftp://me:geheim@host/path",
            "davs://me:geheim@host/path",
            "dav://me@host/path",
            "dav://host/path?geheim=1",
            "dav://host/path?timeout=geheim",
            "sftp://host/path?create=geheim",
            "sftp://host/path?key=a&key=b",
            "sftp://-oProxyCommand=geheim/path",
            "sftp://host/path#geheim",
        ] {
            let error = open(address, &()).expect_err(address);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{address}");
            let said = format!("{error} {error:?}").replace("no option geheim", "");
            assert!(!said.contains("geheim"), "{said}");
        }
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(decode("/a%20b%2Fc%").expect("text"), "/a b/c%");
        assert!(decode("%ff").is_err());
        assert!(decode("%00").is_err());
    }
}
