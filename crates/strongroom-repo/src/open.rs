//! Opens a repository (format §4).

mod config;
mod genesis;
mod keyring;
mod unlock;

use std::sync::Arc;

use strongroom_crypt::{GenesisPin, Suite};
use strongroom_format::{Config, ObjectHash, object_name};
use strongroom_store::Store;

use self::config::{ConfigObject, config_objects};
use self::genesis::check_pin;
pub(crate) use self::keyring::{LoadedKeyring, follow_keyring};
use self::unlock::Unlock;
use crate::context::Context;
use crate::credential::Credential;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::head::{Cache, Remembered};
use crate::journal::{Journal, Replay, View, missing_entry};
use crate::lost::{Extent, JournalDamage, LostEntries, Sources, Survey};
use crate::settings::{Components, Settings};
use crate::state::State;

/// What opens a repository, and how.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    pub(crate) components: Components,
    pub(crate) pin: Option<GenesisPin>,
    pub(crate) credential: Credential,
    pub(crate) on_lost: LostEntries,
}

/// Opens the repository.
///
/// With a warm cache and nothing new it costs three requests: config, and the last known and the next number of the journal.
pub(crate) fn open(remote: &Remote, opening: &Opening) -> Result<(Arc<Context>, Journal)> {
    with_either_config(remote, |config| open_with(remote, opening, config))
}

/// Opens the newest keyring that counts, and does not read the journal.
pub(crate) fn open_keys(remote: &Remote, opening: &Opening) -> Result<Context> {
    with_either_config(remote, |object| {
        open_keys_of(remote, opening, object.hash, &object.config)
    })
}

/// Opens the newest keyring that counts of the repository that config, which has this hash, is of.
pub(crate) fn open_keys_of(
    remote: &Remote,
    opening: &Opening,
    hash: ObjectHash,
    config: &Config,
) -> Result<Context> {
    check_credential(opening, config.suite)?;
    let keys = Unlock::new(remote, opening, config.suite, config.repository).newest()?;
    check_pin(opening.pin, &keys)?;
    Ok(Context::new(
        opening.store.clone(),
        opening.settings.clone(),
        opening.components.clone(),
        (hash, config),
        keys,
    ))
}

/// Tries with config, and with its copy if it is config that failed.
fn with_either_config<T>(
    remote: &Remote,
    mut attempt: impl FnMut(ConfigObject) -> Result<T>,
) -> Result<T> {
    let mut failure = None;
    for object in config_objects(remote) {
        match object.and_then(&mut attempt) {
            // The other copy of config may be whole, and the one that Genesis names.
            Err(error) if is_about_config(&error) => {
                if error.kind() != ErrorKind::NotFound {
                    failure.get_or_insert(error);
                }
            }
            other => return other,
        }
    }
    Err(failure.unwrap_or_else(config::no_repository))
}

pub(crate) fn is_about_config(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Damaged | ErrorKind::Incompatible | ErrorKind::NotFound
    ) && [object_name::config(), object_name::config_copy()]
        .iter()
        .any(|name| error.object() == Some(name.as_str()))
}

fn open_with(
    remote: &Remote,
    opening: &Opening,
    object: ConfigObject,
) -> Result<(Arc<Context>, Journal)> {
    let config = object.config;
    if let Some(feature) = config.unsupported_read_features().first() {
        return Err(unknown_feature(feature));
    }
    check_credential(opening, config.suite)?;
    let cache = opening
        .settings
        .cache
        .as_ref()
        .map(|folder| Cache::new(folder, &config.repository, opening.settings.packs_in_memory));
    let remembered = cache
        .as_ref()
        .and_then(Cache::read)
        .filter(|one| one.config == object.hash);
    let mut unlock = Unlock::new(remote, opening, config.suite, config.repository);
    let keys = match remembered.as_ref().and_then(|cached| unlock.cached(cached)) {
        Some(keys) => keys,
        None => unlock.newest()?,
    };
    check_pin(opening.pin, &keys)?;
    let place = (object.hash, &config);
    let settings = opening.settings.clone();
    let components = opening.components.clone();
    let context = Context::new(opening.store.clone(), settings, components, place, keys);
    let mut is_warm = false;
    let read = read_journal(remote, &context, remembered.as_ref(), &mut is_warm);
    let (view, damage) = match read {
        Err(error) if error.lost_entry().is_some() && opening.on_lost != LostEntries::Refuse => {
            read_around(remote, &context, remembered.clone(), opening.on_lost, error)?
        }
        read => (read?, None),
    };
    check_state(&view.state)?;
    check_lock(&context)?;
    context.learn_of(&view);
    check_admin(&context, &view.state)?;
    follow_keyring(remote, &context, &view.state)?;
    // Who was the writer when this machine looked last stays that, whoever has taken over since.
    let writer = remembered.as_ref().and_then(|one| one.writer);
    context.set_writer(writer.or(view.state.only_writer));
    let now = context.components.clock.now();
    let journal = match damage {
        Some(damage) => {
            context.store.set_read_only(true);
            Journal::frozen(view, cache, damage, now)
        }
        // What could not be used is written anew.
        None => Journal::new(view, cache, now).with_cached(remembered.as_ref().filter(|_| is_warm)),
    };
    journal.remember_again(&context);
    Ok((Arc::new(context), journal))
}

fn check_credential(opening: &Opening, suite: Suite) -> Result<()> {
    match (&opening.credential, suite) {
        (Credential::None, Suite::None) => Ok(()),
        (_, Suite::None) => Err(Error::new(
            ErrorKind::Invalid,
            "a credential was given, and this repository is not encrypted",
        )),
        (Credential::None, _) => Err(Error::new(
            ErrorKind::WrongKey,
            "this repository opens with a credential only",
        )),
        (Credential::Unwrapper(_) | Credential::Key(_), _) if opening.pin.is_none() => {
            Err(Error::new(
                ErrorKind::Invalid,
                "opening with a key service or a recipient's key needs the pin of the repository",
            ))
        }
        _ => Ok(()),
    }
}

/// Reads the journal: on from what the cache has, which makes it warm, or from its beginning.
fn read_journal(
    remote: &Remote,
    context: &Context,
    remembered: Option<&Remembered>,
    is_warm: &mut bool,
) -> Result<View> {
    let warm = remembered.and_then(|one| one.view(context));
    *is_warm = warm.is_some();
    let packs = warm.as_ref().map(|view| view.state.packs.clone());
    let read = read_journal_from(remote, context, remembered, warm);
    match packs {
        // The local cache lost something while it was used.
        Some(packs) if read.is_err() && packs.is_unreadable() => {
            *is_warm = false;
            read_journal_from(remote, context, remembered, None)
        }
        _ => read,
    }
}

fn read_journal_from(
    remote: &Remote,
    context: &Context,
    remembered: Option<&Remembered>,
    warm: Option<View>,
) -> Result<View> {
    let replay = Replay::new(remote, context);
    let is_warm = warm.is_some();
    let mut view = match warm {
        Some(view) => view,
        None => {
            let mut view = View::before_genesis(context.config_hash);
            replay.read_all(&mut view)?;
            view
        }
    };
    if let Some(remembered) = remembered {
        replay.check_head(remembered.head())?;
    }
    if is_warm || replay.is_elsewhere(&view.state) {
        replay.follow(&mut view)?;
    }
    if let Some(remembered) = remembered {
        // Its last entry is there, so one in between must be missing.
        if view.state.head < remembered.n {
            return Err(missing_entry(view.state.head));
        }
    }
    Ok(view)
}

/// Reads what is left of a journal.
fn read_around(
    remote: &Remote,
    context: &Context,
    remembered: Option<Remembered>,
    mode: LostEntries,
    error: Error,
) -> Result<(View, Option<JournalDamage>)> {
    let extent = match mode {
        LostEntries::Skip => Extent::Packs,
        _ => Extent::Journal,
    };
    let sources = Sources {
        remembered,
        ..Sources::default()
    };
    let Some(mut survey) = Survey::of(remote, context, &sources, extent, None)? else {
        return Err(error);
    };
    survey.damage.mode = mode;
    let view = match mode {
        LostEntries::Skip => survey.past,
        _ => survey.prefix,
    };
    Ok((view, Some(survey.damage)))
}

/// Makes sure that the store can lock objects, if that is what the settings ask of one that is written to.
fn check_lock(context: &Context) -> Result<()> {
    match context.store.locker() {
        Some(locker) if context.store.capabilities().put => locker.check_store(),
        _ => Ok(()),
    }
}

fn check_state(state: &State) -> Result<()> {
    match state.features.read.first() {
        Some(feature) => Err(unknown_feature(feature)),
        None => Ok(()),
    }
}

/// Makes sure that the admin is who the slot says, and signed the keyring that was opened.
fn check_admin(context: &Context, state: &State) -> Result<()> {
    let keys = context.keys();
    let named = keys.opener.admin().is_none_or(|admin| admin == state.admin);
    if named && keys.is_signed_by(&state.admin) {
        return Ok(());
    }
    let what = "the first journal entry names another admin than the slot or the keyring";
    Err(Error::new(ErrorKind::Damaged, what).object_named(object_name::journal(0)))
}

fn unknown_feature(feature: &str) -> Error {
    let what =
        format!("the repository has the feature {feature}, which this version does not know");
    Error::new(ErrorKind::Incompatible, what)
}
