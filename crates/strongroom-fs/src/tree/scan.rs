//! Lists directories and looks at what is in them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{OFlags, Statx, StatxAttributes};
use strongroom_format::{NodeKind, SkipReason};
use strongroom_repo::SourceError;

use super::ahead::Task;
use super::select::Selection;
use crate::dirs::{self, DirCursor};
use crate::names::{ListError, Names, NamesReader};
use crate::rules::{CACHEDIR_SIGNATURE, CACHEDIR_TAG, Rules};
use crate::stat::{self, Look};

/// What every thread of a walk needs to know.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) root: Arc<OwnedFd>,
    pub(crate) selection: Selection,
    pub(crate) rules: Rules,
    pub(crate) one_file_system: Option<Arc<str>>,
    /// Entries that are looked at in one go.
    pub(crate) slice_len: usize,
}

/// A file system of the tree, known by where it is mounted: device numbers change from boot to boot.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) device: (u32, u32),
    /// Relative path of the mount point; empty for the root's own.
    pub(crate) path: Vec<u8>,
}

/// A directory that is about to be listed.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: Arc<[u8]>,
    pub(crate) mount: Arc<Mount>,
    pub(crate) selection: Selection,
}

/// What lists one directory after another.
#[derive(Debug)]
pub(crate) struct Lister {
    cursor: DirCursor,
    names: NamesReader,
}

/// A directory's names, and the entries of its current slice.
#[derive(Debug)]
pub(crate) struct Listing {
    names: Names,
    /// The first name that was not looked at: the slice has those before it.
    next: usize,
    slice: std::vec::IntoIter<Seen>,
    /// Why the list is not whole.
    pub(crate) broke: Option<SourceError>,
    /// The rule that left out the rest of the directory.
    pub(crate) pruned: Option<Arc<str>>,
}

/// What became of looking at one name.
#[derive(Debug)]
pub(crate) enum Seen {
    Directory {
        look: Look,
        task: Arc<Task>,
    },
    /// A directory whose content is left out.
    Pruned(Box<Pruned>),
    Item(Look),
    Excluded(Arc<str>),
    Problem(SourceError),
}

/// A directory, and the rule that leaves its content out.
#[derive(Debug)]
pub(crate) struct Pruned {
    pub(crate) look: Look,
    pub(crate) rule: Arc<str>,
}

/// Why there is no listing.
#[derive(Debug)]
pub(crate) enum ScanError {
    Source(SourceError),
    /// It is larger than what may be read ahead.
    TooLarge,
}

impl Lister {
    pub(crate) fn new() -> Self {
        Self {
            cursor: DirCursor::new(list_flags()),
            names: NamesReader::new(),
        }
    }
}

impl Scan {
    /// Lists a directory and looks at its first slice.
    pub(crate) fn list(
        &self,
        place: &Place,
        lister: &mut Lister,
        most_bytes: usize,
    ) -> Result<Listing, ScanError> {
        let Lister { cursor, names } = lister;
        let dir = self.open(place, cursor).map_err(ScanError::Source)?;
        let (names, read) = match &place.selection {
            Selection::Whole => names.names(dir, most_bytes),
            Selection::Only(names) => (Names::of(names.keys().map(Vec::as_slice)), Ok(())),
        };
        let broke = match read {
            Ok(()) => None,
            Err(ListError::System(errno)) => Some(stat::skip(errno, "list directory")),
            Err(ListError::TooMany) if most_bytes < usize::MAX => return Err(ScanError::TooLarge),
            Err(ListError::TooMany) => Some(SourceError::new(
                SkipReason::NotSupported,
                "the directory's names exceed 4 GiB",
            )),
        };
        let mut listing = Listing {
            names,
            next: 0,
            slice: Vec::new().into_iter(),
            broke,
            pruned: None,
        };
        if matches!(place.selection, Selection::Whole) {
            self.prune(dir, &mut listing);
        }
        self.look_on(place, dir, &mut listing);
        Ok(listing)
    }

    /// Looks at the next slice of a listing, if there is one.
    pub(crate) fn next_slice(
        &self,
        place: &Place,
        lister: &mut Lister,
        listing: &mut Listing,
    ) -> Result<bool, SourceError> {
        if listing.next >= listing.names.len() {
            return Ok(false);
        }
        let dir = self.open(place, &mut lister.cursor)?;
        self.look_on(place, dir, listing);
        Ok(true)
    }

    fn open<'a>(
        &'a self,
        place: &Place,
        cursor: &'a mut DirCursor,
    ) -> Result<BorrowedFd<'a>, SourceError> {
        cursor
            .open(self.root.as_fd(), &place.path)
            .map_err(|errno| stat::skip(errno, "open directory"))
    }

    /// Applies the rules that look at what is in a directory.
    fn prune(&self, dir: BorrowedFd<'_>, listing: &mut Listing) {
        let names = &listing.names;
        let marker = self
            .rules
            .markers
            .iter()
            .find(|(name, _)| names.contains(name));
        let (kept, rule) = match (&self.rules.caches, marker) {
            (_, Some((name, rule))) => (name.as_slice(), rule),
            (Some(rule), None) if names.contains(CACHEDIR_TAG) && is_cache(dir) => {
                (CACHEDIR_TAG, rule)
            }
            _ => return,
        };
        if names.len() > 1 {
            listing.pruned = Some(Arc::clone(rule));
        }
        listing.names.retain_one(kept);
    }

    fn look_on(&self, place: &Place, dir: BorrowedFd<'_>, listing: &mut Listing) {
        let end = listing.names.len().min(listing.next + self.slice_len);
        let mut path = place.path.to_vec();
        let mut slice = Vec::with_capacity(end - listing.next);
        for index in listing.next..end {
            if let Some(name) = listing.names.get(index) {
                slice.push(self.look(place, dir, name, &mut path));
            }
        }
        listing.next = end;
        listing.slice = slice.into_iter();
    }

    /// Looks at one entry. `path` is the directory's, and is so again afterwards.
    fn look(&self, place: &Place, dir: BorrowedFd<'_>, name: &[u8], path: &mut Vec<u8>) -> Seen {
        let stat = match stat::look(dir, name) {
            Ok(stat) => stat,
            Err(errno) => return Seen::Problem(stat::skip(errno, "look")),
        };
        let Some(kind) = stat::kind_of(&stat) else {
            let what = "a kind of file that is not known";
            return Seen::Problem(SourceError::new(SkipReason::NotSupported, what));
        };
        let named = match &place.selection {
            Selection::Only(names) => names.get(name),
            Selection::Whole => None,
        };
        if named.is_none()
            && let Some(rule) = self.exclude(&stat, kind, name, path)
        {
            return Seen::Excluded(rule);
        }
        let look = Look::of(&stat, kind);
        if kind == NodeKind::Directory {
            return self.directory(place, name, look, &stat, named);
        }
        Seen::Item(look.with_link(link_set(&place.mount, &place.path, name, &stat)))
    }

    fn exclude(
        &self,
        stat: &Statx,
        kind: NodeKind,
        name: &[u8],
        path: &mut Vec<u8>,
    ) -> Option<Arc<str>> {
        if kind == NodeKind::File
            && let Some(rule) = self.rules.by_size(stat.stx_size)
        {
            return Some(rule);
        }
        if !self.rules.look_at_paths() {
            return None;
        }
        let len = path.len();
        if len > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        let rule = self.rules.by_path(path, kind == NodeKind::Directory);
        path.truncate(len);
        rule
    }

    fn directory(
        &self,
        place: &Place,
        name: &[u8],
        look: Look,
        stat: &Statx,
        named: Option<&Selection>,
    ) -> Seen {
        let mut mount = Arc::clone(&place.mount);
        if stat::device_of(stat) != mount.device {
            if let (Some(rule), None) = (&self.one_file_system, named) {
                let rule = Arc::clone(rule);
                return Seen::Pruned(Box::new(Pruned { look, rule }));
            }
            let path = dirs::join(&place.path, name);
            mount = Arc::new(Mount {
                device: stat::device_of(stat),
                path,
            });
        }
        let selection = named.cloned().unwrap_or(Selection::Whole);
        let task = Arc::new(Task::new(
            Arc::clone(&place.path),
            name.to_vec(),
            mount,
            selection,
        ));
        Seen::Directory { look, task }
    }
}

impl Listing {
    /// Takes the next entry of the slice with its name.
    pub(crate) fn take(&mut self) -> Option<(&[u8], Seen)> {
        let at = self.next - self.slice.len();
        let seen = self.slice.next()?;
        Some((self.names.get(at).unwrap_or_default(), seen))
    }

    /// Returns the tasks of the slice's directories, the last first.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.slice
            .as_slice()
            .iter()
            .rev()
            .filter_map(|seen| match seen {
                Seen::Directory { task, .. } => Some(task),
                _ => None,
            })
    }

    /// Returns about how many bytes it holds.
    pub(crate) fn cost(&self) -> usize {
        256 + self.names.iter().map(|name| name.len() + 8).sum::<usize>()
            + size_of_val(self.slice.as_slice())
    }
}

/// Returns the flags with which directories are opened to be listed.
pub(crate) fn list_flags() -> OFlags {
    dirs::READ | OFlags::NOATIME
}

/// Returns the number that all names of one inode share, for anything with several names. It is the same in every
/// backup as long as the inode is, whatever device number the system gives its file system at boot.
fn link_set(mount: &Mount, dir: &[u8], name: &[u8], stat: &Statx) -> Option<u64> {
    if stat.stx_nlink < 2 {
        return None;
    }
    let mut hasher = blake3::Hasher::new_derive_key("strongroom-fs link set");
    if stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        // A file that is a mount point of its own.
        hasher.update(&dirs::join(dir, name));
    } else {
        hasher.update(&mount.path);
    }
    hasher.update(&stat.stx_ino.to_le_bytes());
    let device = stat::device_of(stat);
    if device != mount.device {
        // Layered file systems give files of lower layers device and inode numbers of their own; two layers may use the
        // same inode number, and joining two files is worse than not recognising one.
        hasher.update(&device.0.to_le_bytes());
        hasher.update(&device.1.to_le_bytes());
    }
    let mut number = [0; 8];
    hasher.finalize_xof().fill(&mut number);
    Some(u64::from_le_bytes(number))
}

fn is_cache(dir: BorrowedFd<'_>) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let Ok(tag) = dirs::open_name(dir, CACHEDIR_TAG, flags) else {
        return false;
    };
    let mut first = [0; CACHEDIR_SIGNATURE.len()];
    let is_file =
        stat::look_at(tag.as_fd()).is_ok_and(|stat| stat::kind_of(&stat) == Some(NodeKind::File));
    is_file && rustix::io::read(&tag, &mut first) == Ok(first.len()) && first == CACHEDIR_SIGNATURE
}
