//! How long chunks are.

/// The least, the usual and the greatest length of a chunk in bytes.
///
/// All are even and within [`MIN`](ChunkSizes::MIN) and [`MAX`](ChunkSizes::MAX), and
/// `min ≤ target ≤ max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkSizes {
    min: usize,
    target: usize,
    max: usize,
}

/// Why three lengths are no [`ChunkSizes`], or not those of a certain chunker.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizesError {
    /// A length is below 64 bytes or above 16 MiB.
    #[error("a chunk size of {size} bytes is not between 64 and 16777216")]
    OutOfBounds {
        /// The length.
        size: usize,
    },
    /// They are not in order.
    #[error("chunk sizes are not min ≤ target ≤ max")]
    Disorder,
    /// A length is odd.
    #[error("a chunk size of {size} bytes is odd")]
    Odd {
        /// The length.
        size: usize,
    },
    /// `gear64` needs a target that is a power of two.
    #[error("a target of {target} bytes is not a power of two")]
    NotPowerOfTwo {
        /// The target.
        target: usize,
    },
    /// `fixed` needs min = target = max.
    #[error("fixed chunks have one size")]
    NotFixed,
}

impl ChunkSizes {
    /// The least length that may be chosen.
    pub const MIN: usize = 64;

    /// The greatest length that may be chosen: a blob of the format.
    pub const MAX: usize = 16 * 1024 * 1024;

    /// 256 KiB, 1 MiB, 4 MiB.
    pub const DEFAULT: Self = Self {
        min: 256 * 1024,
        target: 1024 * 1024,
        max: 4 * 1024 * 1024,
    };

    /// Checks the lengths.
    ///
    /// # Errors
    ///
    /// [`SizesError`] says what is wrong with them.
    pub const fn new(min: usize, target: usize, max: usize) -> Result<Self, SizesError> {
        if min > target || target > max {
            return Err(SizesError::Disorder);
        }
        if min < Self::MIN {
            return Err(SizesError::OutOfBounds { size: min });
        }
        if max > Self::MAX {
            return Err(SizesError::OutOfBounds { size: max });
        }
        if !min.is_multiple_of(2) {
            return Err(SizesError::Odd { size: min });
        }
        if !target.is_multiple_of(2) {
            return Err(SizesError::Odd { size: target });
        }
        if !max.is_multiple_of(2) {
            return Err(SizesError::Odd { size: max });
        }
        Ok(Self { min, target, max })
    }

    /// Checks one length for all three.
    ///
    /// # Errors
    ///
    /// As [`new`](ChunkSizes::new).
    pub const fn fixed(size: usize) -> Result<Self, SizesError> {
        Self::new(size, size, size)
    }

    /// Returns a quarter of `target` to four times `target`, the proportions for which the mean
    /// length is `target`.
    ///
    /// # Errors
    ///
    /// As [`new`](ChunkSizes::new).
    pub const fn around(target: usize) -> Result<Self, SizesError> {
        Self::new(target / 4, target, target.saturating_mul(4))
    }

    /// Returns the least length. Only the last chunk of an input may be shorter.
    #[must_use]
    pub const fn min(&self) -> usize {
        self.min
    }

    /// Returns the usual length.
    #[must_use]
    pub const fn target(&self) -> usize {
        self.target
    }

    /// Returns the greatest length.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }
}

impl Default for ChunkSizes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded_ordered_and_even() {
        let check = |min, target, max, expected| {
            assert_eq!(ChunkSizes::new(min, target, max).err(), expected);
        };
        check(64, 64, 64, None);
        check(64, 256, 1024, None);
        check(ChunkSizes::MAX, ChunkSizes::MAX, ChunkSizes::MAX, None);
        check(62, 64, 64, Some(SizesError::OutOfBounds { size: 62 }));
        check(0, 0, 0, Some(SizesError::OutOfBounds { size: 0 }));
        let above = ChunkSizes::MAX + 2;
        check(64, 64, above, Some(SizesError::OutOfBounds { size: above }));
        check(128, 64, 256, Some(SizesError::Disorder));
        check(64, 256, 128, Some(SizesError::Disorder));
        check(65, 128, 256, Some(SizesError::Odd { size: 65 }));
        check(64, 129, 256, Some(SizesError::Odd { size: 129 }));
        check(64, 128, 257, Some(SizesError::Odd { size: 257 }));
    }

    #[test]
    fn the_default_would_be_accepted() {
        let ChunkSizes { min, target, max } = ChunkSizes::DEFAULT;
        assert_eq!(ChunkSizes::new(min, target, max), Ok(ChunkSizes::DEFAULT));
        assert_eq!(ChunkSizes::around(target), Ok(ChunkSizes::DEFAULT));
        assert!(ChunkSizes::around(usize::MAX).is_err());
    }
}
