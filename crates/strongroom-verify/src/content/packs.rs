//! The packs: which of them are looked at, and what is noted of each.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, PackHeader};

use super::Content;
use crate::edge::Unread;
use crate::error::Result;
use crate::index::places_of_headers;
use crate::observer::Stage;
use crate::pack::{
    Depth, FoundPage, Gap, HashState, HeaderSpot, Holdings, Job, Keyset, PackChecker, PackFault,
    PackOutcome, PackSeen, PackState, Presence, Reading, describe, read,
};
use crate::{Area, Level, Problem, Severity, Subject};

/// Which packs are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Chosen,
    Headers,
    Again,
}

impl Content<'_> {
    /// Whether headers are opened.
    pub(super) fn has_headers(&self) -> bool {
        self.input.keys.is_some() && self.depth() > Depth::Hashed
    }

    /// Looks at packs: those that were chosen and were not read, the headers of the others, or, in a later pass, all headers that were good.
    pub(super) fn packs(
        &mut self,
        which: Which,
        holdings: &mut Holdings,
        mut pages: Option<&mut Vec<(u32, FoundPage)>>,
    ) -> Result<()> {
        let reading = Reading {
            remote: self.remote,
            keys: self.input.keys.clone(),
            depth: self.depth(),
            threads: self.input.threads,
            memory_bytes: self.input.memory_bytes / 4,
            spare: self.spare.clone(),
        };
        let wanted = |state: &PackState| match which {
            Which::Chosen => state.chosen && state.presence == Presence::Listed,
            Which::Headers => !state.chosen && state.presence == Presence::Listed,
            Which::Again => matches!(state.presence, Presence::Known(_)),
        };
        let mut jobs: Vec<Job> = self
            .table
            .iter()
            .filter(|(_, state)| wanted(state))
            .map(|(number, state)| Job {
                number,
                pack: state.pack,
                whole: which == Which::Chosen,
                spot: match state.presence {
                    Presence::Known(spot) => Some(spot),
                    _ => None,
                },
            })
            .collect();
        // The longest first, so that in the end no thread is left alone with one.
        jobs.sort_by_key(|job| Reverse(job.pack.len));
        let of = jobs.len() as u64;
        let (mut done, mut bytes_read) = (0, 0);
        read(&reading, &jobs, |(number, seen)| {
            done += 1;
            if let PackSeen::Whole { bytes, .. } = &seen {
                bytes_read += bytes;
            }
            self.seen(number, seen, holdings, pages.as_deref_mut());
            self.sink.advanced(Stage::Packs, done, of, bytes_read);
            Ok(())
        })
    }

    /// Takes note of what was seen of a pack.
    fn seen(
        &mut self,
        number: u32,
        seen: PackSeen,
        holdings: &mut Holdings,
        pages: Option<&mut Vec<(u32, FoundPage)>>,
    ) {
        let Some(name) = self.table.get(number).map(|state| state.pack.name) else {
            return;
        };
        let Some(pages) = pages else {
            // In a later pass only the blobs are of interest, and everything else was said.
            match seen {
                PackSeen::Header(_, header) => holdings.push(number, &header),
                PackSeen::Whole { outcome, .. } => {
                    if let Some((_, header)) = &outcome.header {
                        holdings.push(number, header);
                    }
                }
                PackSeen::Unread(Unread::Cold) => self.table.set_presence(number, Presence::Cold),
                PackSeen::Unread(_) => self.table.set_presence(number, Presence::Missing),
            }
            return;
        };
        let object = Subject::Object(ObjectName::Pack(name));
        match seen {
            PackSeen::Unread(Unread::Missing) => {
                self.table.set_presence(number, Presence::Missing);
                self.sink.report.note_unread(name);
                if !self.input.unlisted.contains(&name) {
                    let (problem, level) = (Problem::Missing, Level::Listed);
                    let detail = "listed, and gone when it was read";
                    self.sink
                        .say(Severity::Damage, object, problem, level, detail);
                }
            }
            PackSeen::Unread(Unread::Cold) => {
                self.table.set_presence(number, Presence::Cold);
                self.sink.report.note_unread(name);
            }
            PackSeen::Unread(_) => {
                self.table.set_presence(number, Presence::Unusable);
                self.sink.report.note_unread(name);
                self.sink.say(
                    Severity::Damage,
                    object,
                    Problem::Unreadable,
                    Level::Hashed,
                    "",
                );
            }
            PackSeen::Header(spot, header) => {
                self.take_header(number, &name, spot, &header);
                holdings.push(number, &header);
                self.sink.count(
                    Area::Packs,
                    Level::Authenticated,
                    1,
                    u64::from(spot.len) + ENDS_BYTES,
                );
            }
            PackSeen::Whole { bytes, outcome }
                if self.has_headers() && outcome.fault.is_some_and(PackFault::hides_end) =>
            {
                // Before it is given up, the index is asked where its header is.
                self.table.set_presence(number, Presence::Unusable);
                self.endless.push((number, bytes, outcome));
            }
            PackSeen::Whole { bytes, outcome } => {
                self.take_whole(number, &name, bytes, *outcome, holdings, pages);
            }
        }
    }

    /// Takes note of what was seen of a pack that was read whole.
    fn take_whole(
        &mut self,
        number: u32,
        name: &ObjectHash,
        bytes: u64,
        outcome: PackOutcome,
        holdings: &mut Holdings,
        pages: &mut Vec<(u32, FoundPage)>,
    ) {
        self.whole(number, name, bytes, &outcome);
        let differs = outcome.hash == HashState::Differs;
        if differs && self.table.number(&outcome.actual).is_some() {
            // Nothing of what should be here is.
            self.table.set_presence(number, Presence::Unusable);
            return;
        }
        if let Some((spot, header)) = &outcome.header {
            self.take_header(number, name, *spot, header);
            if differs {
                self.table.set_altered(number);
            }
            self.take_frames(number, name, &outcome);
            holdings.push(number, header);
        }
        pages.extend(outcome.pages.into_iter().map(|page| (number, page)));
        for (frame, value) in outcome.kept {
            self.frames.keep(number, frame, value);
        }
    }

    /// Takes note of a header that opens.
    fn take_header(
        &mut self,
        number: u32,
        name: &ObjectHash,
        spot: HeaderSpot,
        header: &PackHeader,
    ) {
        self.table.set_header(number, spot, header);
        for finding in self.input.closed_epochs.judge(name, header) {
            self.sink.found(finding);
        }
    }

    /// Looks again at packs whose end is damaged: the index knows where their headers are.
    pub(super) fn rescue(
        &mut self,
        keys: &Arc<Keyset>,
        holdings: &mut Holdings,
        pages: &mut Vec<(u32, FoundPage)>,
    ) -> Result<()> {
        let endless = std::mem::take(&mut self.endless);
        if endless.is_empty() {
            return Ok(());
        }
        let places = places_of_headers(self.remote, keys, &self.input.segments)?;
        let mut checker = PackChecker::new(Some(Arc::clone(keys)), self.depth())?;
        for (number, bytes, outcome) in endless {
            let Some(pack) = self.table.get(number).map(|state| state.pack) else {
                continue;
            };
            let mut outcome = *outcome;
            if let Some(place) = places.get(&pack.name)
                && let Ok(bytes) = self.remote.get(&ObjectName::Pack(pack.name), None)?
            {
                let bytes = Vec::from(bytes);
                let again = checker.check_at(&pack.name, Some(&pack), bytes, Some(*place));
                if again.header.is_some() {
                    outcome = again;
                }
            }
            self.take_whole(number, &pack.name, bytes, outcome, holdings, pages);
        }
        Ok(())
    }

    /// Reports on a pack that was read whole.
    fn whole(&mut self, number: u32, name: &ObjectHash, bytes: u64, outcome: &PackOutcome) {
        let is_unread = matches!(outcome.fault, Some(PackFault::Unsupported { .. }))
            || outcome
                .gaps
                .iter()
                .any(|(gap, _)| *gap != Gap::NoContentKeys);
        if is_unread {
            self.sink.report.note_unread(*name);
        }
        self.sink.count(Area::Packs, Level::Hashed, 1, bytes);
        let sink = &mut self.sink;
        let table = &self.table;
        describe(
            name,
            outcome,
            |hash| table.number(hash).is_some(),
            |finding| sink.found(finding),
        );
        match (&outcome.header, outcome.fault) {
            (Some(_), _) => {}
            (None, Some(PackFault::Unsupported { .. })) => {
                self.table.set_presence(number, Presence::Unsupported);
            }
            (None, Some(_)) => self.table.set_presence(number, Presence::Unusable),
            (None, None) => self.table.set_presence(number, Presence::Hashed),
        }
        if outcome.header.is_none() {
            return;
        }
        let sink = &mut self.sink;
        // Of a pack whose frames have no key, it is the header that was opened.
        let header = outcome.header.as_ref();
        let header_bytes = header.map_or(0, |(spot, _)| u64::from(spot.len) + ENDS_BYTES);
        let opened = match outcome.gaps.is_empty() {
            true => bytes,
            false => header_bytes + outcome.authenticated_bytes,
        };
        sink.count(Area::Packs, Level::Authenticated, 1, opened);
        sink.count(
            Area::Frames,
            Level::Authenticated,
            outcome.authenticated,
            outcome.authenticated_bytes,
        );
        if outcome.decoded_blobs > 0 {
            sink.count(
                Area::Blobs,
                Level::Decoded,
                outcome.decoded_blobs,
                outcome.decoded_bytes,
            );
        }
        if outcome.gaps.is_empty() && self.input.level >= Level::Decoded {
            self.sink.count(Area::Packs, Level::Decoded, 1, bytes);
        }
        for (gap, count) in &outcome.gaps {
            *self.gaps.entry(*gap).or_default() += u64::from(*count);
        }
    }

    /// Takes note of which frames are good. What was seen now counts more than what was recorded.
    fn take_frames(&mut self, number: u32, name: &ObjectHash, outcome: &PackOutcome) {
        let unseen = !outcome.gaps.is_empty() || self.depth() < Depth::Decoded;
        if !unseen && self.table.clear_recorded(number) && outcome.frames.is_empty() {
            let object = Subject::Object(ObjectName::Pack(*name));
            let detail = "recorded as damaged, and every frame is good";
            self.sink.say(
                Severity::Note,
                object,
                Problem::RecordedDamage,
                Level::Decoded,
                detail,
            );
        }
        for (frame, fault) in &outcome.frames {
            self.table.set_bad(number, *frame, fault.level());
        }
        if outcome
            .gaps
            .iter()
            .any(|(gap, _)| *gap != Gap::NoContentKeys)
        {
            self.table.set_closed(number);
        }
        if outcome.hash == HashState::Differs && !outcome.gaps.is_empty() {
            // Something in it is damaged, and which frame it is cannot be known.
            self.table.record_damage(name, &BTreeSet::new());
        }
    }
}

/// Bytes of a pack's preamble and end.
const ENDS_BYTES: u64 = 96;
