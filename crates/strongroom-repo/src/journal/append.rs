//! Appends entries: a put-if-absent at the first free number, after validation against everything before it.

use std::time::Duration;

use bytes::Bytes;
use strongroom_crypt::{Roles, SigningKey, VerifyingKey};
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::{
    Body, ENTRY_HEAD_BYTES, Entry, ObjectHash, Payload, encode_bundle, entry_head, object_name,
};

use super::checkpoint::seal_checkpoint;
use super::replay::Replay;
use super::{Journal, View, lock};
use crate::context::{Context, absent_is_none, encode_error, is_there, object_key};
use crate::edge::{Remote, read_only};
use crate::error::{Error, ErrorKind, Head, Result};
use crate::features::{may_maintain, may_write};
use crate::keys::Keys;
use crate::state::State;

/// An entry that is in the journal.
#[derive(Debug, Clone)]
pub(crate) struct Appended {
    /// Its number.
    pub(crate) n: u64,
    /// Its hash.
    pub(crate) hash: ObjectHash,
}

/// A sealed entry on its way into the journal.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    n: u64,
    bytes: Bytes,
}

/// What became of an attempt.
#[derive(Debug)]
enum Outcome {
    /// It is in the journal.
    Written,
    /// Another entry has the number.
    Lost,
}

impl Journal {
    /// Appends the entry that `make` makes for the state before it, and returns once it is durable.
    ///
    /// `make` validates its preconditions against the state it is given. After every lost race it is called again with the
    /// state after the winner's entry, so what it returned before has had no effect. An error of it ends the call.
    ///
    /// Costs two requests: whether a later entry is there (then this one must not be written), and the put. One more when the entry is
    /// a maintainer's or an admin's, or this handle has not seen the last entry for some minutes: that one is read again, so that nothing
    /// is written behind a hole in a store that went back. In single-writer mode the number is read before and after as well, and an entry of
    /// this handle in doubt is settled first: it may be in the journal then although its append was an error.
    ///
    /// # Errors
    ///
    /// Those of `make` and of [`refresh`](Journal::refresh). `Invalid` when the entry is larger than the format permits.
    /// `ReadOnly` when the journal was opened around lost entries. `Conflict` when the entry would have no effect, or a second writer is at work in single-writer mode; `TakenOver` when this client is
    /// not the only writer there.
    /// `Incompatible` when a later version forbids this one to write, `WrongKey` without a key for `roles`. `Unavailable` may mean that nobody knows
    /// whether the entry was written; the next refresh tells.
    pub(crate) fn append(
        &self,
        remote: &Remote,
        context: &Context,
        roles: Roles,
        make: &mut dyn FnMut(&State) -> Result<Body>,
    ) -> Result<Appended> {
        self.append_at(remote, context, roles, &mut |state, _| make(state))
    }

    /// Like [`append`](Self::append) for an entry that has something sealed to it: `make` gets the bytes 0 to 95 that the entry will have.
    pub(crate) fn append_at(
        &self,
        remote: &Remote,
        context: &Context,
        roles: Roles,
        make: &mut dyn FnMut(&State, &[u8; ENTRY_HEAD_BYTES]) -> Result<Body>,
    ) -> Result<Appended> {
        let _turn = lock(&self.turn);
        if self.damage().is_some() {
            return Err(read_only());
        }
        self.settle(remote, context)?;
        if self.view().state.packs.is_unreadable() {
            self.catch_up(remote, context)?;
        }
        let mut losses = 0;
        loop {
            let view = self.view().clone();
            let random = context.random()?;
            let body = make(&view.state, &head_of_next(context, &view.state, random))?;
            let is_everyday = body.roles_needed().intersects(Roles::WRITER);
            let attempt = prepare(context, &view.state, roles, body, random)?;
            if (!is_everyday || self.was_shown_long_ago(context))
                && !self.check_head(remote, context, &view)?
            {
                losses += 1;
                back_off(remote, context, losses)?;
                continue;
            }
            let outcome = match is_vacant(remote, attempt.n)? {
                true => self.try_write(remote, &view.state, &attempt)?,
                false => Outcome::Lost,
            };
            match outcome {
                Outcome::Written => return self.written(remote, context, view, attempt.bytes),
                Outcome::Lost => {
                    losses += 1;
                    back_off(remote, context, losses)?;
                    if self.catch_up(remote, context)?.head <= attempt.n {
                        return Err(Error::new(ErrorKind::Unavailable, "an entry came and went")
                            .object_named(object_name::journal(attempt.n)));
                    }
                }
            }
        }
    }

    /// Finds out what became of an attempt whose put may be on its way, with the same bytes: when it arrives it would replace another one
    /// that this client puts in its place.
    fn settle(&self, remote: &Remote, context: &Context) -> Result<()> {
        let view = self.view().clone();
        let is_next = |attempt: &Attempt| attempt.n == view.state.head;
        let Some(attempt) = lock(&self.doubt).take_if(|one| is_next(one)) else {
            return Ok(());
        };
        match self.try_write(remote, &view.state, &attempt) {
            Ok(Outcome::Written) => self.written(remote, context, view, attempt.bytes).map(drop),
            Ok(Outcome::Lost) => self.catch_up(remote, context).map(drop),
            Err(error) => {
                *lock(&self.doubt) = Some(attempt);
                Err(error)
            }
        }
    }

    /// Writes an attempt if nothing is in its place. In single-writer mode it is kept as long as nobody knows what became of it.
    fn try_write(&self, remote: &Remote, state: &State, attempt: &Attempt) -> Result<Outcome> {
        let single_writer = state.only_writer.is_some();
        if single_writer && is_there(remote, &object_name::journal(attempt.n))? {
            // The store may overwrite what is there, so it is not asked to.
            return Ok(Outcome::Lost);
        }
        let outcome = write(remote, attempt, single_writer);
        if single_writer && outcome.is_err() {
            *lock(&self.doubt) = Some(attempt.clone());
        }
        outcome
    }

    /// Makes sure that the store still has the entry that the next one is to follow. Where a Bridge has taken its place, the journal is read anew, and
    /// it says no.
    fn check_head(&self, remote: &Remote, context: &Context, view: &View) -> Result<bool> {
        let now = context.components.clock.now();
        let last = view.state.head.saturating_sub(1);
        let head = Head::new(last, view.state.head_hash);
        let replay = Replay::new(remote, context);
        replay.check_head(head)?;
        *lock(&self.shown) = now;
        if replay.is_elsewhere(&view.state) {
            self.catch_up_by(&replay)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Says whether it is worth a request to see the last entry again. The clock decides what it costs and nothing more.
    fn was_shown_long_ago(&self, context: &Context) -> bool {
        let now = context.components.clock.now();
        let age = now.seconds.checked_sub(lock(&self.shown).seconds);
        age.is_none_or(|age| !(0..=TRUSTED_SECONDS).contains(&age))
    }

    fn written(
        &self,
        remote: &Remote,
        context: &Context,
        mut view: View,
        bytes: Bytes,
    ) -> Result<Appended> {
        let replay = Replay::new(remote, context);
        let n = view.state.head;
        let fetched = replay.decode(n, bytes)?;
        let hash = fetched.entry.hash;
        if let Some(locker) = context.store.locker() {
            let payload = fetched.entry.open(context.keys().structure.journal());
            if let Ok(payload) = payload {
                locker.named(&payload.body);
            }
        }
        match replay.fold(&mut view, fetched) {
            // It is written all the same, and is read with the others: now, so that it is remembered, or else by whoever asks for the state next.
            Err(error) if view.state.packs.is_unreadable() => {
                tracing::debug!(n, %error, "an entry that was written is not folded yet");
                if let Err(error) = self.catch_up(remote, context) {
                    tracing::debug!(n, %error, "nor could it be read");
                }
                return Ok(Appended { n, hash });
            }
            folded => folded?,
        };
        let view = self.remember(context, view);
        if view.state.head.is_multiple_of(BUNDLE_ENTRIES) {
            summarise(remote, context, &view);
        }
        Ok(Appended { n, hash })
    }
}

/// Returns the bytes 0 to 95 of the next entry.
fn head_of_next(context: &Context, state: &State, random: [u8; 16]) -> [u8; ENTRY_HEAD_BYTES] {
    let previous = state.link().previous;
    entry_head(
        context.suite,
        context.repository,
        state.head,
        random,
        &previous,
    )
}

/// Seals the next entry and makes sure that it will have an effect.
fn prepare(
    context: &Context,
    state: &State,
    roles: Roles,
    body: Body,
    random: [u8; 16],
) -> Result<Attempt> {
    may_write(context, state)?;
    if body.roles_needed() == Roles::MAINTAINER {
        may_maintain(context, state)?;
    }
    let keys = context.keys();
    check_writer(context, &keys, state, &body)?;
    let signers = signers(&keys, state, roles)?;
    let public: Vec<VerifyingKey> = signers.iter().map(|key| key.public()).collect();
    if let Some(reason) = state.void_reason(&body, &public) {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("the entry would be void: {reason}"),
        ));
    }
    let locked = match context.store.locker() {
        Some(locker) => locker.of_entry(&body)?,
        None => None,
    };
    let payload = Payload {
        locked,
        ..Payload::new(context.components.clock.now(), body)
    };
    let bytes = Entry::seal(
        context.suite,
        context.repository,
        state.head,
        random,
        state.link().previous,
        &payload,
        keys.structure.journal(),
        &signers,
    )
    .map_err(encode_error)?;
    Ok(Attempt {
        n: state.head,
        bytes: bytes.into(),
    })
}

/// Makes sure that this client is the only writer, where there is one and the entry is not the admin's alone to write.
///
/// All who open the repository share its keys, so a key says too little: who was the writer and is not any more must not go on as the new one.
fn check_writer(context: &Context, keys: &Keys, state: &State, body: &Body) -> Result<()> {
    let Some(only) = state
        .only_writer
        .filter(|_| state.lacks_only_writer(body, &[]))
    else {
        return Ok(());
    };
    if context.writer() == Some(only) && keys.signer_named(&only).is_some() {
        return Ok(());
    }
    let what = "another writer has taken over this repository, which takes one writer at a time";
    Err(Error::new(ErrorKind::TakenOver, what))
}

/// Chooses who signs: a key for the roles and, in single-writer mode, the only writer.
fn signers<'k>(keys: &'k Keys, state: &State, roles: Roles) -> Result<Vec<&'k SigningKey>> {
    let mut signers = vec![keys.signer(roles)?];
    // Without the only writer's key, what is not the admin's alone to write is refused as void.
    let only = state.only_writer.and_then(|only| keys.signer_named(&only));
    signers.extend(only.filter(|only| signers.iter().all(|one| one.public() != only.public())));
    Ok(signers)
}

/// Says whether entry `n` may be written, as far as the next one tells: if that exists, `n` is taken, or was lost, and another in its place
/// would break the chain.
fn is_vacant(remote: &Remote, n: u64) -> Result<bool> {
    if !is_there(remote, &object_name::journal(n + 1))? {
        return Ok(true);
    }
    match is_there(remote, &object_name::journal(n))? {
        true => Ok(false),
        false => Err(super::fetch::missing_entry(n)),
    }
}

/// Puts an attempt, and finds out what became of it when the store does not say.
fn write(remote: &Remote, attempt: &Attempt, single_writer: bool) -> Result<Outcome> {
    let name = object_name::journal(attempt.n);
    let key = object_key(&name)?;
    let mut tries = 0;
    loop {
        let put = remote.put(&key, attempt.bytes.clone());
        match &put {
            Ok(()) if !single_writer => return Ok(Outcome::Written),
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                return put.map(|()| Outcome::Lost);
            }
            _ => {}
        }
        match absent_is_none(remote.get(&key, None)) {
            Ok(Some(found)) if found == attempt.bytes => return Ok(Outcome::Written),
            Ok(Some(_)) if single_writer && put.is_ok() => {
                let what =
                    "a second writer replaced a journal entry: this store takes one writer only";
                return Err(Error::new(ErrorKind::Conflict, what).object_named(name));
            }
            Ok(Some(_)) => return Ok(Outcome::Lost),
            // The put may still be on its way. The same bytes again can do no harm, whichever arrives first.
            Ok(None) if tries < MAX_SAME_PUTS => tries += 1,
            Ok(None) => return Err(in_doubt(name, put.err())),
            Err(error) => return Err(in_doubt(name, Some(put.err().unwrap_or(error)))),
        }
    }
}

/// How long the last entry counts as there without being looked at.
const TRUSTED_SECONDS: i64 = 300;

/// How often the same bytes are put again when the store neither confirms nor has them.
const MAX_SAME_PUTS: u32 = 2;

fn in_doubt(name: String, cause: Option<Error>) -> Error {
    let kind = cause.as_ref().map_or(ErrorKind::Unavailable, Error::kind);
    let error =
        Error::new(kind, "the store did not say whether it has a journal entry").object_named(name);
    match cause {
        Some(cause) => error.caused_by(cause),
        None => error,
    }
}

/// Waits a little at random after several lost races, so that writers in step fall out of it.
fn back_off(remote: &Remote, context: &Context, losses: u32) -> Result<()> {
    if losses < PATIENCE {
        return Ok(());
    }
    let [random] = context.random::<1>()?;
    let most_ms = 1_u64 << losses.min(PATIENCE + 6).saturating_sub(PATIENCE);
    let wait = Duration::from_micros(most_ms * 4 * u64::from(random));
    remote.sleep(&context.components.sleep, wait)
}

/// Races that may be lost before the first wait.
const PATIENCE: u32 = 4;

/// Writes the bundle and the checkpoint of a full block. Both are copies: without them everything still works.
fn summarise(remote: &Remote, context: &Context, view: &View) {
    let n = view.state.head;
    let bundle = context.random().and_then(|random| {
        let bytes = encode_bundle(context.suite, context.repository, n, random, &view.recent)
            .map_err(encode_error)?;
        remote.put(&object_key(&object_name::bundle(n))?, bytes.into())
    });
    if let Err(error) = bundle {
        tracing::debug!(n, %error, "no bundle was written");
    }
    let checkpoint = seal_checkpoint(context, &view.state)
        .and_then(|bytes| remote.put(&object_key(&object_name::checkpoint(n))?, bytes.into()));
    if let Err(error) = checkpoint {
        tracing::debug!(n, %error, "no checkpoint was written");
    }
}
