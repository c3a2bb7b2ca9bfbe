//! From an address to a store.

use std::fmt;
use std::sync::Arc;

use strongroom_store::{Environment, Error, ErrorKind, Result, Store};
use strongroom_tokio::Hosted;

use crate::address::{Address, invalid};
use crate::azure::Azure;
use crate::google::Google;
use crate::s3::S3;
use crate::store::ObjectStore;
use crate::web::Web;

/// Where a store is. Holds no credentials, and so can be printed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Location {
    /// `s3://bucket/folder?…`
    S3(S3),
    /// `az://container/folder?…`
    Azure(Azure),
    /// `gs://bucket/folder?…`
    Google(Google),
    /// `http://host/folder` or `https://host/folder`
    Web(Web),
}

impl Location {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is malformed, of another scheme, says what is not known, or holds credentials. The error does not repeat it.
    pub fn parse(url: &str) -> Result<Self> {
        let mut address = Address::parse(url)?;
        let location = match address.scheme.as_str() {
            "s3" | "s3a" => Self::S3(S3::of(&mut address)?),
            "az" | "azure" => Self::Azure(Azure::of(&mut address)?),
            "gs" => Self::Google(Google::of(&mut address)?),
            "http" | "https" => Self::Web(Web::of(&mut address)?),
            _ => return Err(invalid("an address of a scheme that is not known here")),
        };
        address.finish()?;
        Ok(location)
    }

    /// Makes the store, with credentials of the environment. Nothing is sent.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` with [`NoCredentials`](strongroom_store::Cause::NoCredentials), `Invalid`.
    pub fn open(&self, environment: &dyn Environment) -> Result<ObjectStore> {
        match self {
            Self::S3(s3) => s3.open(environment),
            Self::Azure(azure) => azure.open(environment),
            Self::Google(google) => google.open(environment),
            Self::Web(web) => web.open(environment),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(s3) => s3.fmt(f),
            Self::Azure(azure) => azure.fmt(f),
            Self::Google(google) => google.fmt(f),
            Self::Web(web) => web.fmt(f),
        }
    }
}

/// Makes the store at an address, for any executor. Nothing is sent.
///
/// # Errors
///
/// As [`Location::parse`] and [`Location::open`]; `Other` if no runtime can be started.
pub fn open(url: &str, environment: &dyn Environment) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(open_hosted(url, environment)?))
}

/// As [`open`], with all that an [`ObjectStore`] can do besides: it is a [`Warmer`](strongroom_store::Warmer) too.
///
/// # Errors
///
/// As [`open`].
pub fn open_hosted(url: &str, environment: &dyn Environment) -> Result<Hosted<ObjectStore>> {
    let store = Location::parse(url)?.open(environment)?;
    store
        .hosted()
        .map_err(|error| Error::new(ErrorKind::Other, "open").with_source(error))
}
