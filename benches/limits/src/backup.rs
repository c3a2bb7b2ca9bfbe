//! A folder through the stages of a first backup, without what makes a backup of it: no tree, no index, no journal.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde_json::json;

use crate::aligned::Aligned;
use crate::batch::{Batch, FRAME, Opener, batches, fill};
use crate::laps::{Laps, Stage};
use crate::pack::{self, FULL, Pack, Packs, Stored};
use crate::report::Report;
use crate::seal::{Chest, bound};
use crate::walk::{Keep, walk};
use crate::window::{Gear, MAX};

/// Reads, stores and reports; returns what was stored.
pub(crate) fn measure(
    folder: &Path,
    work: &Path,
    level: i32,
    threads: usize,
    report: &Report<'_>,
) -> anyhow::Result<Packs> {
    let folder_of_packs = work.join("limits-packs");
    std::fs::create_dir_all(&folder_of_packs)?;
    let began = Instant::now();
    let tree = walk(folder, threads, Keep::Names)?;
    let mut laps = Laps::default();
    laps.count(Stage::Walk, tree.cpu, tree.bytes);
    let work = batches(&tree);
    let shared = Shared {
        batches: &work,
        next: AtomicUsize::new(0),
        known: Known::default(),
        gear: Gear::new(&[1; 32]),
        level,
    };
    let (packs, of_stages) = store(&shared, folder_of_packs, threads)?;
    laps.add(&of_stages);
    let wall = began.elapsed();
    let more = json!({ "entries": tree.entries, "stored": packs.bytes, "plain": tree.bytes });
    report.job("backup", wall, &laps, &more)?;
    Ok(packs)
}

/// What all workers see.
#[derive(Debug)]
struct Shared<'t> {
    batches: &'t [Batch<'t>],
    next: AtomicUsize,
    known: Known,
    gear: Gear,
    level: i32,
}

fn store(
    shared: &Shared<'_>,
    folder: std::path::PathBuf,
    threads: usize,
) -> anyhow::Result<(Packs, Laps)> {
    let (full_tx, full_rx) = sync_channel::<Pack>(1);
    let (empty_tx, empty_rx) = channel::<Aligned>();
    let empty_rx = Mutex::new(empty_rx);
    for _ in 0..2 {
        empty_tx.send(Aligned::new(FULL + bound(MAX)))?;
    }
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(folder, full_rx, empty_tx));
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let full = full_tx.clone();
                let empty = &empty_rx;
                scope.spawn(move || Worker::new(shared, number, full, empty)?.run())
            })
            .collect();
        drop(full_tx);
        let mut laps = Laps::default();
        for worker in workers {
            laps.add(&worker.join().map_err(|_| anyhow!("a worker panicked"))??);
        }
        let (packs, of_writer) = writer
            .join()
            .map_err(|_| anyhow!("the writer panicked"))??;
        laps.add(&of_writer);
        Ok((packs, laps))
    })
}

/// Owns its ends of the queues, so that everybody ends when it does.
fn write(
    folder: std::path::PathBuf,
    full: Receiver<Pack>,
    empty: Sender<Aligned>,
) -> anyhow::Result<(Packs, Laps)> {
    pack::write(folder, &full, &empty)
}

struct Worker<'s, 't> {
    shared: &'s Shared<'t>,
    chest: Chest,
    laps: Laps,
    opener: Opener<'t>,
    pack: Pack,
    full: SyncSender<Pack>,
    empty: &'s Mutex<Receiver<Aligned>>,
    plain: Vec<u8>,
    chunks: Vec<(usize, usize)>,
    nonce: u64,
}

impl<'s, 't> Worker<'s, 't> {
    fn new(
        shared: &'s Shared<'t>,
        number: usize,
        full: SyncSender<Pack>,
        empty: &'s Mutex<Receiver<Aligned>>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            shared,
            chest: Chest::new(shared.level)?,
            laps: Laps::default(),
            opener: Opener::default(),
            pack: Pack {
                bytes: Aligned::new(FULL + bound(MAX)),
                frames: Vec::new(),
            },
            full,
            empty,
            plain: Vec::with_capacity(2 * MAX),
            chunks: Vec::new(),
            nonce: (number as u64) << 48,
        })
    }

    fn run(mut self) -> anyhow::Result<Laps> {
        loop {
            let at = self.shared.next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = self.shared.batches.get(at) else {
                break;
            };
            if batch.len > FRAME as u64 {
                self.large(batch)?;
            } else {
                self.small(batch)?;
            }
        }
        if !self.pack.frames.is_empty() {
            self.end_pack()?;
        }
        Ok(self.laps)
    }

    /// Many small files, one frame.
    fn small(&mut self, batch: &Batch<'t>) -> anyhow::Result<()> {
        let Self {
            plain,
            opener,
            laps,
            chunks,
            shared,
            ..
        } = self;
        plain.clear();
        chunks.clear();
        let mut ends = Vec::with_capacity(batch.files.len());
        let len = usize::try_from(batch.len).unwrap_or(FRAME);
        laps.lap(Stage::Read, len, || {
            batch.files.iter().try_for_each(|(folder, file)| {
                let read = opener.append(folder, file, plain);
                ends.push(plain.len());
                read
            })
        })?;
        laps.lap(Stage::Cut, len, || {
            let mut start = 0;
            for end in ends {
                while let Some(rest) = plain.get(start..end).filter(|rest| !rest.is_empty()) {
                    let len = shared.gear.cut(rest);
                    chunks.push((start, len));
                    start += len;
                }
            }
        });
        self.keep_new();
        let lens = self
            .chunks
            .iter()
            .map(|(_, len)| u32::try_from(*len).unwrap_or(0))
            .collect();
        let end = self.chunks.last().map_or(0, |(start, len)| start + len);
        self.frame(0, end, lens)
    }

    /// A part of a large file at a time, one frame a chunk.
    fn large(&mut self, batch: &Batch<'t>) -> anyhow::Result<()> {
        let Some((folder, file)) = batch.files.first() else {
            return Ok(());
        };
        let opened = self.opener.open(folder, file)?;
        self.plain.clear();
        let mut is_over = false;
        while !is_over || !self.plain.is_empty() {
            let have = self.plain.len();
            let want = (2 * MAX).saturating_sub(have);
            let Self {
                plain,
                laps,
                chunks,
                shared,
                ..
            } = &mut *self;
            let read = laps.lap(Stage::Read, 0, || fill(&opened, want, plain))?;
            laps.count(Stage::Read, Duration::ZERO, read as u64);
            is_over = read < want;
            chunks.clear();
            let mut start = 0;
            laps.lap(Stage::Cut, plain.len(), || {
                // A whole largest chunk, or the end, must be in sight.
                while let Some(rest) = plain.get(start..) {
                    if rest.is_empty() || (rest.len() < MAX && !is_over) {
                        break;
                    }
                    let len = shared.gear.cut(rest);
                    chunks.push((start, len));
                    start += len;
                }
            });
            self.keep_new();
            for (start, len) in std::mem::take(&mut self.chunks) {
                self.frame(start, len, vec![u32::try_from(len).unwrap_or(0)])?;
            }
            self.plain.drain(..start);
        }
        Ok(())
    }

    /// Computes ids, and moves new chunks of small files over what is known.
    fn keep_new(&mut self) {
        let Self {
            plain,
            chunks,
            laps,
            shared,
            ..
        } = self;
        let len = chunks.iter().map(|(_, len)| len).sum();
        let mut ids = Vec::with_capacity(chunks.len());
        laps.lap(Stage::Id, len, || {
            ids.extend(chunks.iter().map(|(start, len)| {
                let chunk = plain.get(*start..start + len).unwrap_or_default();
                *blake3::keyed_hash(&[2; 32], chunk).as_bytes()
            }));
        });
        laps.lap(Stage::Known, len, || {
            let is_large = plain.len() > FRAME;
            let (mut to, mut ids) = (0, ids.iter());
            chunks.retain_mut(|(start, len)| {
                let is_new = ids.next().is_some_and(|id| shared.known.insert(id));
                if is_new && !is_large {
                    if *start != to {
                        plain.copy_within(*start..*start + *len, to);
                    }
                    *start = to;
                    to += *len;
                }
                is_new
            });
        });
    }

    fn frame(&mut self, start: usize, len: usize, chunks: Vec<u32>) -> anyhow::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let plain = self
            .plain
            .get(start..start + len)
            .context("a chunk's bounds")?;
        self.nonce += 1;
        let (bytes, laps) = (&mut self.pack.bytes, &mut self.laps);
        let frame = self.chest.put(plain, self.nonce, bytes, laps)?;
        self.pack.frames.push(Stored { frame, chunks });
        if self.pack.bytes.len() >= FULL {
            self.end_pack()?;
        }
        Ok(())
    }

    fn end_pack(&mut self) -> anyhow::Result<()> {
        let bytes = self.pack.bytes.filled();
        let name = self
            .laps
            .lap(Stage::Name, bytes.len(), || blake3::hash(bytes));
        std::hint::black_box(name);
        let empty = Pack {
            bytes: Aligned::new(0),
            frames: Vec::new(),
        };
        let pack = std::mem::replace(&mut self.pack, empty);
        let waiting = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        self.pack = pack::exchange(pack, &self.full, &waiting)?;
        Ok(())
    }
}

/// Ids that were seen, in parts with a lock each.
#[derive(Debug)]
struct Known(Vec<Mutex<HashSet<[u8; 32]>>>);

impl Default for Known {
    fn default() -> Self {
        Self((0..256).map(|_| Mutex::default()).collect())
    }
}

impl Known {
    /// Says whether an id was not there yet.
    fn insert(&self, id: &[u8; 32]) -> bool {
        self.0.get(usize::from(id[0])).is_some_and(|part| {
            part.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(*id)
        })
    }
}
