//! Packs, index, trees and files: the order in which a check looks at what a repository holds.
//!
//! # Memory
//!
//! Of `memory_bytes`, three quarters are for the table of what packs hold (36 bytes a copy of a blob; what does not fit is left to further passes, for
//! which headers, segments and reference lists are read again). A quarter is for packs in flight (at least two packs a thread; two pieces of a pack where
//! requests cost next to nothing), and as much of it for frames of pages, names and content that are needed again, at most 32 MiB. Beside that there are, whatever is granted, about 150 bytes a
//! pack (100 more of those that were added after an epoch was closed), 12 bytes a frame, 120 bytes a distinct tree page and 4 a reference to one, and the largest index segment twice. Lists of
//! what is lost end at a million ids. L4 also holds the paths of directories that it has come upon and not yet looked into.

mod gaps;
mod input;
mod packs;
mod sink;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use self::input::Input;
use self::packs::Which;
pub(crate) use self::sink::Sink;
use crate::audited::Audited;
use crate::blast;
use crate::context::Context;
use crate::edge::{self, Remote};
use crate::error::Result;
use crate::index::Index;
use crate::observer::Stage;
use crate::pack::{Depth, FrameStore, Gap, Holdings, Keyset, PackOutcome, PackTable, Spare};
use crate::rebuild;
use crate::sample::Plan;
use crate::tree::Tree;
use crate::{Level, Report};

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
