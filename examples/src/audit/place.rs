//! A log in a directory, as a web server or a bucket would show it: `checkpoint`, `tile/…`, and `rotation/…`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use strongroom_ledger::{Rotation, SignedHead, Tile, Tiles};

use super::files::{lock, replace};

/// The directory of a log, which nobody else changes as long as this is there.
#[derive(Debug)]
pub struct LedgerDir {
    folder: PathBuf,
    _lock: File,
}

impl LedgerDir {
    /// Opens the directory, and makes it if need be. Waits until no other program has it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let about = || folder.display().to_string();
        fs::create_dir_all(folder).with_context(about)?;
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock(&folder.join(HEAD))?,
        })
    }

    /// Returns the last head, if one was signed.
    ///
    /// # Errors
    ///
    /// When it is none; otherwise what the system said.
    pub fn head(&self) -> anyhow::Result<Option<SignedHead>> {
        let path = self.folder.join(HEAD);
        let head = read_if_there(&path)?.map(|bytes| SignedHead::parse(&bytes));
        head.transpose().with_context(|| path.display().to_string())
    }

    /// Replaces the head. What it refers to has been written.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn put_head(&self, head: &SignedHead) -> anyhow::Result<()> {
        replace(&self.folder.join(HEAD), head.to_string().as_bytes())
    }

    /// Writes a file of the log.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn put_tile(&self, tile: Tile, bytes: &[u8]) -> anyhow::Result<()> {
        replace(&self.folder.join(tile.to_string()), bytes)
    }

    /// Returns the changes of the log's key, in order.
    ///
    /// # Errors
    ///
    /// When one is none; otherwise what the system said.
    pub fn rotations(&self) -> anyhow::Result<Vec<Rotation>> {
        let mut rotations = Vec::new();
        loop {
            let path = self.folder.join(rotation_name(rotations.len()));
            let Some(bytes) = read_if_there(&path)? else {
                return Ok(rotations);
            };
            let rotation = Rotation::parse(&bytes);
            rotations.push(rotation.with_context(|| path.display().to_string())?);
        }
    }

    /// Adds a change of the log's key.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn put_rotation(&self, rotation: &Rotation) -> anyhow::Result<()> {
        let name = rotation_name(self.rotations()?.len());
        replace(&self.folder.join(name), rotation.to_string().as_bytes())
    }
}

impl Tiles for LedgerDir {
    type Error = io::Error;

    fn read(&self, tile: Tile) -> io::Result<Option<Vec<u8>>> {
        read_if_there(&self.folder.join(tile.to_string()))
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn rotation_name(number: usize) -> String {
    format!("rotation/{number:03}")
}

const HEAD: &str = "checkpoint";
