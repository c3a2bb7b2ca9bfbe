//! What is another in one snapshot than in the one before it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use strongroom_crypt::Id;
use strongroom_format::NodeKind;
use strongroom_format::record::counter;

use crate::blobs::Blobs;
use crate::edge;
use crate::error::Result;
use crate::repository::Repository;
use crate::restore::open_snapshot;
use crate::tree::{DirectoryReader, TreeEntry};

/// What is another in one snapshot than in an earlier one, in numbers: what an unusual change shows in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Files that only the later one has.
    pub files_new: u64,
    /// Files that both have, with other content.
    pub files_changed: u64,
    /// Files that only the earlier one has.
    pub files_deleted: u64,
    /// Bytes of files that are new or changed, as they are in the later one.
    pub bytes_changed: u64,
    /// Files among the changed ones whose time of modification is the same.
    pub mtime_unchanged: u64,
    /// Extensions of new files that no file of the earlier one has.
    pub extensions_new: u64,
    /// The most directories in which one and the same small new file has appeared; 0 unless there are two.
    pub same_small_file: u64,
}

impl Changes {
    /// Returns the counters of a run that these are.
    pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            (counter::FILES_NEW, self.files_new),
            (counter::FILES_CHANGED, self.files_changed),
            (counter::FILES_DELETED, self.files_deleted),
            (counter::BYTES_CHANGED, self.bytes_changed),
            (counter::MTIME_UNCHANGED, self.mtime_unchanged),
            (counter::EXTENSIONS_NEW, self.extensions_new),
            (counter::SAME_SMALL_FILE, self.same_small_file),
        ]
        .into_iter()
    }
}

impl Repository {
    /// Compares a snapshot with an earlier one. Only pages of trees are read, and of directories that are the same none; all names of the earlier one
    /// only if the later one has files with an extension that was not seen so far.
    ///
    /// Content counts as another if it was stored in other pieces, which is so of all files after the way of cutting has changed.
    ///
    /// # Errors
    ///
    /// `NotFound` when one of the snapshots is not in force; `Damaged` or `NotFound` naming an object when a page is lost; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it at the next page.
    pub async fn changes(&self, earlier: &Id, later: &Id) -> Result<Changes> {
        let (this, earlier, later) = (self.clone(), *earlier, *later);
        edge::run(self.store(), "strongroom-changes", move |remote| {
            let (before, blobs) = open_snapshot(&this, remote, &earlier, CACHE_BYTES)?;
            let (after, later_blobs) = open_snapshot(&this, remote, &later, CACHE_BYTES)?;
            let mut walk = Walk {
                before: &blobs,
                after: &later_blobs,
                found: Changes::default(),
                appeared: BTreeSet::new(),
                known: BTreeSet::new(),
                small: HashMap::new(),
                waiting: vec![(Some(before.root), Some(after.root))],
            };
            walk.run()?;
            walk.finish(&before.root)
        })
        .await
    }
}

/// A walk through two trees at once.
struct Walk<'a> {
    before: &'a Blobs,
    after: &'a Blobs,
    found: Changes,
    /// Extensions of new files.
    appeared: BTreeSet<Vec<u8>>,
    /// Extensions of earlier files, as far as their directories were looked into.
    known: BTreeSet<Vec<u8>>,
    /// In how many directories small new files are, by digests of what they are.
    small: HashMap<[u8; 16], u64>,
    /// Directories that are not the same, or only there on one side.
    waiting: Vec<(Option<Id>, Option<Id>)>,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<()> {
        while let Some((before, after)) = self.waiting.pop() {
            if before != after {
                self.directory(before, after)?;
            }
        }
        Ok(())
    }

    fn directory(&mut self, before: Option<Id>, after: Option<Id>) -> Result<()> {
        let open = |blobs, page: Option<Id>| {
            page.map(|page| DirectoryReader::open_ahead(blobs, &page))
                .transpose()
        };
        let (mut old, mut new) = (open(self.before, before)?, open(self.after, after)?);
        let next = |reader: &mut Option<DirectoryReader>| match reader {
            Some(reader) => reader.next(),
            None => Ok(None),
        };
        let (mut one, mut other) = (next(&mut old)?, next(&mut new)?);
        loop {
            let order = match (&one, &other) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.node.name.cmp(&other.node.name),
            };
            let was = match order {
                Ordering::Greater => None,
                _ => std::mem::replace(&mut one, next(&mut old)?),
            };
            let is = match order {
                Ordering::Less => None,
                _ => std::mem::replace(&mut other, next(&mut new)?),
            };
            self.entry(was.as_ref(), is.as_ref());
        }
    }

    fn entry(&mut self, was: Option<&TreeEntry>, is: Option<&TreeEntry>) {
        let pages = (
            was.and_then(TreeEntry::directory_page),
            is.and_then(TreeEntry::directory_page),
        );
        if pages.0 != pages.1 {
            self.waiting.push(pages);
        }
        let (was, is) = (
            was.filter(|one| is_file(one)),
            is.filter(|one| is_file(one)),
        );
        if let Some(was) = was {
            keep(&mut self.known, &was.node.name);
        }
        match (was, is) {
            (Some(was), Some(is)) => {
                if was.refs != is.refs || was.node.size != is.node.size {
                    self.found.files_changed += 1;
                    self.found.bytes_changed += is.node.size;
                    self.found.mtime_unchanged += u64::from(was.node.mtime == is.node.mtime);
                }
            }
            (Some(_), None) => self.found.files_deleted += 1,
            (None, Some(is)) => self.appeared(is),
            (None, None) => {}
        }
    }

    fn appeared(&mut self, entry: &TreeEntry) {
        let node = &entry.node;
        self.found.files_new += 1;
        self.found.bytes_changed += node.size;
        keep(&mut self.appeared, &node.name);
        if (1..=SMALL_BYTES).contains(&node.size) {
            let what = digest(entry);
            // Whoever floods a disk with different small files shows in their number.
            if self.small.len() < REMEMBERED || self.small.contains_key(&what) {
                *self.small.entry(what).or_default() += 1;
            }
        }
    }

    /// Looks for the extensions that appeared in the rest of the earlier tree.
    fn finish(mut self, root: &Id) -> Result<Changes> {
        let most = self.small.values().copied().max().unwrap_or_default();
        self.found.same_small_file = if most > 1 { most } else { 0 };
        self.appeared.retain(|one| !self.known.contains(one));
        if !self.appeared.is_empty() {
            let appeared = &mut self.appeared;
            each_file(self.before, root, &mut |name| {
                if let Some(extension) = extension(name) {
                    appeared.remove(&extension);
                }
                match appeared.is_empty() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })?;
        }
        self.found.extensions_new = self.appeared.len() as u64;
        Ok(self.found)
    }
}

/// Calls `each` with the names of all files of a tree.
fn each_file(
    blobs: &Blobs,
    root: &Id,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<()> {
    let mut waiting = vec![*root];
    while let Some(page) = waiting.pop() {
        let mut reader = DirectoryReader::open_ahead(blobs, &page)?;
        while let Some(entry) = reader.next()? {
            waiting.extend(entry.directory_page());
            if is_file(&entry) && each(&entry.node.name).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn is_file(entry: &TreeEntry) -> bool {
    matches!(entry.node.kind, NodeKind::File | NodeKind::Stream)
}

/// Remembers the extension of a name, as long as there is room.
fn keep(extensions: &mut BTreeSet<Vec<u8>>, name: &[u8]) {
    if extensions.len() < REMEMBERED {
        extensions.extend(extension(name));
    }
}

/// Returns what is behind the last dot of a name, in small letters, unless the name begins with that dot or it is too long to mean anything.
fn extension(name: &[u8]) -> Option<Vec<u8>> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let behind = name.get(dot + 1..)?;
    (dot > 0 && (1..=EXTENSION_BYTES).contains(&behind.len())).then(|| behind.to_ascii_lowercase())
}

/// Returns a digest of a file's name and content.
fn digest(entry: &TreeEntry) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&entry.node.name);
    hasher.update(&entry.node.size.to_le_bytes());
    for one in &entry.refs {
        hasher.update(one.id.as_bytes());
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

/// Notes that intruders leave are no longer.
const SMALL_BYTES: u64 = 65_536;
/// Extensions and small files that are told apart.
const REMEMBERED: usize = 65_536;
/// Bytes of an extension.
const EXTENSION_BYTES: usize = 16;
const CACHE_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::testing::{Shape, Tree, Writer, repository};

    fn file(text: &str) -> Tree {
        Tree::file(text.as_bytes())
    }

    fn changes(before: Tree, after: Tree) -> Changes {
        let (_, repository) = repository();
        let before = Writer::new(&repository, Shape::default()).snapshot(&before, "mail");
        let after = Writer::new(&repository, Shape::default()).snapshot(&after, "mail");
        block_on(repository.changes(&before, &after)).unwrap()
    }

    #[test]
    fn what_is_the_same_is_not_counted() {
        let tree = || Tree::dir([("a.txt", file("a")), ("sub", Tree::dir([("b", file("b"))]))]);
        assert_eq!(changes(tree(), tree()), Changes::default());
    }

    #[test]
    fn files_are_new_changed_and_gone_in_any_directory() {
        let before = Tree::dir([
            ("a.txt", file("a")),
            (
                "gone",
                Tree::dir([("b.doc", file("bb")), ("c.doc", file("c"))]),
            ),
            ("kept", Tree::dir([("d.TXT", file("d"))])),
        ]);
        let after = Tree::dir([
            ("a.txt", file("other")),
            (
                "kept",
                Tree::dir([("d.TXT", file("d")), ("e.txt", file("eee"))]),
            ),
            ("made", Tree::dir([("f.pdf", file("f"))])),
        ]);
        let found = changes(before, after);
        assert_eq!(
            (found.files_new, found.files_changed, found.files_deleted),
            (2, 1, 2)
        );
        assert_eq!((found.bytes_changed, found.extensions_new), (9, 1));
    }

    #[test]
    fn an_encrypted_tree_with_notes_shows_in_all_numbers() {
        let folder = |names: [&str; 3]| Tree::dir(names.map(|name| (name, file(name))));
        let before = Tree::dir([
            ("one", folder(["a.doc", "b.doc", "c.xls"])),
            ("two", folder(["d.doc", "e.doc", "f.xls"])),
        ]);
        let held = |names: [&str; 3]| {
            let locked = names.map(|name| (name, file(&format!("{name} of noise"))));
            let note = ("README.hta", file("pay"));
            Tree::dir(locked.into_iter().chain([note]))
        };
        let after = Tree::dir([
            ("one", held(["a.doc.lock", "b.doc.lock", "c.xls.lock"])),
            ("two", held(["d.doc.lock", "e.doc.lock", "f.xls.lock"])),
        ]);
        let found = changes(before, after);
        assert_eq!((found.files_new, found.files_deleted), (8, 6));
        assert_eq!((found.extensions_new, found.same_small_file), (2, 2));
    }

    #[test]
    fn an_extension_that_is_elsewhere_is_not_new() {
        let elsewhere = || Tree::dir([("old.odt", file("old"))]);
        let before = Tree::dir([
            ("here", Tree::dir([("a", file("a"))])),
            ("there", elsewhere()),
        ]);
        let now = Tree::dir([
            ("a", file("a")),
            ("new.odt", file("new")),
            (".odt", file("x")),
        ]);
        let found = changes(before, Tree::dir([("here", now), ("there", elsewhere())]));
        assert_eq!((found.files_new, found.extensions_new), (2, 0));
    }
}
