//! Packs, index, trees and files: the order in which a check looks at what a repository holds.
//!
//! # Memory
//!
//! Of `memory_bytes`, a quarter is for packs in flight (at least two packs a thread), half for the table of what packs hold (36 bytes a
//! copy of a blob; what does not fit is left to further passes, for which headers, segments and reference lists are read again), and a
//! quarter for frames of pages, names and content that are read again. Beside that there are, whatever is granted, about 150 bytes a
//! pack, 8 bytes a frame, 120 bytes a distinct tree page and 4 a reference to one, and the largest index segment twice. Lists of
//! what is lost end at a million ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, PackClass, PackRef, SegmentRef, Snapshot};

use crate::audited::Audited;
use crate::blast;
use crate::context::Context;
use crate::edge::{self, Remote, Unread};
use crate::error::Result;
use crate::index::Index;
use crate::journal::State;
use crate::observer::{Event, Observer, Stage};
use crate::pack::{
    Depth, FoundPage, Gap, HashState, Holdings, Job, Keyset, PackFault, PackOutcome, PackSeen,
    PackState, PackTable, Presence, Reading, describe, read,
};
use crate::rebuild;
use crate::tree::Tree;
use crate::{
    Area, CheckOptions, Finding, Level, Problem, Report, Severity, SnapshotSelection, Subject,
};

/// Checks packs, index, trees and files as deep as the options ask for and the keys allow. Of packs of content, `chosen` are read
/// whole; of the others the header.
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
    chosen: &BTreeSet<ObjectHash>,
    threads: usize,
    report: &mut Report,
) -> Result<()> {
    let options = cx.options();
    if options.level < Level::Hashed {
        return Ok(());
    }
    let input = Input::new(audited, chosen, options, threads);
    let findings_max = options.findings_max;
    let empty = Report::new(report.asked, report.now, findings_max);
    let taken = std::mem::replace(report, empty);
    let sink = Sink {
        report: taken,
        observer: cx.observer(),
    };
    *report = edge::run(cx.store().clone(), move |remote| {
        Content::new(remote, input, sink).run()
    })
    .await?;
    Ok(())
}

/// What a check of the content is of; owned, because threads of its own work on it.
pub(crate) struct Input {
    pub(crate) keys: Option<Arc<Keyset>>,
    packs: Vec<(PackRef, bool)>,
    is_stated: bool,
    damaged: BTreeMap<ObjectHash, BTreeSet<u32>>,
    pub(crate) segments: Vec<SegmentRef>,
    pub(crate) dropped: BTreeSet<ObjectHash>,
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
            is_stated: false,
            damaged: BTreeMap::new(),
            segments: Vec::new(),
            dropped: BTreeSet::new(),
            snapshots: Vec::new(),
            level: options.level,
            threads: threads.max(1),
            memory_bytes: options.memory_bytes,
        };
        match &audited.state {
            Some(state) => input.take_state(state, chosen, options),
            None => input.take_listing(audited, chosen),
        }
        input
    }

    fn take_state(&mut self, state: &State, chosen: &BTreeSet<ObjectHash>, options: &CheckOptions) {
        self.is_stated = true;
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
        self.snapshots = selected(state, &options.snapshots);
    }

    /// Without the journal every pack and segment that is listed is hashed.
    fn take_listing(&mut self, audited: &Audited, chosen: &BTreeSet<ObjectHash>) {
        for (name, len) in &audited.listing {
            let len = u32::try_from(*len).unwrap_or(u32::MAX);
            match name {
                ObjectName::Pack(name) => {
                    let class = PackClass::Data;
                    let pack = PackRef {
                        name: *name,
                        len,
                        class,
                    };
                    self.packs
                        .push((pack, chosen.is_empty() || chosen.contains(name)));
                }
                ObjectName::Index(name) => self.segments.push(SegmentRef {
                    name: *name,
                    len,
                    entries: 0,
                }),
                _ => {}
            }
        }
        self.packs.retain(|(_, whole)| *whole);
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
    gaps: BTreeMap<&'static str, (Gap, u64)>,
}

impl<'a> Content<'a> {
    fn new(remote: &'a Remote, mut input: Input, sink: Sink) -> Self {
        let mut table = PackTable::new(std::mem::take(&mut input.packs));
        for (pack, frames) in &input.damaged {
            table.record_damage(pack, frames);
        }
        Self {
            remote,
            input,
            sink,
            table,
            gaps: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Result<Report> {
        let mut holdings = Holdings::new(self.input.memory_bytes / 2);
        let mut pages = Vec::new();
        self.packs(&mut holdings, Some(&mut pages))?;
        let mut index = Index::new(&self.input);
        let keys = self.input.keys.clone();
        let keys = keys.filter(|_| self.input.level >= Level::Authenticated);
        let Some(keys) = keys else {
            index.hash_only(self.remote, &mut self.sink)?;
            return Ok(self.sink.report);
        };
        self.say_gaps();
        let mut tree = Tree::new(pages, &self.input.snapshots);
        tree.check_links(&mut self.sink);
        loop {
            holdings.finish();
            let (shared, sink) = self.shared(&keys);
            index.pass(shared, &mut holdings, sink)?;
            tree.pass(shared, &mut holdings, sink)?;
            index.count_unmapped(&holdings);
            if !holdings.next() {
                break;
            }
            self.packs(&mut holdings, None)?;
        }
        let has_content = keys.has_content() && self.input.level >= Level::Decoded;
        let rebuilds = has_content && self.input.level >= Level::Rebuilt;
        let (shared, sink) = self.shared(&keys);
        index.finish(sink);
        tree.finish(sink);
        if has_content {
            tree.check_names(shared, sink)?;
        }
        if rebuilds {
            rebuild::rebuild(shared, &holdings, &mut tree, sink)?;
        }
        blast::say(shared, &mut tree, sink)?;
        Ok(self.sink.report)
    }

    fn shared<'s>(&'s mut self, keys: &'s Arc<Keyset>) -> (Shared<'s>, &'s mut Sink) {
        let shared = Shared {
            remote: self.remote,
            keys,
            table: &self.table,
            reader_bytes: self.input.memory_bytes / 4,
            threads: self.input.threads,
        };
        (shared, &mut self.sink)
    }

    fn depth(&self) -> Depth {
        match self.input.level {
            Level::Listed | Level::Hashed => Depth::Hashed,
            Level::Authenticated => Depth::Authenticated,
            _ => Depth::Decoded,
        }
    }

    /// Looks at all packs, in the first pass as deep as is asked for, later at headers that were good.
    fn packs(
        &mut self,
        holdings: &mut Holdings,
        mut pages: Option<&mut Vec<(u32, FoundPage)>>,
    ) -> Result<()> {
        let first = pages.is_some();
        let reading = Reading {
            remote: self.remote,
            keys: self.input.keys.clone(),
            depth: self.depth(),
            threads: self.input.threads,
            memory_bytes: self.input.memory_bytes / 4,
        };
        let has_headers = reading.keys.is_some() && reading.depth > Depth::Hashed;
        let wanted = |state: &PackState| match state.presence {
            _ if first => state.chosen || has_headers,
            Presence::Known(_) => true,
            _ => false,
        };
        let jobs: Vec<Job> = self
            .table
            .iter()
            .filter(|(_, state)| wanted(state))
            .map(|(number, state)| Job {
                number,
                pack: state.pack,
                is_stated: self.input.is_stated,
                whole: first && state.chosen,
            })
            .collect();
        let of = jobs.len() as u64;
        let (mut done, mut bytes_read) = (0, 0);
        if first {
            self.sink.started(Stage::Packs);
        }
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
                PackSeen::Unread(_) => self.table.set_presence(number, Presence::Missing),
            }
            return;
        };
        let object = Subject::Object(ObjectName::Pack(name));
        match seen {
            PackSeen::Unread(Unread::Missing) => {
                self.table.set_presence(number, Presence::Missing);
                self.sink.say(
                    Severity::Damage,
                    object,
                    Problem::Missing,
                    Level::Listed,
                    "",
                );
            }
            PackSeen::Unread(_) => {
                self.table.set_presence(number, Presence::Unusable);
                self.sink.say(
                    Severity::Damage,
                    object,
                    Problem::Unreadable,
                    Level::Hashed,
                    "",
                );
            }
            PackSeen::Header(spot, header) => {
                self.table.set_header(number, spot, &header);
                holdings.push(number, &header);
                self.sink.count(
                    Area::Packs,
                    Level::Authenticated,
                    1,
                    u64::from(spot.len) + 96,
                );
            }
            PackSeen::Whole { bytes, outcome } => {
                self.whole(number, &name, bytes, &outcome);
                if let Some((spot, header)) = &outcome.header {
                    self.table.set_header(number, *spot, header);
                    self.take_frames(number, &name, &outcome);
                    holdings.push(number, header);
                }
                pages.extend(outcome.pages.into_iter().map(|page| (number, page)));
            }
        }
    }

    /// Reports on a pack that was read whole.
    fn whole(&mut self, number: u32, name: &ObjectHash, bytes: u64, outcome: &PackOutcome) {
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
            (None, None) => {}
        }
        if outcome.header.is_none() {
            return;
        }
        let sink = &mut self.sink;
        sink.count(Area::Packs, Level::Authenticated, 1, bytes);
        sink.count(
            Area::Frames,
            Level::Authenticated,
            outcome.authenticated,
            bytes,
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
            let known = self.gaps.entry(gap.word()).or_insert((*gap, 0));
            known.1 += u64::from(*count);
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
        for (frame, _) in &outcome.frames {
            self.table.set_bad(number, *frame);
        }
        if outcome.hash == HashState::Differs && !outcome.gaps.is_empty() {
            // Something in it is damaged, and which frame it is cannot be known.
            self.table.record_damage(name, &BTreeSet::new());
        }
    }

    fn say_gaps(&mut self) {
        for (gap, frames) in self.gaps.values() {
            let (problem, detail) = match gap {
                // That is what was asked for: coverage says it.
                Gap::NoContentKeys => continue,
                Gap::NoEpochKey(epoch) => (
                    Problem::NoEpochKey,
                    format!("{frames} frames, the first of epoch {epoch}"),
                ),
                Gap::UnknownWrap(kind) => (
                    Problem::NewerVersion,
                    format!("{frames} frames, wrapped in the way {kind}"),
                ),
            };
            let finding = Finding::new(
                Severity::Note,
                Subject::Repository,
                problem,
                Level::Authenticated,
            );
            self.sink.observer.on_event(&Event::Found(&finding));
            self.sink.report.add(finding.with_detail(detail));
        }
    }
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
