//! The options that every program has, and the repository that they mean.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use strongroom::blocking::{Repository, RepositoryBuilder};
use strongroom::{Credential, Error, LockPolicy, Overhead, RecoveryCode, Settings, Store, Stores};

use crate::exit::Usage;
use crate::manners::{MannersArgs, components};
use crate::network::NetworkArgs;
use crate::output::Output;
use crate::secret::secret;

/// Which repository, how to open it, and how to talk.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct RepositoryArgs {
    /// Where the repository is: a path, s3://bucket/prefix?endpoint=…, az://, gs://, sftp://, dav(s)://, or mirror:URL,URL or split:URL,URL of
    /// these. Credentials come from the environment and the profile files of each cloud.
    #[arg(long, value_name = "URL", env = "STRONGROOM_REPOSITORY")]
    pub repo: OsString,
    /// File with the passphrase; one line end after it does not count. Else the variable STRONGROOM_PASSWORD, else you are asked.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// What is given instead of a passphrase is a recovery code.
    #[arg(long)]
    pub recovery_code: bool,
    /// The repository is not encrypted.
    #[arg(long, conflicts_with_all = ["password_file", "recovery_code"])]
    pub no_password: bool,
    /// Folder for local caches [default: $XDG_CACHE_HOME/strongroom or ~/.cache/strongroom].
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Keep no local cache.
    #[arg(long, conflicts_with = "cache")]
    pub no_cache: bool,
    /// Threads that compute [default: what the system suggests].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Parity that packs get when they are written, such as 2% for disks [default: none]. Not remembered: say it each time, or set
    /// the variable.
    #[arg(long, value_name = "PERCENT", env = "STRONGROOM_PARITY")]
    pub parity: Option<Overhead>,
    /// Put packs of content in the store's cold class; what browsing and planning need stays hot. Not remembered: say it each time, or set
    /// the variable.
    #[arg(long, env = "STRONGROOM_COLD", value_parser = clap::builder::FalseyValueParser::new())]
    pub cold: bool,
    /// For how long objects are locked when they are put, such as compliance:30d [default: not at all]. The store must be able to. Not
    /// remembered: say it each time, or set the variable; run sr-locks once in every quarter of that time.
    #[arg(long, value_name = "MODE:PERIOD", env = "STRONGROOM_LOCK", value_parser = lock_policy)]
    pub lock: Option<LockPolicy>,
    /// What is asked of stores in a network.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How much of the machine to take.
    #[command(flatten)]
    pub manners: MannersArgs,
    /// Write one JSON object per line, for machines.
    #[arg(long)]
    pub json: bool,
}

impl RepositoryArgs {
    /// Returns where to write.
    #[must_use]
    pub fn output(&self) -> Output {
        Output::new(self.json)
    }

    /// Reads remote stores and not what is kept of them on this machine, whatever the options say: for programs that look for damage.
    #[must_use]
    pub fn without_metadata_cache(mut self) -> Self {
        self.network.metadata_cache_size = None;
        self
    }

    /// Opens the repository with the settings that the options say.
    ///
    /// # Errors
    ///
    /// What the terminal, the system or the repository said.
    pub fn open(&self) -> anyhow::Result<Repository> {
        self.open_with(|settings| settings)
    }

    /// Opens the repository with more settings.
    ///
    /// # Errors
    ///
    /// What the terminal, the system or the repository said.
    pub fn open_with(&self, more: impl FnOnce(Settings) -> Settings) -> anyhow::Result<Repository> {
        self.open_after(more, || {})
    }

    /// Opens the repository with more settings, and does something as soon as nobody has to be asked any more: what opens it is known then,
    /// and stretching a passphrase leaves all cores but one to others.
    ///
    /// # Errors
    ///
    /// What the terminal, the system or the repository said.
    pub fn open_after(
        &self,
        more: impl FnOnce(Settings) -> Settings,
        first: impl FnOnce(),
    ) -> anyhow::Result<Repository> {
        let builder = self.builder()?.settings(more(self.settings()));
        let credential = self.credential()?;
        first();
        Ok(builder.open(&credential)?)
    }

    /// Returns what opens stores as the options say.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn stores(&self) -> anyhow::Result<Stores> {
        let stores = self.network.stores(self.cache().as_deref());
        Ok(stores.with_manners(&self.manners.manners()?))
    }

    /// Returns the store that the repository is in, without a local cache: who looks for damage is to see the store itself.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn store(&self) -> anyhow::Result<Arc<dyn Store>> {
        let stores = self.network.stores(None);
        let stores = stores.with_manners(&self.manners.manners()?);
        Ok(stores.open(&self.repo)?)
    }

    /// Returns the builder of the repository, for whoever opens it otherwise than [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn builder(&self) -> anyhow::Result<RepositoryBuilder> {
        let store = self.stores()?.open(&self.repo)?;
        let builder = Repository::builder(store).components(components());
        Ok(builder.settings(self.settings()))
    }

    /// Returns the builder of a new repository.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn new_repository(&self) -> anyhow::Result<RepositoryBuilder> {
        let store = self.stores()?.create(&self.repo)?;
        let builder = Repository::builder(store).components(components());
        Ok(builder.settings(self.settings()))
    }

    /// Returns what opens the repository, and asks for it where it must.
    ///
    /// # Errors
    ///
    /// What the terminal or the file said.
    pub fn credential(&self) -> anyhow::Result<Credential> {
        if self.no_password {
            return Ok(Credential::None);
        }
        let file = self.password_file.as_deref();
        if self.recovery_code {
            let text = secret(file, "Recovery code: ")?;
            let code = RecoveryCode::parse(&text).map_err(|error| Usage(error.to_string()))?;
            return Ok(code.into());
        }
        Ok(Credential::passphrase(secret(file, "Passphrase: ")?))
    }

    /// Returns the settings that the options say.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        if let Some(threads) = self.threads {
            settings.threads = threads.into();
        }
        settings.memory_bytes = self.manners.memory;
        settings.parity = self.parity;
        settings.object_lock = self.lock;
        settings.cold_content = self.cold;
        settings.cache = self.cache();
        settings
    }
}

fn lock_policy(text: &str) -> Result<LockPolicy, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

impl RepositoryArgs {
    fn cache(&self) -> Option<PathBuf> {
        match self.no_cache {
            true => None,
            false => self.cache.clone().or_else(default_cache),
        }
    }
}

/// Returns the name of this machine.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

fn default_cache() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("strongroom"))
}
