//! Looks at a journal of which entries are lost: what is there, what is known of the rest, and what a repair would put in its place.

mod assembly;
mod effects;
mod found;
mod recall;
mod stock;

use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::{ObjectHash, SegmentRef};

use self::effects::Effects;
use self::stock::Stock;
use super::{JournalDamage, LostEntries};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Head, Result};
use crate::head::Remembered;
use crate::journal::{Replay, View};

/// Where what is lost may be known from, beside the store.
#[derive(Debug, Default)]
pub(crate) struct Sources<'a> {
    /// What this machine remembers.
    pub(crate) remembered: Option<Remembered>,
    /// What this handle has read.
    pub(crate) view: Option<View>,
    /// Entries that must be there, or be lost.
    pub(crate) seen: Vec<Head>,
    /// Another store that may have entries: a mirror, a replica.
    pub(crate) other: Option<&'a Remote>,
}

/// A journal of which entries are lost.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) damage: JournalDamage,
    /// What comes before the first lost entry.
    pub(crate) prefix: View,
    /// All of it, with what a repair would put.
    pub(crate) past: View,
    /// What a repair would put, in the order of numbers.
    pub(super) patches: Vec<Patch>,
}

/// What a repair puts in the place of a lost entry.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    pub(super) n: u64,
    /// The name that is free.
    pub(super) object: String,
    pub(super) bytes: Bytes,
    pub(super) hash: ObjectHash,
    /// It is the entry itself.
    pub(super) is_original: bool,
}

/// How far a survey looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// At the journal.
    Journal,
    /// At the packs that are there, too.
    Packs,
}

impl Survey {
    /// Looks at the journal; `None` if nothing of it is lost.
    ///
    /// # Errors
    ///
    /// `Damaged` when the first entry is lost, which nothing can stand for, or too many in a row; `Incompatible` when a later version has written; otherwise what the
    /// store said. Nothing is taken for lost that could not be looked for.
    ///
    /// `segment` maps the packs that are found; only a repair has one.
    pub(crate) fn of(
        remote: &Remote,
        context: &Context,
        sources: &Sources<'_>,
        extent: Extent,
        segment: Option<SegmentRef>,
    ) -> Result<Option<Self>> {
        let replay = Replay::of_entries(remote, context);
        let mut prefix = View::before_genesis(context.config_hash);
        let read = replay.read_all(&mut prefix);
        let failure = match read {
            Ok(()) => None,
            Err(error) if error.lost_entry().is_some() => Some(error),
            Err(error) => return Err(error),
        };
        let end = found::end(&replay, prefix.state.head)?;
        if prefix.state.head == 0 {
            return failure.map_or(Ok(None), Err);
        }
        if failure.is_none() && end == prefix.state.head {
            return Ok(None);
        }
        let surveyor = Surveyor {
            remote,
            context,
            sources,
            replay,
        };
        surveyor.survey(prefix, end, extent, segment).map(Some)
    }
}

/// Looks at one journal, and at whatever else knows of it.
struct Surveyor<'a> {
    remote: &'a Remote,
    context: &'a Context,
    sources: &'a Sources<'a>,
    replay: Replay<'a>,
}

impl Surveyor<'_> {
    fn survey(
        &self,
        prefix: View,
        end: u64,
        extent: Extent,
        segment: Option<SegmentRef>,
    ) -> Result<Survey> {
        let (prefix, mut found) = self.find(prefix, end)?;
        self.recall(&prefix, &mut found)?;
        let plain = self.assemble(&prefix, &found, &Effects::new(), None)?;
        let mut known_from = found
            .lost
            .iter()
            .all(|lost| lost.is_known)
            .then(|| "entries that were found elsewhere".to_owned());
        let mut effects = self.announce(&prefix, &plain, &found);
        self.forget_again(&prefix, &plain, &found, &mut effects);
        let mut assembled = self.assemble(&prefix, &found, &effects, None)?;
        if known_from.is_none()
            && let Some((told, source)) = self.tell(&prefix, &found)?
        {
            effects = told;
            assembled = self.assemble(&prefix, &found, &effects, None)?;
            known_from = Some(source);
        }
        let mut stock = Stock::default();
        if known_from.is_none() && extent == Extent::Packs {
            stock = self.take_stock(&assembled.view.state)?;
            stock.segment = segment;
            if let Some(last) = found.lost.iter().rfind(|lost| !lost.is_known) {
                effects.entry(last.n).or_default().extend(stock.effects());
            }
            assembled = self.assemble(&prefix, &found, &effects, None)?;
        }
        self.check_seen(&prefix, &found, end)?;
        let mut past = assembled.view;
        if !stock.found.is_empty() && stock.segment.is_none() {
            Arc::make_mut(&mut past.state).has_unmapped_packs = true;
        }
        let damage = JournalDamage {
            found_packs: stock.found,
            gone_packs: stock.gone,
            intact: prefix.state.head,
            end,
            lost: found.lost,
            later: assembled.later,
            known_from,
            mode: LostEntries::Refuse,
        };
        Ok(Survey {
            damage,
            prefix,
            past,
            patches: assembled.patches,
        })
    }
}

/// Entries between two checkpoints.
const ENTRIES: u64 = strongroom_format::limits::BUNDLE_ENTRIES;
