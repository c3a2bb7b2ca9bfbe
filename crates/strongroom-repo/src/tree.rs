//! Walking the tree of a snapshot: directories entry by entry, files piece by piece.

mod ahead;
mod directory;
mod leaf;
mod recipe;

pub(crate) use ahead::PiecesAhead;
pub(crate) use directory::{DirectoryReader, TreeEntry, find};
pub(crate) use leaf::{Recorded, StoredLeaf};
pub(crate) use recipe::{Piece, RecipeReader};
