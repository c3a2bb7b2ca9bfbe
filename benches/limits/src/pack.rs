//! Packs on their way to the disk.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use anyhow::Context as _;
use rustix::fs::OFlags;

use crate::aligned::Aligned;
use crate::laps::{Laps, Stage};
use crate::seal::Frame;

/// Bytes of a full pack.
pub(crate) const FULL: usize = 16 << 20;

/// A frame and the lengths of its chunks.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) frame: Frame,
    pub(crate) chunks: Vec<u32>,
}

/// A pack that is not written yet.
#[derive(Debug)]
pub(crate) struct Pack {
    pub(crate) bytes: Aligned,
    pub(crate) frames: Vec<Stored>,
}

/// Packs on the disk.
#[derive(Debug)]
pub(crate) struct Packs {
    pub(crate) folder: PathBuf,
    pub(crate) packs: Vec<(PathBuf, Vec<Stored>)>,
    pub(crate) bytes: u64,
}

impl Packs {
    /// Removes them.
    pub(crate) fn remove(self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("{} stays", self.folder.display()))
    }
}

/// Writes full packs until nobody makes more, and gives their buffers back.
pub(crate) fn write(
    folder: PathBuf,
    full: &Receiver<Pack>,
    empty: &Sender<Aligned>,
) -> anyhow::Result<(Packs, Laps)> {
    let mut laps = Laps::default();
    let mut written = Packs {
        folder,
        packs: Vec::new(),
        bytes: 0,
    };
    while let Ok(Pack { mut bytes, frames }) = full.recv() {
        let number = written.packs.len();
        let path = written.folder.join(format!("pack-{number}"));
        let len = bytes.len();
        laps.lap(Stage::Write, len, || put(&path, &mut bytes))
            .with_context(|| path.display().to_string())?;
        written.bytes += len as u64;
        written.packs.push((path, frames));
        bytes.clear();
        // Nobody may want it any more.
        drop(empty.send(bytes));
    }
    Ok((written, laps))
}

/// Writes a file past the page cache, where the file system can, and flushes the disk.
pub(crate) fn put(path: &Path, bytes: &mut Aligned) -> std::io::Result<()> {
    let len = bytes.len() as u64;
    let mut file = create(path, true).or_else(|_| create(path, false))?;
    file.write_all(bytes.padded())?;
    file.set_len(len)?;
    file.sync_all()
}

fn create(path: &Path, is_direct: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if is_direct {
        options.custom_flags(i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0));
    }
    options.open(path)
}

/// Gives a full pack away and gets an empty one.
pub(crate) fn exchange(
    pack: Pack,
    full: &SyncSender<Pack>,
    empty: &Receiver<Aligned>,
) -> anyhow::Result<Pack> {
    full.send(pack).ok().context("the writing thread ended")?;
    let bytes = empty.recv().context("the writing thread ended")?;
    Ok(Pack {
        bytes,
        frames: Vec::new(),
    })
}
