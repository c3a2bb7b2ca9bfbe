//! Looking into snapshots: finding one, listing its entries, reading a file.

use std::ops::ControlFlow;

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;
use strongroom_format::{Node, NodeKind, Snapshot, is_legal_name};

use crate::blobs::{Blobs, DATA};
use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;
use crate::restore::open_snapshot;
use crate::tree::{DirectoryReader, PiecesAhead, TreeEntry, find};

/// Narrows the search for a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotFilter {
    /// Only of this series.
    pub series: Option<String>,
    /// Only of this machine, by the label `host`.
    pub host: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
}

impl SnapshotFilter {
    /// Only of this series.
    #[must_use]
    pub fn with_series(mut self, series: impl Into<String>) -> Self {
        self.series = Some(series.into());
        self
    }

    /// Only of this machine, by the label `host`.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Only with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    pub(crate) fn matches(&self, snapshot: &Snapshot) -> bool {
        let series = self
            .series
            .as_ref()
            .is_none_or(|series| *series == snapshot.series);
        let host = self.host.as_deref();
        let tag = self.tag.as_ref();
        series
            && host.is_none_or(|host| snapshot.labels.get("host") == Some(host))
            && tag.is_none_or(|tag| snapshot.tags.contains(tag))
    }
}

/// What a listing goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Depth {
    /// The entries of one directory.
    #[default]
    Children,
    /// Everything below it, each directory before what is in it.
    All,
}

impl Repository {
    /// Finds a snapshot by the beginning of its id in hexadecimal, or the latest one by the word `latest`.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none; `Invalid` when several begin that way, naming up to eight of them, or when
    /// `wanted` is neither; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn find_snapshot(&self, wanted: &str, filter: SnapshotFilter) -> Result<Id> {
        let this = self.clone();
        let wanted = wanted.to_owned();
        edge::run(self.store(), "strongroom-find", move |remote| {
            let state = this.journal().refresh(remote, this.context())?;
            let all = state
                .snapshots
                .values()
                .filter(|(_, snapshot)| filter.matches(snapshot));
            choose(&wanted, all.map(|(id, snapshot)| (id, snapshot.as_ref())))
        })
        .await
    }

    /// Lists a directory of a snapshot, calling `each` with the path of every entry and its metadata, in order. `each`
    /// runs on the operation's thread and ends the listing by returning `Break`. For a path that is no directory it is called
    /// with that entry alone.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such snapshot, or no such path in it; `Damaged` or `NotFound` naming an object
    /// when a page is lost: what was listed before is right. Otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the listing at the next page.
    pub async fn list(
        &self,
        snapshot: &Id,
        path: &[u8],
        depth: Depth,
        mut each: impl FnMut(&[u8], &Node) -> ControlFlow<()> + Send + 'static,
    ) -> Result<()> {
        let (this, snapshot, path) = (self.clone(), *snapshot, path.to_vec());
        edge::run(self.store(), "strongroom-list", move |remote| {
            let (snapshot, blobs) = open_snapshot(&this, remote, &snapshot, CACHE_BYTES)?;
            match resolve(&blobs, &snapshot.root, &path)? {
                Found::Entry(entry) => {
                    let _ = each(&path, &entry.node);
                    Ok(())
                }
                Found::Directory(_, page) => list(&blobs, path, &page, depth, &mut each),
            }
        })
        .await
    }

    /// Reads the content of one file, calling `each` with piece after piece on the operation's thread; `Break` ends it. Returns
    /// the number of bytes delivered.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such snapshot, or no such path in it; `Invalid` when it has no content; `Damaged` or `NotFound`
    /// naming an object when a piece is lost: what was delivered before is right. Otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the reading at the next piece.
    pub async fn read_file(
        &self,
        snapshot: &Id,
        path: &[u8],
        mut each: impl FnMut(&[u8]) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64> {
        let (this, snapshot, path) = (self.clone(), *snapshot, path.to_vec());
        edge::run(self.store(), "strongroom-read", move |remote| {
            let (snapshot, blobs) = open_snapshot(&this, remote, &snapshot, CACHE_BYTES)?;
            match resolve(&blobs, &snapshot.root, &path)? {
                Found::Entry(entry)
                    if matches!(entry.node.kind, NodeKind::File | NodeKind::Stream) =>
                {
                    read(&blobs, &entry, &mut each)
                }
                _ => Err(Error::new(ErrorKind::Invalid, "the entry has no content")),
            }
        })
        .await
    }
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A directory: its metadata, if it has any, and its first page.
    Directory(Option<Box<Node>>, Id),
    /// Anything else.
    Entry(Box<TreeEntry>),
}

/// Finds what is at a path below the directory that begins at `root`. Empty components do not count.
///
/// # Errors
///
/// `NotFound` without an object when there is nothing; otherwise as [`find`].
pub(crate) fn resolve(blobs: &Blobs, root: &Id, path: &[u8]) -> Result<Found> {
    let mut page = *root;
    let mut names = path
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
        .peekable();
    if names.peek().is_none() {
        let node = match DirectoryReader::open(blobs, root) {
            Ok(reader) => reader.root_node().cloned().map(Box::new),
            // The walk reports it.
            Err(_) => None,
        };
        return Ok(Found::Directory(node, page));
    }
    while let Some(name) = names.next() {
        let entry = if is_legal_name(name) {
            find(blobs, &page, name)?
        } else {
            None
        };
        let entry = entry.ok_or_else(no_such_path)?;
        let is_last = names.peek().is_none();
        match entry.directory_page() {
            Some(next) if is_last => return Ok(Found::Directory(Some(Box::new(entry.node)), next)),
            Some(next) => page = next,
            None if is_last => return Ok(Found::Entry(Box::new(entry))),
            None => return Err(no_such_path()),
        }
    }
    Err(no_such_path())
}

fn no_such_path() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such path in the snapshot")
}

fn choose<'a>(wanted: &str, all: impl Iterator<Item = (&'a Id, &'a Snapshot)>) -> Result<Id> {
    let none = || {
        Error::new(
            ErrorKind::NotFound,
            format!("there is no snapshot {wanted}"),
        )
    };
    if wanted == "latest" {
        // Of equal times the one that came later into the journal.
        return all
            .max_by_key(|(_, snapshot)| snapshot.began)
            .map(|(id, _)| *id)
            .ok_or_else(none);
    }
    let prefix = wanted.to_ascii_lowercase();
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let what = format!("neither an id nor the word latest: {wanted}");
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    let found: Vec<Id> = all
        .filter(|(id, _)| id.to_string().starts_with(&prefix))
        .map(|(id, _)| *id)
        .collect();
    match found.as_slice() {
        [] => Err(none()),
        [one] => Ok(*one),
        several => {
            let names: Vec<String> = several.iter().take(NAMED).map(Id::to_string).collect();
            let what = format!(
                "{} snapshots begin with {wanted}: {}",
                found.len(),
                names.join(", ")
            );
            Err(Error::new(ErrorKind::Invalid, what))
        }
    }
}

fn list(
    blobs: &Blobs,
    mut path: Vec<u8>,
    page: &Id,
    depth: Depth,
    each: &mut dyn FnMut(&[u8], &Node) -> ControlFlow<()>,
) -> Result<()> {
    while path.last() == Some(&b'/') {
        path.pop();
    }
    let open = |page: &Id| match depth {
        Depth::All => DirectoryReader::open_ahead(blobs, page),
        Depth::Children => DirectoryReader::open(blobs, page),
    };
    // Each directory with the length of its path.
    let mut stack = vec![(open(page)?, path.len())];
    while let Some((reader, len)) = stack.last_mut() {
        path.truncate(*len);
        let Some(entry) = reader.next()? else {
            stack.pop();
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.node.name);
        if each(&path, &entry.node).is_break() {
            return Ok(());
        }
        let below = (depth == Depth::All)
            .then(|| entry.directory_page())
            .flatten();
        if let Some(page) = below {
            if stack.len() >= MAX_DIRECTORY_DEPTH {
                return Err(Error::new(ErrorKind::Damaged, "directories are too deep"));
            }
            let above = stack.len().checked_sub(UNPARKED);
            if let Some((reader, _)) = above.and_then(|at| stack.get_mut(at)) {
                reader.park();
            }
            stack.push((open(&page)?, path.len()));
        }
    }
    Ok(())
}

/// Reads the content of a file from its beginning, as [`Repository::read_file`] does.
///
/// # Errors
///
/// `Damaged` or `NotFound` naming an object when a piece is lost; otherwise what the store said.
pub(crate) fn read(
    blobs: &Blobs,
    entry: &TreeEntry,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<u64> {
    let mut pieces = PiecesAhead::of_size(blobs, &entry.refs, entry.node.size);
    let mut delivered = 0;
    while let Some(piece) = pieces.next()? {
        let len = piece.range.end - piece.range.start;
        if let Some(id) = piece.blob() {
            let blob = blobs.read(DATA, &id)?;
            if blob.len() as u64 != len {
                return Err(Error::new(
                    ErrorKind::Damaged,
                    "a blob has not the length of its piece",
                ));
            }
            delivered += len;
            if each(&blob).is_break() {
                return Ok(delivered);
            }
            continue;
        }
        let mut left = len;
        while left > 0 {
            let now = left.min(ZEROS.len() as u64);
            delivered += now;
            left -= now;
            let zeros = usize::try_from(now).ok().and_then(|now| ZEROS.get(..now));
            if each(zeros.unwrap_or_default()).is_break() {
                return Ok(delivered);
            }
        }
    }
    Ok(delivered)
}

static ZEROS: [u8; 65_536] = [0; 65_536];
/// Candidates that an error names.
const NAMED: usize = 8;
/// Directories, from the deepest, whose pages stay in memory.
const UNPARKED: usize = 32;
const CACHE_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests;
