//! Which files are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::restore::file::FileTask;
use crate::target::TargetFile;

/// The files written in part, and which of them are open: a bounded number.
#[derive(Debug, Default)]
pub(super) struct OpenFiles(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    unfinished: BTreeMap<u64, Arc<FileTask>>,
    open: BTreeSet<u64>,
    next: u64,
}

impl OpenFiles {
    /// Adds a file that was opened; when there are too many, the one opened first is closed, to be opened again when
    /// its next piece comes.
    pub(super) fn opened(&self, file: &Arc<FileTask>, again: bool) {
        let closed = {
            let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !again {
                table.next += 1;
                file.set_opened(table.next);
                let number = table.next;
                table.unfinished.insert(number, Arc::clone(file));
            }
            table.open.insert(file.opened());
            if table.open.len() > MAX_OPEN {
                table
                    .open
                    .pop_first()
                    .and_then(|number| table.unfinished.get(&number).cloned())
            } else {
                None
            }
        };
        // Outside the lock: whoever holds a handle may be waiting for the table.
        let handle: Option<Arc<dyn TargetFile>> = closed.and_then(|file| file.handle().take());
        drop(handle);
    }

    /// Takes away a file that is finished or given up.
    pub(super) fn finished(&self, file: &FileTask) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.open.remove(&file.opened());
        table.unfinished.remove(&file.opened());
    }

    /// Returns the files that were written in part and not finished.
    pub(super) fn take_unfinished(&self) -> Vec<Arc<FileTask>> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.open.clear();
        std::mem::take(&mut table.unfinished)
            .into_values()
            .collect()
    }
}

/// Files open at once. A target may need two descriptors for each.
const MAX_OPEN: usize = 160;
