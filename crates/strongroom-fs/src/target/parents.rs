//! The directories that are being restored into, held open.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::dirs::{self, PASS, READ};

/// Opens directories below the root, and keeps those open that were used last.
#[derive(Debug)]
pub(crate) struct Parents {
    root: Arc<OwnedFd>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    dirs: Vec<Dir>,
    clock: u64,
}

#[derive(Debug)]
struct Dir {
    path: Box<[u8]>,
    fd: Arc<OwnedFd>,
    used: u64,
}

/// Few enough for the usual limit of 1,024 descriptors, and for one of 256.
const MAX_HELD: usize = 48;

impl Parents {
    pub(crate) fn new(root: Arc<OwnedFd>) -> Self {
        Self {
            root,
            held: Mutex::default(),
        }
    }

    pub(crate) fn root(&self) -> &Arc<OwnedFd> {
        &self.root
    }

    /// Opens the directory at `path`.
    pub(crate) fn open(&self, path: &[u8]) -> Result<Arc<OwnedFd>, Errno> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let (base, rest) = match self.nearest(path) {
            (fd, None) => return Ok(fd),
            (fd, Some(rest)) => (fd, rest),
        };
        let opened = match dirs::open_beneath(base.as_fd(), rest, READ) {
            // One that may be passed through but not read.
            Err(Errno::ACCESS) => dirs::open_beneath(base.as_fd(), rest, PASS)?,
            other => other?,
        };
        let fd = Arc::new(opened);
        self.keep(path, &fd);
        Ok(fd)
    }

    /// Keeps a directory that was just opened or made.
    pub(crate) fn keep(&self, path: &[u8], fd: &Arc<OwnedFd>) {
        let mut held = self.held();
        held.clock += 1;
        let used = held.clock;
        held.dirs.retain(|dir| *dir.path != *path);
        if held.dirs.len() >= MAX_HELD
            && let Some(oldest) =
                (0..held.dirs.len()).min_by_key(|&at| held.dirs.get(at).map(|dir| dir.used))
        {
            held.dirs.swap_remove(oldest);
        }
        held.dirs.push(Dir {
            path: path.into(),
            fd: Arc::clone(fd),
            used,
        });
    }

    /// Forgets a directory and all below it: it was removed, or is not what it was.
    pub(crate) fn forget(&self, path: &[u8]) {
        self.held()
            .dirs
            .retain(|dir| *dir.path != *path && dirs::below(&dir.path, path).is_none());
    }

    /// Returns the directory itself, or the nearest one above it and the path from there.
    fn nearest<'p>(&self, path: &'p [u8]) -> (Arc<OwnedFd>, Option<&'p [u8]>) {
        let mut held = self.held();
        held.clock += 1;
        let used = held.clock;
        let mut best: Option<(&mut Dir, &'p [u8])> = None;
        for dir in &mut held.dirs {
            if *dir.path == *path {
                dir.used = used;
                return (Arc::clone(&dir.fd), None);
            }
            if let Some(rest) = dirs::below(path, &dir.path)
                && best
                    .as_ref()
                    .is_none_or(|(_, shortest)| rest.len() < shortest.len())
            {
                best = Some((dir, rest));
            }
        }
        match best {
            Some((dir, rest)) => {
                dir.used = used;
                (Arc::clone(&dir.fd), Some(rest))
            }
            None => (Arc::clone(&self.root), Some(path)),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
