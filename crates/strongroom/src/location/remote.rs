//! Stores at the other end of a network.

use std::sync::Arc;

use strongroom_store::{Environment, Store, Warmer};

use super::error::LocationError;

/// A URL of a remote store that this program can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    library: Library,
    url: String,
}

/// Who implements a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Library {
    ObjectStore,
    Opendal,
}

impl Library {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" | "az" | "gs" | "http" | "https" => Some(Self::ObjectStore),
            "sftp" | "dav" | "davs" => Some(Self::Opendal),
            _ => None,
        }
    }

    fn feature(self) -> &'static str {
        match self {
            Self::ObjectStore => "object-store",
            Self::Opendal => "opendal",
        }
    }

    fn is_built_in(self) -> bool {
        match self {
            Self::ObjectStore => cfg!(feature = "object-store"),
            Self::Opendal => cfg!(feature = "opendal"),
        }
    }
}

impl Remote {
    /// Returns the URL, if this program has a store for it.
    pub(super) fn parse(scheme: &str, location: &[u8]) -> Result<Self, LocationError> {
        let Some(library) = Library::of(scheme) else {
            return Err(LocationError::Unsupported {
                scheme: scheme.to_owned(),
            });
        };
        let invalid = |what| LocationError::Invalid { what };
        let text = std::str::from_utf8(location).map_err(|_| invalid("a URL that is no text"))?;
        let rest = text
            .get(scheme.len() + 1..)
            .and_then(|rest| rest.strip_prefix("//"))
            .ok_or(invalid("two slashes are missing after the scheme"))?;
        refuse_secrets(rest)?;
        if !library.is_built_in() {
            return Err(LocationError::NotBuiltIn {
                scheme: scheme.to_owned(),
                feature: library.feature(),
            });
        }
        Ok(Self {
            library,
            url: format!("{scheme}://{rest}"),
        })
    }

    /// Returns the URL, which holds no secret.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Makes the client. Nothing is sent.
    pub(super) fn open(
        &self,
        environment: &dyn Environment,
    ) -> Result<Arc<dyn Store>, LocationError> {
        match self.library {
            #[cfg(feature = "object-store")]
            Library::ObjectStore => Ok(strongroom_object_store::open(&self.url, environment)?),
            #[cfg(feature = "opendal")]
            Library::Opendal => Ok(strongroom_opendal::open(&self.url, environment)?),
            #[cfg(not(all(feature = "object-store", feature = "opendal")))]
            library => {
                let _ = (&self.url, environment);
                Err(LocationError::NotBuiltIn {
                    scheme: String::new(),
                    feature: library.feature(),
                })
            }
        }
    }
}

impl Remote {
    /// Makes what brings objects out of cold storage there. Nothing is sent.
    pub(super) fn warmer(
        &self,
        environment: &dyn Environment,
    ) -> Result<Arc<dyn Warmer>, LocationError> {
        match self.library {
            #[cfg(feature = "object-store")]
            Library::ObjectStore => {
                let store = strongroom_object_store::open_hosted(&self.url, environment)?;
                Ok(Arc::new(store))
            }
            _ => {
                let _ = environment;
                Err(NO_WARMER)
            }
        }
    }
}

/// The error of a store that has no cold class of its own.
pub(super) const NO_WARMER: LocationError = LocationError::Invalid {
    what: "a store that has no call to bring objects out of cold storage",
};

/// Refuses a URL with a password before the host, or with a parameter that is named like a secret.
fn refuse_secrets(rest: &str) -> Result<(), LocationError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = path.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let has_password = user.contains(':') || user.to_ascii_lowercase().contains("%3a");
    let names_secret = query.split(['&', ';']).any(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        let name = name.to_ascii_lowercase().replace('-', "_");
        SECRETS.contains(&name.as_str())
    });
    match has_password || names_secret {
        true => Err(LocationError::Secret),
        false => Ok(()),
    }
}

/// Parameters that would hold a secret. `key` is the path of a file.
const SECRETS: [&str; 13] = [
    "access_key",
    "account_key",
    "aws_secret_access_key",
    "pass",
    "password",
    "sas",
    "sas_token",
    "secret",
    "secret_access_key",
    "secret_key",
    "session_token",
    "sig",
    "token",
];
