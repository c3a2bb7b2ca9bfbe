//! Builds the new tree from the groups, in the order of the walk.

use std::collections::{BTreeMap, HashMap};

use strongroom_format::{
    Interior, Leaf, Names, Node, NodeKind, Page, PageType, Ref, SkipReason, Skipped, split,
};

use super::Run;
use super::group::{Group, Step};
use super::large::{LargeFile, Whole};
use super::levels::{Levels, Pages};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Event;
use crate::source::{BatchItem, Fill, Problem, SourceError};

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
                Step::EnterKnown(node) => self.enter(*node),
                Step::EnterFilled(at) => {
                    let (item, _) = take(at)?;
                    self.enter_filled(item)?;
                }
                Step::Leave => self.leave()?,
                Step::Known(node, refs) => {
                    self.tree.unchanged += 1;
                    self.run
                        .progress
                        .entry(&self.path(&node.name), true, node.size);
                    self.add(*node, refs)?;
                }
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

    fn enter(&mut self, node: Node) {
        let mut path = self
            .open
            .last()
            .map(|dir| dir.path.clone())
            .unwrap_or_default();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&node.name);
        self.tree.directories += 1;
        self.open.push(Directory::new(node, path));
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
        self.enter(node);
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
        let (node, page) = dir.finish(self.run, &mut self.owners)?;
        if is_root {
            self.tree.root = Some(page);
            return Ok(());
        }
        self.add(node, vec![page])
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
        match node.kind {
            NodeKind::File | NodeKind::Stream => {
                self.tree.files += 1;
                self.tree.bytes += node.size;
            }
            NodeKind::Directory => {}
            _ => self.tree.others += 1,
        }
        let dir = self
            .open
            .last_mut()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the source's walk has no root"))?;
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

    fn path(&self, name: &[u8]) -> Vec<u8> {
        let dir = self
            .open
            .last()
            .map(|dir| dir.path.as_slice())
            .unwrap_or_default();
        [dir, if dir.is_empty() { b"" } else { b"/" }, name].concat()
    }
}

fn changed_while_read(path: Vec<u8>) -> Problem {
    let error = SourceError::new(SkipReason::ChangedWhileRead, "it changed while it was read");
    Problem { path, error }
}

/// A directory being built.
#[derive(Debug)]
struct Directory {
    node: Node,
    path: Vec<u8>,
    /// Goes into the first leaf, if this is the root.
    root: Option<Box<Node>>,
    entries: Vec<Node>,
    refs: Vec<Ref>,
    names_bytes: usize,
    levels: Levels<Child>,
}

/// A finished page of a directory.
#[derive(Debug)]
struct Child {
    first: Vec<u8>,
    count: u64,
    page: Ref,
}

impl Directory {
    fn new(node: Node, path: Vec<u8>) -> Self {
        let root = node.name.is_empty().then(|| Box::new(node.clone()));
        Self {
            node,
            path,
            root,
            entries: Vec::new(),
            refs: Vec::new(),
            names_bytes: 0,
            levels: Levels::new(),
        }
    }

    fn add(
        &mut self,
        run: &Run<'_>,
        owners: &mut OwnerNames,
        mut node: Node,
        refs: Vec<Ref>,
    ) -> Result<()> {
        if self
            .entries
            .last()
            .is_some_and(|last| last.name >= node.name)
        {
            return Err(Error::new(
                ErrorKind::Internal,
                "the source's entries are not in order",
            ));
        }
        let too_many = |_| Error::new(ErrorKind::Internal, "too many references in a page");
        node.refs = u32::try_from(refs.len()).map_err(too_many)?;
        node.first_ref = match refs.is_empty() {
            true => 0,
            false => u32::try_from(self.refs.len() + 1).map_err(too_many)?,
        };
        self.names_bytes += node.encoded_len();
        self.refs.extend(refs);
        let ends = split::leaf_ends(self.entries.len() + 1, self.names_bytes, &node.name);
        self.entries.push(node);
        if ends {
            let leaf = self.leaf(run, owners)?;
            self.levels.push(&mut DirectoryPages(run), 1, leaf)?;
        }
        Ok(())
    }

    fn finish(mut self, run: &Run<'_>, owners: &mut OwnerNames) -> Result<(Node, Ref)> {
        let nothing_yet = self.levels.is_empty();
        if nothing_yet || !self.entries.is_empty() {
            let leaf = self.leaf(run, owners)?;
            if nothing_yet {
                return Ok((self.node, leaf.page));
            }
            self.levels.push(&mut DirectoryPages(run), 1, leaf)?;
        }
        let mut pages = DirectoryPages(run);
        let mut top = self.levels.finish(&mut pages, 1)?;
        let page = match top.pop() {
            Some(only) if top.is_empty() => only.page,
            Some(last) => {
                top.push(last);
                pages.write(1, top)?.page
            }
            None => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "a directory without a page",
                ));
            }
        };
        Ok((self.node, page))
    }

    /// Writes the leaf that has been gathered.
    fn leaf(&mut self, run: &Run<'_>, owners: &mut OwnerNames) -> Result<Child> {
        let entries = std::mem::take(&mut self.entries);
        self.names_bytes = 0;
        let first = entries
            .first()
            .map(|node| node.name.clone())
            .unwrap_or_default();
        let count = entries.len() as u64;
        let root = self.root.take();
        let nodes = || entries.iter().chain(root.as_deref());
        let users = owners.users(run, nodes().map(|node| node.uid));
        let groups = owners.groups(run, nodes().map(|node| node.gid));
        let leaf = Leaf {
            entries,
            owners: users,
            groups,
            root,
            unknown: Default::default(),
        };
        let names = run.tree.names(&Names::Leaf(leaf))?;
        let mut refs = vec![names];
        refs.append(&mut self.refs);
        let page = run.tree.page(&Page {
            page_type: PageType::Leaf,
            height: 0,
            refs,
        })?;
        Ok(Child { first, count, page })
    }
}

struct DirectoryPages<'r, 'a>(&'r Run<'a>);

impl Pages<Child> for DirectoryPages<'_, '_> {
    fn ends(&self, _height: u8, items: &[Child]) -> bool {
        let bytes = items.iter().map(|child| child.first.len()).sum();
        items
            .last()
            .is_some_and(|last| split::interior_ends(items.len(), bytes, &last.first))
    }

    fn write(&mut self, height: u8, items: Vec<Child>) -> Result<Child> {
        let count = items.iter().map(|child| child.count).sum();
        let first = items
            .first()
            .map(|child| child.first.clone())
            .unwrap_or_default();
        let mut refs = Vec::with_capacity(items.len() + 1);
        let children = items
            .iter()
            .map(|child| (child.first.clone(), child.count))
            .collect();
        let interior = Interior {
            children,
            unknown: Default::default(),
        };
        refs.push(self.0.tree.names(&Names::Interior(interior))?);
        refs.extend(items.into_iter().map(|child| child.page));
        let page = self.0.tree.page(&Page {
            page_type: PageType::Interior,
            height,
            refs,
        })?;
        Ok(Child { first, count, page })
    }
}

/// Names of owners, asked of the source once each.
#[derive(Debug, Default)]
struct OwnerNames {
    users: HashMap<u32, Option<Vec<u8>>>,
    groups: HashMap<u32, Option<Vec<u8>>>,
}

impl OwnerNames {
    fn users(&mut self, run: &Run<'_>, ids: impl Iterator<Item = u32>) -> Vec<(u32, Vec<u8>)> {
        table(&mut self.users, ids, |id| run.source.owner_name(id))
    }

    fn groups(&mut self, run: &Run<'_>, ids: impl Iterator<Item = u32>) -> Vec<(u32, Vec<u8>)> {
        table(&mut self.groups, ids, |id| run.source.group_name(id))
    }
}

fn table(
    known: &mut HashMap<u32, Option<Vec<u8>>>,
    ids: impl Iterator<Item = u32>,
    ask: impl Fn(u32) -> Option<Vec<u8>>,
) -> Vec<(u32, Vec<u8>)> {
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| {
            let name = known.entry(id).or_insert_with(|| ask(id));
            name.as_ref().map(|name| (id, name.clone()))
        })
        .collect()
}
