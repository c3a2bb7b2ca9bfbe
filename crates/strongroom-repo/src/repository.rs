//! The handle on an open repository, and the builder that makes it.

use std::sync::{Arc, Mutex};

use strongroom_crypt::{GenesisPin, Id, RepositoryId, Suite};
use strongroom_format::{Details, Snapshot};
use strongroom_store::Store;
use strongroom_store::manners::Manners;

use crate::context::Context;
use crate::create::{self, CreateOptions};
use crate::credential::Credential;
use crate::edge::{self, Access};
use crate::error::{Heads, Result};
use crate::index::Index;
use crate::journal::Journal;
use crate::lost::LostEntries;
use crate::observer::{Event, Observer};
use crate::open::{self, Opening};
use crate::probe::StoreProbe;
use crate::settings::{Components, Settings};
use crate::state::State;

/// An open repository. A clone is another handle on the same one.
#[derive(Debug, Clone)]
pub struct Repository {
    inner: Arc<Inner>,
    /// What this handle asks, if not what the repository was opened with.
    manners: Option<Manners>,
}

#[derive(Debug)]
struct Inner {
    context: Arc<Context>,
    journal: Journal,
    index: Mutex<Option<Arc<Index>>>,
}

/// Creates or opens a repository in a store.
#[derive(Debug, Clone)]
#[must_use]
pub struct RepositoryBuilder {
    opening: Opening,
}

/// A repository that was just created.
#[derive(Debug)]
#[non_exhaustive]
pub struct Created {
    /// The repository, open.
    pub repository: Repository,
    /// Opens the repository when the credential is lost. It is nowhere else: show it once, on paper. `None` without encryption, or when
    /// [`CreateOptions::recovery_code`] declined it.
    pub recovery_code: Option<strongroom_crypt::RecoveryCode>,
    /// Proves later that the store shows this repository and no other.
    pub pin: GenesisPin,
    /// The options asked for it: only one machine may ever write at a time, and a second one is noticed only afterwards. Say so at every
    /// backup.
    pub single_writer: bool,
    /// What the store was found to do; recorded in the repository.
    pub probe: StoreProbe,
    /// Names of scratch objects of the probe that could not be deleted: a few bytes each, and nobody's loss.
    pub left: Vec<String>,
}

/// A snapshot as it is listed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// Its id.
    pub id: Id,
    /// The journal entry that committed it.
    pub n: u64,
    /// What everybody who can list sees.
    pub snapshot: Arc<Snapshot>,
    /// Paths, excludes and what was skipped; `None` if there are none or the key of their epoch is not among ours.
    pub details: Option<Details>,
    /// A hold keeps it from being forgotten.
    pub held: bool,
}

impl Repository {
    /// Begins to create or open a repository in `store`.
    pub fn builder(store: Arc<dyn Store>) -> RepositoryBuilder {
        let opening = Opening {
            store,
            settings: Settings::default(),
            components: Components::default(),
            pin: None,
            credential: Credential::None,
            on_lost: LostEntries::Refuse,
        };
        RepositoryBuilder { opening }
    }

    /// Lists the snapshots in force, oldest first, after reading what others have committed since.
    ///
    /// # Errors
    ///
    /// `Damaged` names a journal entry that cannot be read; `Fork` or `Rollback` when the store shows another history than before;
    /// otherwise what the store said.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-snapshots", move |remote| {
            let context = this.context();
            let state = this.journal().refresh(remote, context)?;
            this.journal().keep(context);
            Ok(list(context, &state))
        })
        .await
    }

    /// Returns a handle whose operations ask other [`Manners`] before they go on than those that the repository was opened with: for
    /// operations that are to be paused by themselves, or at once.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # use std::sync::Arc;
    /// # use strongroom_crypt::Suite;
    /// # use strongroom_repo::{CreateOptions, Credential, Repository};
    /// # use strongroom_store::MemoryStore;
    /// # use strongroom_store::manners::Manners;
    /// # let options = CreateOptions::default().with_suite(Suite::None);
    /// # let builder = Repository::builder(Arc::new(MemoryStore::new()));
    /// # let repository = builder.create(options, &Credential::None).await?.repository;
    /// let manners = Manners::new();
    /// let patient = repository.with_manners(manners.clone());
    /// manners.pause().pause();
    /// // Rests until it is resumed, while `repository` works.
    /// let listing = patient.snapshots();
    /// assert!(repository.snapshots().await?.is_empty());
    /// manners.pause().resume();
    /// assert!(listing.await?.is_empty());
    /// # Ok::<(), strongroom_repo::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn with_manners(&self, manners: Manners) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            manners: Some(manners),
        }
    }

    /// Returns who the operations of this handle ask before they go on.
    pub fn manners(&self) -> &Manners {
        let own = self.manners.as_ref();
        own.unwrap_or_else(|| self.inner.context.store.manners())
    }

    /// Returns the repository's name, which every object of it carries.
    #[must_use]
    pub fn id(&self) -> RepositoryId {
        self.inner.context.repository
    }

    /// Returns the algorithms that the repository was created with.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.inner.context.suite
    }

    /// Returns the pin of this repository, for [`RepositoryBuilder::pin`] and the recovery kit.
    #[must_use]
    pub fn pin(&self) -> GenesisPin {
        GenesisPin::from_bytes(*self.inner.context.keys().genesis.as_bytes())
    }

    /// Says whether only one machine may write, as of the last reading. Say so at every backup.
    #[must_use]
    pub fn is_single_writer(&self) -> bool {
        self.inner.journal.state().only_writer.is_some()
    }

    /// Tells the observer of an operation that writes, as of the last reading, that it had better be the only one.
    pub(crate) fn say_single_writer(&self, observer: &dyn Observer) {
        if self.is_single_writer() {
            observer.on_event(&Event::SingleWriter);
        }
    }

    /// Returns evidence that somebody was shown another history: a commit whose author says to have seen an entry that is not
    /// the one there. `remembered` is what the author had seen. Looks only at what this handle has read entry by entry, and
    /// only back over the last 64 before each commit; `None` proves nothing.
    #[must_use]
    pub fn fork_evidence(&self) -> Option<Heads> {
        self.inner.journal.state().trail.contradiction()
    }

    pub(crate) fn new(context: Arc<Context>, journal: Journal) -> Self {
        Self {
            inner: Arc::new(Inner {
                context,
                journal,
                index: Mutex::default(),
            }),
            manners: None,
        }
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.inner.context
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    /// Returns the place of the index loaded last; [`Self::index`] fills it.
    pub(crate) fn index_slot(&self) -> &Mutex<Option<Arc<Index>>> {
        &self.inner.index
    }

    pub(crate) fn store(&self) -> Access {
        let store = self.inner.context.store.clone();
        match &self.manners {
            Some(manners) => store.minding(manners),
            None => store,
        }
    }
}

impl RepositoryBuilder {
    pub(crate) fn into_opening(self) -> Opening {
        self.opening
    }

    /// Replaces the settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.opening.settings = settings;
        self
    }

    /// Replaces clock, randomness, and where and how operations run and wait.
    pub fn components(mut self, components: Components) -> Self {
        self.opening.components = components;
        self
    }

    /// Accepts only the repository with this Genesis, whatever the store shows.
    pub fn pin(mut self, pin: GenesisPin) -> Self {
        self.opening.pin = Some(pin);
        self
    }

    /// Says what to do when entries of the journal are lost. Default: it is an error, which has [`Error::lost_entry`](crate::Error::lost_entry).
    ///
    /// With the others the repository is opened around them if there are such, and then only read: what would write fails with `ReadOnly`, and
    /// [`Repository::journal_damage`] says what is lost. Where nothing is lost they change nothing.
    pub fn on_lost_entries(mut self, on_lost: LostEntries) -> Self {
        self.opening.on_lost = on_lost;
        self
    }

    /// Creates a repository in a store where nothing is.
    ///
    /// The store is first asked to decide races between writers. One that does not gets single-writer mode, and the result says so.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` names what is there: a repository, what an interrupted creation left, or foreign objects. `Invalid` for a
    /// credential that does not fit the suite, or too little [`Settings::memory_bytes`]. Otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave objects of a repository that was never finished. They hold no data; opening and creating name them.
    pub async fn create(self, options: CreateOptions, credential: &Credential) -> Result<Created> {
        create::create(
            Opening {
                credential: credential.clone(),
                ..self.opening
            },
            options,
        )
        .await
    }

    /// Opens a repository.
    ///
    /// With a cache folder that has seen the repository, and nothing new in it, this costs three requests, all small: config, the
    /// last journal entry seen, and the one after it.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no repository, or one whose creation was never finished. `WrongKey` when no slot opens with the
    /// credential. `Invalid` when a credential is given and nothing is encrypted, a pin is needed, or [`Settings::memory_bytes`] is too little. `Damaged` names an object
    /// that is neither readable nor in a copy. `Rollback` or `Fork` when the journal is not the one seen before from this machine
    /// ([`Error::heads`](crate::Error::heads) has both): what the cache folder remembers is authenticated by what it remembers.
    /// `Incompatible` when a later version is needed. Otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn open(self, credential: &Credential) -> Result<Repository> {
        let opening = Opening {
            credential: credential.clone(),
            ..self.opening
        };
        opening.settings.check_memory()?;
        let access = Access::of(opening.store.clone(), &opening.components);
        edge::run(access, "strongroom-open", move |remote| {
            let (context, journal) = open::open(remote, &opening)?;
            Ok(Repository::new(context, journal))
        })
        .await
    }
}

fn list(context: &Context, state: &State) -> Vec<SnapshotInfo> {
    let held = state.held();
    let describe = |(n, (id, snapshot)): (&u64, &(Id, Arc<Snapshot>))| SnapshotInfo {
        id: *id,
        n: *n,
        snapshot: Arc::clone(snapshot),
        details: details(context, snapshot),
        held: held.has(id, snapshot),
    };
    state.snapshots.iter().map(describe).collect()
}

/// Opens the details of a snapshot; `None` if there are none, or the key is not among ours.
pub(crate) fn details(context: &Context, snapshot: &Snapshot) -> Option<Details> {
    let (epoch, sealed) = snapshot.details.as_ref()?;
    let keys = context.keys();
    let sealer = keys
        .epoch(*epoch)?
        .details(context.suite, &context.components.random);
    Details::open(&sealer, &context.repository, &snapshot.random, sealed).ok()
}
