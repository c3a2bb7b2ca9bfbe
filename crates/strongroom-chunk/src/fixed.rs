//! Chunks of one size: the shortest correct chunker, and the right one for images of disks.

use crate::chunker::{Chunker, ChunkerId};
use crate::sizes::{ChunkSizes, SizesError};

/// Cuts every `target` bytes (format §11, number 1).
///
/// It suits content that changes in place, such as images of disks. An insertion moves all cuts
/// behind it.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    sizes: ChunkSizes,
}

impl Fixed {
    /// Makes one of sizes that are all the same.
    ///
    /// # Errors
    ///
    /// [`SizesError::NotFixed`] if they are not.
    pub const fn new(sizes: ChunkSizes) -> Result<Self, SizesError> {
        if sizes.min() != sizes.max() {
            return Err(SizesError::NotFixed);
        }
        Ok(Self { sizes })
    }
}

impl Chunker for Fixed {
    fn id(&self) -> ChunkerId {
        ChunkerId::FIXED
    }

    fn sizes(&self) -> ChunkSizes {
        self.sizes
    }

    fn cut(&self, data: &[u8]) -> usize {
        data.len().min(self.sizes.target())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chunks, conformance};

    #[test]
    fn obeys_the_laws() {
        for size in [64, 256, 4096] {
            conformance::check(&Fixed::new(ChunkSizes::fixed(size).unwrap()).unwrap());
        }
    }

    #[test]
    fn cuts_every_so_many_bytes() {
        let chunker = Fixed::new(ChunkSizes::fixed(64).unwrap()).unwrap();
        let lengths = chunks(&chunker, &[1; 150]).map(<[u8]>::len);
        assert_eq!(lengths.collect::<Vec<_>>(), [64, 64, 22]);
        assert!(Fixed::new(ChunkSizes::new(64, 64, 66).unwrap()).is_err());
    }
}
