//! Checkpoints: the state, sealed and signed, so that newcomers need not fold everything (format §8.6).

use strongroom_crypt::{Roles, VerifyingKey};
use strongroom_format::{ObjectKind, SealedCheckpoint, object_name};

use super::fetch::missing_entry;
use super::replay::Replay;
use crate::context::{Context, encode_error, get_if_there};
use crate::error::{Error, ErrorKind, Result};
use crate::state::State;

/// Encodes, seals and signs a state whose head is a multiple of 64.
///
/// # Errors
///
/// `Incompatible` when an entry has an effect that this version does not know: the state may then be more than it seems.
pub(super) fn seal_checkpoint(context: &Context, state: &State) -> Result<Vec<u8>> {
    if state.must_understand.is_some() {
        let what = "this version does not understand the whole state";
        return Err(Error::new(ErrorKind::Incompatible, what));
    }
    let keys = context.keys();
    let signer = keys.signer(Roles::WRITER | Roles::MAINTAINER)?;
    state
        .to_checkpoint()?
        .seal(
            context.suite,
            context.repository,
            state.head,
            context.random()?,
            state.head_hash,
            keys.structure.checkpoint(),
            &[signer],
        )
        .map_err(encode_error)
}

impl Replay<'_> {
    /// Returns the state of checkpoint `n` if it can be trusted: a key that the keyring or the state so far certifies has signed it, and
    /// the entries around it are those it was made of. `None` for whatever reason it cannot: it is only a cache.
    pub(super) fn checkpoint(&self, n: u64, end: u64, known: &State) -> Result<Option<State>> {
        let Some(bytes) = get_if_there(self.remote, &object_name::checkpoint(n))? else {
            return Ok(None);
        };
        let Some(state) = self.open_checkpoint(n, &bytes, known) else {
            tracing::debug!(n, "a checkpoint is not trusted");
            return Ok(None);
        };
        if n < end && self.follows(n, &state)? {
            return Ok(Some(state));
        }
        let last = self.entry(n - 1)?.ok_or_else(|| missing_entry(n - 1))?;
        Ok((last.entry.hash == state.head_hash).then_some(state))
    }

    fn follows(&self, n: u64, state: &State) -> Result<bool> {
        let next = self.entry(n)?.ok_or_else(|| missing_entry(n))?;
        Ok(next.entry.previous == state.head_hash)
    }

    /// Opens a checkpoint that a key signed which the keyring or the state so far certifies.
    pub(crate) fn open_checkpoint(&self, n: u64, bytes: &[u8], known: &State) -> Option<State> {
        let sealed = SealedCheckpoint::decode(bytes).ok()?;
        let Context {
            suite, repository, ..
        } = self.context;
        sealed
            .preamble
            .check(ObjectKind::Checkpoint, *suite, repository)
            .ok()?;
        let keys = self.context.keys();
        let roles = Roles::WRITER | Roles::MAINTAINER;
        let trusted = |public: [u8; 32]| {
            let key = VerifyingKey::from_bytes(public);
            keys.signer_named(&key).is_some() || known.has_role(&key, roles)
        };
        let signed = sealed.verify_signatures()
            && sealed
                .signatures
                .iter()
                .any(|signature| trusted(signature.public));
        if sealed.n != n || !signed {
            return None;
        }
        let checkpoint = sealed.open(keys.structure.checkpoint()).ok()?;
        let same = checkpoint.genesis == known.genesis
            && VerifyingKey::from_bytes(checkpoint.admin) == known.admin;
        if !same {
            return None;
        }
        State::of_checkpoint(checkpoint, n, sealed.last, known, &keys.structure).ok()
    }
}
