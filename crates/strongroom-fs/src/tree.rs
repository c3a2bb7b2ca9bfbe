//! A local file tree as a source.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use strongroom_format::NodeKind;
use strongroom_repo::{Batch, Content, Entry, Source, SourceError, Walk};

use crate::rules::{Excludes, RuleError, Rules};
use crate::{Accounts, stat};

use self::content::FileContent;
use self::fill::{Clock, Filler};
use self::scan::Scan;
use self::select::Selection;
use self::walk::{Root, TreeWalk};

mod ahead;
mod content;
mod fill;
pub(crate) mod scan;
pub(crate) mod select;
#[cfg(test)]
mod tests;
mod walk;

/// Files and directories of this machine.
///
/// One directory is the root of the snapshot itself. Several paths, or a file, become a tree from `/`
/// downwards in which only they and the directories above them are: `/a/x` and `/b/x` do not collide.
///
/// No symbolic link below the root is followed; what is read is what was walked, or it is said that it is
/// not. Needs `/proc` for the attributes of links and devices; without it they are marked as incomplete.
#[derive(Debug)]
pub struct FileTree {
    pub(crate) scan: Arc<Scan>,
    threads: usize,
    granule: Duration,
    accounts: OnceLock<Accounts>,
    /// A walk that nobody has asked for yet, and since when it runs.
    begun: Mutex<Option<(TreeWalk, Instant)>>,
}

/// Settings of a [`FileTree`].
#[derive(Debug, Clone)]
pub struct FileTreeBuilder {
    paths: Vec<PathBuf>,
    excludes: Excludes,
    one_file_system: bool,
    threads: Option<usize>,
    slice_len: usize,
    granule: Duration,
    accounts: Option<Accounts>,
}

/// Why a [`FileTree`] cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileTreeError {
    /// An exclude rule cannot work.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A path is not there or cannot be opened.
    #[error("{}: {error}", path.display())]
    Path {
        /// The path, as it was given.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
}

/// Entries looked at in one go.
const SLICE_LEN: usize = 512;

/// What was read longer before the walk is read again.
const MAX_AHEAD_AGE: Duration = Duration::from_secs(60);

/// The kernel's clock for file times ticks at least that often.
const GRANULE: Duration = Duration::from_millis(20);

impl FileTree {
    /// Begins with a directory or file.
    pub fn builder(path: impl Into<PathBuf>) -> FileTreeBuilder {
        FileTreeBuilder {
            paths: vec![path.into()],
            excludes: Excludes::new(),
            one_file_system: false,
            threads: None,
            slice_len: SLICE_LEN,
            granule: GRANULE,
            accounts: None,
        }
    }

    /// Begins to read directories now, with one thread less than a walk has: for whoever has something else to do first, such as opening a
    /// repository with a passphrase, which keeps one core busy. The next walk goes on with what was read, unless that was begun more than
    /// a minute ago.
    ///
    /// What changes after this call may be missed by that walk, as what changes during a walk may be; the walk after it finds it. What
    /// cannot be read is told by the walk.
    pub fn read_ahead(&self) {
        let threads = self.threads.saturating_sub(1).max(1);
        if self.threads == 0 {
            return;
        }
        if let Ok(mut walk) = self.new_walk(threads) {
            walk.begin();
            *self.begun() = Some((walk, Instant::now()));
        }
    }

    fn new_walk(&self, threads: usize) -> Result<TreeWalk, SourceError> {
        let look = stat::look_at(self.scan.root.as_fd());
        let look = look.map_err(|errno| {
            SourceError::fatal(stat::skip(errno, "").reason(), errno.to_string())
        })?;
        let node = stat::node_of(&look, NodeKind::Directory);
        let root = Root {
            entry: Entry {
                dir: Arc::from([]),
                node,
            },
            device: stat::device_of(&look),
        };
        Ok(TreeWalk::new(Arc::clone(&self.scan), threads, root))
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, Option<(TreeWalk, Instant)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(Accounts::of_this_machine)
    }
}

impl FileTreeBuilder {
    /// Adds another directory or file. Symbolic links on the way to it are resolved; if it is itself a link to a directory, that
    /// directory is meant, else the link.
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Leaves things out. Paths named in this builder are never left out themselves.
    #[must_use]
    pub fn excludes(mut self, excludes: Excludes) -> Self {
        self.excludes = excludes;
        self
    }

    /// Keeps directories on which another file system is mounted, but not what is in them.
    #[must_use]
    pub fn one_file_system(mut self) -> Self {
        self.one_file_system = true;
        self
    }

    /// Sets how many threads read directories ahead of the walk; 0 for none. The default is what the machine has.
    #[must_use]
    pub fn read_ahead_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sets how many entries of one directory are in memory at once, besides their names. The default is 512.
    #[must_use]
    pub fn slice_len(mut self, entries: usize) -> Self {
        self.slice_len = entries.max(1);
        self
    }

    /// Sets how long after a change another one may get the same time stamp. Change times younger than that when a file is read are
    /// not recorded, so that the next backup reads it again. The default is 20 ms, and 2 s where
    /// the file system has whole seconds only; zero records all of them.
    #[must_use]
    pub fn timestamp_granule(mut self, granule: Duration) -> Self {
        self.granule = granule;
        self
    }

    /// Sets the names of users and groups. The default is [`Accounts::of_this_machine`].
    #[must_use]
    pub fn accounts(mut self, accounts: Accounts) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// Checks rules and paths.
    ///
    /// # Errors
    ///
    /// [`FileTreeError::Rule`] when an exclude rule cannot work, [`FileTreeError::Path`] when a path is not
    /// there or the root cannot be opened.
    pub fn build(self) -> Result<FileTree, FileTreeError> {
        let rules = Rules::build(&self.excludes)?;
        let (root, selection) = self.roots()?;
        let fail = |error: rustix::io::Errno| FileTreeError::Path {
            path: root.clone(),
            error: error.into(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&root, flags, Mode::empty()).map_err(fail)?;
        let accounts = OnceLock::new();
        if let Some(known) = self.accounts {
            accounts.get_or_init(|| known);
        }
        let available = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(FileTree {
            scan: Arc::new(Scan {
                root: Arc::new(opened),
                selection,
                rules,
                one_file_system: self.one_file_system.then(|| Arc::from("one file system")),
                slice_len: self.slice_len,
            }),
            threads: self.threads.unwrap_or_else(available),
            granule: self.granule,
            accounts,
            begun: Mutex::default(),
        })
    }

    fn roots(&self) -> Result<(PathBuf, Selection), FileTreeError> {
        if let [only] = self.paths.as_slice()
            && only.is_dir()
        {
            return Ok((only.clone(), Selection::Whole));
        }
        let mut selected = BTreeSet::new();
        for path in &self.paths {
            let real = resolve(path).map_err(|error| FileTreeError::Path {
                path: path.clone(),
                error,
            })?;
            let relative = real.as_os_str().as_bytes();
            selected.insert(relative.strip_prefix(b"/").unwrap_or(relative).to_vec());
        }
        Ok((PathBuf::from("/"), Selection::merge(selected)))
    }
}

/// Resolves links, but not one that the path ends in, unless a directory is behind it.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    if path.is_dir() {
        return path.canonicalize();
    }
    path.symlink_metadata()?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return path.canonicalize();
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    Ok(parent.canonicalize()?.join(name))
}

impl Source for FileTree {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let begun = self.begun().take();
        let fresh = begun.filter(|(_, since)| since.elapsed() < MAX_AHEAD_AGE);
        let walk = match fresh {
            Some((mut walk, _)) => {
                walk.grow(self.threads);
                walk
            }
            None => self.new_walk(self.threads)?,
        };
        Ok(Box::new(walk))
    }

    fn fill(&self, batch: &mut Batch) {
        Filler::new(self.scan.root.as_fd(), self.granule).fill(batch);
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        let clock = Clock::start(self.granule);
        Ok(Box::new(FileContent::open(&self.scan.root, entry, clock)?))
    }

    fn owner_name(&self, uid: u32) -> Option<Vec<u8>> {
        self.accounts().user_name(uid).map(<[u8]>::to_vec)
    }

    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        self.accounts().group_name(gid).map(<[u8]>::to_vec)
    }
}
