//! What the seed decides before anything happens.

use std::path::PathBuf;
use std::sync::Arc;

use strongroom_chunk::ChunkSizes;
use strongroom_crypt::{Argon2Params, Random, SeededRandom, Suite};
use strongroom_repo::{
    Clock, ClockTrust, Components, CreateOptions, Created, Credential, Error, Execution,
    LockPolicy, Repository, RepositoryBuilder, Settings,
};
use strongroom_store::Store;
use strongroom_store::wrap::Sleep;

use super::profile::Profile;
use crate::dice::{Dice, mix};
use crate::world::{Client, World};

/// What the seed decides before anything happens.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) profile: Profile,
    pub(crate) clients: usize,
    /// Operations of each client.
    pub(crate) operations: u64,
    suite: Suite,
    credential: Credential,
    /// Where clients have their caches, if they have any.
    cache: Option<PathBuf>,
}

impl Setup {
    /// Draws what is drawn. `scratch` is a folder for caches; without one there are none.
    pub(crate) fn new(seed: u64, profile: Profile, scratch: Option<&PathBuf>) -> Self {
        let mut dice = Dice::new(seed ^ 0x5e7);
        let is_encrypted = dice.one_in(8);
        let (suite, credential) = if is_encrypted {
            let secret = Credential::passphrase("correct horse battery staple");
            (Suite::ChaCha20Poly1305, secret)
        } else {
            (Suite::None, Credential::None)
        };
        let is_cached = dice.one_in(if profile == Profile::Twins { 2 } else { 6 });
        Self {
            seed,
            profile,
            clients: dice.pick(&[2, 2, 3, 3, 4]).copied().unwrap_or(2),
            operations: dice.between(3, 9),
            suite,
            credential,
            cache: scratch.filter(|_| is_cached).cloned(),
        }
    }

    /// Creates the repository of a world, without faults.
    pub(crate) fn create(&self, world: &World) -> Result<Created, Error> {
        let options = CreateOptions::default()
            .with_suite(self.suite)
            .with_recovery_code(false)
            .with_argon2(Argon2Params::FASTEST);
        let builder = self.bystander(world, 0);
        futures::executor::block_on(builder.create(options, &self.credential))
    }

    /// Opens it as somebody to whom nothing happens; `number` tells bystanders apart.
    pub(crate) fn open_as_bystander(
        &self,
        world: &World,
        number: u64,
    ) -> Result<Repository, Error> {
        let builder = self.bystander(world, number);
        futures::executor::block_on(builder.open(&self.credential))
    }

    /// Opens it as a client, in the life that it has.
    pub(crate) fn open(&self, client: &Client, opening: u64) -> Result<Repository, Error> {
        let who = (client.id() as u64 + 1) << 32 | opening;
        let store: Arc<dyn Store> = client.store();
        let mut settings = self.settings();
        let machine = match self.profile {
            Profile::Twins => 0,
            _ => client.id(),
        };
        let folder = |cache: &PathBuf| cache.join(format!("{:x}-{machine}", self.seed));
        settings.cache = self.cache.as_ref().map(folder);
        let components = self.components(who, client.clock(), client.sleep());
        let builder = Repository::builder(store)
            .settings(settings)
            .components(components);
        futures::executor::block_on(builder.open(&self.credential))
    }

    /// Opens a copy of it in a store to which nothing happens.
    pub(crate) fn open_elsewhere(
        &self,
        client: &Client,
        store: Arc<dyn Store>,
        opening: u64,
    ) -> Result<Repository, Error> {
        let who = (client.id() as u64 + 1) << 32 | opening;
        let components = self.components(who, client.clock(), client.sleep());
        let builder = Repository::builder(store)
            .settings(settings())
            .components(components);
        futures::executor::block_on(builder.open(&self.credential))
    }

    /// Removes the caches.
    pub(crate) fn clean_up(&self) {
        let Some(cache) = &self.cache else { return };
        for client in 0..self.clients {
            let folder = cache.join(format!("{:x}-{client}", self.seed));
            // What was never made need not be removed.
            drop(std::fs::remove_dir_all(folder));
        }
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Returns the randomness of somebody, the same at every call.
    pub(crate) fn random(&self, who: u64) -> Arc<dyn Random> {
        Arc::new(SeededRandom::new(mix(self.seed) ^ mix(who)))
    }

    fn bystander(&self, world: &World, number: u64) -> RepositoryBuilder {
        let clock = Arc::new(world.clock());
        let sleep = Arc::new(strongroom_store::wrap::RecordingSleep::new());
        let components = self.components(number, clock, sleep);
        Repository::builder(Arc::new(world.store()))
            .settings(self.settings())
            .components(components)
    }

    /// Those of the repository of the world; copies of it are elsewhere, where nothing is locked.
    fn settings(&self) -> Settings {
        let mut settings = settings();
        if self.profile.locks() {
            settings.object_lock = LOCK.parse().ok();
            let trust = |policy: LockPolicy| policy.with_clock(ClockTrust::Trust);
            settings.object_lock = settings.object_lock.map(trust);
        }
        settings
    }

    fn components(&self, who: u64, clock: Arc<dyn Clock>, sleep: Arc<dyn Sleep>) -> Components {
        let mut components = Components::default();
        components.clock = clock;
        components.random = self.random(who);
        components.sleep = sleep;
        components.execution = Execution::Inline;
        components
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.threads = 1;
    settings.pack_bytes = PACK_BYTES;
    settings.announce_bytes = PACK_BYTES as u64;
    settings.level = 1;
    settings.chunk_sizes = ChunkSizes::new(256, 512, 2_048).unwrap_or(ChunkSizes::DEFAULT);
    settings
}

/// So short that sleepers outlive it.
const LOCK: &str = "governance:3d";

/// So small that a backup of a small tree has several packs and announces some.
const PACK_BYTES: usize = 16 << 10;
