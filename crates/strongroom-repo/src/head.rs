//! What this machine remembers of a repository: the last head, and the state there.
//!
//! It is written after the journal and is a cache: what does not fit is discarded. Only the head has consequences. A store whose
//! journal does not have the remembered entry has lost it or shows another history, and that is an error.
//!
//! There are two files, and a third where packs are many. `head` has everything. Where a state is large, the entries that came since are written
//! to `since` alone, up to the end of their bundle, so that remembering an entry does not cost what the state is large. The packs in force are in
//! a file of their own from some thousands on, which `head` names, with what changed since it was written: see [`Packs`].

mod state;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{RepositoryId, VerifyingKey};
use strongroom_format::{Entry, ObjectHash, ObjectKind};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Head, Result};
use crate::journal::{View, push_recent};
use crate::keys::Opener;
use crate::state::{PackFile, Packs, State};

/// The folder of one repository in the local cache.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// So many packs stay in memory.
    packs_in_memory: usize,
}

/// What was written when the head was last seen.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    /// Hash of config.
    pub(crate) config: ObjectHash,
    /// How many entries there were.
    pub(crate) n: u64,
    /// Hash of the last of them.
    pub(crate) hash: ObjectHash,
    /// Keyring object in force then.
    pub(crate) keyring: Bytes,
    /// The slot that opened it.
    pub(crate) slot: Option<Bytes>,
    /// In single-writer mode, the only writer as whom this machine writes.
    pub(crate) writer: Option<VerifyingKey>,
    /// The state after `whole` entries.
    sealed_state: Bytes,
    whole: Head,
    recent: Vec<Bytes>,
    /// Where the file of packs is that the state may name.
    packs: PathBuf,
}

/// What the files have, as far as their reader or writer knows.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// What was remembered last, without the state.
    known: Remembered,
    /// How many entries the state there has.
    whole: u64,
    /// Its length in bytes.
    len: u64,
}

impl Cache {
    pub(crate) fn new(folder: &Path, repository: &RepositoryId, packs_in_memory: usize) -> Self {
        Self {
            folder: folder.join(repository.to_string()),
            packs_in_memory,
        }
    }

    /// Returns what is remembered, if it is whole.
    pub(crate) fn read(&self) -> Option<Remembered> {
        let all = self.read_file(WHOLE).filter(Remembered::has_state)?;
        match self.read_file(SINCE) {
            Some(since) if since.continues(&all) => Some(since.after(all)),
            _ => Some(all),
        }
    }

    fn read_file(&self, name: &str) -> Option<Remembered> {
        let path = self.folder.join(name);
        let len = fs::metadata(&path).ok()?.len();
        if len > MAX_FILE_BYTES {
            return None;
        }
        let remembered = Remembered::decode(fs::read(path).ok()?.into())?;
        Some(Remembered {
            packs: self.packs_folder(),
            ..remembered
        })
    }

    fn packs_folder(&self) -> PathBuf {
        self.folder.join(PACKS)
    }

    /// Remembers a view, beside which the files have what is `written`; returns what they have then. What fails is forgotten: it is only a cache.
    ///
    /// The table of packs of the view moves to a file if it is large, or to another if much has changed since that was written.
    pub(crate) fn write(
        &self,
        context: &Context,
        view: &mut View,
        written: Option<&Written>,
    ) -> Option<Written> {
        let known = Remembered::without_state(context, view);
        let since = written.filter(|written| written.is_worth_continuing(&known));
        let done = match (written, since) {
            (Some(written), _) if written.known.is(&known) => return Some(written.clone()),
            (_, Some(written)) => {
                let bytes = known.since(written.whole).encode();
                self.replace(SINCE, &bytes).map(|()| Written {
                    known,
                    ..written.clone()
                })
            }
            (_, None) => self.write_whole(context, view, known),
        };
        done.inspect_err(|error| tracing::debug!(%error, "the head is not remembered"))
            .ok()
    }

    fn write_whole(
        &self,
        context: &Context,
        view: &mut View,
        known: Remembered,
    ) -> Result<Written> {
        match self.moved(&view.state.packs) {
            Ok(None) => {}
            Ok(Some(packs)) => Arc::make_mut(&mut view.state).packs = packs,
            Err(error) => tracing::debug!(%error, "the table of packs stays where it is"),
        }
        let sealed_state = state::seal(context, &view.state)?;
        let all = Remembered {
            sealed_state,
            ..known.clone()
        };
        let bytes = all.encode();
        self.replace(WHOLE, &bytes)?;
        let kept = view.state.packs.changes().map(|changes| changes.file);
        PackFile::sweep(&self.packs_folder(), kept);
        Ok(Written {
            whole: known.n,
            known,
            len: bytes.len() as u64,
        })
    }

    /// Returns a table of packs where it belongs, if it is not there.
    fn moved(&self, packs: &Packs) -> Result<Option<Packs>> {
        let is_large = packs.len() > self.packs_in_memory;
        let is_at_home = match packs.changes() {
            None => !is_large,
            // Not at once, or it might go to and fro.
            Some(_) if packs.len() <= self.packs_in_memory / 2 => {
                return packs.in_memory().map(Some);
            }
            Some(changes) => {
                let changed = changes.added.len() + changes.removed.len();
                let bearable = self
                    .packs_in_memory
                    .max(changes.file.rows() / CHANGED_SHARE);
                changed <= bearable && changes.file.is_there()
            }
        };
        match is_at_home {
            true => Ok(None),
            false => packs.moved_to(&self.packs_folder()).map(Some),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.try_replace(name, bytes).map_err(|error| {
            Error::new(ErrorKind::Internal, "the local cache was not written").caused_by(error)
        })
    }

    fn try_replace(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // A name of its own for every process, so that two do not write into one file.
        let path = self.folder.join(name);
        let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
        written
    }
}

impl Written {
    /// What the files have, of which this was read.
    pub(crate) fn of(remembered: &Remembered) -> Self {
        Self {
            whole: remembered.whole.n,
            len: remembered.sealed_state.len() as u64,
            known: Remembered {
                sealed_state: Bytes::new(),
                ..remembered.clone()
            },
        }
    }

    /// Says whether a state of so many entries is to be remembered though the operation goes on: if that is cheap, or so many entries have come that
    /// reading them again would be dear.
    pub(crate) fn is_outdated(&self, head: u64) -> bool {
        let entries = head.saturating_sub(self.known.n);
        entries.saturating_mul(BYTES_AN_ENTRY) >= self.len
    }

    /// Says whether the entries that a view has at hand lead on from the state in the file, and are so few that it need not be written anew.
    fn is_worth_continuing(&self, now: &Remembered) -> bool {
        let entries = now.n.saturating_sub(self.whole);
        now.leads_on_from(self.whole) && entries.saturating_mul(BYTES_AN_ENTRY) < self.len
    }
}

impl Remembered {
    fn without_state(context: &Context, view: &View) -> Self {
        let (state, keys) = (&view.state, context.keys());
        let slot = match keys.opener.as_ref() {
            Opener::Public => None,
            Opener::Slot { object, .. } => object.clone(),
        };
        Self {
            config: context.config_hash,
            n: state.head,
            hash: state.head_hash,
            keyring: keys.keyring_object.clone(),
            slot,
            writer: context.writer(),
            sealed_state: Bytes::new(),
            whole: Head::new(state.head, state.head_hash),
            recent: view.recent.clone(),
            packs: PathBuf::new(),
        }
    }

    /// Says whether another remembers the same, the state aside, which the entries decide.
    fn is(&self, other: &Self) -> bool {
        (self.config, self.n, self.hash, self.writer)
            == (other.config, other.n, other.hash, other.writer)
            && (&self.keyring, &self.slot) == (&other.keyring, &other.slot)
    }

    fn has_state(&self) -> bool {
        !self.sealed_state.is_empty()
    }

    /// Says whether it has all the entries since there were `whole`, and at least one.
    fn leads_on_from(&self, whole: u64) -> bool {
        let entries = self.n.checked_sub(whole);
        entries.is_some_and(|entries| (1..=self.recent.len() as u64).contains(&entries))
    }

    fn continues(&self, all: &Self) -> bool {
        !self.has_state() && self.config == all.config && self.leads_on_from(all.n)
    }

    /// Leaves out the entries that somebody who knows so many has.
    fn since(&self, whole: u64) -> Self {
        let entries = usize::try_from(self.n.saturating_sub(whole)).unwrap_or(usize::MAX);
        let known = self.recent.len().saturating_sub(entries);
        Self {
            recent: self.recent.iter().skip(known).cloned().collect(),
            ..self.clone()
        }
    }

    /// Joins it with the state that it continues.
    fn after(self, all: Self) -> Self {
        let new = usize::try_from(self.n.saturating_sub(all.n)).unwrap_or(usize::MAX);
        let new = self.recent.len().saturating_sub(new);
        let mut recent = all.recent;
        for entry in self.recent.into_iter().skip(new) {
            push_recent(&mut recent, entry);
        }
        Self {
            sealed_state: all.sealed_state,
            whole: all.whole,
            recent,
            ..self
        }
    }

    /// Opens the state and takes up the view, if it fits the keys.
    pub(crate) fn view(&self, context: &Context) -> Option<View> {
        let state = self.whole_state(context)?;
        let state = match self.whole.n == self.n {
            true => state,
            false => self.continued(context, state)?,
        };
        Some(View {
            state: state.into(),
            recent: self.recent.clone(),
        })
    }

    /// Folds the entries that came since; they have to lead to what is remembered.
    fn continued(&self, context: &Context, mut state: State) -> Option<State> {
        let structure = &context.keys().structure;
        let entries = usize::try_from(self.n.checked_sub(state.head)?).ok()?;
        let from = self.recent.len().checked_sub(entries)?;
        for bytes in self.recent.get(from..)? {
            let entry = Entry::decode(bytes).ok()?;
            let follows = entry.n == state.head && entry.previous == state.link().previous;
            let is_ours =
                entry
                    .preamble
                    .check(ObjectKind::Journal, context.suite, &context.repository);
            if !follows || is_ours.is_err() {
                return None;
            }
            state.fold(&entry, structure).ok()?;
        }
        (state.head_hash == self.hash).then_some(state)
    }

    fn whole_state(&self, context: &Context) -> Option<State> {
        let known = State::before_genesis(self.config);
        state::open(context, &self.sealed_state, self.whole, &known, &self.packs)
    }

    /// Returns the entry that was seen last.
    pub(crate) fn head(&self) -> Head {
        Head::new(self.n.saturating_sub(1), self.hash)
    }

    /// Returns the entries that it has.
    pub(crate) fn recent(&self) -> &[Bytes] {
        &self.recent
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(self.config.as_bytes());
        out.extend_from_slice(&self.n.to_le_bytes());
        out.extend_from_slice(self.hash.as_bytes());
        let writer = self.writer.map_or([0; 32], |writer| *writer.as_bytes());
        out.extend_from_slice(&writer);
        let slot = self.slot.clone().unwrap_or_default();
        let parts = [&self.keyring, &slot, &self.sealed_state]
            .into_iter()
            .chain(&self.recent);
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_le_bytes());
            out.extend_from_slice(part);
        }
        let seal = ObjectHash::of(&out);
        out.extend_from_slice(seal.as_bytes());
        out
    }

    fn decode(bytes: Bytes) -> Option<Self> {
        let (body, seal) = bytes.split_last_chunk::<32>()?;
        if ObjectHash::of(body).as_bytes() != seal {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC.as_slice())?;
        let config = ObjectHash::from_bytes(take(&mut rest)?);
        let n = u64::from_le_bytes(take(&mut rest)?);
        let hash = ObjectHash::from_bytes(take(&mut rest)?);
        let writer: [u8; 32] = take(&mut rest)?;
        let writer = (writer != [0; 32]).then(|| VerifyingKey::from_bytes(writer));
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let len = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
            let (part, after) = rest.split_at_checked(len)?;
            // The state is large and soon dropped; what stays must not keep its memory.
            parts.push(match parts.len() {
                STATE_PART => bytes.slice_ref(part),
                _ => Bytes::copy_from_slice(part),
            });
            rest = after;
        }
        let mut parts = parts.into_iter();
        let (keyring, slot, sealed_state) = (parts.next()?, parts.next()?, parts.next()?);
        let slot = Some(slot).filter(|slot| !slot.is_empty());
        let recent = parts.collect();
        Some(Self {
            config,
            n,
            hash,
            keyring,
            slot,
            writer,
            sealed_state,
            whole: Head::new(n, hash),
            recent,
            packs: PathBuf::new(),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

/// Everything.
const WHOLE: &str = "head";
/// Everything but the state, for as long as the entries lead on from the one there.
const SINCE: &str = "since";

/// The folder of the file of packs.
const PACKS: &str = "packs";

/// A file of packs is written anew when one in so many has changed: so many rows are written for each change.
const CHANGED_SHARE: usize = 8;

/// How many bytes of a cache are written again for each entry, at most.
const BYTES_AN_ENTRY: u64 = 1 << 16;

/// Where the state is among the parts of a file.
const STATE_PART: usize = 2;

const MAGIC: &[u8; 8] = b"SRHEAD3\n";

/// A file larger than a checkpoint, a keyring and a bundle together is none of ours.
const MAX_FILE_BYTES: u64 = 1 << 30;
