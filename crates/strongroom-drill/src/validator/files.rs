//! Are the files those of the snapshot?

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom::{Depth, Node, NodeKind};

use super::{Differences, Outcome, Scene, Validator};
use crate::stop::Stop;

/// Compares the restored files with what the snapshot records of them: names, kinds, sizes, permissions, times, owners and links, and
/// that there is nothing else. Content is not read again: it was authenticated when it was restored; [`Checksums`](super::Checksums)
/// compare it with what it was.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct FileSet;

impl FileSet {
    /// Returns it.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Validator for FileSet {
    fn name(&self) -> &str {
        "files"
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let Some(root) = scene.connection.directory.as_deref() else {
            return Outcome::skipped("no-files", "this sandbox shows no files");
        };
        let compared = Arc::new(Mutex::new(Compared::default()));
        let (into, at, ask) = (Arc::clone(&compared), root.to_owned(), stop.clone());
        let each = move |path: &[u8], node: &Node| {
            let mut compared = into.lock().unwrap_or_else(PoisonError::into_inner);
            compared.one(&at, path, node);
            match ask.check() {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let listing = scene
            .repository
            .list(&scene.snapshot.id, b"", Depth::All, each);
        match stop.wait(listing) {
            Err(stopped) => return stopped.into(),
            Ok(Err(error)) => return Outcome::failed("listing-damaged", error.to_string()),
            Ok(Ok(())) => {}
        }
        if let Err(stopped) = stop.check() {
            return stopped.into();
        }
        let mut compared = compared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut compared = std::mem::take(&mut *compared);
        if let Err(outcome) = compared.surplus(root, stop) {
            return outcome;
        }
        let what = format!("{} entries are as recorded", compared.known.len());
        compared.differences.outcome(what)
    }
}

#[derive(Debug, Default)]
struct Compared {
    known: BTreeSet<Vec<u8>>,
    differences: Differences,
}

impl Compared {
    fn one(&mut self, root: &Path, path: &[u8], node: &Node) {
        let name = String::from_utf8_lossy(path).into_owned();
        self.known.insert(path.to_vec());
        let at = root.join(OsStr::from_bytes(path));
        let Ok(found) = std::fs::symlink_metadata(&at) else {
            self.differences
                .add("file-missing", format!("{name} is missing"));
            return;
        };
        if !is_kind(&found, node.kind) {
            let what = format!("{name} is of another kind");
            self.differences.add("file-kind", what);
            return;
        }
        let is_content = matches!(node.kind, NodeKind::File | NodeKind::Stream);
        if is_content && found.size() != node.size {
            let what = format!("{name} has {} bytes and had {}", found.size(), node.size);
            self.differences.add("file-size", what);
        }
        if node.kind == NodeKind::Symlink {
            let target = std::fs::read_link(&at).ok();
            let target = target.map(|target| target.as_os_str().as_bytes().to_vec());
            if target != node.target {
                self.differences
                    .add("file-link", format!("{name} leads elsewhere"));
            }
        } else if found.mode() & 0o7777 != node.mode {
            let (is, was) = (found.mode() & 0o7777, node.mode);
            self.differences.add(
                "file-mode",
                format!("{name} has mode {is:o} and had {was:o}"),
            );
        }
        // A stream has neither owner nor times of its own.
        if node.kind == NodeKind::Stream {
            return;
        }
        if (found.mtime(), found.mtime_nsec()) != (node.mtime.seconds, i64::from(node.mtime.nanos))
        {
            self.differences
                .add("file-time", format!("{name} has another modification time"));
        }
        // Nobody but the superuser can give files away.
        let is_owner = (found.uid(), found.gid()) == (node.uid, node.gid);
        if !is_owner && rustix::process::geteuid().is_root() {
            self.differences
                .add("file-owner", format!("{name} has another owner"));
        }
    }

    /// Finds what the snapshot has not.
    fn surplus(&mut self, root: &Path, stop: &Stop) -> Result<(), Outcome> {
        let mut folders = vec![Vec::new()];
        while let Some(folder) = folders.pop() {
            stop.check()?;
            let at = root.join(OsStr::from_bytes(&folder));
            let unread =
                |error: std::io::Error| Outcome::skipped("files-unread", error.to_string());
            for entry in std::fs::read_dir(&at).map_err(unread)? {
                let entry = entry.map_err(unread)?;
                let mut path = folder.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(entry.file_name().as_bytes());
                if !self.known.contains(&path) {
                    let what = format!("{} is not in the snapshot", String::from_utf8_lossy(&path));
                    self.differences.add("file-surplus", what);
                } else if entry.file_type().map_err(unread)?.is_dir() {
                    folders.push(path);
                }
            }
        }
        Ok(())
    }
}

fn is_kind(found: &Metadata, kind: NodeKind) -> bool {
    let is = found.file_type();
    match kind {
        NodeKind::File | NodeKind::Stream => is.is_file(),
        NodeKind::Directory => is.is_dir(),
        NodeKind::Symlink => is.is_symlink(),
        NodeKind::Fifo => is.is_fifo(),
        NodeKind::Socket => is.is_socket(),
        NodeKind::CharDevice => is.is_char_device(),
        NodeKind::BlockDevice => is.is_block_device(),
        _ => false,
    }
}
