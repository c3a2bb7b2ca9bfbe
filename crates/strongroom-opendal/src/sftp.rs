//! Objects as files on a server that is reached by SSH.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use strongroom_store::{
    Capabilities, Environment, GetOptions, Key, ObjectMeta, Prefix, PutMode, PutOptions, Result,
    Store,
};

mod channel;
mod failure;
mod folder;
mod pool;
mod read;
mod ssh;
mod temp;
#[cfg(test)]
mod tests;
mod wire;

use self::channel::Channel;
use self::pool::Pool;
use self::ssh::Ssh;
use self::temp::Temp;
use crate::bounds::check_put;
use crate::random::Names;
use crate::walk::walk;

/// How an object is created that must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SftpCreate {
    /// By giving a finished file a second name, which one creator alone can do. Needs a server with OpenSSH's `hardlink` extension and
    /// a file system with hard links.
    #[default]
    Link,
    /// By looking and then renaming. For servers that cannot link, and for one writer alone.
    Rename,
}

/// Where a server is, and how to reach it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SftpSettings {
    /// The server's name or address, or an alias of the user's configuration of `ssh`.
    pub host: String,
    /// Its port; what `ssh` takes otherwise, if `None`.
    pub port: Option<u16>,
    /// The user there; what `ssh` takes otherwise, if `None`.
    pub user: Option<String>,
    /// The folder of the objects, which has to exist. A path without a leading slash starts at the user's home.
    pub root: String,
    /// The file of the private key, instead of what the user's configuration says.
    pub key: Option<PathBuf>,
    /// The file of the host keys that are trusted, instead of the user's and the system's.
    pub known_hosts: Option<PathBuf>,
    /// How many connections are opened at most, when calls are made at the same time.
    pub connections: usize,
    /// After how long a silence a call fails.
    pub timeout: Duration,
    /// How objects are created.
    pub create: SftpCreate,
    /// Whether the folder is made if it is missing; the one that it is in has to exist all the same. Not for every day: where it is
    /// missing because a disk is not mounted, there would be an empty store.
    pub make_folder: bool,
}

impl SftpSettings {
    /// Returns the settings for the home folder on a host.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            user: None,
            root: String::new(),
            key: None,
            known_hosts: None,
            connections: 4,
            timeout: Duration::from_secs(60),
            create: SftpCreate::default(),
            make_folder: false,
        }
    }
}

/// Objects as files on a server that is reached by SSH: folders and files are those of
/// [`DirStore`](strongroom_store::DirStore), so that the server's own machine can use the same folder as a directory.
///
/// The way there is the system's own `ssh`, with the user's configuration, agent and host keys, which never asks for anything: a
/// host key that is not known, or not the same, is an error with [`Cause::Certificate`](strongroom_store::Cause::Certificate).
///
/// What is put is written to a temporary file, synced, and linked or renamed to its name; nobody sees it before. It is synced again
/// after that, by which the usual file systems keep the name, too. Where the server offers no `fsync@openssh.com`, that an object
/// survives the loss of the server's power is up to the server. What dead writers left is removed after a day.
///
/// Its futures need tokio; see [`Hosted`](strongroom_tokio::Hosted). The program `ssh` gets `PATH`, `HOME`, `USER`, `LOGNAME` and
/// `SSH_AUTH_SOCK` of the environment that is handed in, and nothing else.
#[derive(Debug)]
pub struct Sftp {
    pool: Arc<Pool>,
    names: Names,
    /// Whether leftovers have been looked for.
    swept: AtomicBool,
    create: SftpCreate,
    /// For people.
    address: String,
}

/// A way to get connected.
#[async_trait]
trait Dial: fmt::Debug + Send + Sync {
    async fn dial(&self) -> Result<Channel>;
}

impl Sftp {
    /// Returns the store. Connects when it is first called.
    #[must_use]
    pub fn new(settings: &SftpSettings, environment: &dyn Environment) -> Self {
        Self::dialing(settings, Arc::new(Ssh::new(settings, environment)))
    }

    fn dialing(settings: &SftpSettings, dial: Arc<dyn Dial>) -> Self {
        let root = match settings.root.as_str() {
            "" => ".".to_owned(),
            root => root.to_owned(),
        };
        Self {
            address: address(settings),
            pool: Arc::new(Pool::new(dial, root, settings)),
            names: Names::new(),
            swept: AtomicBool::new(false),
            create: settings.create,
        }
    }

    async fn put_file(&self, key: &Key, data: Bytes, mode: PutMode) -> Result<()> {
        let lease = self.pool.lease().await?;
        let mut temp = Temp::create(&self.pool, &lease.channel, &self.names.next()).await?;
        if !self.swept.swap(true, Ordering::Relaxed) {
            temp.sweep().await;
        }
        temp.fill(data).await?;
        match (mode, self.create) {
            (PutMode::Overwrite, _) => temp.replace(key).await,
            (_, SftpCreate::Link) => temp.link_new(key).await,
            (_, SftpCreate::Rename) => temp.rename_new(key).await,
        }
    }
}

fn address(settings: &SftpSettings) -> String {
    let user = settings.user.as_deref().map(|user| format!("{user}@"));
    let port = settings.port.map(|port| format!(":{port}"));
    let home = if settings.root.starts_with('/') {
        ""
    } else {
        "/~/"
    };
    format!(
        "sftp://{}{}{}{home}{}",
        user.unwrap_or_default(),
        settings.host,
        port.unwrap_or_default(),
        settings.root
    )
}

#[async_trait]
impl Store for Sftp {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_atomic_create(self.create == SftpCreate::Link)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let checked = check_put(data.len(), &options);
        checked.map_err(|error| error.with_key(key))?;
        let put = self.put_file(key, data, options.mode);
        put.await.map_err(|error| error.with_key(key))
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let get = read::get(&self.pool, key, &options);
        get.await.map_err(|error| error.with_key(key))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let head = read::head(&self.pool, key);
        head.await.map_err(|error| error.with_key(key))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let delete = read::delete(&self.pool, key);
        delete.await.map_err(|error| error.with_key(key))
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let pool = Arc::clone(&self.pool);
        walk(prefix, move |folder| {
            let pool = Arc::clone(&pool);
            async move { folder::read(&pool, &folder).await }
        })
    }
}

impl fmt::Display for Sftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
