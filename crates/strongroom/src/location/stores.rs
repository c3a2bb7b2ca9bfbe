//! Opening stores, with all that the caller has to say about it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_format::{ObjectHash, ObjectKind, PackClass, Preamble};
use strongroom_store::manners::Manners;
use strongroom_store::wrap::{
    Adaptive, AdaptivePolicy, Bandwidth, BandwidthLimits, CacheRules, CacheSettings, Cached,
    Deadline, DeadlinePolicy, HedgePolicy, Hedged, Limited, RetryPolicy, Retrying, Split,
};
use strongroom_store::{Environment, ErrorKind, Prefix, Store, Warmer};

use super::counter::Counter;
use super::directory;
use super::error::LocationError;
use super::mirror::MirrorPlace;
use super::place::{Make, Place};
use super::remote::{NO_WARMER, Remote};
use crate::mirror::{Away, MirrorSettings, Mirrored, RepositoryRules};

/// Turns paths and URLs into stores.
///
/// ```
/// use strongroom::{ProcessEnvironment, Stores};
///
/// let folder = tempfile::tempdir()?;
/// let stores = Stores::new().with_environment(ProcessEnvironment);
/// let store = stores.open(folder.path())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Stores {
    environment: Arc<dyn Environment>,
    retries: Option<RetryPolicy>,
    deadline: Option<DeadlinePolicy>,
    hedging: Option<HedgePolicy>,
    concurrency: Option<Concurrency>,
    bandwidth: Option<BandwidthLimits>,
    cache: Option<(PathBuf, u64)>,
    counter: Option<Counter>,
    manners: Manners,
}

/// Bytes a second below which an attempt is given up.
const SLOWEST: u64 = 8 << 10;

/// How many calls of a remote store run at once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Concurrency {
    /// So many.
    Fixed(usize),
    /// As many as do not slow each other down.
    Adaptive(AdaptivePolicy),
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            environment: Arc::new(()),
            retries: Some(RetryPolicy::default()),
            // A slow line is no reason to begin anew: the adapters notice silence themselves.
            deadline: Some(DeadlinePolicy::default().with_bytes_per_second_min(SLOWEST)),
            hedging: None,
            concurrency: None,
            bandwidth: None,
            cache: None,
            counter: None,
            manners: Manners::new(),
        }
    }
}

impl Stores {
    /// Returns what opens stores without credentials, and tries again what failed in the network.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where variables and profile files with credentials are. Default: nowhere.
    pub fn with_environment(mut self, environment: impl Environment + 'static) -> Self {
        self.environment = Arc::new(environment);
        self
    }

    /// Sets how often and how patiently a remote store is asked again; `None` for who wants to see each failure. Directories are
    /// never asked again.
    pub fn with_retries(mut self, retries: Option<RetryPolicy>) -> Self {
        self.retries = retries;
        self
    }

    /// Sets how long one attempt at a remote store may take; `None` for who would rather wait for ever.
    pub fn with_deadline(mut self, deadline: Option<DeadlinePolicy>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Reads a second time what is long in coming, and takes what comes first. Costs a few requests more.
    pub fn with_hedging(mut self, hedging: Option<HedgePolicy>) -> Self {
        self.hedging = hedging;
        self
    }

    /// Sets how many calls of one remote store run at once. Default: as many as the store suggests.
    pub fn with_concurrency(mut self, concurrency: Option<Concurrency>) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Bounds what is sent to and received from stores, all of them together, directories too.
    pub fn with_bandwidth(mut self, limits: &BandwidthLimits) -> Self {
        self.bandwidth = Some(limits.clone());
        self
    }

    /// Keeps index segments and packs of names and trees, as they are read from and put to remote stores, in a folder of this machine,
    /// sealed as they are: at most so many bytes. They never change, so nothing else can be read from there; checks and repairs look at
    /// the stores all the same.
    pub fn with_cache(mut self, folder: impl Into<PathBuf>, bytes_max: u64) -> Self {
        self.cache = Some((folder.into(), bytes_max));
        self
    }

    /// Counts what is asked of the stores, directories too.
    pub fn with_counter(mut self, counter: &Counter) -> Self {
        self.counter = Some(counter.clone());
        self
    }

    /// Sets up the threads of directories as [manners](Manners::with_thread_setup) say: with the priority that those of operations have. Nothing
    /// else of the manners concerns stores.
    pub fn with_manners(mut self, manners: &Manners) -> Self {
        self.manners = manners.clone();
        self
    }

    /// Opens the store at a path or URL.
    ///
    /// | location | store | feature |
    /// |---|---|---|
    /// | a path, `file:<path>`, `file:///<path>` | a directory | |
    /// | `s3://bucket/prefix?endpoint=…&region=…&class=…` | Amazon S3 and what speaks its language | `object-store` |
    /// | `az://container/prefix?account=…&endpoint=…` | Azure Blob Storage | `object-store` |
    /// | `gs://bucket/prefix?endpoint=…` | Google Cloud Storage | `object-store` |
    /// | `http(s)://host/path` | files of a web server, to be read only | `object-store` |
    /// | `sftp://user@host:port/path?key=…&known_hosts=…` | SFTP, by the system's `ssh` | `opendal` |
    /// | `dav(s)://host:port/path` | WebDAV, `davs` over TLS | `opendal` |
    /// | `mirror:<location>,<location>,…` | several of these at once ([`open_mirror`](Self::open_mirror)) | |
    /// | `split:<home>,<data>` | two of these: what restores alone need, packs of content put as cold, is in `data` | |
    /// | `split:all:<home>,<data>` | likewise; all packs are in `data`, and the journal with the rest in `home` | |
    /// | `split:journal:<home>,<data>` | likewise; the journal is in `home`, which decides races, and everything else in `data`, which may lock objects and decide none | |
    ///
    /// What begins like `name:`, with a name of two or more letters, digits, `+`, `-` or `.`, is a URL; write `./name:x` for a path of
    /// that form. Within `mirror:` and `split:`, `%2C` is a comma and `%25` a percent sign. In `file://` URLs, `%` and two hexadecimal digits are a byte. Nothing is created: a mistyped path is an error, not an
    /// empty repository. A remote store is not asked anything yet: a wrong bucket or credential shows at the first request.
    ///
    /// # Errors
    ///
    /// [`LocationError::Unsupported`] and [`NotBuiltIn`](LocationError::NotBuiltIn) name a scheme that there is no store for,
    /// [`Invalid`](LocationError::Invalid) says what is wrong with the URL, [`Secret`](LocationError::Secret) refuses one with a
    /// password in it; [`Store`](LocationError::Store) has what the store said: `Unavailable` for a directory that is not there,
    /// `PermissionDenied` without credentials where there must be some.
    pub fn open(&self, location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
        self.at(&Place::parse(location.as_ref())?, Make::Nothing)
    }

    /// Opens the store at a path or URL, as [`open`](Self::open) does, and creates its directory, and those above it, where they are
    /// missing: for a new repository. Buckets, containers and shares are not created. The bound of concurrency does not hold, since
    /// calls that wait for each other show no race.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn create(&self, location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
        // Calls that wait for each other do not race, and a new repository's store is to be raced for.
        let free = Self {
            concurrency: None,
            ..self.clone()
        };
        free.at(&Place::parse(location.as_ref())?, Make::Directories)
    }

    /// Returns what brings objects out of cold storage at a URL, by a call of the service itself. For other stores there is
    /// [`CommandWarmer`](crate::CommandWarmer).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `Invalid` for a store that has no such call.
    pub fn warmer(&self, location: impl AsRef<OsStr>) -> Result<Arc<dyn Warmer>, LocationError> {
        let mut place = Place::parse(location.as_ref())?;
        // What is cold is in the second part.
        while let Place::Split(split) = place {
            place = *split.data;
        }
        match place {
            Place::Remote(remote) => remote.warmer(&*self.environment),
            _ => Err(NO_WARMER),
        }
    }

    /// Opens the mirror at `mirror:<location>,<location>,…` or `mirror:<policy>:<location>,…`, each location as for
    /// [`open`](Self::open). Within one, `%2C` is a comma and `%25` a percent sign.
    ///
    /// The first location is the arbiter, which must be the same in every program that uses the mirror. The policy says when a write is
    /// done: `all`, which is the default, or how many members must have it; the rest are given it later. Copies are checked
    /// ([`RepositoryRules`]) before they are believed.
    ///
    /// A member that cannot be reached, a disk that is not plugged in, is taken to be away for as long as the mirror is open.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `Invalid` for a location that is no mirror, `Store` when no member can be reached.
    pub fn open_mirror(&self, location: impl AsRef<OsStr>) -> Result<Mirrored, LocationError> {
        match Place::parse(location.as_ref())? {
            Place::Mirror(mirror) => self.mirror(&mirror, Make::Nothing),
            _ => Err(LocationError::Invalid {
                what: "a mirror begins with mirror:",
            }),
        }
    }

    fn at(&self, place: &Place, make: Make) -> Result<Arc<dyn Store>, LocationError> {
        match place {
            Place::Directory(path) => {
                let store = self.counted(directory::open(path, make, &self.manners)?);
                Ok(self.bounded(store))
            }
            Place::Remote(remote) => {
                let store = remote.open(&*self.environment)?;
                let store = self.bounded(self.patient(self.counted(store)));
                self.cached(store, remote)
            }
            Place::Mirror(mirror) => Ok(Arc::new(self.mirror(mirror, make)?)),
            Place::Split(split) => {
                let home = self.at(&split.home, make)?;
                let data = self.at(&split.data, make)?;
                Ok(Arc::new(Split::new(home, data, split.rules()?)))
            }
        }
    }

    fn counted(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match &self.counter {
            None => store,
            Some(counter) => counter.count(store),
        }
    }

    fn bounded(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match &self.bandwidth {
            None => store,
            Some(limits) => Arc::new(Bandwidth::new(store, limits.clone())),
        }
    }

    fn cached(
        &self,
        store: Arc<dyn Store>,
        remote: &Remote,
    ) -> Result<Arc<dyn Store>, LocationError> {
        let Some((folder, bytes_max)) = &self.cache else {
            return Ok(store);
        };
        let rules = cache_rules()?;
        let scope = ObjectHash::of(remote.url().as_bytes()).to_string();
        let settings = CacheSettings::new(folder, scope).with_bytes_max(*bytes_max);
        Ok(Arc::new(Cached::new(store, rules, settings)))
    }

    /// Puts a remote store into what a network asks for: each attempt ends in time, and there are several.
    fn patient(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = match &self.deadline {
            None => store,
            Some(policy) => Arc::new(Deadline::new(store, policy.clone())),
        };
        let store: Arc<dyn Store> = match &self.hedging {
            None => store,
            Some(policy) => Arc::new(Hedged::new(store, policy.clone())),
        };
        let store: Arc<dyn Store> = match &self.concurrency {
            None => store,
            Some(Concurrency::Fixed(count)) => Arc::new(Limited::new(store, *count)),
            Some(Concurrency::Adaptive(policy)) => Arc::new(Adaptive::new(store, policy.clone())),
        };
        match &self.retries {
            None => store,
            Some(policy) => Arc::new(Retrying::new(store, policy.clone())),
        }
    }

    fn mirror(&self, mirror: &MirrorPlace, make: Make) -> Result<Mirrored, LocationError> {
        let mut stores: Vec<Arc<dyn Store>> = Vec::new();
        let mut away = None;
        let mut reached = false;
        for member in &mirror.members {
            match (self.at(member, make), member) {
                (Ok(store), _) => {
                    reached = true;
                    stores.push(store);
                }
                (Err(LocationError::Store(error)), Place::Directory(path))
                    if make == Make::Nothing && error.kind() == ErrorKind::Unavailable =>
                {
                    let name = format!("{} (away)", path.display());
                    let kind = error.kind();
                    stores.push(Arc::new(Away::new(name, error)));
                    away = away.or(Some(kind));
                }
                (Err(error), _) => return Err(error),
            }
        }
        if !reached && let Some(kind) = away {
            return Err(strongroom_store::Error::new(kind, "open a member of the mirror").into());
        }
        let settings = MirrorSettings::default()
            .with_policy(mirror.policy)
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

/// Keeps what is named by its hash, and nothing else: other names may come to mean another object when a repository is replaced. Nor
/// is content kept, which is put in the same class as the rest where there is no cold one.
pub(super) fn cache_rules() -> strongroom_store::Result<CacheRules> {
    Ok(CacheRules::new()
        .with_folder(Prefix::parse("index/")?)
        .with_hot_of(Prefix::parse("pack/")?)
        .with_check(Arc::new(RepositoryRules::new()))
        .with_filter(|_key, bytes| !is_content(bytes)))
}

/// Says whether an object is a pack of content, which browsing and planning never need.
fn is_content(bytes: &[u8]) -> bool {
    Preamble::decode(bytes).is_ok_and(|preamble| {
        preamble.kind == ObjectKind::Pack && preamble.flags == PackClass::Data as u16
    })
}
