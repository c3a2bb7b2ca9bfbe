//! Builds the new tree from the groups, in the order of the walk.

use std::collections::BTreeMap;

use strongroom_format::{Node, NodeKind, Ref, SkipReason, Skipped};

use super::Run;
use super::directory::{Directory, Own};
use super::group::{Group, Step};
use super::judge::OwnRecord;
use super::large::{LargeFile, Whole};
use super::owners::OwnerNames;
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Event;
use crate::source::{BatchItem, Fill, Problem, SourceError};
use crate::tree::Recorded;

/// A snapshot's tree and what was met on the way.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) root: Option<Ref>,
    pub(super) files: u64,
    pub(super) directories: u64,
    pub(super) others: u64,
    pub(super) bytes: u64,
    pub(super) unchanged: u64,
    pub(super) problems: u64,
    /// The first of them.
    pub(super) skipped: Vec<Skipped>,
}

/// How many problems a snapshot names; it counts all of them.
const MAX_SKIPPED: usize = 1_000;

/// Takes groups as they come and builds in the order of their numbers.
pub(super) struct TreeBuilder<'r, 'a> {
    run: &'r Run<'a>,
    tree: Tree,
    open: Vec<Directory>,
    waiting: BTreeMap<u64, Group>,
    next: u64,
    owners: OwnerNames,
    /// Where paths for the observer are put together.
    path: Vec<u8>,
}

impl<'r, 'a> TreeBuilder<'r, 'a> {
    pub(super) fn new(run: &'r Run<'a>) -> Self {
        Self {
            run,
            tree: Tree::default(),
            open: Vec::new(),
            waiting: BTreeMap::new(),
            next: 0,
            owners: OwnerNames::default(),
            path: Vec::new(),
        }
    }

    /// Takes a group. Returns how many were built, in order, because of it.
    pub(super) fn take(&mut self, group: Group) -> Result<usize> {
        self.waiting.insert(group.number, group);
        let mut built = 0;
        while let Some(group) = self.waiting.remove(&self.next) {
            self.build(group)?;
            self.next += 1;
            built += 1;
        }
        Ok(built)
    }

    /// Returns the tree, after the last group.
    pub(super) fn finish(self) -> Result<Tree> {
        match (
            self.open.is_empty(),
            self.waiting.is_empty(),
            self.tree.root.is_some(),
        ) {
            (true, true, true) => Ok(self.tree),
            _ => Err(Error::new(
                ErrorKind::Internal,
                "the source's walk broke off",
            )),
        }
    }

    fn build(&mut self, group: Group) -> Result<()> {
        let Group {
            steps,
            batch,
            answers,
            refs,
            ..
        } = group;
        let mut items: Vec<Option<BatchItem>> = batch.items.into_iter().map(Some).collect();
        let mut take = |at: usize| {
            let item = items.get_mut(at).and_then(Option::take);
            let range = answers.get(at).cloned().unwrap_or_default();
            let found = refs.get(range).unwrap_or_default().to_vec();
            item.map(|item| (item, found))
                .ok_or_else(|| Error::new(ErrorKind::Internal, "a group without its item"))
        };
        for step in steps {
            match step {
                Step::EnterKnown(record) => self.enter(Own::Known(record)),
                Step::EnterFilled(at) => {
                    let (item, _) = take(at)?;
                    self.enter_filled(item)?;
                }
                Step::Leave => self.leave()?,
                Step::Known(recorded) => self.known(recorded)?,
                Step::Filled(at) => {
                    let (item, refs) = take(at)?;
                    self.filled(item, refs)?;
                }
                Step::Large(answer) => {
                    let file = self.run.readers.wait(&answer)??;
                    self.large(file)?;
                }
                Step::Problem(problem) => self.problem(problem)?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, own: Own) {
        let above = self.open.last().map(Directory::path).unwrap_or_default();
        let directory = Directory::new(own, above);
        self.tree.directories += 1;
        self.open.push(directory);
    }

    fn known(&mut self, recorded: Recorded) -> Result<()> {
        let dir = self.open.last_mut().ok_or_else(no_root)?;
        let node = recorded.node();
        self.path.clear();
        self.path.extend_from_slice(dir.path());
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(&node.name);
        self.run.progress.entry(&self.path, true, node.size);
        self.tree.unchanged += 1;
        self.tree.count(node);
        dir.add_recorded(self.run, &mut self.owners, recorded)
    }

    fn enter_filled(&mut self, item: BatchItem) -> Result<()> {
        let path = item.entry.path();
        let mut node = item.entry.node;
        // What stands in it is recorded even if its own metadata cannot be read any more.
        match item.fill {
            Fill::Failed(error) => {
                node.incomplete |= 1;
                self.problem(Problem { path, error })?;
            }
            Fill::Done { .. } | Fill::Pending => {}
        }
        self.enter(Own::New(Box::new(node)));
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        let dir = self.open.pop().ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "the source left what it had not entered",
            )
        })?;
        let is_root = self.open.is_empty();
        let (own, page) = dir.finish(self.run, &mut self.owners)?;
        if is_root {
            self.tree.root = Some(page);
            return Ok(());
        }
        match own {
            Own::Known(OwnRecord::Entry(recorded)) if recorded.refs() == [page] => {
                let above = self.open.last_mut().ok_or_else(no_root)?;
                above.add_recorded(self.run, &mut self.owners, recorded)
            }
            Own::Known(record) => self.add(record.node().clone(), vec![page]),
            Own::New(node) => self.add(*node, vec![page]),
        }
    }

    fn filled(&mut self, item: BatchItem, refs: Vec<Ref>) -> Result<()> {
        let path = item.entry.path();
        match item.fill {
            Fill::Done { content, changed } => {
                let mut node = item.entry.node;
                if item.want_content {
                    node.size = content.len() as u64;
                }
                self.run.progress.entry(&path, false, node.size);
                if changed {
                    self.problem(changed_while_read(path))?;
                }
                self.add(node, refs)
            }
            Fill::Failed(error) => self.problem(Problem { path, error }),
            Fill::Pending => {
                let error = SourceError::new(SkipReason::Other, "the source gave no answer");
                self.problem(Problem { path, error })
            }
        }
    }

    fn large(&mut self, file: LargeFile) -> Result<()> {
        let path = file.entry.path();
        match file.outcome {
            Ok(Whole { refs, changed }) => {
                self.run.progress.entry(&path, false, file.entry.node.size);
                if changed {
                    self.problem(changed_while_read(path))?;
                }
                self.add(file.entry.node, refs)
            }
            Err(error) => self.problem(Problem { path, error }),
        }
    }

    fn add(&mut self, node: Node, refs: Vec<Ref>) -> Result<()> {
        self.tree.count(&node);
        let dir = self.open.last_mut().ok_or_else(no_root)?;
        dir.add(self.run, &mut self.owners, node, refs)
    }

    fn problem(&mut self, problem: Problem) -> Result<()> {
        self.run.observer.on_event(&Event::Problem(&problem));
        if problem.error.is_fatal() {
            return Err(Error::new(ErrorKind::Source, "the source failed").caused_by(problem.error));
        }
        self.tree.problems += 1;
        if self.tree.skipped.len() < MAX_SKIPPED {
            let message = problem.error.message().to_owned();
            let reason = problem.error.reason();
            self.tree.skipped.push(Skipped {
                path: problem.path,
                reason,
                message,
            });
        }
        Ok(())
    }
}

impl Tree {
    /// Counts an entry; directories are counted when they begin.
    fn count(&mut self, node: &Node) {
        match node.kind {
            NodeKind::File | NodeKind::Stream => {
                self.files += 1;
                self.bytes += node.size;
            }
            NodeKind::Directory => {}
            _ => self.others += 1,
        }
    }
}

fn no_root() -> Error {
    Error::new(ErrorKind::Internal, "the source's walk has no root")
}

fn changed_while_read(path: Vec<u8>) -> Problem {
    let error = SourceError::new(SkipReason::ChangedWhileRead, "it changed while it was read");
    Problem { path, error }
}
