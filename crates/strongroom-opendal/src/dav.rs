//! Objects as files on a WebDAV server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use strongroom_store::{
    Capabilities, GetOptions, Key, ObjectMeta, Prefix, PutMode, PutOptions, Result, Store,
};

mod claim;
mod client;
mod multistatus;
mod put;
mod read;
mod status;
#[cfg(test)]
mod tests;
mod tls;

use self::client::Client;
use crate::bounds::check_put;
use crate::random::Names;
use crate::walk::walk;

/// How an object is created that must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DavCreate {
    /// By renaming a folder that holds the object to the one name that the key has among such folders, which a file system lets one
    /// creator do. Five requests; right on servers that keep files in a file system and rename folders in it.
    #[default]
    Claim,
    /// By looking, and `If-None-Match: *`. For one writer alone: no server that was measured keeps to it when creators race. And
    /// only on a server that writes beside the file and renames, as Apache and nginx do: others leave half an object of an upload that
    /// was cut off, under its name.
    Condition,
}

/// Who one is to a server. Its `Debug` tells nothing.
#[derive(Clone)]
pub struct DavCredentials(Kind);

#[derive(Clone)]
enum Kind {
    Basic { user: String, password: String },
    Bearer { token: String },
}

impl DavCredentials {
    /// Returns a name and a password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        let (user, password) = (user.into(), password.into());
        Self(Kind::Basic { user, password })
    }

    /// Returns a token.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        let token = token.into();
        Self(Kind::Bearer { token })
    }
}

impl fmt::Debug for DavCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DavCredentials(..)")
    }
}

/// Where a server is, and how to speak to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DavSettings {
    /// The `http://` or `https://` URL of the folder of the objects, which has to exist.
    pub url: String,
    /// Who one is; nobody in particular if `None`.
    pub credentials: Option<DavCredentials>,
    /// Certificates (PEM) of authorities that are trusted besides the system's.
    pub authorities: Option<Vec<u8>>,
    /// After how long a silence a call fails.
    pub timeout: Duration,
    /// How objects are created.
    pub create: DavCreate,
    /// Whether the folder is made if it is missing; the one that it is in has to exist all the same. Not for every day: where it is
    /// missing because a disk is not mounted, there would be an empty store.
    pub make_folder: bool,
}

impl DavSettings {
    /// Returns the settings for a folder.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            authorities: None,
            timeout: Duration::from_secs(60),
            create: DavCreate::default(),
            make_folder: false,
        }
    }
}

/// Objects as files on a WebDAV server.
///
/// An object is uploaded under a temporary name and renamed, so that nobody sees it in part, and what was cut off is never an
/// object; what dead writers left is removed after a day. To replace one relies on the server's own `PUT`: Apache and nginx write
/// beside the old file and rename. WebDAV has no way to ask for durability: whether an object survives the loss of the server's power is
/// up to the server.
///
/// Its futures need tokio; see [`Hosted`](strongroom_tokio::Hosted). Proxies are not used, redirects are not followed, and
/// nothing is read from the process's environment.
#[derive(Debug)]
pub struct Dav {
    client: Arc<Client>,
    names: Names,
    /// Whether leftovers have been looked for.
    swept: AtomicBool,
    create: DavCreate,
}

impl Dav {
    /// Returns the store. Connects when it is first called.
    ///
    /// # Errors
    ///
    /// `Invalid` if the URL is none; `Other` with [`Cause::Certificate`](strongroom_store::Cause::Certificate) if there are no
    /// certificates to trust.
    pub fn new(settings: &DavSettings) -> Result<Self> {
        Ok(Self {
            client: Arc::new(Client::new(settings)?),
            names: Names::new(),
            swept: AtomicBool::new(false),
            create: settings.create,
        })
    }

    async fn create(&self, key: &Key, data: Bytes) -> Result<()> {
        if self.create == DavCreate::Condition {
            return put::create(&self.client, key, data).await;
        }
        if !self.swept.swap(true, Ordering::Relaxed) {
            claim::sweep(&self.client).await;
        }
        claim::create(&self.client, key, data, &self.names).await
    }
}

#[async_trait]
impl Store for Dav {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_atomic_create(self.create == DavCreate::Claim)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let checked = check_put(data.len(), &options);
        checked.map_err(|error| error.with_key(key))?;
        let done = match options.mode {
            PutMode::Overwrite => put::replace(&self.client, key, data).await,
            _ => self.create(key, data).await,
        };
        done.map_err(|error| error.with_key(key))
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let get = read::get(&self.client, key, &options);
        get.await.map_err(|error| error.with_key(key))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let head = read::head(&self.client, key);
        head.await.map_err(|error| error.with_key(key))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let delete = read::delete(&self.client, key);
        delete.await.map_err(|error| error.with_key(key))
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let client = Arc::clone(&self.client);
        walk(prefix, move |folder| {
            let client = Arc::clone(&client);
            async move { read::folder(&client, &folder).await }
        })
    }
}

impl fmt::Display for Dav {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}
