//! Creates a repository.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    Argon2Params, GenesisPin, RecoveryCode, RepositoryId, Roles, Secret, SigningKey, Suite,
};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    Body, Certificate, Config, Entry, Epoch, EpochState, Genesis, KeyBundle, ObjectHash, Payload,
    SigningEntry, Time, UnknownSecrets,
};
use strongroom_store::{Prefix, probe_atomic_create};

use crate::context::{crypt_error, encode_error, put_own, random};
use crate::credential::Credential;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::seal_keyring;
use crate::open::{self, Opening};
use crate::repository::{Created, Repository};
use crate::slots::{NewSlot, SealedSlot, seal_slot};

/// How a repository is created. The defaults are decisions that we defend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateOptions {
    /// Algorithms. Default AES-256-GCM. [`Suite::None`] encrypts nothing and takes no credential.
    pub suite: Suite,
    /// What people call the first slot and key. Default `main`.
    pub label: String,
    /// What it costs to try a passphrase. Default 256 MiB and three passes, about a second.
    pub argon2: Argon2Params,
    /// Makes a second slot that a recovery code opens. Default true.
    pub recovery_code: bool,
    /// Uses single-writer mode whatever the store can do. Default false.
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
    let store = opening.store.clone();
    if !store.capabilities().put {
        return Err(Error::new(ErrorKind::PermissionDenied, "nothing can be written to the store"));
    }
    edge::run(store.clone(), "strongroom-create", refuse_what_is_there).await?;
    let probed = store.capabilities().atomic_create && {
        let scratch: [u8; 8] = random(&opening.components)?;
        let scratch = Prefix::parse(&format!("session/probe-{:016x}/", u64::from_le_bytes(scratch)))?;
        probe_atomic_create(store.as_ref(), &scratch).await?
    };
    edge::run(store, "strongroom-create", move |remote| {
        let draft = Draft::new(&opening, &options, probed)?;
        draft.put(remote)?;
        // What was written is read back by the same code that will read it in ten years.
        let opening = Opening { pin: Some(draft.pin), ..opening };
        let (context, journal) = open::open(remote, &opening)?;
        Ok(Created {
            repository: Repository::new(context, journal),
            recovery_code: draft.recovery_code,
            pin: draft.pin,
            single_writer: draft.single_writer,
        })
    })
    .await
}

fn check_options(opening: &Opening, options: &CreateOptions) -> Result<()> {
    let what = match (&opening.credential, options.suite) {
        (Credential::None, Suite::None) => return Ok(()),
        (_, Suite::None) => "a credential was given, and nothing is to be encrypted",
        (Credential::None, _) => "an encrypted repository needs a credential",
        (Credential::Passphrase(passphrase), _) if passphrase.is_empty() => "the passphrase is empty",
        (Credential::Unwrapper(_), _) => {
            "a repository is created with a passphrase, recovery code or key; a key service is added to it"
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, what))
}

/// Names what stands in the way of a new repository.
fn refuse_what_is_there(remote: &Remote) -> Result<()> {
    let mut found: Vec<String> = remote
        .list(&Prefix::root())?
        .into_iter()
        .map(|meta| meta.key.as_str().to_owned())
        // Beacons and what a probe left are advisory.
        .filter(|name| !name.starts_with("session/"))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    found.sort_unstable();
    let parsed: Vec<_> = found.iter().filter_map(|name| object_name::parse(name)).collect();
    let has_journal = parsed.iter().any(|name| matches!(name, ObjectName::Journal(_)));
    let kind = if has_journal {
        "a repository is there already"
    } else if parsed.iter().any(|name| matches!(name, ObjectName::Config | ObjectName::Keyring(_))) {
        "the creation of a repository was interrupted, and what it left holds no data"
    } else {
        "the store is not empty"
    };
    let named = found.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match found.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = found.swap_remove(0);
    Err(Error::new(ErrorKind::AlreadyExists, format!("{kind} ({named}{more})")).object_named(first))
}

/// How many names an error lists.
const MAX_NAMED: usize = 8;

/// All objects of a new repository.
struct Draft {
    config: Bytes,
    slots: Vec<SealedSlot>,
    keyring: Bytes,
    genesis: Bytes,
    pin: GenesisPin,
    recovery_code: Option<RecoveryCode>,
    single_writer: bool,
}

impl Draft {
    fn new(opening: &Opening, options: &CreateOptions, probed: bool) -> Result<Self> {
        let components = &opening.components;
        let repository = RepositoryId::from_bytes(random(components)?);
        let suite = options.suite;
        let now = components.clock.now();
        let config: Bytes = Config::new(repository, suite, now)
            .encode(random(components)?)
            .map_err(encode_error)?
            .into();
        let config_hash = ObjectHash::of(&config);
        let single_writer = options.single_writer || !probed;
        let (slots, recovery_code) = slots(opening, options, repository, now)?;
        let generate = || Secret::generate(&components.random).map_err(crypt_error);
        let admin = SigningKey::from_seed(generate()?).map_err(crypt_error)?;
        let worker = SigningKey::from_seed(generate()?).map_err(crypt_error)?;
        let genesis = Genesis {
            admin: *admin.public().as_bytes(),
            config: config_hash,
            certificates: vec![Certificate {
                roles: WORKER_ROLES,
                public: *worker.public().as_bytes(),
                label: options.label.clone(),
                not_after: 0,
            }],
            single_writer,
            only_writer: single_writer.then(|| *worker.public().as_bytes()),
            probed,
            unknown: strongroom_format::Unknown::default(),
        };
        let structure_key = generate()?;
        let structure =
            strongroom_crypt::StructureKeys::with_random(suite, &structure_key, &components.random);
        let payload = Payload::new(now, Body::Genesis(genesis));
        let sealer = structure.journal();
        let genesis: Bytes = Entry::seal(
            suite, repository, 0, random(components)?, config_hash, &payload, sealer, &[&admin],
        )
        .map_err(encode_error)?
        .into();
        let genesis_hash = ObjectHash::of(&genesis);
        let signing = |roles, key: &SigningKey| SigningEntry {
            roles,
            public: *key.public().as_bytes(),
            seed: key.seed().duplicate(),
        };
        let first_epoch =
            Epoch { number: 0, kind: Epoch::SYMMETRIC, state: EpochState::Open, key: generate()? };
        let bundle = KeyBundle {
            id_key: generate()?,
            structure_key,
            epochs: vec![first_epoch],
            genesis: genesis_hash,
            signing: vec![signing(Roles::ADMIN, &admin), signing(WORKER_ROLES, &worker)],
            slots: slots.iter().map(|slot| slot.entry.clone()).collect(),
            unknown: UnknownSecrets::default(),
        };
        let keyring = seal_keyring(suite, &repository, 0, &bundle, &components.random)?;
        let pin = GenesisPin::from_bytes(*genesis_hash.as_bytes());
        Ok(Self { config, slots, keyring, genesis, pin, recovery_code, single_writer })
    }

    /// Puts everything; the journal's first entry, which makes a repository of it, comes last.
    fn put(&self, remote: &Remote) -> Result<()> {
        put_own(remote, &object_name::config(), &self.config)?;
        put_own(remote, &object_name::config_copy(), &self.config)?;
        for slot in &self.slots {
            put_own(remote, &object_name::slot(slot.entry.id), &slot.object)?;
        }
        put_own(remote, &object_name::keyring(0), &self.keyring)?;
        put_own(remote, &object_name::keyring_copy(0), &self.keyring)?;
        put_own(remote, &object_name::journal(0), &self.genesis)
    }
}

/// Roles of the key that signs everyday work.
const WORKER_ROLES: Roles = Roles::from_bits(
    Roles::WRITER.bits() | Roles::MAINTAINER.bits() | Roles::AUDITOR.bits(),
);

fn slots(
    opening: &Opening,
    options: &CreateOptions,
    repository: RepositoryId,
    now: Time,
) -> Result<(Vec<SealedSlot>, Option<RecoveryCode>)> {
    let seal = |label: &str, new: &NewSlot| {
        seal_slot(&opening.components.random, options.suite, repository, label, now, new)
    };
    let first = match &opening.credential {
        Credential::Passphrase(passphrase) => {
            NewSlot::Passphrase(Arc::clone(passphrase), options.argon2)
        }
        Credential::RecoveryCode(code) => NewSlot::RecoveryCode(Arc::clone(code)),
        Credential::Key(key) => NewSlot::Recipient(key.public()),
        _ => return Ok((Vec::new(), None)),
    };
    let mut slots = vec![seal(&options.label, &first)?];
    if !options.recovery_code {
        return Ok((slots, None));
    }
    let code = Arc::new(RecoveryCode::generate(&opening.components.random).map_err(crypt_error)?);
    slots.push(seal("recovery code", &NewSlot::RecoveryCode(Arc::clone(&code)))?);
    // The slot keeps no handle on the code.
    Ok((slots, Arc::into_inner(code)))
}
