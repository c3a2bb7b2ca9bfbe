//! The journal as somebody reads it who judges: entry by entry, with what that takes.

use std::ops::ControlFlow;

use strongroom_crypt::{Sealer as _, VerifyingKey};
use strongroom_format::record::Record;
use strongroom_format::{
    Body, ENTRY_HEAD_BYTES, Entry, Event, Evidence, evidence_aad, object_name,
};

use super::fetch::Fetched;
use super::replay::{Replay, WORTH_A_CHECKPOINT};
use super::{Journal, View};
use crate::context::Context;
use crate::edge::{Remote, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Effect, State};

impl Journal {
    /// Calls `each` with every entry from number `from` on that has effect, and returns the number of the first that was not looked at.
    ///
    /// Beside the state there are a few bundles in memory. Of a journal that was opened around lost entries, it is what comes before the first of them.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); `Invalid` when there are fewer entries than `from`; `Conflict` when they are not those that this client has
    /// seen before.
    pub(crate) fn events(
        &self,
        remote: &Remote,
        context: &Context,
        from: u64,
        each: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<u64> {
        let known = self.refresh(remote, context)?;
        let damage = self.damage();
        let end = damage.as_ref().map_or(known.head, |damage| damage.intact);
        if from >= end {
            return match from == end {
                true => Ok(end),
                false => Err(too_few(end)),
            };
        }
        let replay = Replay::like(remote, context, &known);
        let mut view = View::before_genesis(context.config_hash);
        replay.begin(&mut view)?;
        let mut reader = Reader {
            context,
            from,
            next: from,
            each,
            is_over: false,
        };
        match reader.read(&replay, &mut view, end) {
            Err(_) if reader.is_over => return Ok(reader.next),
            read => read?,
        }
        if damage.is_none() && view.state.head_hash != known.head_hash {
            let what = "the journal's entries are not those that lead to the head seen before";
            let last = object_name::journal(known.head.saturating_sub(1));
            return Err(Error::new(ErrorKind::Conflict, what).object_named(last));
        }
        Ok(end)
    }
}

/// Somebody who is called with entries.
struct Reader<'a> {
    context: &'a Context,
    /// The first entry that matters.
    from: u64,
    /// The first that was not looked at.
    next: u64,
    each: &'a mut dyn FnMut(Event) -> ControlFlow<()>,
    /// Whether whoever is called has had enough.
    is_over: bool,
}

impl Reader<'_> {
    /// Reads on behind the first entry, which is in the view.
    fn read(&mut self, replay: &Replay<'_>, view: &mut View, end: u64) -> Result<()> {
        if self.from == 0 {
            self.begin(view)?;
        } else if self.from > WORTH_A_CHECKPOINT {
            replay.jump(view, self.from)?;
        }
        replay.each(view.state.head..end, |fetched| {
            self.take(replay, view, fetched)
        })
    }

    fn begin(&mut self, view: &View) -> Result<()> {
        let genesis = view
            .recent
            .last()
            .map(|bytes| (bytes, Entry::decode(bytes)));
        let event = match genesis {
            Some((bytes, Ok(entry))) => self.event(&view.state, &entry, bytes),
            _ => None,
        };
        self.call(0, event)
    }

    fn take(&mut self, replay: &Replay<'_>, view: &mut View, fetched: Fetched) -> Result<()> {
        let fetched = replay.chained(&view.state.link(), fetched)?;
        let n = fetched.entry.n;
        // Who its author was is for the state before it to say: it may be what takes a role away.
        let event = match n < self.from {
            true => None,
            false => self.event(&view.state, &fetched.entry, &fetched.bytes),
        };
        let effect = replay.fold(view, fetched)?;
        if n < self.from {
            return Ok(());
        }
        self.call(n, event.filter(|_| effect == Effect::InForce))
    }

    fn call(&mut self, n: u64, event: Option<Event>) -> Result<()> {
        self.next = n.saturating_add(1);
        self.is_over = event.is_some_and(|event| (self.each)(event).is_break());
        match self.is_over {
            true => Err(cancelled()),
            false => Ok(()),
        }
    }

    /// Opens an entry; `None` if its payload does not open, and then it has no effect either.
    fn event(&self, state: &State, entry: &Entry, bytes: &[u8]) -> Option<Event> {
        let keys = self.context.keys();
        let payload = entry.open(keys.structure.journal()).ok()?;
        let author = entry.signatures.first()?.public;
        let (roles, label) = state.certified(&VerifyingKey::from_bytes(author));
        let (record, sealed) = match &payload.body {
            Body::Evidence(evidence) => (
                // What a later version means by it is not for this one to know.
                Record::of_evidence(evidence).ok().flatten(),
                self.open(evidence, bytes.first_chunk()?),
            ),
            _ => (None, None),
        };
        let snapshot = match &payload.body {
            Body::Commit(commit) => commit.snapshot.id(&keys.structure).ok(),
            _ => None,
        };
        Some(Event {
            n: entry.n,
            hash: entry.hash,
            at: payload.time,
            author,
            label: label.to_owned(),
            roles,
            body: payload.body,
            snapshot,
            record,
            sealed,
        })
    }

    /// Opens the sensitive part of evidence; `None` if there is none, or it is under a key that this handle does not have.
    fn open(&self, evidence: &Evidence, head: &[u8; ENTRY_HEAD_BYTES]) -> Option<Vec<u8>> {
        let (epoch, sealed) = evidence.sensitive.as_ref()?;
        let Context {
            suite, repository, ..
        } = self.context;
        let keys = self.context.keys();
        let key = keys.epoch(*epoch)?;
        let sealer = key.evidence(*suite, &self.context.components.random);
        let mut plain = Vec::new();
        let aad = evidence_aad(repository, head);
        sealer.open(&aad, sealed, &mut plain).ok()?;
        Some(plain)
    }
}

fn too_few(end: u64) -> Error {
    let what = format!("the journal has no more than {end} entries");
    Error::new(ErrorKind::Invalid, what)
}
