//! A walk through the folders of a store, a batch of entries at a time.

use std::sync::Arc;

use rustix::fs::{self, AtFlags, Dir, DirEntry, FileType};
use rustix::io::Errno;

use super::errno::plain_failure;
use super::root::{FOLDER, Root};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::options::ObjectMeta;

/// Where a listing stands between two batches. At most one folder is open.
pub(super) struct Listing {
    root: Arc<Root>,
    /// Folders yet to be read, each empty or ending in a slash.
    folders: Vec<String>,
    open: Option<(Dir, String)>,
    /// Whether the end, or an error, has been reached.
    ended: bool,
}

/// Enough to make the way to another thread and back cheap, too little to weigh on memory.
const BATCH_ENTRIES: usize = 1_024;

impl Listing {
    pub(super) fn new(root: Arc<Root>, prefix: &Prefix) -> Self {
        let folders = vec![prefix.as_str().to_owned()];
        Self {
            root,
            folders,
            open: None,
            ended: false,
        }
    }

    /// Returns the next objects, or `None` at the end. An error is the last item there is.
    pub(super) fn next_batch(&mut self) -> Option<Vec<Result<ObjectMeta>>> {
        let mut batch = Vec::new();
        while !self.ended && batch.len() < BATCH_ENTRIES {
            match self.next_object() {
                Ok(Some(object)) => batch.push(Ok(object)),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    batch.push(Err(error));
                }
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn next_object(&mut self) -> Result<Option<ObjectMeta>> {
        loop {
            let Some((dir, folder)) = &mut self.open else {
                if !self.open_next_folder()? {
                    return Ok(None);
                }
                continue;
            };
            let Some(entry) = dir.read() else {
                self.open = None;
                continue;
            };
            let entry = entry.map_err(|errno| plain_failure("list", errno))?;
            match examine(dir, folder, &entry)? {
                Some(Found::Object(object)) => return Ok(Some(object)),
                Some(Found::Folder(folder)) => self.folders.push(folder),
                None => {}
            }
        }
    }

    /// Opens a folder; returns false when there is none left and the root is still there to say so.
    fn open_next_folder(&mut self) -> Result<bool> {
        let failed = |errno| plain_failure("list", errno);
        let Some(folder) = self.folders.pop() else {
            // A root that was unmounted looks empty, and empty is what makes a pruner delete.
            self.root.check_present().map_err(failed)?;
            return Ok(false);
        };
        let path = if folder.is_empty() {
            "."
        } else {
            folder.trim_end_matches('/')
        };
        match self.root.open_beneath(path, FOLDER) {
            Ok(fd) => {
                let dir = Dir::new(fd).map_err(failed)?;
                self.open = Some((dir, folder));
            }
            // Nothing was ever put there, or it is an object.
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        Ok(true)
    }
}

enum Found {
    Object(ObjectMeta),
    Folder(String),
}

/// Tells what an entry is; `None` if its name is no part of a key or it is already gone.
fn examine(dir: &Dir, folder: &str, entry: &DirEntry) -> Result<Option<Found>> {
    let failed = |errno| plain_failure("list", errno);
    let Some(key) = entry
        .file_name()
        .to_str()
        .ok()
        .and_then(|name| Key::parse(&format!("{folder}{name}")).ok())
    else {
        return Ok(None);
    };
    if entry.file_type() == FileType::Directory {
        return Ok(Some(Found::Folder(format!("{key}/"))));
    }
    let fd = dir.fd().map_err(failed)?;
    let stat = match fs::statat(fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        result => result.map_err(failed)?,
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let len = u64::try_from(stat.st_size).unwrap_or(0);
            Ok(Some(Found::Object(ObjectMeta::new(key, len))))
        }
        FileType::Directory => Ok(Some(Found::Folder(format!("{key}/")))),
        // It may stand for a folder that was moved away: to skip it would be to list too little.
        _ => Err(Error::new(ErrorKind::Other, "list")
            .with_key(&key)
            .with_source("neither a file nor a folder")),
    }
}
