//! A target that is a map, and that insists on the contract.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_format::{Node, NodeKind};

use super::Flat;
use crate::target::{
    Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};

/// What is under a name. Names of one file share their content.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) node: Node,
    pub(crate) content: Arc<Mutex<Vec<u8>>>,
    pub(crate) finished: bool,
}

/// A target that is a map from paths.
///
/// # Panics
///
/// Its methods panic when the engine breaks the contract of [`Target`], which ends the restore with an error of kind `Internal`.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MemoryTarget {
    /// Makes no hard links.
    pub no_links: bool,
    /// Refuses to make this directory.
    pub refused: Option<Vec<u8>>,
    /// Is full after so many bytes.
    pub capacity: Option<u64>,
    pub(crate) items: Arc<Mutex<BTreeMap<Vec<u8>, Item>>>,
    pub(crate) used: Arc<AtomicU64>,
    /// Contents written, in calls.
    pub(crate) writes: Arc<AtomicU64>,
}

impl MemoryTarget {
    /// Returns every entry as [`Tree::flat`](super::Tree::flat) does.
    #[must_use]
    pub fn flat(&self) -> Flat {
        let show = |item: &Item| match &item.node.target {
            Some(target) if item.node.kind == NodeKind::Symlink => target.clone(),
            _ => lock(&item.content).clone(),
        };
        self.items()
            .iter()
            .map(|(path, item)| (path.clone(), (item.node.kind, show(item))))
            .collect()
    }

    /// Returns the metadata of an entry, if there is one at `path`.
    #[must_use]
    pub fn node(&self, path: &[u8]) -> Option<Node> {
        self.items().get(path).map(|item| item.node.clone())
    }

    pub(crate) fn items(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Item>> {
        lock(&self.items)
    }

    /// Puts something there before the restore.
    pub fn plant(&self, path: &str, node: Node, content: &[u8]) {
        let content = Arc::new(Mutex::new(content.to_vec()));
        self.items().insert(
            path.as_bytes().to_vec(),
            Item {
                node,
                content,
                finished: true,
            },
        );
    }

    fn put(
        &self,
        path: &[u8],
        node: &Node,
        content: Vec<u8>,
        finished: bool,
    ) -> Arc<Mutex<Vec<u8>>> {
        let mut items = self.items();
        if let Some(parent) = parent(path) {
            let parent = items.get(parent).expect("the parent is there");
            assert_eq!(parent.node.kind, NodeKind::Directory);
            assert!(!parent.finished, "the parent is not finished");
        }
        let content = Arc::new(Mutex::new(content));
        let item = Item {
            node: node.clone(),
            content: content.clone(),
            finished,
        };
        items.insert(path.to_vec(), item);
        content
    }

    fn charge(used: &AtomicU64, capacity: Option<u64>, bytes: u64) -> Result<(), TargetError> {
        let before = used.fetch_add(bytes, Ordering::Relaxed);
        match capacity {
            Some(capacity) if before + bytes > capacity => Err(TargetError::no_space("full")),
            _ => Ok(()),
        }
    }
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => path.get(..slash),
        None if path.is_empty() => None,
        None => Some(b""),
    }
}

impl Target for MemoryTarget {
    fn create_directory(&self, path: &[u8], node: &Node) -> Result<Made, TargetError> {
        if self.refused.as_deref() == Some(path) {
            return Err(TargetError::new("refused"));
        }
        if let Some(item) = self.items().get_mut(path)
            && item.node.kind == NodeKind::Directory
        {
            item.finished = false;
            return Ok(Made::Existed);
        }
        self.put(path, node, Vec::new(), false);
        Ok(Made::Created)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let write = |file: &SmallFile<'_>| {
            assert!(
                !file.fresh || !self.items().contains_key(file.path),
                "fresh means absent"
            );
            self.writes.fetch_add(1, Ordering::Relaxed);
            Self::charge(&self.used, self.capacity, file.content.len() as u64)?;
            self.put(file.path, file.node, file.content.to_vec(), true);
            Ok(Vec::new())
        };
        files.iter().map(write).collect()
    }

    fn open_file(
        &self,
        path: &[u8],
        node: &Node,
        fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        let there = self.items().get(path).cloned();
        assert!(!fresh || there.is_none(), "fresh means absent");
        let content = match there {
            Some(item) if item.node.kind == NodeKind::File => item.content,
            _ => self.put(path, node, vec![0; in_memory(node.size)], false),
        };
        Ok(Box::new(MemoryFile {
            path: path.to_vec(),
            content,
            items: self.items.clone(),
            capacity: self.capacity,
            used: self.used.clone(),
            writes: self.writes.clone(),
        }))
    }

    fn existing_file(&self, path: &[u8], node: &Node) -> Result<Option<ExistingFile>, TargetError> {
        let items = self.items();
        let Some(item) = items
            .get(path)
            .filter(|item| item.node.kind == NodeKind::File)
        else {
            return Ok(None);
        };
        let content = lock(&item.content).clone();
        let same_time = item.node.mtime == node.mtime;
        let found = ExistingFile {
            same_time,
            content: Box::new(Bytes(content.clone())),
        };
        Ok((content.len() as u64 == node.size).then_some(found))
    }

    fn create_other(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.put(path, node, Vec::new(), true);
        Ok(Vec::new())
    }

    fn link(&self, path: &[u8], first: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        if self.no_links {
            return Err(TargetError::new("no links here"));
        }
        let item = self
            .items()
            .get(first)
            .cloned()
            .expect("the first name is there");
        assert!(item.finished, "the first name is finished");
        self.items().insert(path.to_vec(), item);
        Ok(Vec::new())
    }

    fn finish_directory(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        let mut items = self.items();
        let below = |other: &[u8]| parent(other) == Some(path);
        assert!(
            items
                .iter()
                .filter(|(other, _)| below(other))
                .all(|(_, item)| item.finished)
        );
        let item = items.get_mut(path).expect("the directory is there");
        assert!(!item.finished, "a directory is finished once");
        item.finished = true;
        item.node = node.clone();
        Ok(Vec::new())
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        let items = self.items();
        if !items.contains_key(path) {
            return Err(TargetError::new("no such directory"));
        }
        let below = items.keys().filter(|other| parent(other) == Some(path));
        Ok(below
            .filter_map(|other| other.rsplit(|byte| *byte == b'/').next())
            .map(<[u8]>::to_vec)
            .collect())
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        let prefix = [path, b"/"].concat();
        self.items()
            .retain(|other, _| other != path && !other.starts_with(&prefix));
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryFile {
    path: Vec<u8>,
    content: Arc<Mutex<Vec<u8>>>,
    items: Arc<Mutex<BTreeMap<Vec<u8>, Item>>>,
    capacity: Option<u64>,
    used: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
}

impl TargetFile for MemoryFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), TargetError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        MemoryTarget::charge(&self.used, self.capacity, data.len() as u64)?;
        let offset = in_memory(offset);
        let mut content = lock(&self.content);
        let len = content.len().max(offset + data.len());
        content.resize(len, NEVER_WRITTEN);
        if let Some(to) = content.get_mut(offset..offset + data.len()) {
            to.copy_from_slice(data);
        }
        Ok(())
    }

    fn write_zeros(&self, offset: u64, len: u64) -> Result<(), TargetError> {
        self.write_at(offset, &vec![0; in_memory(len)])
    }

    fn finish(&self, node: &Node) -> Result<Vec<Deviation>, TargetError> {
        lock(&self.content).resize(in_memory(node.size), NEVER_WRITTEN);
        let mut items = lock(&self.items);
        let item = items.get_mut(&self.path).expect("the file is there");
        item.node = node.clone();
        item.finished = true;
        Ok(Vec::new())
    }
}

/// What is where the engine has written nothing: content that nobody backed up.
const NEVER_WRITTEN: u8 = 0xee;

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let start = in_memory(offset);
        let part = self
            .0
            .get(start..start + buf.len())
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(part);
        Ok(())
    }
}

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("what is restored fits into memory")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
