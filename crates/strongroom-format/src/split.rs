//! Where pages end (`docs/format.md`, §9.4): rules for writers, so that the same tree gives the same pages.

use crate::{Ref, limits};

/// References that a file has in its directory's page; one with more has a recipe.
pub const MAX_INLINE_REFS: usize = 32;

/// Entries or children after which a directory page ends whatever they are.
pub const MAX_ENTRIES: usize = 1_024;

/// Bytes of encoded entries, or of the first names of children, after which a directory page ends.
pub const MAX_NAMES_BYTES: usize = 262_144;

/// References after which a recipe page ends whatever they are.
pub const MAX_RECIPE_REFS: usize = 4_096;

/// Whether a leaf ends after the entry `last_name`, with which it has `entries` entries whose encodings sum to
/// `names_bytes` (see [`Node::encoded_len`](crate::Node::encoded_len)).
#[must_use]
#[inline]
pub fn leaf_ends(entries: usize, names_bytes: usize, last_name: &[u8]) -> bool {
    entries >= MAX_ENTRIES
        || names_bytes >= MAX_NAMES_BYTES
        || (entries >= MIN_ENTRIES && is_boundary(last_name))
}

/// Whether an interior page ends after the child that begins with `first_name`, with which it has `children` children
/// whose first names sum to `names_bytes`.
#[must_use]
#[inline]
pub fn interior_ends(children: usize, names_bytes: usize, first_name: &[u8]) -> bool {
    leaf_ends(children, names_bytes, first_name)
}

/// Whether a recipe page ends after its `refs`-th reference, `last`. The rule is the same at every height.
#[must_use]
#[inline]
pub fn recipe_ends(refs: usize, last: &Ref) -> bool {
    let [first, second, ..] = last.id.as_bytes();
    refs >= MAX_RECIPE_REFS || (refs >= MIN_RECIPE_REFS && *first == 0 && *second < 128)
}

fn is_boundary(name: &[u8]) -> bool {
    let [first, ..] = *blake3::hash(name).as_bytes();
    first == 0
}

const MIN_ENTRIES: usize = 64;
const MIN_RECIPE_REFS: usize = 128;

const _: () = assert!(MAX_ENTRIES <= limits::MAX_LEAF_ENTRIES);
const _: () = assert!(MAX_RECIPE_REFS <= limits::MAX_PAGE_REFS);
