//! The journal as somebody reads it who judges: entry by entry, with what that takes.

use std::ops::ControlFlow;

use strongroom_crypt::{Sealer as _, VerifyingKey};
use strongroom_format::record::Record;
use strongroom_format::{Body, ENTRY_HEAD_BYTES, Entry, Event, Evidence, evidence_aad};

use super::fetch::Fetched;
use super::walk::Visitor;
use super::{Journal, View};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::Result;
use crate::state::{Effect, State};

impl Journal {
    /// Calls `each` with every entry from number `from` on that has effect, and returns the number of the first that was not looked at.
    ///
    /// # Errors
    ///
    /// As [`show`](Self::show).
    pub(crate) fn events(
        &self,
        remote: &Remote,
        context: &Context,
        from: u64,
        each: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.show(remote, context, from, &mut Reader { context, each })
    }
}

/// Somebody who is called with entries.
struct Reader<'a> {
    context: &'a Context,
    each: &'a mut dyn FnMut(Event) -> ControlFlow<()>,
}

impl Visitor for Reader<'_> {
    type Note = Option<Event>;
    const BELIEVES_CHECKPOINTS: bool = true;

    fn before(&self, state: &State, fetched: &Fetched) -> Option<Event> {
        // Who its author was is for the state before it to say: it may be what takes a role away.
        self.event(state, &fetched.entry, &fetched.bytes)
    }

    fn after(&mut self, event: Option<Event>, _: &View, effect: Effect) -> Result<ControlFlow<()>> {
        let event = event.filter(|_| effect == Effect::InForce);
        Ok(event.map_or(ControlFlow::Continue(()), &mut self.each))
    }
}

impl Reader<'_> {
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
