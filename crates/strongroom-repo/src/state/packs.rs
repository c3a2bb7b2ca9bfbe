//! The packs in force: a table in memory, or one in a file of the local cache and what changed since.

mod file;
#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;
use std::vec;

use strongroom_format::{ObjectHash, PackRef};

pub(crate) use self::file::PackFile;
use super::sorted::Sorted;
use crate::error::Result;

/// The packs in force, by name. Clones share what none of them has changed.
///
/// A table in memory never fails. One in a file reads a page of it for each look-up, and fails when that is not what was written: then it says nothing
/// of any pack, in this or another question, until the journal is read anew.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packs {
    file: Option<Arc<PackFile>>,
    /// Packs that are not in the file, or are there and in `removed` as well.
    added: Sorted<PackRef>,
    /// Packs in the file that are not in force any more.
    removed: Sorted<(ObjectHash, ())>,
}

/// What changed since a file was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changes<'a> {
    pub(crate) file: &'a PackFile,
    pub(crate) added: &'a Sorted<PackRef>,
    pub(crate) removed: &'a Sorted<(ObjectHash, ())>,
}

impl Packs {
    /// Takes up what a file has, and what [changed](Self::changes) since it was written.
    pub(crate) fn in_file(
        file: PackFile,
        added: impl IntoIterator<Item = PackRef>,
        removed: impl IntoIterator<Item = ObjectHash>,
    ) -> Self {
        Self {
            file: Some(Arc::new(file)),
            added: added.into_iter().collect(),
            removed: removed.into_iter().map(|name| (name, ())).collect(),
        }
    }

    /// Writes the table to a file in `folder` and returns it as it is there.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); `Internal` when the folder takes no file.
    pub(crate) fn moved_to(&self, folder: &Path) -> Result<Self> {
        let file = PackFile::write(folder, self.iter())?;
        Ok(Self {
            file: Some(Arc::new(file)),
            ..Self::default()
        })
    }

    /// Returns the table as it is in memory alone.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) fn in_memory(&self) -> Result<Self> {
        self.iter().collect::<Result<Self>>()
    }

    /// Returns the file and what changed since; `None` of a table in memory.
    pub(crate) fn changes(&self) -> Option<Changes<'_>> {
        Some(Changes {
            file: self.file.as_deref()?,
            added: &self.added,
            removed: &self.removed,
        })
    }

    /// Says whether a look-up has found that the file is not what was written: no later one has an answer.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.is_unreadable())
    }

    /// Returns the number of packs.
    pub(crate) fn len(&self) -> usize {
        let in_file = self.file.as_ref().map_or(0, |file| file.rows());
        in_file.saturating_sub(self.removed.len()) + self.added.len()
    }

    /// Returns what is known of a pack in force.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the local cache is not what was written. The file is gone then, and the next to read the journal does it without.
    pub(crate) fn get(&self, name: &ObjectHash) -> Result<Option<PackRef>> {
        if let Some(pack) = self.added.get(name) {
            return Ok(Some(*pack));
        }
        match &self.file {
            Some(file) if !self.removed.contains_key(name) => file.get(name),
            _ => Ok(None),
        }
    }

    /// Says whether a pack is in force.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) fn contains(&self, name: &ObjectHash) -> Result<bool> {
        Ok(self.get(name)?.is_some())
    }

    /// Adds a pack unless one with its name is in force; says whether it did.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); nothing is changed then.
    pub(crate) fn insert_new(&mut self, pack: PackRef) -> Result<bool> {
        if self.file.is_some() && self.contains(&pack.name)? {
            return Ok(false);
        }
        Ok(self.added.insert_new(pack))
    }

    /// Takes a pack away; says whether it was in force.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); nothing is changed then.
    pub(crate) fn remove(&mut self, name: &ObjectHash) -> Result<bool> {
        if self.added.remove(name) {
            return Ok(true);
        }
        let is_in_file = self.contains(name)?;
        if is_in_file {
            self.removed.insert_new((*name, ()));
        }
        Ok(is_in_file)
    }

    /// Goes through the packs, in the order of their names.
    ///
    /// Each item fails as [`get`](Self::get) does; none follows one that did.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<PackRef>> {
        Merged {
            packs: self,
            added: self.added.values().copied().peekable(),
            page: Vec::new().into_iter().peekable(),
            next_page: 0,
        }
    }

    /// Goes through the names, in order, like [`iter`](Self::iter).
    pub(crate) fn names(&self) -> impl Iterator<Item = Result<ObjectHash>> {
        self.iter().map(|pack| Ok(pack?.name))
    }

    /// Says whether all of these packs are in another table too.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) fn are_all_in(&self, other: &Self) -> Result<bool> {
        for name in self.names() {
            if !other.contains(&name?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl FromIterator<PackRef> for Packs {
    fn from_iter<I: IntoIterator<Item = PackRef>>(packs: I) -> Self {
        Self {
            added: packs.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// Goes through a table page by page, with what was added where it belongs.
struct Merged<'a, A: Iterator> {
    packs: &'a Packs,
    added: Peekable<A>,
    page: Peekable<vec::IntoIter<PackRef>>,
    next_page: usize,
}

impl<A: Iterator<Item = PackRef>> Merged<'_, A> {
    /// Returns the next pack in force of the file, without taking it.
    fn peek_in_file(&mut self) -> Result<Option<PackRef>> {
        let Some(file) = &self.packs.file else {
            return Ok(None);
        };
        loop {
            let gone = |pack: &PackRef| self.packs.removed.contains_key(&pack.name);
            while self.page.next_if(gone).is_some() {}
            if let Some(pack) = self.page.peek() {
                return Ok(Some(*pack));
            }
            if self.next_page >= file.pages() {
                return Ok(None);
            }
            let rows = file.rows_of(self.next_page);
            // Nothing follows a failure.
            self.next_page = rows.as_ref().map_or(usize::MAX, |_| self.next_page + 1);
            self.page = rows?.into_iter().peekable();
        }
    }
}

impl<A: Iterator<Item = PackRef>> Iterator for Merged<'_, A> {
    type Item = Result<PackRef>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next_page == usize::MAX {
            return None;
        }
        let in_file = match self.peek_in_file() {
            Ok(in_file) => in_file,
            Err(error) => return Some(Err(error)),
        };
        let added = self.added.peek();
        let takes_added = match (&in_file, added) {
            (Some(in_file), Some(added)) => added.name < in_file.name,
            (in_file, _) => in_file.is_none(),
        };
        match takes_added {
            true => self.added.next().map(Ok),
            false => self.page.next().map(Ok),
        }
    }
}

#[cfg(test)]
impl Packs {
    /// Returns all of them; there must be no failure.
    pub(crate) fn all(&self) -> Sorted<PackRef> {
        self.iter().map(Result::unwrap).collect()
    }
}
