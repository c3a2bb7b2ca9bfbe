//! The planner's window: entries gathered until there are enough of them to plan.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::unbounded;
use strongroom_format::{ObjectHash, Ref};

use crate::error::Result;
use crate::index::{Vicinity, is_loss};
use crate::outlet::Outlet;
use crate::restore::fetch::{pretend, send};
use crate::restore::file::{FileTask, NewFile, Use};
use crate::restore::inspect;
use crate::restore::options::Existing;
use crate::restore::plan::{Plan, plan};
use crate::restore::report::Failure;
use crate::restore::run::{Next, Run};
use crate::restore::work::{Direct, Job};
use crate::tree::{Piece, RecipeReader};

/// What a window hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    /// All but the packs of which the next window may want more.
    WhatIsReady,
    Everything,
}

/// Gathers entries and hands them on, a window at a time.
///
/// A window has at most 8,192 entries, 16,384 pieces and 6 MiB; one is gathered, one waits, and the pieces of about two
/// are fetched and written: plans take less than 25 MiB, however large the snapshot. The first windows are
/// smaller, so that there is something to fetch early. Where windows meet, each wants a part of the same few packs: those wait for
/// the next window, so that a pack is fetched once, and whole if all of it is wanted.
pub(super) struct Window<'a> {
    run: &'a Run,
    existing: Existing,
    plans: Outlet<'a, Plan>,
    jobs: Outlet<'a, Job>,
    uses: Vec<Use>,
    /// Wanted of packs of which the next window may want more.
    carried: Vec<Use>,
    carried_packs: HashMap<ObjectHash, usize>,
    /// Where in the index the window before was.
    vicinity: Vicinity,
    direct: Vec<Direct>,
    entries: usize,
    weight: usize,
    limit: usize,
}

impl<'a> Window<'a> {
    pub(super) fn new(
        run: &'a Run,
        existing: Existing,
        plans: Outlet<'a, Plan>,
        jobs: Outlet<'a, Job>,
    ) -> Self {
        Self {
            run,
            existing,
            plans,
            jobs,
            uses: Vec::new(),
            carried: Vec::new(),
            carried_packs: HashMap::new(),
            vicinity: Vicinity::default(),
            direct: Vec::new(),
            entries: 0,
            weight: 0,
            limit: FIRST_ENTRIES.min(run.blobs.shares().window_entries()),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// What ends the restore.
    pub(super) fn add_file(&mut self, file: NewFile, refs: &[Ref]) -> Result<()> {
        self.count(entry_weight(&file));
        let file = FileTask::new(file);
        let size = file.node.size;
        if size == 0 && refs.is_empty() {
            return self.add(Direct::Empty(file));
        }
        if self.existing == Existing::TrustTimes
            && !file.fresh
            && inspect::is_trusted(self.run, &file)
        {
            self.run.tally.kept(size);
            return self.add(Direct::Planned(file));
        }
        let check = self.existing != Existing::Overwrite && !file.fresh;
        let mut pieces = RecipeReader::of_size(&self.run.blobs, refs, size);
        loop {
            match pieces.next() {
                Ok(Some(piece)) => {
                    let wanted = wanted(&file, &piece, check);
                    let whole = wanted.whole;
                    if !whole {
                        file.hold();
                    }
                    self.uses.push(wanted);
                    if whole {
                        // The reader knows that the pieces end here: they add up to the size.
                        return self.flush_if_full();
                    }
                    self.flush_if_full()?;
                }
                Ok(None) => break,
                Err(error) if is_loss(&error) => {
                    file.fail(Failure::from(&error));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.add(Direct::Planned(file))
    }

    /// Adds something that needs nothing of the store.
    ///
    /// # Errors
    ///
    /// What ends the restore.
    pub(super) fn add_direct(&mut self, item: Direct) -> Result<()> {
        self.count(ENTRY_BYTES);
        self.add(item)
    }

    /// Restores as copies the links that the target has refused.
    ///
    /// # Errors
    ///
    /// What ends the restore.
    pub(super) fn take_copies(&mut self) -> Result<()> {
        self.add_copies(self.run.take_copies())
    }

    /// Plans what is left and waits until everything is done.
    ///
    /// # Errors
    ///
    /// What ends the restore.
    pub(super) fn finish(mut self) -> Result<()> {
        loop {
            self.flush(Flush::Everything)?;
            match self.run.wait() {
                Next::Ended => return Ok(()),
                Next::Copies(tasks) => self.add_copies(tasks)?,
            }
        }
    }

    fn add_copies(&mut self, tasks: Vec<crate::restore::links::LinkTask>) -> Result<()> {
        for task in tasks {
            let crate::restore::links::LinkTask {
                dir,
                node,
                refs,
                fresh,
            } = task;
            let file = NewFile {
                dir,
                node,
                fresh,
                is_copy: true,
                links: None,
            };
            if super::walk::has_content(file.node.kind) {
                self.add_file(file, &refs)?;
            } else {
                self.count(entry_weight(&file));
                self.add(Direct::Other(FileTask::new(file)))?;
            }
        }
        Ok(())
    }

    fn count(&mut self, weight: usize) {
        self.entries += 1;
        self.weight += weight;
    }

    fn add(&mut self, item: Direct) -> Result<()> {
        self.direct.push(item);
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> Result<()> {
        let full = self.entries >= self.limit
            || self.uses.len() >= 2 * self.limit
            || self.weight >= self.run.blobs.shares().window_bytes;
        if full {
            self.flush(Flush::WhatIsReady)
        } else {
            Ok(())
        }
    }

    /// Compares what may be there, plans the rest, and sends it on its way.
    fn flush(&mut self, flush: Flush) -> Result<()> {
        self.limit = (self.limit * 2).min(self.run.blobs.shares().window_entries());
        self.entries = 0;
        self.weight = 0;
        let (check, mut uses): (Vec<Use>, Vec<Use>) = std::mem::take(&mut self.uses)
            .into_iter()
            .partition(|one| one.check);
        if !check.is_empty() {
            uses.extend(self.inspect(check));
        }
        let (new, zeros): (Vec<Use>, Vec<Use>) =
            uses.into_iter().partition(|one| one.blob.is_some());
        let mut data = std::mem::take(&mut self.carried);
        data.extend(new);
        let mut direct = std::mem::take(&mut self.direct);
        direct.extend(zeros.into_iter().map(Direct::Zeros));
        self.send_direct(direct);
        if data.is_empty() {
            return Ok(());
        }
        let mut plan = plan(&self.run.blobs, data, &mut self.vicinity)?;
        if flush == Flush::WhatIsReady {
            self.carried = plan.put_off(&mut self.carried_packs);
        }
        for (lost, failure) in plan.lost.drain(..) {
            lost.file.fail(failure);
            self.run.release_file(&lost.file);
        }
        if self.run.dry {
            if let Some(needs) = &self.run.needs {
                needs.add(&plan.parts)?;
            }
            pretend(self.run, plan, |one| {
                // As a real write would: else the file counts as kept.
                one.file.touch();
                self.run.tally.wrote(one.len());
                self.run.release_file(&one.file);
            });
        } else if !plan.parts.is_empty() {
            // When nobody takes it, everything is ending.
            drop(self.plans.send(plan));
        }
        Ok(())
    }

    /// Lets the workers compare, and returns what is wanted.
    fn inspect(&self, check: Vec<Use>) -> Vec<Use> {
        let (reply, answers) = unbounded();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for one in check {
            bytes += one.len();
            batch.push(one);
            if batch.len() >= BATCH || bytes >= INSPECTED_BYTES {
                send(
                    self.run,
                    &self.jobs,
                    Job::Inspect(std::mem::take(&mut batch), reply.clone()),
                );
                bytes = 0;
            }
        }
        send(self.run, &self.jobs, Job::Inspect(batch, reply));
        answers.iter().flatten().collect()
    }

    fn send_direct(&self, direct: Vec<Direct>) {
        let mut batch = Vec::new();
        for item in direct {
            batch.push(item);
            if batch.len() >= BATCH {
                send(
                    self.run,
                    &self.jobs,
                    Job::Direct(std::mem::take(&mut batch)),
                );
            }
        }
        if !batch.is_empty() {
            send(self.run, &self.jobs, Job::Direct(batch));
        }
    }
}

fn wanted(file: &Arc<FileTask>, piece: &Piece, check: bool) -> Use {
    let blob = piece.blob();
    let whole = blob.is_some() && piece.range == (0..file.node.size);
    Use {
        file: Arc::clone(file),
        blob,
        range: piece.range.clone(),
        whole,
        check,
    }
}

fn entry_weight(file: &NewFile) -> usize {
    let node = &file.node;
    let xattrs: usize = node
        .xattrs
        .iter()
        .map(|(name, value)| name.len() + value.len() + 48)
        .sum();
    ENTRY_BYTES + node.name.len() + node.target.as_ref().map_or(0, Vec::len) + xattrs
}

/// Entries of the first window; each has twice as many as the one before, up to the most.
const FIRST_ENTRIES: usize = 1_024;
/// What an entry takes beside its name and attributes.
const ENTRY_BYTES: usize = 512;
/// Things in one job.
const BATCH: usize = 64;
/// Bytes of files that one job compares.
const INSPECTED_BYTES: u64 = 4 << 20;
