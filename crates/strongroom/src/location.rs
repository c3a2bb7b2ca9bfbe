//! From a path or URL to a store.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_store::{ErrorKind, Store};

use crate::mirror::{Away, MirrorSettings, Mirrored, RepositoryRules, WritePolicy};

/// Opens the store at a path or URL.
///
/// A path, `file:<path>` and `file:///<path>` are a directory. What begins like `name:`, with a name of two or more letters,
/// digits, `+`, `-` or `.`, is a URL; write `./name:x` for a path of that form. In `file://` URLs, `%` and two hexadecimal
/// digits are a byte. Nothing is created: a mistyped path is an error, not an empty repository.
///
/// `mirror:<location>,<location>` is a mirror of several ([`mirror_at`]).
///
/// ```
/// use strongroom::{LocationError, store_at};
///
/// let folder = tempfile::tempdir()?;
/// let store = store_at(folder.path())?;
/// assert!(store.capabilities().atomic_create);
///
/// let refused = store_at("s3://bucket/folder");
/// assert!(matches!(refused, Err(LocationError::Unsupported { scheme }) if scheme == "s3"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`LocationError::Unsupported`] names a scheme that there is no store for, [`LocationError::Invalid`] says what is wrong with
/// the URL; [`LocationError::Store`] has what the store said, `Unavailable` for a directory that is not there.
pub fn store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    at(location.as_ref(), Make::Nothing)
}

/// Opens the store at a path or URL, as [`store_at`] does, and creates its directory, and those above it, where they are
/// missing: for a new repository.
///
/// # Errors
///
/// As [`store_at`].
pub fn create_store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    at(location.as_ref(), Make::Directories)
}

/// Opens the mirror at `mirror:<location>,<location>,…` or `mirror:<policy>:<location>,…`, each location as for [`store_at`]. Within
/// one, `%2C` is a comma and `%25` a percent sign.
///
/// The first location is the arbiter, which must be the same in every program that uses the mirror. The policy says when a write is
/// done: `all`, which is the default, or how many members must have it; the rest are given it later. Copies are checked
/// ([`RepositoryRules`](crate::mirror::RepositoryRules)) before they are believed.
///
/// A member that cannot be reached, a disk that is not plugged in, is taken to be away for as long as the mirror is open.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// for name in ["disk", "nas"] {
///     std::fs::create_dir(folder.path().join(name))?;
/// }
/// let (disk, nas) = (folder.path().join("disk"), folder.path().join("nas"));
/// let mirror = strongroom::mirror_at(format!("mirror:1:{},{}", disk.display(), nas.display()))?;
/// assert!(mirror.status().is_healthy());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`store_at`]; `Invalid` for a location that is no mirror, `Store` when no member can be reached.
pub fn mirror_at(location: impl AsRef<OsStr>) -> Result<Mirrored, LocationError> {
    let mirror = Mirror::parse(location.as_ref())?;
    let no_mirror = LocationError::Invalid {
        what: "a mirror begins with mirror:",
    };
    mirror.ok_or(no_mirror)?.open(Make::Nothing)
}

/// Why there is no store at a location.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// There is no store for URLs of this scheme.
    #[error("unsupported store: {scheme}")]
    Unsupported {
        /// The scheme, in lower case, without the colon.
        scheme: String,
    },
    /// The URL makes no sense.
    #[error("invalid location: {what}")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] strongroom_store::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Make {
    Nothing,
    Directories,
}

fn at(location: &OsStr, make: Make) -> Result<Arc<dyn Store>, LocationError> {
    match Mirror::parse(location)? {
        Some(mirror) => Ok(Arc::new(mirror.open(make)?)),
        None => directory(&parse(location)?, make),
    }
}

/// Which stores are a mirror.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    policy: WritePolicy,
    members: Vec<PathBuf>,
}

impl Mirror {
    /// Returns the mirror that is meant, if it is one.
    fn parse(location: &OsStr) -> Result<Option<Self>, LocationError> {
        let bytes = location.as_encoded_bytes();
        if scheme(bytes).as_deref() != Some("mirror") {
            return Ok(None);
        }
        let rest = bytes.get("mirror:".len()..).unwrap_or_default();
        let (policy, rest) = policy(rest)?;
        let members = rest.split(|byte| *byte == b',').map(|member| {
            let member = path_of(&percent_decoded(member)?)?.into_os_string();
            if scheme(member.as_encoded_bytes()).as_deref() == Some("mirror") {
                return Err(LocationError::Invalid {
                    what: "a mirror of mirrors",
                });
            }
            parse(&member)
        });
        let members: Vec<PathBuf> = members.collect::<Result<_, _>>()?;
        let count = match policy {
            WritePolicy::AtLeast(count) => count,
            _ => 1,
        };
        if count == 0 || count > members.len() {
            return Err(LocationError::Invalid {
                what: "a mirror needs at least one member, and no more than it has",
            });
        }
        Ok(Some(Self { policy, members }))
    }

    fn open(&self, make: Make) -> Result<Mirrored, LocationError> {
        let mut stores: Vec<Arc<dyn Store>> = Vec::new();
        let mut away = None;
        let mut reached = false;
        for path in &self.members {
            match directory(path, make) {
                Ok(store) => {
                    reached = true;
                    stores.push(store);
                }
                Err(LocationError::Store(error))
                    if make == Make::Nothing && error.kind() == ErrorKind::Unavailable =>
                {
                    let name = format!("{} (away)", path.display());
                    let kind = error.kind();
                    stores.push(Arc::new(Away::new(name, error)));
                    away = away.or(Some(kind));
                }
                Err(error) => return Err(error),
            }
        }
        if !reached && let Some(kind) = away {
            return Err(strongroom_store::Error::new(kind, "open a member of the mirror").into());
        }
        let settings = MirrorSettings::default()
            .with_policy(self.policy)
            .with_rules(Arc::new(RepositoryRules::new()));
        let mut stores = stores.into_iter();
        let Some(arbiter) = stores.next() else {
            return Err(LocationError::Invalid {
                what: "a mirror without members",
            });
        };
        Ok(Mirrored::new(arbiter, stores.collect(), settings))
    }
}

/// Takes the policy off the front, if there is one.
fn policy(rest: &[u8]) -> Result<(WritePolicy, &[u8]), LocationError> {
    let Some(colon) = rest.iter().position(|byte| *byte == b':') else {
        return Ok((WritePolicy::All, rest));
    };
    let (first, after) = (
        rest.get(..colon).unwrap_or_default(),
        rest.get(colon + 1..).unwrap_or_default(),
    );
    if first == b"all" {
        return Ok((WritePolicy::All, after));
    }
    if first.is_empty() || !first.iter().all(u8::is_ascii_digit) {
        return Ok((WritePolicy::All, rest));
    }
    let count = std::str::from_utf8(first)
        .ok()
        .and_then(|digits| digits.parse().ok());
    let too_many = LocationError::Invalid {
        what: "a mirror of that many members",
    };
    Ok((WritePolicy::AtLeast(count.ok_or(too_many)?), after))
}

#[cfg(unix)]
fn directory(path: &std::path::Path, make: Make) -> Result<Arc<dyn Store>, LocationError> {
    use strongroom_store::DirStore;

    Ok(match make {
        Make::Nothing => Arc::new(DirStore::open(path)?),
        Make::Directories => Arc::new(DirStore::create(path)?),
    })
}

#[cfg(not(unix))]
fn directory(_path: &std::path::Path, _make: Make) -> Result<Arc<dyn Store>, LocationError> {
    Err(LocationError::Unsupported {
        scheme: "file".to_owned(),
    })
}

/// Returns the path of the directory that is meant.
fn parse(location: &OsStr) -> Result<PathBuf, LocationError> {
    let bytes = location.as_encoded_bytes();
    let Some(scheme) = scheme(bytes) else {
        return not_empty(PathBuf::from(location));
    };
    if scheme != "file" {
        return Err(LocationError::Unsupported { scheme });
    }
    // What follows `file:`, which is ASCII, whatever its case.
    let rest = bytes.get("file:".len()..).unwrap_or_default();
    match rest.strip_prefix(b"//") {
        None => not_empty(path_of(rest)?),
        Some(rest) => {
            let absolute = rest.strip_prefix(b"localhost").unwrap_or(rest);
            if !absolute.starts_with(b"/") {
                return Err(LocationError::Invalid {
                    what: "a file URL names no other machine",
                });
            }
            path_of(&percent_decoded(absolute)?)
        }
    }
}

/// Returns what stands before the first colon if that can be the scheme of a URL. One letter is a drive.
fn scheme(location: &[u8]) -> Option<String> {
    let colon = location.iter().position(|byte| *byte == b':')?;
    let (first, rest) = location.get(..colon)?.split_first()?;
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let is_scheme = first.is_ascii_alphabetic() && !rest.is_empty() && rest.iter().all(is_rest);
    let text = std::iter::once(first)
        .chain(rest)
        .map(|byte| char::from(byte.to_ascii_lowercase()));
    is_scheme.then(|| text.collect())
}

fn percent_decoded(text: &[u8]) -> Result<Vec<u8>, LocationError> {
    let malformed = LocationError::Invalid {
        what: "a % that is not followed by two hexadecimal digits",
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let byte = match after {
            [high, low, ..] => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let Some(byte) = byte else {
            return Err(malformed);
        };
        decoded.push(byte);
        rest = after.get(2..).unwrap_or_default();
    }
    Ok(decoded)
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Result<PathBuf, LocationError> {
    use std::os::unix::ffi::OsStringExt as _;

    if bytes.contains(&0) {
        return Err(LocationError::Invalid {
            what: "a path has no zero byte",
        });
    }
    Ok(PathBuf::from(OsString::from_vec(bytes.to_vec())))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Result<PathBuf, LocationError> {
    let text = String::from_utf8(bytes.to_vec());
    text.map(|text| PathBuf::from(OsString::from(text)))
        .map_err(|_| LocationError::Invalid {
            what: "a path that is no text",
        })
}

fn not_empty(path: PathBuf) -> Result<PathBuf, LocationError> {
    if path.as_os_str().is_empty() {
        return Err(LocationError::Invalid {
            what: "the path is empty",
        });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_has_a_policy_and_members() {
        let check = |location: &str, expected: &str| {
            let found = match Mirror::parse(OsStr::new(location)) {
                Ok(Some(mirror)) => format!("{:?} {:?}", mirror.policy, mirror.members),
                Ok(None) => "no mirror".to_owned(),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, expected, "{location}");
        };
        check("mirror:/a,/b", r#"All ["/a", "/b"]"#);
        check("MIRROR:all:/a,file:///b", r#"All ["/a", "/b"]"#);
        check("mirror:2:/a,b,/c:d", r#"AtLeast(2) ["/a", "b", "/c:d"]"#);
        check("mirror:/a%2Cb,file:///x%2520y", r#"All ["/a,b", "/x y"]"#);
        check("/mirror:/a,/b", "no mirror");
        check("mirror:/a,", "invalid location: the path is empty");
        check("mirror:", "invalid location: the path is empty");
        check("mirror:/a,s3://b/c", "unsupported store: s3");
        check(
            "mirror:/a,mirror:/b",
            "invalid location: a mirror of mirrors",
        );
        let what = "invalid location: a mirror needs at least one member, and no more than it has";
        check("mirror:3:/a,/b", what);
        check("mirror:0:/a,/b", what);
        let what = "invalid location: a mirror of that many members";
        check("mirror:99999999999999999999:/a", what);
    }

    fn check(location: &str, expected: &str) {
        let found = match parse(OsStr::new(location)) {
            Ok(path) => path.display().to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{location}");
    }

    #[test]
    fn paths_and_file_urls_are_directories_and_all_else_is_named() {
        check("/srv/backup", "/srv/backup");
        check("relative", "relative");
        check("file:/srv/x%20y", "/srv/x%20y");
        check("file:relative", "relative");
        check("FILE:///srv/x%20y%2Fz", "/srv/x y/z");
        check("file://localhost/srv", "/srv");
        check(
            "file://other/srv",
            "invalid location: a file URL names no other machine",
        );
        check(
            "file:///srv%2",
            "invalid location: a % that is not followed by two hexadecimal digits",
        );
        check(
            "file:///srv%zz",
            "invalid location: a % that is not followed by two hexadecimal digits",
        );
        check(
            "file:///srv%00",
            "invalid location: a path has no zero byte",
        );
        check("", "invalid location: the path is empty");
        check("file:", "invalid location: the path is empty");
        check("S3://bucket/x", "unsupported store: s3");
        check("sftp:user@host:/x", "unsupported store: sftp");
        check("./s3:x", "./s3:x");
        check("a/b:c", "a/b:c");
        check("c:/windows", "c:/windows");
        check(":x", ":x");
    }
}
