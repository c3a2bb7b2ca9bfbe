//! An application that backs up its own state, with no file system at all: a memory store, a source and a target of its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom::blocking::Repository;
use strongroom::source::{Batch, Content, Entry, Fill, Source, SourceError, Walk, WalkEvent};
use strongroom::target::{Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile};
use strongroom::{
    BackupOptions, CreateOptions, Credential, MemoryStore, Node, NodeKind, RestoreOptions, SkipReason,
};

/// The application's state: named values, here of less than a megabyte each.
#[derive(Debug, Default)]
struct State(Mutex<BTreeMap<String, Vec<u8>>>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let state = Arc::new(State::default());
    state.set("ann", "ann@example.org");
    state.set("bob", "bob@example.org");

    let passphrase = Credential::passphrase("a secret of the application");
    let builder = Repository::builder(Arc::new(MemoryStore::new()));
    let repository = builder.create(CreateOptions::default(), &passphrase)?.repository;
    let before = repository.backup(state.clone(), BackupOptions::new("state"), Arc::new(()))?;
    state.set("bob", "overwritten by mistake");
    repository.backup(state.clone(), BackupOptions::new("state"), Arc::new(()))?;

    let report = repository.restore(&before.snapshot, state.clone(), RestoreOptions::default(), Arc::new(()))?;
    assert!(report.is_complete());
    assert_eq!(state.get("bob").as_deref(), Some(&b"bob@example.org"[..]));
    writeln!(std::io::stdout(), "restored {} values of {} snapshots", report.files, repository.snapshots()?.len())?;
    Ok(())
}

impl State {
    fn values(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, name: &str, value: &str) {
        self.values().insert(name.to_owned(), value.as_bytes().to_vec());
    }

    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.values().get(name).cloned()
    }
}

impl Source for State {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let entry = |kind, name: &str, size| {
            let node = Node { kind, name: name.into(), mode: 0o600, size, ..Node::default() };
            Entry { dir: Arc::default(), node }
        };
        let values = self.values();
        let items = values.iter().map(|(name, value)| WalkEvent::Item(entry(NodeKind::File, name, value.len() as u64)));
        let root = WalkEvent::Enter(entry(NodeKind::Directory, "", 0));
        Ok(Box::new(Events(std::iter::once(root).chain(items).chain([WalkEvent::Leave]).collect())))
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            let value = self.get(&String::from_utf8_lossy(&item.entry.node.name));
            let from = batch.data.len();
            item.fill = match value {
                None => Fill::Failed(SourceError::new(SkipReason::Vanished, "removed meanwhile")),
                Some(value) => {
                    let changed = value.len() as u64 != item.entry.node.size;
                    item.entry.node.size = value.len() as u64;
                    if item.want_content {
                        batch.data.extend_from_slice(&value);
                    }
                    Fill::Done { content: from..batch.data.len(), changed }
                }
            };
        }
    }

    fn open(&self, _: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        Err(SourceError::new(SkipReason::NotSupported, "values are small"))
    }

    fn owner_name(&self, _: u32) -> Option<Vec<u8>> {
        None
    }

    fn group_name(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
}

#[derive(Debug)]
struct Events(Vec<WalkEvent>);

impl Walk for Events {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        events.append(&mut self.0);
        false
    }
}

impl Target for State {
    fn create_directory(&self, _: &[u8], _: &Node) -> Result<Made, TargetError> {
        Ok(Made::Existed)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let mut values = self.values();
        let write = |file: &SmallFile<'_>| {
            values.insert(String::from_utf8_lossy(file.path).into_owned(), file.content.to_vec());
            Ok(Vec::new())
        };
        files.iter().map(write).collect()
    }

    fn finish_directory(&self, _: &[u8], _: &Node) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }

    fn existing_file(&self, _: &[u8], _: &Node) -> Result<Option<ExistingFile>, TargetError> {
        Ok(None)
    }

    fn open_file(&self, _: &[u8], _: &Node, _: bool) -> Result<Box<dyn TargetFile>, TargetError> {
        Err(TargetError::new("values are small"))
    }

    fn create_other(&self, _: &[u8], _: &Node) -> Result<Vec<Deviation>, TargetError> {
        Err(TargetError::new("there are only values"))
    }

    fn link(&self, _: &[u8], _: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        Err(TargetError::new("values have one name"))
    }

    fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(self.values().keys().map(|name| name.as_bytes().to_vec()).collect())
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.values().remove(&*String::from_utf8_lossy(path));
        Ok(())
    }
}
