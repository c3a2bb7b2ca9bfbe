//! The application's state as a source: a directory of small files.

use std::sync::Arc;

use strongroom::source::{Batch, Content, Entry, Fill, Source, SourceError, Walk, WalkEvent};
use strongroom::{Node, NodeKind, SkipReason};

use super::State;

impl Source for State {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let entry = |kind, name: &str, size| {
            let node = Node {
                kind,
                name: name.into(),
                mode: 0o600,
                size,
                ..Node::default()
            };
            Entry {
                dir: Arc::default(),
                node,
            }
        };
        let values = self.values();
        let items = values
            .iter()
            .map(|(name, value)| WalkEvent::Item(entry(NodeKind::File, name, value.len() as u64)));
        let root = WalkEvent::Enter(entry(NodeKind::Directory, "", 0));
        Ok(Box::new(Events(
            std::iter::once(root)
                .chain(items)
                .chain([WalkEvent::Leave])
                .collect(),
        )))
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
                    Fill::Done {
                        content: from..batch.data.len(),
                        changed,
                    }
                }
            };
        }
    }

    fn open(&self, _: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        Err(SourceError::new(
            SkipReason::NotSupported,
            "values are small",
        ))
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
