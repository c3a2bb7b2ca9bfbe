//! What stores of every service can be told.

use std::path::PathBuf;
use std::time::Duration;

use strongroom_store::{Capabilities, Cause, Environment, Error, ErrorKind, Result, StorageClass};

use crate::address::{Address, check_folder, invalid};
use crate::tls::Trust;
use crate::transport::{Connection, Proxies, Timeouts};

/// Settings that every service has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Common {
    /// The folder in the bucket; empty for all of it.
    pub(crate) folder: String,
    pub(crate) classes: Classes,
    /// A file of authorities to trust besides the system's.
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) timeouts: Timeouts,
    pub(crate) creates: Creates,
}

/// How an object is created that must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Creates {
    /// By a put on a condition, which the service has to honour when creators race.
    #[default]
    OnCondition,
    /// By looking first, for a service without such a condition. Creators that race then replace each other's object, so that only
    /// a single writer may use the store, and it does not claim an atomic create.
    AfterLooking,
}

impl Creates {
    /// Returns what the store can do as far as this decides it.
    pub(crate) fn capabilities(self) -> Capabilities {
        Capabilities::default().with_atomic_create(self == Self::OnCondition)
    }
}

/// What a service calls the classes of storage.
#[derive(Debug, Clone, Default)]
pub(crate) struct Classes {
    pub(crate) hot: Option<String>,
    pub(crate) cold: Option<String>,
}

impl Classes {
    /// Returns what to say for an object of a class, if anything.
    pub(crate) fn name(&self, class: StorageClass) -> Option<&str> {
        match class {
            StorageClass::Cold => self.cold.as_deref(),
            _ => self.hot.as_deref(),
        }
    }
}

impl Common {
    /// Takes what an address says: `class`, `hot_class`, `ca`, `timeout`, `create`, and its path.
    pub(crate) fn take(address: &mut Address) -> Result<Self> {
        check_folder(&address.path)?;
        let mut timeouts = Timeouts::default();
        if let Some(seconds) = address.take_number("timeout")? {
            if seconds == 0 {
                return Err(invalid("timeout= is 0"));
            }
            timeouts.idle = Duration::from_secs(seconds.into());
            timeouts.connect = timeouts.connect.min(timeouts.idle);
        }
        Ok(Self {
            folder: address.path.clone(),
            classes: Classes {
                hot: class(address.take("hot_class"))?,
                cold: class(address.take("class"))?,
            },
            authorities: address.take("ca").map(PathBuf::from),
            timeouts,
            creates: match address.take("create").as_deref() {
                None | Some("condition") => Creates::OnCondition,
                Some("look") => Creates::AfterLooking,
                Some(_) => return Err(invalid("create= is neither condition nor look")),
            },
        })
    }

    /// Keeps everything in a folder.
    ///
    /// # Errors
    ///
    /// `Invalid` if it has empty segments, dots or control characters.
    pub(crate) fn set_folder(&mut self, folder: &str) -> Result<()> {
        let folder = folder.trim_matches('/');
        check_folder(folder)?;
        folder.clone_into(&mut self.folder);
        Ok(())
    }

    /// Sets what the service calls the classes.
    pub(crate) fn set_classes(&mut self, hot: Option<&str>, cold: Option<&str>) {
        self.classes.hot = hot.map(str::to_owned);
        self.classes.cold = cold.map(str::to_owned);
    }

    /// Returns what keys are put after.
    pub(crate) fn root(&self) -> String {
        if self.folder.is_empty() {
            String::new()
        } else {
            format!("{}/", self.folder)
        }
    }

    /// Returns how to connect to an endpoint.
    pub(crate) fn connection(
        &self,
        endpoint: &str,
        environment: &dyn Environment,
    ) -> Result<Connection> {
        let trust = match &self.authorities {
            _ if !endpoint.starts_with("https://") => Trust::Nothing,
            None => Trust::System,
            Some(path) => {
                let pem = environment.file(path).map_err(|error| {
                    Error::new(ErrorKind::Invalid, "open")
                        .with_cause(Cause::Certificate)
                        .with_source(error)
                })?;
                Trust::SystemAnd(pem)
            }
        };
        Ok(Connection {
            timeouts: self.timeouts,
            trust,
            follows_redirects: false,
            proxies: Proxies::of(environment),
        })
    }
}

/// A class is a word.
fn class(name: Option<String>) -> Result<Option<String>> {
    let is_word = |name: &String| {
        !name.is_empty()
            && name.len() <= 64
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    match name {
        Some(name) if !is_word(&name) => Err(invalid("a class that is no word")),
        name => Ok(name),
    }
}

/// Credentials that an address can name, because there is no secret in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// None at all.
    Anonymous,
    /// Those of the machine that this runs on.
    Instance,
}

impl Named {
    /// Takes what an address says; `None` if those of the environment are meant.
    pub(crate) fn take(address: &mut Address) -> Result<Option<Self>> {
        match address.take("credentials").as_deref() {
            None | Some("environment") => Ok(None),
            Some("anonymous") => Ok(Some(Self::Anonymous)),
            Some("instance") => Ok(Some(Self::Instance)),
            Some(_) => Err(invalid(
                "credentials= is neither environment nor anonymous nor instance",
            )),
        }
    }
}

/// Takes the endpoint of an address.
pub(crate) fn take_endpoint(address: &mut Address) -> Result<Option<String>> {
    let url = address.take("endpoint");
    url.map(|url| endpoint(&url)).transpose()
}

/// Checks an endpoint, and takes the slash from its end.
pub(crate) fn endpoint(url: &str) -> Result<String> {
    let sound = reqwest::Url::parse(url).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.query().is_none()
    });
    match sound {
        Some(_) => Ok(url.trim_end_matches('/').to_owned()),
        None => Err(invalid(
            "an endpoint that is no http:// or https:// address, or holds credentials",
        )),
    }
}

/// An endpoint that was not said in the store's address must be one of TLS.
pub(crate) fn endpoint_of_environment(url: &str) -> Result<String> {
    let endpoint = endpoint(url)?;
    if endpoint.starts_with("https://") {
        Ok(endpoint)
    } else {
        Err(invalid(
            "an endpoint without TLS in the environment; only the store's own address may name such a one",
        ))
    }
}
