//! The names of what is lost.

use std::collections::HashSet;

use strongroom_crypt::Id;
use strongroom_format::RefKind;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;

use crate::blobs::Blobs;
use crate::error::{ErrorKind, Result};
use crate::index::is_loss;
use crate::tree::{DirectoryReader, RecipeReader, TreeEntry};

/// Returns the paths of entries that need something lost, at most `most`. A directory of which something is lost itself stands for
/// everything below it that cannot be named; the root's path is empty.
pub(super) fn lost_paths(
    blobs: &Blobs,
    root: &Id,
    lost: &HashSet<Id>,
    most: usize,
) -> Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    match walk(blobs, root, lost, most, &mut paths) {
        // Without the keys to names, what is lost has none.
        Err(error) if error.kind() == ErrorKind::WrongKey => {}
        other => other?,
    }
    Ok(paths)
}

fn walk(
    blobs: &Blobs,
    root: &Id,
    lost: &HashSet<Id>,
    most: usize,
    paths: &mut Vec<Vec<u8>>,
) -> Result<()> {
    let mut path = Vec::new();
    let Some(reader) = readable(DirectoryReader::open(blobs, root))? else {
        paths.push(path);
        return Ok(());
    };
    // Each directory with the length of its path.
    let mut stack = vec![(reader, 0)];
    while let Some((reader, len)) = stack.last_mut() {
        path.truncate(*len);
        if paths.len() >= most {
            return Ok(());
        }
        let entry = match readable(reader.next())? {
            Some(Some(entry)) => entry,
            Some(None) => {
                stack.pop();
                continue;
            }
            None => {
                paths.push(path.clone());
                stack.pop();
                continue;
            }
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.node.name);
        match entry.directory_page() {
            None if needs(blobs, &entry, lost)? => paths.push(path.clone()),
            None => {}
            Some(page) => match readable(DirectoryReader::open(blobs, &page))? {
                Some(reader) if stack.len() < MAX_DIRECTORY_DEPTH => {
                    stack.push((reader, path.len()));
                    park(&mut stack);
                }
                _ => paths.push(path.clone()),
            },
        }
    }
    Ok(())
}

/// Says whether an entry needs something lost.
fn needs(blobs: &Blobs, entry: &TreeEntry, lost: &HashSet<Id>) -> Result<bool> {
    if entry
        .refs
        .iter()
        .any(|reference| lost.contains(&reference.id))
    {
        return Ok(true);
    }
    if entry
        .refs
        .iter()
        .all(|reference| reference.kind != RefKind::Page)
    {
        return Ok(false);
    }
    let mut pieces = RecipeReader::of_size(blobs, &entry.refs, entry.node.size);
    loop {
        match readable(pieces.next())? {
            Some(Some(piece)) if piece.blob().is_some_and(|id| lost.contains(&id)) => {
                return Ok(true);
            }
            Some(Some(_)) => {}
            Some(None) => return Ok(false),
            None => return Ok(true),
        }
    }
}

/// Makes `None` of what is lost.
fn readable<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_loss(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives back the memory of pages far above.
fn park(stack: &mut [(DirectoryReader, usize)]) {
    let above = stack.len().checked_sub(UNPARKED);
    if let Some((reader, _)) = above.and_then(|at| stack.get_mut(at)) {
        reader.park();
    }
}

/// Directories, from the deepest, whose pages stay in memory.
const UNPARKED: usize = 32;
