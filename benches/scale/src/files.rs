//! Backing up trees of many files: for the first time, with nothing changed, and with a few files changed.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use futures::executor::block_on;
use serde_json::json;
use strongroom_format::{Node, NodeKind, SkipReason, Time};
use strongroom_repo::{
    BackupOptions, Batch, Components, Content, Entry, Fill, Repository, RestoreOptions, Source,
    SourceError, Walk, WalkEvent,
};

use crate::gauge::{Gauge, rounded};
use crate::nowhere::Nowhere;
use crate::store::{self, Local, disk_bytes, joined, spent};

/// Backs up a tree that has been backed up before, in which nothing has changed, and nothing else: what any job has beside an index.
pub(crate) fn unchanged(files: u64, folder: &Path) -> Result<()> {
    let folder = folder.join(format!("beside-{files}"));
    let store = store::store(&folder)?;
    let components = Components::default();
    let repository = store::repository(store, &folder, Local::Cache, components)?;
    let source = Arc::new(Files {
        files,
        of_a_directory: 100,
        changed_every: u64::MAX,
    });
    let options = BackupOptions::new("scale");
    block_on(repository.backup(source, options, Arc::new(())))?;
    Ok(())
}

/// Backs up `files` files, `of_a_directory` to a directory, in a repository of their own.
pub(crate) fn run(
    job: &str,
    step: &str,
    files: u64,
    of_a_directory: u64,
    folder: &Path,
) -> Result<()> {
    let changed_every = match step {
        "first" | "same" | "restore" => u64::MAX,
        "few" => CHANGED_EVERY,
        _ => bail!("{job} has no step {step}"),
    };
    let folder = folder.join(format!("{job}-{files}"));
    let store = store::store(&folder)?;
    let components = Components::default();
    let gauge = Gauge::start();
    let repository = store::repository(store.clone(), &folder, Local::Cache, components)?;
    let source = Arc::new(Files {
        files,
        of_a_directory,
        changed_every,
    });
    let before = store.counts();
    if step == "restore" {
        restore(&repository, files)?;
        let spent = spent(&store.counts().since(&before));
        return gauge.print(&format!("{job}-{step}"), files, spent);
    }
    let options = BackupOptions::new("scale");
    let report = block_on(repository.backup(source, options, Arc::new(())))?;
    if report.summary.files != files || (step == "same" && report.transferred_bytes > 0) {
        bail!("not what was to be backed up: {report:?}");
    }
    let phases = json!({
        "prepare_s": rounded(report.phases.prepare.as_secs_f64()),
        "store_s": rounded(report.phases.store.as_secs_f64()),
        "commit_s": rounded(report.phases.commit.as_secs_f64()),
        "unchanged": report.summary.unchanged,
        "local_bytes": disk_bytes(&folder.join("cache")),
        "repository_bytes": disk_bytes(&folder.join("repo")),
    });
    let more = joined([spent(&store.counts().since(&before)), phases]);
    gauge.print(&format!("{job}-{step}"), files, more)
}

/// Restores the latest snapshot, and makes sure that all files came.
fn restore(repository: &Repository, files: u64) -> Result<()> {
    let snapshot = block_on(repository.find_snapshot("latest", Default::default()))?;
    let target = Arc::new(Nowhere::default());
    let options = RestoreOptions::default();
    let restored = repository.restore(&snapshot, target.clone(), options, Arc::new(()));
    let report = block_on(restored)?;
    if !report.is_complete() || target.files() != files {
        bail!("{} files of {files} were restored", target.files());
    }
    Ok(())
}

/// Files of 32 bytes, each different, in directories below directories of a thousand.
#[derive(Debug)]
struct Files {
    files: u64,
    of_a_directory: u64,
    /// Of so many files one has changed since the first time.
    changed_every: u64,
}

impl Files {
    fn directories(&self) -> u64 {
        self.files.div_ceil(self.of_a_directory)
    }

    fn file(&self, number: u64, dir: &Arc<[u8]>) -> Entry {
        let is_changed = number % self.changed_every == self.changed_every - 1;
        Entry {
            dir: Arc::clone(dir),
            node: Node {
                name: name(number % self.of_a_directory),
                mode: 0o644,
                size: FILE_BYTES as u64,
                inode: number + 1,
                mtime: Time::new(LONG_AGO, 1),
                ctime: Some(Time::new(LONG_AGO + i64::from(is_changed), 1)),
                ..Node::default()
            },
        }
    }
}

impl Source for Files {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        Ok(Box::new(Walking {
            files: self,
            next: 0,
            at: At::Root,
            dir: Arc::from(*b""),
            top: Arc::from(*b""),
        }))
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            let from = batch.data.len();
            if item.want_content {
                let mut state = item.entry.node.inode;
                for _ in 0..FILE_BYTES / 8 {
                    state = mixed(state);
                    batch.data.extend_from_slice(&state.to_le_bytes());
                }
            }
            item.fill = Fill::Done {
                content: from..batch.data.len(),
                changed: false,
            };
        }
    }

    fn open(&self, _entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        Err(SourceError::new(SkipReason::Other, "no file is large"))
    }

    fn owner_name(&self, _uid: u32) -> Option<Vec<u8>> {
        None
    }

    fn group_name(&self, _gid: u32) -> Option<Vec<u8>> {
        None
    }
}

#[derive(Debug)]
struct Walking<'a> {
    files: &'a Files,
    /// The next file, and with it the directory.
    next: u64,
    at: At,
    dir: Arc<[u8]>,
    top: Arc<[u8]>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Root,
    Top,
    Directory,
    File,
    End,
}

impl Walking<'_> {
    fn step(&mut self, events: &mut Vec<WalkEvent>) {
        let directory = self.next / self.files.of_a_directory;
        match self.at {
            At::Root => {
                events.push(WalkEvent::Enter(
                    self.directory(&Arc::from(*b""), Vec::new()),
                ));
                let is_flat = self.files.directories() <= 1;
                self.at = if is_flat { At::File } else { At::Top };
            }
            At::Top => {
                let top = name(directory / DIRECTORIES_OF_A_TOP);
                self.top = top.as_slice().into();
                events.push(WalkEvent::Enter(self.directory(&Arc::from(*b""), top)));
                self.at = At::Directory;
            }
            At::Directory => {
                let below = name(directory % DIRECTORIES_OF_A_TOP);
                self.dir = [self.top.as_ref(), b"/", &below].concat().into();
                let top = Arc::clone(&self.top);
                events.push(WalkEvent::Enter(self.directory(&top, below)));
                self.at = At::File;
            }
            At::File => {
                let entry = self.files.file(self.next, &self.dir);
                events.push(WalkEvent::Item(entry));
                self.next += 1;
                self.after_file(events);
            }
            At::End => {}
        }
    }

    /// Leaves the directories that are over.
    fn after_file(&mut self, events: &mut Vec<WalkEvent>) {
        let is_over = self.next >= self.files.files;
        if !is_over && !self.next.is_multiple_of(self.files.of_a_directory) {
            return;
        }
        let directory = self.next / self.files.of_a_directory;
        let is_flat = self.files.directories() <= 1;
        self.at = At::Directory;
        if !is_flat {
            events.push(WalkEvent::Leave);
            if is_over || directory.is_multiple_of(DIRECTORIES_OF_A_TOP) {
                events.push(WalkEvent::Leave);
                self.at = At::Top;
            }
        }
        if is_over {
            events.push(WalkEvent::Leave);
            self.at = At::End;
        }
    }

    fn directory(&self, dir: &Arc<[u8]>, name: Vec<u8>) -> Entry {
        Entry {
            dir: Arc::clone(dir),
            node: Node {
                name,
                kind: NodeKind::Directory,
                mode: 0o755,
                mtime: Time::new(LONG_AGO, 1),
                ctime: Some(Time::new(LONG_AGO, 1)),
                inode: u64::MAX / 2 + self.next,
                ..Node::default()
            },
        }
    }
}

impl Walk for Walking<'_> {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        for _ in 0..EVENTS_AT_ONCE {
            self.step(events);
        }
        self.at != At::End
    }
}

/// Names sort like their numbers.
fn name(number: u64) -> Vec<u8> {
    format!("item-{number:08}").into_bytes()
}

/// The finalizer of `SplitMix64`: a bijection that looks random.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

pub(crate) const LONG_AGO: i64 = 1_600_000_000;
const FILE_BYTES: usize = 32;
const CHANGED_EVERY: u64 = 1_000;
const DIRECTORIES_OF_A_TOP: u64 = 1_000;
const EVENTS_AT_ONCE: usize = 256;
