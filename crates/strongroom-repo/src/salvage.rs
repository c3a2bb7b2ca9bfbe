//! What is left when the journal is lost: packs, and the keys that open them.

mod roots;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    Config, ObjectHash, ObjectKind, PackRef, Preamble, Snapshot, Summary, Time,
};
use strongroom_store::Prefix;

use self::roots::Roots;
use crate::context::{Context, object_key};
use crate::credential::Credential;
use crate::edge::{self, Access, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Breadth, Index, is_loss, pack_found};
use crate::journal::{Journal, View};
use crate::locks::utc;
use crate::lost::JournalDamage;
use crate::observer::{Event, Observer, Phase};
use crate::open::{self, Opening};
use crate::repository::{Repository, RepositoryBuilder};
use crate::state::State;

/// What was found in the packs of a repository without its journal.
///
/// **Nothing about it is signed.** Whoever could write packs with the keys of the repository could have put any of these trees there; and trees of snapshots that were
/// forgotten and not pruned yet are among them, as are those of runs that never ended. What each blob of a tree holds is what its id says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Salvage {
    /// The trees that were found, the newest first.
    pub trees: Vec<FoundTree>,
    /// Packs that can be read.
    pub packs: u64,
    /// Packs that are there and cannot be read.
    pub unreadable_packs: u64,
    /// Pages that no readable pack has whole: trees may hang below them that are not found, or lack something.
    pub unreadable_pages: u64,
    /// Config and its copy are lost: what it said was taken from other objects.
    pub config_is_lost: bool,
    repository: Repository,
}

/// The root of a directory tree that no page refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundTree {
    /// The id by which [`Salvage::repository`] lists it, made up for it.
    pub snapshot: Id,
    /// Id of its root page.
    pub root: Id,
    /// The pack that has this page.
    pub pack: ObjectHash,
    /// Entries in the root directory.
    pub entries: u64,
    /// Names of the first of them.
    pub names: Vec<Vec<u8>>,
    /// Bytes of all content below it.
    pub bytes: u64,
    /// The latest time of modification in the root directory: the tree was backed up after it, if clocks were right.
    pub newest: Time,
}

impl Salvage {
    /// Returns the trees as a repository that is only read, in which each is a snapshot of the series `salvaged`: to list, to restore, and to
    /// [copy](Repository::copy_to) into a new repository in which backups go on.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }
}

impl fmt::Display for Salvage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} trees found in {} packs; {} packs and {} pages cannot be read",
            self.trees.len(),
            self.packs,
            self.unreadable_packs,
            self.unreadable_pages
        )?;
        for tree in &self.trees {
            writeln!(f, "  {tree}")?;
        }
        f.write_str(
            "none of them is signed, and nothing says when or by whom it was made; trees of forgotten snapshots are among them as long as their packs are there",
        )
    }
}

impl fmt::Display for FoundTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} entries in the root directory, {} bytes below it, the newest of {}:",
            self.snapshot,
            self.entries,
            self.bytes,
            utc(self.newest.seconds)
        )?;
        for name in &self.names {
            write!(f, " {}", String::from_utf8_lossy(name).escape_debug())?;
        }
        Ok(())
    }
}

impl RepositoryBuilder {
    /// Finds the trees of a repository whose journal is lost, with its bundles and copies, from packs alone.
    ///
    /// Config, keyring and slot open it. Where config and its copy are lost, what other objects say of the repository stands for them. All pack headers and
    /// all pages are read; index, journal and checkpoints are not looked at. Nothing is written.
    ///
    /// Opening with [`LostEntries`](crate::LostEntries) loses less as long as the first entry of the journal is there.
    ///
    /// # Errors
    ///
    /// `KeysLost` when no generation of the keyring is left: what is stored is then closed to everybody, and only a copy of `keyring/` and `slot/` from a mirror or a replica
    /// helps, put where they were. `WrongKey` when no slot opens with the credential. `NotFound` when there is no repository and no pack. Otherwise
    /// what the store said; what is damaged is counted in the result.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn salvage(
        self,
        credential: &Credential,
        observer: Arc<dyn Observer>,
    ) -> Result<Salvage> {
        let opening = Opening {
            credential: credential.clone(),
            ..self.into_opening()
        };
        opening.settings.check_memory()?;
        let access = Access::of(opening.store.clone(), &opening.components);
        edge::run(access, "strongroom-salvage", move |remote| {
            salvage(remote, &opening, observer.as_ref())
        })
        .await
    }
}

fn salvage(remote: &Remote, opening: &Opening, observer: &dyn Observer) -> Result<Salvage> {
    observer.on_event(&Event::Phase(Phase::Prepare));
    let (context, config_is_lost) = open_keys(remote, opening)?;
    let mut state = State::before_genesis(context.config_hash);
    let (packs, unreadable_packs) = packs(remote, &context, &state)?;
    state.packs = packs.into_iter().collect();
    state.has_unmapped_packs = true;
    observer.on_event(&Event::Phase(Phase::Plan));
    let index = Arc::new(Index::load(remote, &context, &state, None, Breadth::Whole)?);
    let context = Arc::new(context);
    let roots = Roots::find(remote, &context, &index)?;
    let mut trees = Vec::new();
    for (n, mut tree) in (0..).zip(roots.trees) {
        let snapshot = snapshot_of(&tree);
        let structure = &context.keys().structure;
        tree.snapshot = snapshot
            .id(structure)
            .map_err(crate::context::encode_error)?;
        state.insert_snapshot(n, Arc::new(snapshot), structure)?;
        trees.push(tree);
    }
    let packs = state.packs.len() as u64;
    context.store.set_read_only(true);
    let view = View {
        state: state.into(),
        recent: Vec::new(),
    };
    let now = context.components.clock.now();
    let journal = Journal::frozen(view, None, JournalDamage::of_everything(), now);
    let repository = Repository::new(context, journal);
    repository.keep_index(index);
    Ok(Salvage {
        trees,
        packs,
        unreadable_packs,
        unreadable_pages: roots.unreadable,
        config_is_lost,
        repository,
    })
}

/// Opens the keyring, without config if it must be.
fn open_keys(remote: &Remote, opening: &Opening) -> Result<(Context, bool)> {
    match open::open_keys(remote, opening) {
        Ok(context) => Ok((context, false)),
        Err(error) if open::is_about_config(&error) => {
            let Some(preamble) = any_preamble(remote)? else {
                return Err(error);
            };
            let config = Config::new(preamble.repository, preamble.suite, Time::default());
            let context = open::open_keys_of(remote, opening, ObjectHash::default(), &config);
            Ok((context.map_err(keys_lost)?, true))
        }
        Err(error) => Err(keys_lost(error)),
    }
}

/// Says plainly what it means when there is no keyring.
fn keys_lost(error: Error) -> Error {
    let is_keyring = error
        .object()
        .and_then(object_name::parse)
        .is_some_and(|name| matches!(name, ObjectName::Keyring(_) | ObjectName::KeyringCopy(_)));
    let is_lost = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Damaged);
    if !(is_keyring && is_lost) {
        return error;
    }
    let what = "no keyring is left that opens, and without one nothing that is stored can be read by anybody; a mirror or replica has another";
    Error::new(ErrorKind::KeysLost, what).caused_by(error)
}

/// Returns what an object says of the repository that it belongs to: a keyring, or else a pack.
fn any_preamble(remote: &Remote) -> Result<Option<Preamble>> {
    for (prefix, kind) in [
        ("keyring/", ObjectKind::Keyring),
        ("pack/", ObjectKind::Pack),
    ] {
        for meta in remote.list(&Prefix::parse(prefix)?)? {
            if object_name::parse(meta.key.as_str()).is_none() {
                continue;
            }
            let key = object_key(meta.key.as_str())?;
            let bytes = match remote.get(&key, Some(0..Preamble::LEN as u64)) {
                Err(error) if is_loss(&error) => continue,
                bytes => bytes?,
            };
            let preamble = Preamble::decode(&bytes).ok();
            if let Some(preamble) = preamble.filter(|one| one.kind == kind) {
                return Ok(Some(preamble));
            }
        }
    }
    Ok(None)
}

/// Reads the headers of all packs. Returns those that can be read, and how many cannot.
fn packs(remote: &Remote, context: &Context, state: &State) -> Result<(Vec<PackRef>, u64)> {
    let (mut packs, mut unreadable) = (Vec::new(), 0);
    for meta in remote.list(&Prefix::parse("pack/")?)? {
        let Some(ObjectName::Pack(name)) = object_name::parse(meta.key.as_str()) else {
            continue;
        };
        let Ok(len) = u32::try_from(meta.len) else {
            unreadable += 1;
            continue;
        };
        match pack_found(remote, context, state, name, len) {
            Ok(pack) => packs.extend(pack),
            Err(error) if is_loss(&error) => {
                tracing::debug!(%error, "a pack cannot be read");
                unreadable += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok((packs, unreadable))
}

/// Makes up a snapshot of a tree.
fn snapshot_of(tree: &FoundTree) -> Snapshot {
    let mut random = [0; 16];
    random
        .iter_mut()
        .zip(tree.root.as_bytes())
        .for_each(|(to, from)| *to = *from);
    Snapshot {
        random,
        began: tree.newest,
        durable: tree.newest,
        root: tree.root,
        series: SERIES.to_owned(),
        tags: vec![SERIES.to_owned()],
        summary: Summary {
            bytes: tree.bytes,
            ..Summary::default()
        },
        program: "found without a journal".to_owned(),
        ..Snapshot::default()
    }
}

/// The series and the tag of snapshots that are made up for trees.
const SERIES: &str = "salvaged";
