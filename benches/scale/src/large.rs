//! One file of terabytes: a disk image of small blocks of data among holes, so that its references are many and its bytes few.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use futures::executor::block_on;
use serde_json::{Value, json};
use strongroom_format::{Node, NodeKind, SkipReason, Time};
use strongroom_repo::{
    BackupOptions, Batch, Chunking, Components, Content, Entry, Fill, Piece, Source, SourceError,
    Walk, WalkEvent,
};

use crate::files::{LONG_AGO, mixed};
use crate::gauge::Gauge;
use crate::store::{self, Local, disk_bytes, joined, spent};

/// Backs up a file of `blocks` mebibytes, or reads the first gibibyte of it.
pub(crate) fn run(step: &str, blocks: u64, folder: &Path) -> Result<()> {
    let folder = folder.join(format!("file-{blocks}"));
    let store = store::store(&folder)?;
    let gauge = Gauge::start();
    let components = Components::default();
    let repository = store::repository(store.clone(), &folder, Local::Cache, components)?;
    let before = store.counts();
    let more = match step {
        "first" | "same" => {
            let options = BackupOptions::new("scale").with_chunking(Chunking::Fixed(BLOCK));
            let source = Arc::new(Image { blocks });
            let report = block_on(repository.backup(source, options, Arc::new(())))?;
            if report.summary.bytes != blocks * STRIDE {
                bail!("not what was to be backed up: {report:?}");
            }
            json!({ "bytes": report.summary.bytes, "added_bytes": report.transferred_bytes })
        }
        "read" => {
            let snapshot = block_on(repository.find_snapshot("latest", Default::default()))?;
            let wanted = READ_BLOCKS.min(blocks) * STRIDE;
            let (sender, receiver) = std::sync::mpsc::channel();
            let mut left = wanted;
            block_on(repository.read_file(&snapshot, IMAGE, move |piece| {
                left = left.saturating_sub(piece.len() as u64);
                match (sender.send(piece.len() as u64), left) {
                    (Ok(()), 1..) => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            }))?;
            let read: u64 = receiver.iter().sum();
            if read < wanted {
                bail!("{read} bytes instead of {wanted} were read");
            }
            json!({ "bytes": read })
        }
        _ => bail!("file has no step {step}"),
    };
    let local = json!({ "local_bytes": disk_bytes(&folder.join("cache")) });
    let spent: Value = spent(&store.counts().since(&before));
    gauge.print(
        &format!("file-{step}"),
        blocks,
        joined([spent, local, more]),
    )
}

/// A directory with one file in it.
#[derive(Debug)]
struct Image {
    blocks: u64,
}

impl Image {
    fn entry(&self, name: &[u8], kind: NodeKind, size: u64) -> Entry {
        Entry {
            dir: Arc::from(*b""),
            node: Node {
                name: name.to_vec(),
                kind,
                size,
                mode: 0o600,
                inode: 1 + name.len() as u64,
                mtime: Time::new(LONG_AGO, 1),
                ctime: Some(Time::new(LONG_AGO, 1)),
                ..Node::default()
            },
        }
    }
}

impl Source for Image {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let root = self.entry(b"", NodeKind::Directory, 0);
        let image = self.entry(IMAGE, NodeKind::File, self.blocks * STRIDE);
        Ok(Box::new(Once(vec![
            WalkEvent::Leave,
            WalkEvent::Item(image),
            WalkEvent::Enter(root),
        ])))
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            item.fill = Fill::Done {
                content: 0..0,
                changed: false,
            };
        }
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        match entry.node.kind {
            NodeKind::File => Ok(Box::new(Blocks {
                blocks: self.blocks,
                next: 0,
                at: 0,
            })),
            _ => Err(SourceError::new(SkipReason::Other, "it is no file")),
        }
    }

    fn owner_name(&self, _uid: u32) -> Option<Vec<u8>> {
        None
    }

    fn group_name(&self, _gid: u32) -> Option<Vec<u8>> {
        None
    }
}

#[derive(Debug)]
struct Once(Vec<WalkEvent>);

impl Walk for Once {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        events.extend(self.0.pop());
        !self.0.is_empty()
    }
}

/// A block of data and a hole, again and again.
#[derive(Debug)]
struct Blocks {
    blocks: u64,
    next: u64,
    /// Bytes of the block that were read.
    at: usize,
}

impl Content for Blocks {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        if self.next >= self.blocks {
            return Ok(Piece::End);
        }
        if self.at >= BLOCK {
            (self.next, self.at) = (self.next + 1, 0);
            return Ok(Piece::Hole(STRIDE - BLOCK as u64));
        }
        let len = buf.len().min(BLOCK - self.at) / 8 * 8;
        if len == 0 {
            return Err(SourceError::new(SkipReason::Other, "a buffer of no use"));
        }
        let seed = (mixed(self.next) % DIFFERENT_BLOCKS) << 16;
        let words = buf.get_mut(..len).unwrap_or_default().chunks_exact_mut(8);
        for (word, at) in words.zip(self.at as u64 / 8..) {
            word.copy_from_slice(
                &(seed + at)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .to_le_bytes(),
            );
        }
        self.at += len;
        Ok(Piece::Data(len))
    }

    fn finish(&mut self, _entry: &mut Entry) -> Result<bool, SourceError> {
        Ok(false)
    }
}

const IMAGE: &[u8] = b"image";
/// Bytes of data in every mebibyte.
const BLOCK: usize = 4_096;
const STRIDE: u64 = 1 << 20;
/// So many blocks are different: 256 MiB of content.
const DIFFERENT_BLOCKS: u64 = 1 << 16;
const READ_BLOCKS: u64 = 1_024;
