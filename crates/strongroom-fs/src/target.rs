//! A local directory as the target of a restore.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use strongroom_format::Node;
use strongroom_repo::{Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile};

use crate::dirs;
use crate::names::{ListError, Names};
use crate::stat::flag;
use crate::xattr::Access;

use self::direct::{Direct, PastCache};
use self::parents::Parents;
use self::settle::{Origin, settle};

mod direct;
mod directory;
mod file;
mod link;
mod open;
mod other;
pub(crate) mod parents;
mod protect;
mod remove;
mod settle;
mod small;

/// A directory of this machine that a snapshot is restored into.
///
/// Everything is done below a descriptor of the directory that is held from the beginning: no symbolic link is
/// followed, neither one of the snapshot nor one that somebody puts there meanwhile. Existing entries of a wrong
/// kind are replaced.
///
/// An ordinary user cannot give files away: what is not his to set is reported as a [`Deviation`].
#[derive(Debug)]
pub struct DirectoryTarget {
    parents: Parents,
    options: Arc<DirectoryTargetOptions>,
    /// For large files; `None` when they are to stay in the cache.
    past_cache: Option<Arc<PastCache>>,
    /// User and group of what this process makes.
    own: (u32, u32),
}

/// Settings of a [`DirectoryTarget`].
#[derive(Debug, Clone, Default)]
pub struct DirectoryTargetOptions {
    sync: bool,
    cached: bool,
    users: BTreeMap<u32, u32>,
    groups: BTreeMap<u32, u32>,
}

impl DirectoryTargetOptions {
    /// Restores numeric owners as recorded, and leaves it to the system when it writes to its disks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits, when the root is finished, until the whole file system is on disk.
    #[must_use]
    pub fn sync(mut self) -> Self {
        self.sync = true;
        self
    }

    /// Leaves all that was written in the system's cache. Otherwise files of a mebibyte and more are written past it, if the disk is fast and the
    /// file system can: that takes less time, and what other programs have in the cache stays there.
    #[must_use]
    pub fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    /// Gives what user `recorded` owned to user `here`: for a restore by name, where names have other numbers
    /// ([`Accounts::user_id`](crate::Accounts::user_id)).
    #[must_use]
    pub fn map_user(mut self, recorded: u32, here: u32) -> Self {
        self.users.insert(recorded, here);
        self
    }

    /// Gives what group `recorded` owned to group `here`.
    #[must_use]
    pub fn map_group(mut self, recorded: u32, here: u32) -> Self {
        self.groups.insert(recorded, here);
        self
    }

    fn owner_of(&self, node: &Node) -> (u32, u32) {
        let user = self.users.get(&node.uid).copied().unwrap_or(node.uid);
        (
            user,
            self.groups.get(&node.gid).copied().unwrap_or(node.gid),
        )
    }
}

impl DirectoryTarget {
    /// Opens the directory, making it and those above it where they are missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made or opened.
    pub fn create(
        path: impl AsRef<Path>,
        options: DirectoryTargetOptions,
    ) -> std::io::Result<Self> {
        let path = path.as_ref();
        std::fs::create_dir_all(path)?;
        // Links on the way to the root are the user's own choice.
        let root = rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let own = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        Ok(Self {
            parents: Parents::new(Arc::new(root)),
            past_cache: (!options.cached).then(Arc::default),
            options: Arc::new(options),
            own,
        })
    }

    /// Acts in the directory of `path` on its last component. If the directory was replaced since it was opened, once more.
    fn in_parent<T>(
        &self,
        path: &[u8],
        act: impl Fn(&Arc<std::os::fd::OwnedFd>, &[u8]) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let (dir, name) = dirs::split(path)?;
        match act(&self.parents.open(dir)?, name) {
            Err(Errno::NOENT | Errno::STALE) => {
                self.parents.forget(dir);
                act(&self.parents.open(dir)?, name)
            }
            other => other,
        }
    }

    /// Opens the way past the cache into a new file without holes.
    fn past_cache(&self, file: BorrowedFd<'_>, node: &Node) -> Option<Direct> {
        let is_sparse = node.flags & flag::SPARSE != 0;
        let shared = self.past_cache.as_ref().filter(|_| !is_sparse)?;
        shared.open(file, node.size)
    }

    /// Removes whatever is at `path`.
    fn clear(&self, path: &[u8]) -> Result<(), Errno> {
        self.parents.forget(path);
        self.in_parent(path, |dir, name| remove::remove_entry(dir.as_fd(), name))
    }
}

/// How often something in the way is removed before giving up: somebody else keeps putting it there.
const MAX_CLEARINGS: u32 = 8;

/// Makes an error of it.
fn failed(errno: Errno, what: &str) -> TargetError {
    let message = format!("{what}: {}", std::io::Error::from(errno));
    match errno {
        Errno::NOSPC | Errno::DQUOT => TargetError::no_space(message),
        _ => TargetError::new(message),
    }
}

impl Target for DirectoryTarget {
    fn create_directory(&self, path: &[u8], _node: &Node) -> Result<Made, TargetError> {
        self.make_directory(path)
            .map_err(|errno| failed(errno, "make directory"))
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let mut writer = small::SmallWriter::new(self);
        files.iter().map(|file| writer.write(file)).collect()
    }

    fn open_file(
        &self,
        path: &[u8],
        node: &Node,
        fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        Ok(Box::new(self.open_to_write(path, node, fresh)?))
    }

    fn existing_file(&self, path: &[u8], node: &Node) -> Result<Option<ExistingFile>, TargetError> {
        self.open_to_compare(path, node)
            .map_err(|errno| failed(errno, "open"))
    }

    fn create_other(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.make_other(path, node)
    }

    fn link(&self, path: &[u8], first: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        self.make_link(path, first)
            .map_err(|errno| failed(errno, "link"))?;
        Ok(Vec::new())
    }

    fn finish_directory(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        let dir = self
            .open_to_finish(path)
            .map_err(|errno| failed(errno, "open directory"))?;
        let deviations = settle(
            Access::File(dir.as_fd()),
            node,
            &self.options,
            Origin::Existing,
        )?;
        self.parents.forget(path);
        if path.is_empty() && self.options.sync {
            rustix::fs::syncfs(self.parents.root()).map_err(|errno| failed(errno, "sync"))?;
        }
        Ok(deviations)
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        let dir = self
            .open_to_finish(path)
            .map_err(|errno| failed(errno, "open directory"))?;
        let (names, read) = Names::read(dir.as_fd(), usize::MAX);
        match read {
            Ok(()) => Ok(names.iter().map(<[u8]>::to_vec).collect()),
            Err(ListError::System(errno)) => Err(failed(errno, "list directory")),
            Err(ListError::TooMany) => Err(TargetError::new("the directory's names exceed 4 GiB")),
        }
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.clear(path).map_err(|errno| failed(errno, "remove"))
    }
}
