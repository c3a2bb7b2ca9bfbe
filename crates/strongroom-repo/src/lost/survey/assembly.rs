//! The journal with Bridges in the places of lost entries: what a repair would put, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypt::Roles;
use strongroom_format::{Body, Bridge, Entry, ObjectHash, Payload, object_name};

use super::super::{InPlace, LaterEntry, LostEntry};
use super::effects::Effects;
use super::found::Found;
use super::{Patch, Surveyor};
use crate::context::{encode_error, is_there};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Fetched, View};
use crate::state::{Effect, State};

/// A journal with what a repair would put.
pub(super) struct Assembled {
    pub(super) view: View,
    pub(super) view_at: Option<Arc<State>>,
    pub(super) patches: Vec<Patch>,
    pub(super) later: Vec<LaterEntry>,
}

impl Surveyor<'_> {
    /// Folds everything, with Bridges in the places of lost entries. `at` asks for the state after so many.
    pub(super) fn assemble(
        &self,
        prefix: &View,
        found: &Found,
        effects: &Effects,
        at: Option<u64>,
    ) -> Result<Assembled> {
        let mut view = prefix.clone();
        let mut assembled = Assembled {
            view: prefix.clone(),
            view_at: None,
            patches: Vec::new(),
            later: Vec::new(),
        };
        let lost: BTreeMap<u64, &LostEntry> =
            found.lost.iter().map(|lost| (lost.n, lost)).collect();
        for (position, entry) in found.entries.iter().enumerate() {
            let n = view.state.head;
            let fetched = match entry {
                Some(fetched) => fetched.duplicate(),
                None => {
                    let next = found.entries.get(position + 1).and_then(Option::as_ref);
                    let stated = next.map(|next| next.entry.previous);
                    let effects = effects.get(&n).cloned().unwrap_or_default();
                    self.seal(&view.state, stated, effects)?
                }
            };
            if let Some(lost) = lost.get(&n) {
                assembled.patches.push(self.patch(lost, &fetched)?);
            }
            let was_there = !lost.contains_key(&n);
            let described = was_there.then(|| self.describe(&fetched));
            let effect = self.replay.fold(&mut view, fetched)?;
            if let Some(mut later) = described {
                later.void = match effect {
                    Effect::InForce => None,
                    Effect::Void(reason) => Some(reason),
                };
                assembled.later.push(later);
            }
            if Some(view.state.head) == at {
                assembled.view_at = Some(Arc::clone(&view.state));
            }
        }
        assembled.view = view;
        Ok(assembled)
    }

    /// Makes the Bridge that follows a state.
    fn seal(
        &self,
        state: &State,
        stated: Option<ObjectHash>,
        effects: Vec<Body>,
    ) -> Result<Fetched> {
        let context = self.context;
        let keys = context.keys();
        let bridge = Bridge {
            stated,
            effects,
            reason: "the entry is lost".to_owned(),
            ..Bridge::default()
        };
        let payload = Payload {
            must_understand: true,
            ..Payload::new(
                context.components.clock.now(),
                Body::Bridge(Box::new(bridge)),
            )
        };
        let admin = keys.signer_named(&state.admin);
        let signer = admin.map_or_else(|| keys.signer(Roles::ADMIN), Ok)?;
        let bytes = Entry::seal(
            context.suite,
            context.repository,
            state.head,
            context.random()?,
            state.link().previous,
            &payload,
            keys.structure.journal(),
            &[signer],
        )
        .map_err(encode_error)?;
        self.replay.decode(state.head, bytes.into())
    }

    fn patch(&self, lost: &LostEntry, fetched: &Fetched) -> Result<Patch> {
        let object = match lost.found {
            InPlace::Nothing => object_name::journal(lost.n),
            InPlace::Rubbish | InPlace::Another => object_name::journal_copy(lost.n),
        };
        if lost.found != InPlace::Nothing && is_there(self.remote, &object)? {
            let what = "both the object and the copy of a journal entry are damaged, and nothing can be put beside them";
            let error = Error::new(ErrorKind::Damaged, what).object_named(object);
            return Err(error.losing(lost.n));
        }
        Ok(Patch {
            n: lost.n,
            object,
            bytes: fetched.bytes.clone(),
            hash: fetched.entry.hash,
            is_original: lost.is_known,
        })
    }

    fn describe(&self, fetched: &Fetched) -> LaterEntry {
        let keys = self.context.keys();
        let payload = fetched.entry.open(keys.structure.journal()).ok();
        let snapshot = payload.as_ref().and_then(|payload| match &payload.body {
            Body::Commit(commit) => {
                let id = commit.snapshot.id(&keys.structure).ok()?;
                Some((id, commit.snapshot.series.clone()))
            }
            _ => None,
        });
        LaterEntry {
            n: fetched.entry.n,
            time: payload.as_ref().map(|payload| payload.time),
            kind: payload
                .as_ref()
                .map_or("", |payload| name_of(&payload.body)),
            snapshot,
            void: None,
        }
    }
}

fn name_of(body: &Body) -> &'static str {
    match body {
        Body::Genesis(_) => "Genesis",
        Body::Commit(_) => "Commit",
        Body::Packs(_) => "Packs",
        Body::Abandon(_) => "Abandon",
        Body::Forget(_) => "Forget",
        Body::Condemn(_) => "Condemn",
        Body::Tombstone(_) => "Tombstone",
        Body::Index(_) => "Index",
        Body::Damaged(_) => "Damaged",
        Body::Keys(_) => "Keys",
        Body::Feature(_) => "Feature",
        Body::Hold(_) => "Hold",
        Body::Policy(_) => "Policy",
        Body::Evidence(_) => "Evidence",
        Body::Takeover(_) => "Takeover",
        Body::Bridge(_) => "Bridge",
        _ => "a later version's",
    }
}
