//! Packs, index, trees and files: the order in which a check looks at what a repository holds.
//!
//! # Memory
//!
//! Of `memory_bytes`, three quarters are for the table of what packs hold (36 bytes a copy of a blob; what does not fit is left to further passes, for
//! which headers, segments and reference lists are read again). A quarter is for packs in flight (at least two packs a thread; two pieces of a pack where
//! requests cost next to nothing), and as much of it for frames of pages, names and content that are needed again, at most 32 MiB. Beside that there are, whatever is granted, about 150 bytes a
//! pack (100 more of those that were added after an epoch was closed), 12 bytes a frame, 120 bytes a distinct tree page and 4 a reference to one, and the largest index segment twice. Lists of
//! what is lost end at a million ids. L4 also holds the paths of directories that it has come upon and not yet looked into.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, PackClass, PackHeader, PackRef, SegmentRef, Snapshot};

use crate::audited::Audited;
use crate::blast;
use crate::context::Context;
use crate::edge::{self, Remote, Unread};
use crate::epochs::Epochs;
use crate::error::Result;
use crate::index::{Index, places_of_headers};
use crate::journal::State;
use crate::observer::{Event, Observer, Stage};
use crate::pack::{
    Depth, FoundPage, FrameStore, Gap, HashState, HeaderSpot, Holdings, Job, Keyset, PackChecker,
    PackFault, PackOutcome, PackSeen, PackState, PackTable, Presence, Reading, Spare, describe,
    read,
};
use crate::rebuild;
use crate::sample::Plan;
use crate::tree::Tree;
use crate::{
    Area, CheckOptions, Finding, Level, Problem, Report, Severity, SnapshotSelection, Subject,
};

/// Checks packs, index, trees and files as deep as the options ask for and the keys allow. Of packs of content, those that the plan has
/// chosen are read whole; of the others the header.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at; `Internal`.
///
/// # Cancellation
///
/// Dropping the future ends the check's threads at their next request. Nothing was written.
pub(crate) async fn check_content(
    cx: &Context,
    audited: &Audited,
    plan: Plan,
    threads: usize,
    report: &mut Report,
) -> Result<Plan> {
    let options = cx.options();
    let input = Input::new(audited, plan.packs(), options, threads);
    let findings_max = options.findings_max;
    let empty = Report::new(report.asked, report.now, findings_max);
    let taken = std::mem::replace(report, empty);
    let sink = Sink {
        report: taken,
        observer: cx.observer(),
    };
    let store = Arc::clone(cx.store());
    let (seen, plan) = edge::run(store, cx.manners(), move |remote| {
        let mut plan = plan;
        let report = Content::new(remote, input, sink).run(&mut plan)?;
        Ok((report, plan))
    })
    .await?;
    *report = seen;
    Ok(plan)
}

/// What a check of the content is of; owned, because threads of its own work on it.
pub(crate) struct Input {
    pub(crate) keys: Option<Arc<Keyset>>,
    packs: Vec<(PackRef, bool)>,
    /// Packs and segments in force that the listing does not have: that was said.
    pub(crate) unlisted: BTreeSet<ObjectHash>,
    damaged: BTreeMap<ObjectHash, BTreeSet<u32>>,
    pub(crate) segments: Vec<SegmentRef>,
    pub(crate) dropped: BTreeSet<ObjectHash>,
    /// Epochs that the journal names.
    epochs: BTreeSet<u32>,
    closed_epochs: Epochs,
    pub(crate) snapshots: Vec<(Id, Snapshot)>,
    level: Level,
    threads: usize,
    memory_bytes: u64,
}

impl Input {
    fn new(
        audited: &Audited,
        chosen: &BTreeSet<ObjectHash>,
        options: &CheckOptions,
        threads: usize,
    ) -> Self {
        let keys = audited
            .keys
            .as_ref()
            .map(|keys| Arc::new(Keyset::new(keys)));
        let mut input = Self {
            keys,
            packs: Vec::new(),
            unlisted: BTreeSet::new(),
            damaged: BTreeMap::new(),
            segments: Vec::new(),
            dropped: BTreeSet::new(),
            epochs: BTreeSet::new(),
            closed_epochs: Epochs::default(),
            snapshots: Vec::new(),
            level: options.level,
            threads: threads.max(1),
            memory_bytes: options.memory_bytes,
        };
        if let Some(state) = &audited.state {
            input.take_state(state, chosen, options);
            let packs = state
                .packs
                .keys()
                .map(|hash| (*hash, ObjectName::Pack(*hash)));
            let segments = state.segments.keys();
            let segments = segments.map(|hash| (*hash, ObjectName::Index(*hash)));
            input.unlisted = packs
                .chain(segments)
                .filter(|(_, object)| !audited.listing.contains_key(object))
                .map(|(hash, _)| hash)
                .collect();
        }
        input
    }

    fn take_state(&mut self, state: &State, chosen: &BTreeSet<ObjectHash>, options: &CheckOptions) {
        self.packs = state
            .packs
            .iter()
            .map(|(name, pack)| {
                let (len, class) = (pack.len, pack.class);
                let whole = chosen.contains(name) || class != PackClass::Data;
                (
                    PackRef {
                        name: *name,
                        len,
                        class,
                    },
                    whole,
                )
            })
            .collect();
        self.damaged.clone_from(&state.damaged);
        self.segments = state
            .segments
            .iter()
            .map(|(name, segment)| SegmentRef {
                name: *name,
                len: segment.len,
                entries: segment.entries,
            })
            .collect();
        self.dropped.clone_from(&state.dropped);
        self.epochs = state.epochs.keys().copied().collect();
        self.closed_epochs = Epochs::of(state);
        self.snapshots = selected(state, &options.snapshots);
    }
}

/// Returns the snapshots that are selected, in the order in which they were committed.
fn selected(state: &State, selection: &SnapshotSelection) -> Vec<(Id, Snapshot)> {
    let mut all: Vec<(u64, Id, &Snapshot)> = state
        .snapshots
        .iter()
        .map(|(id, in_force)| (in_force.n, *id, &in_force.snapshot))
        .collect();
    all.sort_unstable_by_key(|(n, id, _)| (*n, *id));
    match selection {
        SnapshotSelection::All => {}
        SnapshotSelection::Ids(ids) => all.retain(|(_, id, _)| ids.contains(id)),
        SnapshotSelection::Newest(count) => {
            let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
            all.reverse();
            all.retain(|(.., snapshot)| {
                let taken = taken.entry(&snapshot.series).or_default();
                *taken += 1;
                *taken <= *count
            });
            all.reverse();
        }
    }
    let owned = |(_, id, snapshot): (u64, Id, &Snapshot)| (id, snapshot.clone());
    all.into_iter().map(owned).collect()
}

/// The report of a check, and who is told of it.
pub(crate) struct Sink {
    pub(crate) report: Report,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Sink {
    /// Takes a finding and tells of it.
    pub(crate) fn found(&mut self, finding: Finding) {
        self.observer.on_event(&Event::Found(&finding));
        self.report.add(finding);
    }

    /// Makes and takes a finding.
    pub(crate) fn say(
        &mut self,
        severity: Severity,
        subject: Subject,
        problem: Problem,
        level: Level,
        detail: impl Into<String>,
    ) {
        self.found(Finding::new(severity, subject, problem, level).with_detail(detail));
    }

    pub(crate) fn count(&mut self, area: Area, level: Level, count: u64, bytes: u64) {
        self.report.coverage.add(area, level, count, bytes);
    }

    pub(crate) fn started(&self, stage: Stage<'_>) {
        self.observer.on_event(&Event::Started(stage));
    }

    pub(crate) fn advanced(&self, stage: Stage<'_>, done: u64, of: u64, bytes: u64) {
        self.observer.on_event(&Event::Advanced {
            stage,
            done,
            of,
            bytes,
        });
    }
}

/// A check of the content, under way.
pub(crate) struct Content<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) input: Input,
    pub(crate) sink: Sink,
    pub(crate) table: PackTable,
    gaps: BTreeMap<Gap, u64>,
    /// Frames that are needed again.
    frames: FrameStore,
    spare: Spare,
    /// Packs of which the end is damaged, and the length that was read.
    endless: Vec<(u32, u64, Box<PackOutcome>)>,
}

impl<'a> Content<'a> {
    fn new(remote: &'a Remote, mut input: Input, sink: Sink) -> Self {
        let mut table = PackTable::new(std::mem::take(&mut input.packs));
        for (pack, frames) in &input.damaged {
            table.record_damage(pack, frames);
        }
        let reader_bytes = (input.memory_bytes / 4).min(MOST_READER_BYTES);
        Self {
            remote,
            input,
            sink,
            table,
            gaps: BTreeMap::new(),
            frames: FrameStore::new(reader_bytes),
            spare: Spare::new(FrameStore::room(reader_bytes)),
            endless: Vec::new(),
        }
    }

    fn run(mut self, plan: &mut Plan) -> Result<Report> {
        let mut holdings = Holdings::new(self.input.memory_bytes / 4 * 3);
        let mut pages = Vec::new();
        self.sink.started(Stage::Packs);
        self.packs(Which::Chosen, &mut holdings, Some(&mut pages))?;
        loop {
            // Damage in a sample calls for a closer look at what it is a sample of.
            let more = plan.widen(&self.sink.report);
            if !self.table.choose(&more) {
                break;
            }
            self.packs(Which::Chosen, &mut holdings, Some(&mut pages))?;
        }
        if let (true, Some(keys)) = (self.has_headers(), self.input.keys.clone()) {
            self.packs(Which::Headers, &mut holdings, Some(&mut pages))?;
            self.rescue(&keys, &mut holdings, &mut pages)?;
        }
        let is_blind = self.say_cold();
        let mut index = Index::new(&self.input);
        let keys = self.input.keys.clone();
        let keys = keys.filter(|_| self.input.level >= Level::Authenticated && !is_blind);
        let Some(keys) = keys else {
            index.hash_only(self.remote, &mut self.sink)?;
            return Ok(self.sink.report);
        };
        self.say_gaps();
        let mut tree = Tree::new(pages, &self.input.snapshots);
        tree.check_links(&mut self.sink);
        loop {
            holdings.finish();
            let (shared, frames, sink) = self.shared(&keys);
            index.pass(shared, &mut holdings, sink)?;
            tree.pass(shared, frames, &mut holdings, sink)?;
            index.count_unmapped(&holdings);
            if !holdings.next() {
                break;
            }
            self.packs(Which::Again, &mut holdings, None)?;
        }
        let has_content = keys.has_content() && self.input.level >= Level::Decoded;
        let rebuilds = has_content && self.input.level >= Level::Rebuilt && self.can_rebuild();
        let (shared, frames, sink) = self.shared(&keys);
        index.finish(sink);
        tree.finish(sink);
        if has_content {
            tree.check_names(shared, frames, sink)?;
        }
        if rebuilds {
            rebuild::rebuild(shared, frames, &holdings, &mut tree, sink)?;
        }
        blast::say(shared, frames, &mut tree, sink)?;
        Ok(self.sink.report)
    }

    fn shared<'s>(
        &'s mut self,
        keys: &'s Arc<Keyset>,
    ) -> (Shared<'s>, &'s mut FrameStore, &'s mut Sink) {
        let shared = Shared {
            remote: self.remote,
            keys,
            table: &self.table,
            reader_bytes: (self.input.memory_bytes / 4).min(MOST_READER_BYTES),
            threads: self.input.threads,
        };
        (shared, &mut self.frames, &mut self.sink)
    }

    fn depth(&self) -> Depth {
        match self.input.level {
            Level::Listed | Level::Hashed => Depth::Hashed,
            Level::Authenticated => Depth::Authenticated,
            _ => Depth::Decoded,
        }
    }

    /// Whether headers are opened.
    fn has_headers(&self) -> bool {
        self.input.keys.is_some() && self.depth() > Depth::Hashed
    }

    /// Looks at packs: those that were chosen and were not read, the headers of the others, or, in a later pass, all headers that were good.
    fn packs(
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
    fn rescue(
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

    /// Says how much is in cold storage. Returns whether trees are, without which no more can be known.
    fn say_cold(&mut self) -> bool {
        if !self.table.has_cold() {
            return false;
        }
        let cold = self.table.cold();
        self.sink.report.coverage.add_cold(cold);
        let is_blind = self.table.has_cold_trees();
        if is_blind {
            self.sink.report.level = self.sink.report.level.min(Level::Hashed);
        }
        let detail = format!("{} packs, {} bytes", cold.count, cold.bytes);
        let (subject, problem) = (Subject::Repository, Problem::Cold);
        self.sink
            .say(Severity::Note, subject, problem, Level::Hashed, detail);
        is_blind
    }

    /// Whether files can be put together; says why not.
    fn can_rebuild(&mut self) -> bool {
        if !self.table.has_cold() {
            return true;
        }
        self.sink.report.level = self.sink.report.level.min(Level::Decoded);
        let (problem, level) = (Problem::NotRebuilt, Level::Rebuilt);
        let detail = "some of their content is in cold storage";
        self.sink
            .say(Severity::Note, Subject::Repository, problem, level, detail);
        false
    }

    fn say_gaps(&mut self) {
        for (gap, frames) in &self.gaps {
            let (severity, problem, detail) = match gap {
                // That is what was asked for: coverage says it.
                Gap::NoContentKeys => continue,
                Gap::NoEpochKey(epoch) => (
                    // Keys may be those of some epochs only; one that the journal knows nothing of either is nobody's.
                    if self.input.epochs.contains(epoch) {
                        Severity::Note
                    } else {
                        Severity::Damage
                    },
                    Problem::NoEpochKey,
                    format!("{frames} frames, of epoch {epoch}"),
                ),
                Gap::UnknownWrap(kind) => (
                    Severity::Note,
                    Problem::NewerVersion,
                    format!("{frames} frames, wrapped in the way {kind}"),
                ),
            };
            // What was not opened was not decoded.
            self.sink.report.level = self.sink.report.level.min(Level::Authenticated);
            let (subject, level) = (Subject::Repository, Level::Authenticated);
            let finding = Finding::new(severity, subject, problem, level).with_detail(detail);
            self.sink.observer.on_event(&Event::Found(&finding));
            self.sink.report.add(finding);
        }
    }
}

/// Which packs are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Chosen,
    Headers,
    Again,
}

/// What everybody reads with: the store, the keys and the packs, and how much memory and how many threads there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) keys: &'a Arc<Keyset>,
    pub(crate) table: &'a PackTable,
    pub(crate) reader_bytes: u64,
    pub(crate) threads: usize,
}

/// Bytes of frames that are needed again: more of them hardly make a check faster.
const MOST_READER_BYTES: u64 = 32 << 20;
/// Bytes of a pack's preamble and end.
const ENDS_BYTES: u64 = 96;
