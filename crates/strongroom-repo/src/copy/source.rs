//! A snapshot as what is backed up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use strongroom_crypt::Id;
use strongroom_format::{Leaf, Node, NodeKind, Ref, SkipReason, Snapshot};

use super::content::CopyContent;
use super::walk::CopyWalk;
use crate::blobs::{Blobs, DATA, forgotten};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::journal::lock;
use crate::list::{Found, resolve};
use crate::repository::Repository;
use crate::source::{Batch, BatchItem, Content, Entry, Fill, Source, SourceError, Walk};
use crate::tree::{RecipeReader, TreeEntry};

/// A snapshot as what is backed up.
///
/// What is the same as in an earlier snapshot, by metadata and by what it refers to, is walked with its time of change; everything else
/// without one, so that the engine takes no entry for unchanged that is not. Filling it in completes the time.
#[derive(Debug)]
pub(super) struct CopySource {
    root: Id,
    /// Root of the earlier snapshot.
    beside: Option<Id>,
    blobs: Blobs,
    /// What was walked and is not the same, until it is asked for.
    pending: Mutex<HashMap<Vec<u8>, Carried>>,
    owners: Mutex<Names>,
    groups: Mutex<Names>,
    failure: Mutex<Option<Error>>,
}

type Names = BTreeMap<u32, Vec<u8>>;

/// What is known of an entry beyond what the engine carries.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) node: Node,
    pub(super) refs: Vec<Ref>,
}

impl CopySource {
    /// Opens a snapshot, and an earlier one beside it.
    pub(super) fn open(
        repository: &Repository,
        remote: &Remote,
        id: Id,
        beside: Option<Id>,
    ) -> Result<Self> {
        let state = repository.journal().state();
        let root = |id: &Id| {
            state
                .snapshot(id)
                .map(|(_, one): (u64, &Snapshot)| one.root)
        };
        let index = repository.index(remote, &state)?;
        let whose = (id, state.head);
        Ok(Self {
            root: root(&id).ok_or_else(forgotten)?,
            beside: beside.as_ref().and_then(root),
            blobs: Blobs::of_snapshot(remote, repository, index, whose, CACHE_BYTES),
            pending: Mutex::default(),
            owners: Mutex::default(),
            groups: Mutex::default(),
            failure: Mutex::default(),
        })
    }

    /// Returns the bytes fetched so far.
    pub(super) fn fetched(&self) -> u64 {
        self.blobs.fetched()
    }

    /// Returns what made the whole copy fail.
    pub(super) fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }

    /// Says whether the snapshot was found to be forgotten.
    pub(super) fn is_forgotten(&self) -> bool {
        self.blobs.is_forgotten()
    }

    pub(super) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Makes what the engine is told of an error: what is lost costs an entry, everything else the copy.
    pub(super) fn report(&self, error: Error) -> SourceError {
        if is_loss(&error) && !self.is_forgotten() {
            let message = match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            return SourceError::new(SkipReason::ReadError, message);
        }
        let reported = SourceError::fatal(SkipReason::Other, error.to_string());
        lock(&self.failure).get_or_insert(error);
        reported
    }

    /// Takes note of an entry that is not the same.
    pub(super) fn carry(&self, path: Vec<u8>, carried: Carried) {
        lock(&self.pending).insert(path, carried);
    }

    pub(super) fn forget_carried(&self) {
        lock(&self.pending).clear();
    }

    /// Takes note of the names of an entry's owner and group, of those that its page has.
    pub(super) fn note_names(&self, node: &Node, page: &Leaf) {
        let note = |names: &Mutex<Names>, id: u32, table: &[(u32, Vec<u8>)]| {
            let found = table.iter().find(|(other, _)| *other == id);
            if let Some((_, name)) = found {
                lock(names).entry(id).or_insert_with(|| name.clone());
            }
        };
        note(&self.owners, node.uid, &page.owners);
        note(&self.groups, node.gid, &page.groups);
    }

    /// Returns what is known of an entry; looks up what was walked as the same and is asked for all the same.
    fn carried(&self, path: &[u8], keep: bool) -> Result<Carried> {
        let known = match keep {
            true => lock(&self.pending).get(path).cloned(),
            false => lock(&self.pending).remove(path),
        };
        if let Some(carried) = known {
            return Ok(carried);
        }
        match resolve(&self.blobs, &self.root, path)? {
            Found::Entry(entry) => Ok(Carried::of(*entry)),
            Found::Directory(Some(node), _) => Ok(Carried {
                node: without_refs(*node),
                refs: Vec::new(),
            }),
            Found::Directory(None, _) => {
                Err(Error::new(ErrorKind::Damaged, "an entry has no metadata"))
            }
        }
    }

    fn fill_one(&self, item: &mut BatchItem, data: &mut Vec<u8>) -> Result<()> {
        let path = item.entry.path();
        let has_content = matches!(item.entry.node.kind, NodeKind::File | NodeKind::Stream);
        // Of a large file the content is asked for later.
        let carried = self.carried(&path, has_content && !item.want_content)?;
        let from = data.len();
        if item.want_content {
            let Carried { node, refs } = &carried;
            let mut pieces = RecipeReader::of_size(&self.blobs, refs, node.size);
            while let Some(piece) = pieces.next()? {
                let len = usize::try_from(piece.range.end - piece.range.start)
                    .map_err(|_| Error::new(ErrorKind::Internal, "a piece past the limit"))?;
                match piece.blob() {
                    Some(id) => data.extend_from_slice(&self.blob(&id, len as u64)?),
                    None => data.resize(data.len() + len, 0),
                }
            }
        }
        item.entry.node = carried.node;
        item.fill = Fill::Done {
            content: from..data.len(),
            changed: false,
        };
        Ok(())
    }

    /// Reads a piece of content of that length.
    pub(super) fn blob(&self, id: &Id, len: u64) -> Result<bytes::Bytes> {
        let blob = self.blobs.read(DATA, id)?;
        if blob.len() as u64 == len {
            return Ok(blob);
        }
        let what = "a blob has not the length of its piece";
        Err(Error::new(ErrorKind::Damaged, what))
    }
}

impl Source for CopySource {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let walk = CopyWalk::begin(self, self.root, self.beside);
        walk.map_or_else(
            |error| {
                let reported = self.report_root(error);
                Err(reported)
            },
            |walk| Ok(Box::new(walk) as Box<dyn Walk + Send + '_>),
        )
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            let from = batch.data.len();
            if let Err(error) = self.fill_one(item, &mut batch.data) {
                batch.data.truncate(from);
                item.fill = Fill::Failed(self.report(error));
            }
        }
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        let carried = self.carried(&entry.path(), false);
        let carried = carried.map_err(|error| self.report(error))?;
        Ok(Box::new(CopyContent::new(self, &carried)))
    }

    fn owner_name(&self, uid: u32) -> Option<Vec<u8>> {
        lock(&self.owners).get(&uid).cloned()
    }

    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        lock(&self.groups).get(&gid).cloned()
    }
}

impl CopySource {
    /// Without its root nothing of a snapshot can be copied, however it is lost.
    fn report_root(&self, error: Error) -> SourceError {
        let reported = SourceError::fatal(SkipReason::ReadError, error.to_string());
        lock(&self.failure).get_or_insert(error);
        reported
    }
}

impl Carried {
    pub(super) fn of(entry: TreeEntry) -> Self {
        Self {
            node: without_refs(entry.node),
            refs: entry.refs,
        }
    }
}

/// References are the engine's to fill in.
pub(super) fn without_refs(mut node: Node) -> Node {
    (node.first_ref, node.refs) = (0, 0);
    node
}

/// Decoded frames that are kept: files that are neighbours in a directory are neighbours in a frame.
const CACHE_BYTES: usize = 48 << 20;
