//! The walk over the snapshot's tree: makes directories, removes what is not in the snapshot, and fills the window.

use std::iter::Peekable;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;
use strongroom_format::{Node, NodeKind, Ref};

use crate::error::{Error, Result};
use crate::index::is_loss;
use crate::restore::dir::Dir;
use crate::restore::file::{FileTask, NewFile};
use crate::restore::links::{LinkNow, LinkTask, Links, Membership};
use crate::restore::options::{Extra, RestoreOptions};
use crate::restore::report::{Failure, LostReason};
use crate::restore::run::Run;
use crate::restore::window::Window;
use crate::restore::work::Direct;
use crate::target::Made;
use crate::tree::{DirectoryReader, TreeEntry};

/// Walks the tree, parents first.
pub(super) struct Walk<'a> {
    run: &'a Run,
    options: &'a RestoreOptions,
    window: Window<'a>,
    links: Links,
    stack: Vec<Level>,
    path: Vec<u8>,
}

/// What is restored: a directory's content, or one entry.
#[derive(Debug)]
pub(super) enum Top {
    /// The content of the directory that begins at the page; with its own metadata, if it has any.
    Directory(Option<Box<Node>>, Id),
    /// An entry that is no directory.
    Entry(Box<TreeEntry>),
}

/// A directory that the walk is in.
struct Level {
    dir: Arc<Dir>,
    reader: DirectoryReader,
    /// Names in the target that are not passed yet.
    extra: Option<Peekable<std::vec::IntoIter<Vec<u8>>>>,
    /// It could not be made.
    unmade: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(run: &'a Run, options: &'a RestoreOptions, window: Window<'a>) -> Self {
        let (links, stack, path) = (Links::default(), Vec::new(), Vec::new());
        Self {
            run,
            options,
            window,
            links,
            stack,
            path,
        }
    }

    /// Walks everything, and waits until it is restored.
    ///
    /// # Errors
    ///
    /// What ends the restore.
    pub(super) fn run(mut self, top: Top) -> Result<()> {
        match top {
            Top::Directory(node, page) => {
                let has_metadata = node.is_some();
                let node = node.map_or_else(Node::default, |node| *node);
                let node = Node {
                    name: Vec::new(),
                    kind: NodeKind::Directory,
                    ..node
                };
                self.enter(None, node, &page, has_metadata)?;
            }
            Top::Entry(entry) => {
                // The root of the target is there or is made, and its metadata is nobody's.
                let node = Node {
                    kind: NodeKind::Directory,
                    mode: 0o700,
                    ..Node::default()
                };
                let existed = self.make(&node).is_none_or(|made| made == Made::Existed);
                let dir = Dir::new(None, node, existed, false);
                self.item(&dir, *entry)?;
                self.run.release_dir(&dir);
            }
        }
        while !self.stack.is_empty() && !self.run.is_stopped() {
            self.step()?;
        }
        self.window.finish()
    }

    fn step(&mut self) -> Result<()> {
        let Some(level) = self.stack.last_mut() else {
            return Ok(());
        };
        match level.reader.next() {
            Ok(Some(entry)) => {
                let (dir, unmade) = (Arc::clone(&level.dir), level.unmade);
                self.remove_extra(Some(&entry.node.name));
                self.entry(&dir, unmade, entry)
            }
            Ok(None) => {
                self.remove_extra(None);
                self.leave();
                Ok(())
            }
            Err(error) if is_loss(&error) => {
                self.lose_list(&error);
                self.leave();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn entry(&mut self, dir: &Arc<Dir>, unmade: bool, entry: TreeEntry) -> Result<()> {
        if self.options.include.is_some() {
            dir.path_of(&entry.node.name, &mut self.path);
            if !self.options.includes(&self.path, Some(entry.node.kind)) {
                return Ok(());
            }
        }
        if entry.node.kind == NodeKind::Directory {
            return match entry.directory_page() {
                Some(page) => self.enter(Some(dir), entry.node, &page, true),
                None => {
                    let failure = Failure::new(LostReason::Damaged, "a directory has no page");
                    self.lose(dir, &entry.node.name, failure);
                    Ok(())
                }
            };
        }
        if unmade {
            self.lose(dir, &entry.node.name, unmade_parent());
            return Ok(());
        }
        self.item(dir, entry)
    }

    /// Enters a directory: makes it, unless its parent could not be made, and opens its list.
    fn enter(
        &mut self,
        parent: Option<&Arc<Dir>>,
        node: Node,
        page: &Id,
        has_metadata: bool,
    ) -> Result<()> {
        match parent {
            Some(parent) => parent.path_of(&node.name, &mut self.path),
            None => self.path.clear(),
        }
        if self.stack.len() >= MAX_DIRECTORY_DEPTH {
            let failure = Failure::new(LostReason::Depth, "directories are too deep");
            self.run.tally.lost(self.path.clone(), failure);
            return Ok(());
        }
        let unmade_above = self.stack.last().is_some_and(|level| level.unmade);
        let made = if unmade_above {
            self.run.tally.lost(self.path.clone(), unmade_parent());
            None
        } else {
            self.make(&node)
        };
        let existed = made == Some(Made::Existed);
        let dir = Dir::new(parent, node, existed, has_metadata && made.is_some());
        let extra = self.extra_names(existed);
        let reader = match self.options.include {
            // Who knows which directories it chooses.
            Some(_) => DirectoryReader::open(&self.run.blobs, page),
            None => DirectoryReader::open_ahead(&self.run.blobs, page),
        };
        match reader {
            Ok(reader) => {
                self.stack.push(Level {
                    dir,
                    reader,
                    extra,
                    unmade: made.is_none(),
                });
                self.park();
            }
            Err(error) if is_loss(&error) => {
                let failure = Failure {
                    reason: LostReason::Listing,
                    ..Failure::from(&error)
                };
                self.run.tally.lost(self.path.clone(), failure);
                self.run.release_dir(&dir);
            }
            Err(error) => return Err(error),
        }
        self.window.take_copies()
    }

    /// Makes the directory at `self.path`; reports it as lost if that fails.
    fn make(&self, node: &Node) -> Option<Made> {
        match self.run.target.create_directory(&self.path, node) {
            Ok(made) => Some(made),
            Err(error) => {
                let failure = self.run.target_failure(&error);
                self.run.tally.lost(self.path.clone(), failure);
                None
            }
        }
    }

    fn leave(&mut self) {
        if let Some(level) = self.stack.pop() {
            self.run.release_dir(&level.dir);
        }
    }

    /// Gives back the pages of directories far above, so that depth costs little memory.
    fn park(&mut self) {
        let above = self.stack.len().checked_sub(UNPARKED + 1);
        if let Some(level) = above.and_then(|at| self.stack.get_mut(at)) {
            level.reader.park();
        }
    }

    /// Adds an entry that is no directory.
    fn item(&mut self, dir: &Arc<Dir>, entry: TreeEntry) -> Result<()> {
        let TreeEntry { node, refs } = entry;
        let fresh = !dir.existed;
        let (mut links, mut is_copy) = (None, false);
        dir.hold();
        if let Some(number) = node.link {
            dir.path_of(&node.name, &mut self.path);
            match self.links.join(number, self.path.len()) {
                Membership::First(set) => links = Some(set),
                Membership::Forgotten => is_copy = true,
                Membership::Later(set) => {
                    let task = LinkTask {
                        dir: Arc::clone(dir),
                        node,
                        refs,
                        fresh,
                    };
                    return match set.add(task) {
                        LinkNow::Waits => Ok(()),
                        now => self.window.add_direct(Direct::Link(Box::new(now))),
                    };
                }
            }
        }
        self.add(
            NewFile {
                dir: Arc::clone(dir),
                node,
                fresh,
                is_copy,
                links,
            },
            &refs,
        )
    }

    fn add(&mut self, file: NewFile, refs: &[Ref]) -> Result<()> {
        if has_content(file.node.kind) {
            self.window.add_file(file, refs)
        } else {
            self.window.add_direct(Direct::Other(FileTask::new(file)))
        }
    }

    fn lose(&self, dir: &Dir, name: &[u8], failure: Failure) {
        let mut path = Vec::new();
        dir.path_of(name, &mut path);
        self.run.tally.lost(path, failure);
    }

    fn lose_list(&mut self, error: &Error) {
        if let Some(level) = self.stack.last_mut() {
            // What was not yielded may be in the snapshot: nothing more is removed.
            level.extra = None;
            let failure = Failure {
                reason: LostReason::Listing,
                ..Failure::from(error)
            };
            let mut path = Vec::new();
            level.dir.path(&mut path);
            self.run.tally.lost(path, failure);
        }
    }

    /// Returns the names in the directory at `self.path`, if what is not in the snapshot is to be removed from it.
    fn extra_names(&self, existed: bool) -> Option<Peekable<std::vec::IntoIter<Vec<u8>>>> {
        if !existed || self.options.extra != Extra::Remove {
            return None;
        }
        match self.run.target.names(&self.path) {
            Ok(mut names) => {
                names.sort_unstable();
                Some(names.into_iter().peekable())
            }
            Err(error) => {
                let failure = self.run.target_failure(&error);
                self.run.tally.lost(self.path.clone(), failure);
                None
            }
        }
    }

    /// Removes the names in the target before `next`, and passes it; at the end all that are left.
    fn remove_extra(&mut self, next: Option<&[u8]>) {
        let Some(level) = self.stack.last_mut() else {
            return;
        };
        let Some(extra) = &mut level.extra else {
            return;
        };
        while let Some(name) = extra.next_if(|name| next.is_none_or(|next| name.as_slice() < next))
        {
            level.dir.path_of(&name, &mut self.path);
            if !self.options.includes(&self.path, None) {
                continue;
            }
            match self.run.target.remove(&self.path) {
                Ok(()) => self.run.tally.removed(self.path.clone()),
                Err(error) => {
                    let failure = self.run.target_failure(&error);
                    self.run.tally.lost(self.path.clone(), failure);
                }
            }
        }
        extra.next_if(|name| Some(name.as_slice()) == next);
    }
}

/// Says whether entries of this kind have content.
pub(super) fn has_content(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::File | NodeKind::Stream)
}

fn unmade_parent() -> Failure {
    Failure::new(
        LostReason::Directory,
        "the directory that it is in could not be made",
    )
}

/// Directories, from the deepest, whose pages stay in memory.
const UNPARKED: usize = 32;
