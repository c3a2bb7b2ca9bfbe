//! Files whose content is not what their names say: what encryption by an intruder leaves.

mod signature;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use self::signature::{HEAD_BYTES, fits, is_known};
use crate::source::{Batch, Content, Entry, Fill, Piece, Source, SourceError, Walk};

/// A source that looks at what is read of another one, and counts the files whose content does not begin as their extension says.
///
/// A backup reads what is new or looks changed, so that is what is looked at: each such file once, by the bytes that are read anyway. Only extensions count of
/// which it is known how such files begin, some forty; empty files do not.
///
/// ```
/// use std::sync::Arc;
///
/// use strongroom_repo::testing::{Tree, TreeSource};
/// use strongroom_repo::{BackupOptions, Sniffer};
/// # use strongroom_crypt::Suite;
/// # use strongroom_repo::{CreateOptions, Credential, Repository};
/// # fn main() -> Result<(), strongroom_repo::Error> { futures::executor::block_on(async {
/// # let builder = Repository::builder(Arc::new(strongroom_store::MemoryStore::new()));
/// # let options = CreateOptions::default().with_suite(Suite::None);
/// # let repository = builder.create(options, &Credential::None).await?.repository;
///
/// let tree = Tree::dir([("a.pdf", Tree::file(b"%PDF-1.7")), ("b.pdf", Tree::file(b"\x9C\x11\x42"))]);
/// let source = Arc::new(Sniffer::new(Arc::new(TreeSource::new(tree))));
/// repository.backup(source.clone(), BackupOptions::new("letters"), Arc::new(())).await?;
/// assert_eq!(source.mismatches(), 1);
/// # Ok(()) }) }
/// ```
pub struct Sniffer {
    source: Arc<dyn Source>,
    /// Digests of the paths: a file that is read again is counted once.
    mismatches: Mutex<HashSet<[u8; 16]>>,
}

impl Sniffer {
    /// Looks at what is read of a source.
    #[must_use]
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            mismatches: Mutex::default(),
        }
    }

    /// Returns how many of the files that were read so far are not what their names say. It counts up to about a million.
    #[must_use]
    pub fn mismatches(&self) -> u64 {
        let mismatches = self.mismatches.lock();
        mismatches.unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    fn look(&self, entry: &Entry, head: &[u8]) {
        if fits(&entry.node.name, head) != Some(false) {
            return;
        }
        let mut digest = [0; 16];
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&entry.path())
            .finalize_xof()
            .fill(&mut digest);
        let mismatches = self.mismatches.lock();
        let mut mismatches = mismatches.unwrap_or_else(PoisonError::into_inner);
        if mismatches.len() < MOST {
            mismatches.insert(digest);
        }
    }
}

/// Of so many files one more says nothing new; they take 40 MiB.
const MOST: usize = 1 << 20;

impl Source for Sniffer {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        self.source.walk()
    }

    fn fill(&self, batch: &mut Batch) {
        self.source.fill(batch);
        for item in &batch.items {
            let (true, Fill::Done { content, .. }) = (item.want_content, &item.fill) else {
                continue;
            };
            let content = batch.data.get(content.clone()).unwrap_or_default();
            if !content.is_empty() {
                self.look(&item.entry, content.get(..HEAD_BYTES).unwrap_or(content));
            }
        }
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        let content = self.source.open(entry)?;
        if !is_known(&entry.node.name) {
            return Ok(content);
        }
        Ok(Box::new(Sniffed {
            content,
            sniffer: self,
            entry: entry.clone(),
            head: Vec::with_capacity(HEAD_BYTES),
            is_judged: false,
        }))
    }

    fn owner_name(&self, uid: u32) -> Option<Vec<u8>> {
        self.source.owner_name(uid)
    }

    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        self.source.group_name(gid)
    }
}

impl fmt::Debug for Sniffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sniffer").field(&self.source).finish()
    }
}

/// A large file of which the beginning is kept.
#[derive(Debug)]
struct Sniffed<'a> {
    content: Box<dyn Content + Send + 'a>,
    sniffer: &'a Sniffer,
    entry: Entry,
    head: Vec<u8>,
    is_judged: bool,
}

impl Content for Sniffed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        let piece = self.content.read(buf)?;
        if self.is_judged {
            return Ok(piece);
        }
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        match piece {
            Piece::Data(len) => {
                let data = buf.get(..len.min(room)).unwrap_or_default();
                self.head.extend_from_slice(data);
            }
            Piece::Hole(len) => {
                let zeros = usize::try_from(len).map_or(room, |len| len.min(room));
                self.head.resize(self.head.len() + zeros, 0);
            }
            Piece::End => {}
        }
        if self.head.len() >= HEAD_BYTES || piece == Piece::End {
            self.is_judged = true;
            if !self.head.is_empty() {
                self.sniffer.look(&self.entry, &self.head);
            }
        }
        Ok(piece)
    }

    fn finish(&mut self, entry: &mut Entry) -> Result<bool, SourceError> {
        self.content.finish(entry)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::BackupOptions;
    use crate::testing::{Tree, TreeSource, repository};

    /// Backs trees up one after the other, and returns what was counted in the last one.
    fn sniffed(trees: &[Tree]) -> u64 {
        let (_, repository) = repository();
        let mut last = 0;
        for tree in trees {
            let source = Arc::new(Sniffer::new(Arc::new(TreeSource::new(tree.clone()))));
            let options = BackupOptions::new("mail");
            block_on(repository.backup(source.clone(), options, Arc::new(()))).unwrap();
            last = source.mismatches();
        }
        last
    }

    #[test]
    fn only_what_is_read_is_looked_at() {
        let dir = |more: &[(&str, &[u8])]| {
            let files = [
                ("a.pdf", b"%PDF-1.7".as_slice()),
                ("b.png", b"noise"),
                ("empty.zip", b""),
                ("notes.txt", b"noise"),
            ];
            let files = files.iter().chain(more);
            Tree::dir(files.map(|(name, content)| (*name, Tree::file(content))))
        };
        assert_eq!(sniffed(&[dir(&[])]), 1);
        assert_eq!(sniffed(&[dir(&[]), dir(&[])]), 0, "nothing was read again");
        let new: [(&str, &[u8]); 2] = [("c.jpg", b"noise"), ("d.gz", b"\x1F\x8B\x08")];
        assert_eq!(sniffed(&[dir(&[]), dir(&new)]), 1);
    }

    #[test]
    fn large_files_are_looked_at_as_they_are_read() {
        let large = |begin: &[u8]| {
            let mut content = begin.to_vec();
            content.resize(3 << 20, 7);
            Tree::file(&content)
        };
        let tree = Tree::dir([
            ("a.mp4", large(b"\0\0\0\x20ftypisom")),
            ("b.mp4", large(b"noise")),
            ("c.bin", large(b"noise")),
        ]);
        assert_eq!(sniffed(&[tree]), 1);
    }
}
