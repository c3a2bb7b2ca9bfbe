//! Compares two trees, independently of the library: it shares no code with backup or restore.

mod entry;
mod side;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use strongroom::{DirectoryTarget, DirectoryTargetOptions, Time};

use self::side::Side;
use crate::bytes::shown;

/// What a comparison found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Comparison {
    /// Entries that both trees have.
    pub entries: u64,
    /// Bytes of content that were compared.
    pub bytes: u64,
    /// How many differences nobody had announced.
    pub total: u64,
    /// The first thousand of them.
    pub differences: Vec<Difference>,
    /// How many differences were known before, by what differs.
    pub known: BTreeMap<Aspect, u64>,
}

/// One entry, and what of it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Its relative path.
    pub path: Vec<u8>,
    /// What differs.
    pub aspect: Aspect,
    /// On the left, then on the right, where it can be shown.
    pub detail: String,
}

/// Says of a difference whether it was known before.
pub(crate) type Known<'a> = &'a dyn Fn(&[u8], Aspect) -> bool;

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Aspect {
    /// It is only on the left.
    Missing,
    /// It is only on the right.
    Extra,
    /// It cannot be looked at, on either side.
    Unreadable,
    /// File, directory, link and so on.
    Kind,
    /// Length or bytes.
    Content,
    /// Permission bits.
    Mode,
    /// User or group, by number.
    Owner,
    /// Modification time, to the nanosecond.
    Mtime,
    /// Extended attributes, with ACLs and capabilities.
    Xattrs,
    /// What a symbolic link says.
    LinkTarget,
    /// Which names are one file.
    HardLinks,
    /// Number of a device.
    Device,
}

/// How many differences are kept.
const MAX_KEPT: usize = 1_000;

/// Compares everything below two directories, and the directories themselves. Differences in what changed on the left since
/// `began` count as known, and so do those of which `is_known` says so.
///
/// No link is followed, paths may be longer than the system takes, and no more than a few descriptors are open at once.
///
/// # Errors
///
/// When one of the two cannot be opened, or its directories are moved about meanwhile. Anything else is a difference.
pub(crate) fn compare(
    left: &Path,
    right: &Path,
    began: Time,
    is_known: Known<'_>,
) -> io::Result<Comparison> {
    let (mut left, mut right) = (Side::open(left)?, Side::open(right)?);
    let mut found = Found {
        comparison: Comparison::default(),
        began,
        is_known,
    };
    found.entry(&mut left, &mut right, b".", b"");
    let mut path = Vec::new();
    let mut levels = vec![Level {
        todo: found.directory(&mut left, &mut right, &path),
        path_len: 0,
    }];
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_len);
        let Some(name) = level.todo.pop() else {
            levels.pop();
            if !levels.is_empty() {
                left.leave()?;
                right.leave()?;
            }
            continue;
        };
        join(&mut path, &name);
        match left
            .enter(&name)
            .and_then(|()| right.enter(&name).inspect_err(|_| drop(left.leave())))
        {
            Ok(()) => {
                let todo = found.directory(&mut left, &mut right, &path);
                levels.push(Level {
                    todo,
                    path_len: path.len(),
                });
            }
            Err(error) => found.differs(&path, Aspect::Unreadable, error.to_string(), false),
        }
    }
    Ok(found.comparison)
}

/// Empties a directory, whatever is in it, and returns whether it is empty.
#[must_use]
pub fn emptied(directory: &Path) -> bool {
    use strongroom::target::Target as _;

    let Ok(target) = DirectoryTarget::create(directory, DirectoryTargetOptions::new()) else {
        return false;
    };
    let names = target.names(b"").unwrap_or_default();
    names
        .iter()
        .map(|name| target.remove(name))
        .all(|removed| removed.is_ok())
}

/// Returns the bytes of the files below a directory.
#[must_use]
pub fn stored_bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => stored_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// A directory, and what in it is still to be gone into.
struct Level {
    todo: Vec<Vec<u8>>,
    path_len: usize,
}

struct Found<'a> {
    comparison: Comparison,
    began: Time,
    is_known: Known<'a>,
}

impl Found<'_> {
    /// Compares the entries of the directory that both sides are in; returns the names of directories in it.
    fn directory(&mut self, left: &mut Side, right: &mut Side, path: &[u8]) -> Vec<Vec<u8>> {
        let mut directories = Vec::new();
        let (lefts, rights) = match (left.names(), right.names()) {
            (Ok(lefts), Ok(rights)) => (lefts, rights),
            (Err(error), _) | (_, Err(error)) => {
                self.differs(path, Aspect::Unreadable, error.to_string(), false);
                return directories;
            }
        };
        let (mut lefts, mut rights) = (lefts.into_iter().peekable(), rights.into_iter().peekable());
        loop {
            let order = match (lefts.peek(), rights.peek()) {
                (Some(a), Some(b)) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return directories,
            };
            let taken_right = if order == Ordering::Less {
                None
            } else {
                rights.next()
            };
            let Some(name) = (if order == Ordering::Greater {
                taken_right
            } else {
                lefts.next()
            }) else {
                continue;
            };
            let mut at = path.to_vec();
            join(&mut at, &name);
            match order {
                Ordering::Less => {
                    let is_newer = left.changed(&name) >= self.began;
                    self.differs(&at, Aspect::Missing, String::new(), is_newer);
                }
                Ordering::Greater => self.differs(&at, Aspect::Extra, String::new(), false),
                Ordering::Equal => {
                    if self.entry(left, right, &name, &at) {
                        directories.push(name);
                    }
                }
            }
        }
    }

    /// Compares one entry; says whether it is a directory on both sides.
    fn entry(&mut self, left: &mut Side, right: &mut Side, name: &[u8], path: &[u8]) -> bool {
        let pair = left
            .look(name, path)
            .and_then(|a| Ok((a, right.look(name, path)?)));
        let (a, b) = match pair {
            Ok(pair) => pair,
            Err(error) => {
                self.differs(
                    path,
                    Aspect::Unreadable,
                    error.to_string(),
                    left.changed(name) >= self.began,
                );
                return false;
            }
        };
        self.comparison.entries += 1;
        let is_newer = a.changed >= self.began;
        for (aspect, detail) in a.differences(&b) {
            self.differs(path, aspect, detail, is_newer);
        }
        if a.is_file() && b.is_file() && a.size == b.size && a.is_first {
            match side::same_content(left, right, name) {
                Ok(true) => {}
                Ok(false) => self.differs(path, Aspect::Content, String::new(), is_newer),
                Err(error) => self.differs(path, Aspect::Unreadable, error.to_string(), is_newer),
            }
            self.comparison.bytes += a.size;
        }
        a.is_directory() && b.is_directory()
    }

    fn differs(&mut self, path: &[u8], aspect: Aspect, detail: String, is_newer: bool) {
        let comparison = &mut self.comparison;
        if is_newer || (self.is_known)(path, aspect) {
            *comparison.known.entry(aspect).or_insert(0) += 1;
            return;
        }
        comparison.total += 1;
        if comparison.differences.len() < MAX_KEPT {
            comparison.differences.push(Difference {
                path: path.to_vec(),
                aspect,
                detail,
            });
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} /{}", self.aspect, shown(&self.path))?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

fn join(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
