//! Comparing what is there with what is recorded.

use std::sync::Arc;

use crate::blobs::DATA;
use crate::restore::file::{FileTask, Use};
use crate::restore::run::Run;
use crate::target::ReadAt;

/// Compares what is there with pieces of files, which follow one another by file, and returns those that are
/// to be restored. The others are done.
pub(super) fn compare(run: &Run, uses: Vec<Use>) -> Vec<Use> {
    let mut wanted = Vec::new();
    let mut buffer = Vec::new();
    let mut open: Option<Opened> = None;
    for one in uses {
        if run.is_stopped() {
            return Vec::new();
        }
        let same_file = open
            .as_ref()
            .is_some_and(|(file, _)| Arc::ptr_eq(file, &one.file));
        if !same_file {
            open = Some((Arc::clone(&one.file), existing(run, &one.file)));
        }
        let content = open.as_ref().and_then(|(_, content)| content.as_deref());
        if content.is_some_and(|content| is_there(run, content, &one, &mut buffer)) {
            run.tally.kept(one.len());
            run.release_file(&one.file);
        } else {
            wanted.push(one);
        }
    }
    wanted
}

/// A file, and what is there of it.
type Opened = (Arc<FileTask>, Option<Box<dyn ReadAt>>);

/// Says whether a file is there with the recorded size and modification time.
pub(super) fn is_trusted(run: &Run, file: &FileTask) -> bool {
    let mut path = Vec::new();
    file.path(&mut path);
    let found = run.target.existing_file(&path, &file.node).ok().flatten();
    found.is_some_and(|existing| existing.same_time)
}

fn existing(run: &Run, file: &FileTask) -> Option<Box<dyn ReadAt>> {
    let mut path = Vec::new();
    file.path(&mut path);
    match run.target.existing_file(&path, &file.node) {
        Ok(existing) => existing.map(|existing| existing.content),
        Err(error) => {
            tracing::debug!(%error, "what is there cannot be read and is restored");
            None
        }
    }
}

fn is_there(run: &Run, content: &dyn ReadAt, one: &Use, buffer: &mut Vec<u8>) -> bool {
    match &one.blob {
        Some(id) => {
            // The length of a blob is at most 16 MiB; the reader of recipes saw to it.
            let Ok(len) = usize::try_from(one.len()) else {
                return false;
            };
            buffer.resize(len, 0);
            content.read_exact_at(one.range.start, buffer).is_ok() && run.blobs.is(DATA, id, buffer)
        }
        None => are_zeros(content, one, buffer),
    }
}

fn are_zeros(content: &dyn ReadAt, one: &Use, buffer: &mut Vec<u8>) -> bool {
    let mut offset = one.range.start;
    while offset < one.range.end {
        let len = usize::try_from(one.range.end - offset)
            .unwrap_or(usize::MAX)
            .min(ZEROS_AT_ONCE);
        buffer.resize(len, 0);
        if content.read_exact_at(offset, buffer).is_err() || buffer.iter().any(|byte| *byte != 0) {
            return false;
        }
        offset += len as u64;
    }
    true
}

const ZEROS_AT_ONCE: usize = 1 << 20;
