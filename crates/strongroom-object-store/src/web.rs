//! A plain web server, to read from.

use std::fmt;
use std::sync::Arc;

use object_store::http::HttpBuilder;
use strongroom_store::{Capabilities, Environment, Result};

use crate::address::{Address, invalid};
use crate::s3::never;
use crate::settings::{self, Common};
use crate::store::{Inner, ObjectStore, Service};
use crate::transport::{Connector, Timeouts, Transport, root_cause};

/// Calls in flight that a web server bears.
const CONCURRENCY: usize = 8;

/// A folder of a web server, read-only.
///
/// Its address is its own: `https://host/folder`, with `ca=` and `timeout=` as for [`S3`](crate::S3). The server has to serve ranges. It can be
/// listed only if it knows WebDAV's PROPFIND. A server that is to be written to has an address of WebDAV, which is another crate's.
///
/// Here alone 404 is taken for *not found*: a web server has no better word.
#[derive(Debug, Clone)]
pub struct Web {
    url: String,
    common: Common,
}

impl Web {
    /// Returns a folder of a web server.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is no `http://` or `https://` address, or holds credentials.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self {
            url: settings::endpoint(url)?,
            common: Common::default(),
        })
    }

    pub(crate) fn of(address: &mut Address) -> Result<Self> {
        let common = Common::take(address)?;
        if common.classes.hot.is_some() || common.classes.cold.is_some() {
            return Err(invalid("classes of storage are not known to a web server"));
        }
        let path = crate::text::encode(&address.path);
        let url = settings::endpoint(&format!(
            "{}://{}/{path}",
            address.scheme, address.authority
        ))?;
        Ok(Self { url, common })
    }

    /// Sets how long a silent server is waited for.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.common.timeouts = timeouts;
        self
    }

    /// Makes the store. Nothing is sent.
    ///
    /// # Errors
    ///
    /// `Invalid` for a file of authorities that is none.
    pub fn open(&self, environment: &dyn Environment) -> Result<ObjectStore> {
        let mut connection = self.common.connection(&self.url, environment)?;
        connection.follows_redirects = true;
        let client = HttpBuilder::new()
            .with_url(&self.url)
            .with_retry(never())
            .with_http_connector(Connector::new(Transport::new(&connection)?))
            .build()
            .map_err(|error| invalid(&root_cause(&error)))?;
        Ok(ObjectStore::new(Inner {
            remote: Arc::new(client),
            creates: self.common.creates,
            service: Service::Web,
            root: String::new(),
            name: self.url.clone(),
            classes: self.common.classes.clone(),
            capabilities: Capabilities::default()
                .with_put(false)
                .with_delete(false)
                .with_atomic_create(false)
                .with_concurrency(CONCURRENCY),
        }))
    }
}

impl fmt::Display for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}
