//! Creates a repository.

mod draft;
#[cfg(test)]
mod tests;

use strongroom_crypt::{Argon2Params, Suite};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::{Key, Prefix};

use self::draft::Draft;
pub(crate) use self::draft::WORKER_ROLES;
use crate::credential::Credential;
use crate::edge::{self, Access, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::fitness::Fitness;
use crate::open::{self, Opening};
use crate::probe::StoreProbe;
use crate::repository::{Created, Repository};

/// How a repository is created. The defaults are decisions that we defend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateOptions {
    /// Algorithms. Default AES-256-GCM. [`Suite::None`] encrypts nothing and takes no credential.
    pub suite: Suite,
    /// What people call the first slot and key. Default `main`.
    pub label: String,
    /// What it costs to try a passphrase. Default 64 MiB and three passes, about a quarter of a second.
    pub argon2: Argon2Params,
    /// Makes a second slot that a recovery code opens. Default true.
    pub recovery_code: bool,
    /// Uses single-writer mode whatever the store can do. Default false: a store that does not decide races between writers is refused then, with
    /// [`ErrorKind::Unfit`](crate::ErrorKind). [`Repository::take_over`] says what the mode cannot protect from.
    pub single_writer: bool,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            suite: Suite::Aes256Gcm,
            label: "main".to_owned(),
            argon2: Argon2Params::DEFAULT,
            recovery_code: true,
            single_writer: false,
        }
    }
}

impl CreateOptions {
    /// Sets the algorithms.
    #[must_use]
    pub fn with_suite(mut self, suite: Suite) -> Self {
        self.suite = suite;
        self
    }

    /// Sets what people call the first slot and key.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets what it costs to try a passphrase.
    #[must_use]
    pub fn with_argon2(mut self, argon2: Argon2Params) -> Self {
        self.argon2 = argon2;
        self
    }

    /// Decides about a recovery code.
    #[must_use]
    pub fn with_recovery_code(mut self, recovery_code: bool) -> Self {
        self.recovery_code = recovery_code;
        self
    }

    /// Asks for single-writer mode.
    #[must_use]
    pub fn with_single_writer(mut self, single_writer: bool) -> Self {
        self.single_writer = single_writer;
        self
    }
}

/// Creates a repository and opens it.
pub(crate) async fn create(opening: Opening, options: CreateOptions) -> Result<Created> {
    check_options(&opening, &options)?;
    opening.settings.check_memory()?;
    let access = Access::of(opening.store.clone(), &opening.components)
        .locking(&opening.settings, &opening.components);
    access.set_one_writer(options.single_writer);
    if let Some(locker) = access.locker() {
        locker.check_store()?;
    }
    if !access.capabilities().put {
        return Err(Error::new(
            ErrorKind::PermissionDenied,
            "nothing can be written to the store",
        ));
    }
    edge::run(access, "strongroom-create", move |remote| {
        refuse_what_is_there(remote)?;
        let (probe, left) = StoreProbe::make(remote, &opening.components)?;
        refuse_unfit(&probe, &options)?;
        let draft = Draft::new(&opening, &options, &probe)?;
        draft.put(remote)?;
        // What was written is read back by the same code that will read it in ten years.
        let opening = Opening {
            pin: Some(draft.pin),
            ..opening
        };
        let (context, journal) = open::open(remote, &opening)?;
        Ok(Created {
            repository: Repository::new(context, journal),
            recovery_code: draft.recovery_code,
            pin: draft.pin,
            single_writer: draft.single_writer,
            probe,
            left: left.iter().map(Key::to_string).collect(),
        })
    })
    .await
}

fn check_options(opening: &Opening, options: &CreateOptions) -> Result<()> {
    let what = match (&opening.credential, options.suite) {
        (Credential::None, Suite::None) => return Ok(()),
        (_, Suite::None) => "a credential was given, and nothing is to be encrypted",
        (Credential::None, _) => "an encrypted repository needs a credential",
        (Credential::Passphrase(passphrase), _) if passphrase.is_empty() => {
            "the passphrase is empty"
        }
        (Credential::Unwrapper(_), _) => {
            "a repository is created with a passphrase, recovery code or key; a key service is added to it"
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, what))
}

/// Refuses a store on which the repository that is asked for would not be safe.
fn refuse_unfit(probe: &StoreProbe, options: &CreateOptions) -> Result<()> {
    let what = match Fitness::of(probe) {
        Fitness::ManyWriters => return Ok(()),
        Fitness::OneWriter(_) if options.single_writer => return Ok(()),
        Fitness::OneWriter(obstacle) => {
            let what = format!(
                "the store is not fit for many writers: {obstacle}. If one machine at a time will do, ask for single-writer mode"
            );
            // What could not be found out may be found out later.
            let kind = match obstacle.answer.is_no() {
                true => ErrorKind::Unfit,
                false => ErrorKind::Unavailable,
            };
            return Err(Error::new(kind, what));
        }
        unfit @ Fitness::Unfit(_) => unfit.to_string(),
    };
    Err(Error::new(ErrorKind::Unfit, format!("the store is {what}")))
}

/// Names what stands in the way of a new repository.
fn refuse_what_is_there(remote: &Remote) -> Result<()> {
    let mut found: Vec<String> = remote
        .list(&Prefix::root())?
        .into_iter()
        .map(|meta| meta.key.as_str().to_owned())
        // Beacons and what a probe left are advisory.
        .filter(|name| !name.starts_with("session/") && !name.starts_with("pack/probe-"))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    found.sort_unstable();
    let parsed: Vec<_> = found
        .iter()
        .filter_map(|name| object_name::parse(name))
        .collect();
    let has_journal = parsed
        .iter()
        .any(|name| matches!(name, ObjectName::Journal(_)));
    let kind = if has_journal {
        "a repository is there already"
    } else if parsed
        .iter()
        .any(|name| matches!(name, ObjectName::Config | ObjectName::Keyring(_)))
    {
        "the creation of a repository was interrupted, and what it left holds no data"
    } else {
        "the store is not empty"
    };
    let named = found
        .iter()
        .take(MAX_NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let more = match found.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = found.swap_remove(0);
    Err(Error::new(ErrorKind::AlreadyExists, format!("{kind} ({named}{more})")).object_named(first))
}

/// How many names an error lists.
const MAX_NAMED: usize = 8;
