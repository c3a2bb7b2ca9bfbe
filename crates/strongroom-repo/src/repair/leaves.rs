//! The leaves of a directory of which pages may be lost.

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_PAGE_HEIGHT;
use strongroom_format::{Interior, Leaf, Names, Node, Page, PageType, Ref, RefKind};

use crate::blobs::{Blobs, NAMES, PAGE};
use crate::error::Result;
use crate::index::is_loss;

/// A part of a directory, in the order of names.
#[derive(Debug)]
pub(crate) enum Part {
    /// A leaf and its page's references.
    Leaf(Leaf, Vec<Ref>),
    /// What cannot be read, and how many entries it had if that is known.
    Lost(Option<u64>),
}

/// Goes through the leaves of the directory that begins at `page`, over what is lost. One page of each height is in memory.
///
/// # Errors
///
/// What the store says when it cannot be reached; `WrongKey` without the keys to names; those of `each`.
pub(crate) fn each_leaf(
    blobs: &Blobs,
    page: &Id,
    each: &mut dyn FnMut(Part) -> Result<()>,
) -> Result<()> {
    walk(blobs, page, (MAX_PAGE_HEIGHT + 1, None), each)
}

/// Recursion ends, since heights decrease.
fn walk(
    blobs: &Blobs,
    id: &Id,
    (above, count): (u8, Option<u64>),
    each: &mut dyn FnMut(Part) -> Result<()>,
) -> Result<()> {
    let Some(page) = readable(blobs.read(PAGE, id))?.and_then(|bytes| Page::decode(&bytes).ok())
    else {
        return each(Part::Lost(count));
    };
    let is_directory = page.page_type != PageType::Recipe && page.height < above;
    let names = match page.refs.first() {
        Some(first) if is_directory && first.kind == RefKind::Names => {
            let bytes = readable(blobs.read(NAMES, &first.id))?;
            bytes.and_then(|bytes| Names::decode(&bytes).ok())
        }
        _ => return each(Part::Lost(count)),
    };
    match (page.page_type, names) {
        (PageType::Leaf, Some(Names::Leaf(leaf))) => each(Part::Leaf(leaf, page.refs)),
        (PageType::Interior, names) => {
            // Names of an interior page only say the way: without them all ways are gone.
            let counts = match names {
                Some(Names::Interior(names)) => counts(&names, page.refs.len()),
                _ => Vec::new(),
            };
            for (at, child) in page.refs.iter().skip(1).enumerate() {
                let count = counts.get(at).copied();
                walk(blobs, &child.id, (page.height, count), each)?;
            }
            Ok(())
        }
        _ => each(Part::Lost(count)),
    }
}

fn counts(names: &Interior, refs: usize) -> Vec<u64> {
    match names.children.len() + 1 == refs {
        true => names.children.iter().map(|(_, count)| *count).collect(),
        false => Vec::new(),
    }
}

/// Returns what an entry of a leaf refers to.
pub(crate) fn refs_of(node: &Node, refs: &[Ref]) -> Vec<Ref> {
    let first = node.first_ref as usize;
    let own = match node.refs {
        0 => None,
        _ if first == 0 => None,
        count => first
            .checked_add(count as usize)
            .and_then(|end| refs.get(first..end)),
    };
    own.unwrap_or_default().to_vec()
}

/// Makes `None` of what is lost.
fn readable<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_loss(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
