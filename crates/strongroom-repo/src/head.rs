//! What this machine remembers of a repository: the last head, and the state there.
//!
//! It is written after the journal and is a cache: what does not fit is discarded. Only the head has consequences. A store whose
//! journal does not have the remembered entry has lost it or shows another history, and that is an error.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use strongroom_crypt::{RepositoryId, Sealer as _, VerifyingKey};
use strongroom_format::{Checkpoint, ObjectHash};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Head, Result};
use crate::journal::View;
use crate::keys::Opener;
use crate::state::State;

/// The folder of one repository in the local cache.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
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
    sealed_state: Bytes,
    recent: Vec<Bytes>,
}

impl Cache {
    pub(crate) fn new(folder: &Path, repository: &RepositoryId) -> Self {
        Self {
            folder: folder.join(repository.to_string()),
        }
    }

    /// Returns what is remembered, if it is whole.
    pub(crate) fn read(&self) -> Option<Remembered> {
        let path = self.path();
        let len = fs::metadata(&path).ok()?.len();
        if len > MAX_FILE_BYTES {
            return None;
        }
        Remembered::decode(fs::read(path).ok()?.into())
    }

    /// Remembers a view; returns how many bytes that took. What fails is forgotten: it is only a cache.
    pub(crate) fn write(&self, context: &Context, view: &View) -> u64 {
        let written = seal_state(context, &view.state).and_then(|remembered| {
            let remembered = Remembered {
                recent: view.recent.clone(),
                ..remembered
            };
            let bytes = remembered.encode();
            let failed = |error| {
                Error::new(ErrorKind::Internal, "the local cache was not written").caused_by(error)
            };
            self.replace(&bytes)
                .map(|()| bytes.len() as u64)
                .map_err(failed)
        });
        written.unwrap_or_else(|error| {
            tracing::debug!(%error, "the head is not remembered");
            0
        })
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // A name of its own for every process, so that two do not write into one file.
        let path = self.path();
        let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
        written
    }

    fn path(&self) -> PathBuf {
        self.folder.join("head")
    }
}

fn seal_state(context: &Context, state: &State) -> Result<Remembered> {
    let keys = context.keys();
    let plain = state
        .to_checkpoint()
        .encode()
        .map_err(crate::context::encode_error)?;
    let mut sealed = Vec::with_capacity(plain.len() + keys.structure.checkpoint().overhead());
    let aad = state_aad(context, state.head, &state.head_hash);
    keys.structure
        .checkpoint()
        .seal(&aad, &plain, &mut sealed)
        .map_err(|error| Error::new(ErrorKind::Internal, "no state was sealed").caused_by(error))?;
    let slot = match keys.opener.as_ref() {
        Opener::Public => None,
        Opener::Slot { object, .. } => object.clone(),
    };
    Ok(Remembered {
        config: context.config_hash,
        n: state.head,
        hash: state.head_hash,
        keyring: keys.keyring_object.clone(),
        slot,
        writer: context.writer(),
        sealed_state: sealed.into(),
        recent: Vec::new(),
    })
}

fn state_aad(context: &Context, n: u64, hash: &ObjectHash) -> Vec<u8> {
    [
        b"local state".as_slice(),
        context.repository.as_bytes(),
        &n.to_le_bytes(),
        hash.as_bytes(),
    ]
    .concat()
}

impl Remembered {
    /// Opens the state and takes up the view, if it fits the keys.
    pub(crate) fn view(&self, context: &Context) -> Option<View> {
        let keys = context.keys();
        let aad = state_aad(context, self.n, &self.hash);
        let mut plain = Vec::new();
        keys.structure
            .checkpoint()
            .open(&aad, &self.sealed_state, &mut plain)
            .ok()?;
        let checkpoint = Checkpoint::decode(&plain).ok()?;
        if checkpoint.genesis != keys.genesis {
            return None;
        }
        let known = State::before_genesis(self.config);
        let state =
            State::of_checkpoint(checkpoint, self.n, self.hash, &known, &keys.structure).ok()?;
        Some(View {
            state: state.into(),
            recent: self.recent.clone(),
        })
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
            parts.push(bytes.slice_ref(part));
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
            recent,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

const MAGIC: &[u8; 8] = b"SRHEAD3\n";

/// A file larger than a checkpoint, a keyring and a bundle together is none of ours.
const MAX_FILE_BYTES: u64 = 1 << 30;
