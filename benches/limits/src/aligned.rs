//! Memory as a disk wants it.

/// A buffer whose beginning lies where direct writes ask for it. Allocated once and used again.
#[derive(Debug)]
pub(crate) struct Aligned {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

/// What every common disk is content with.
pub(crate) const BLOCK: usize = 4_096;

impl Aligned {
    /// Makes one for so many bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.next_multiple_of(BLOCK);
        let bytes = vec![0; capacity + BLOCK];
        // Never `usize::MAX`: that is only said of a byte pointer in constant evaluation.
        let start = bytes.as_ptr().align_offset(BLOCK).min(BLOCK);
        Self {
            bytes,
            start,
            len: 0,
        }
    }

    /// Returns how much is in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns what is in it.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes
            .get(self.start..self.start + self.len)
            .unwrap_or_default()
    }

    /// Returns what is in it from a position on.
    pub(crate) fn filled_from(&mut self, from: usize) -> &mut [u8] {
        let range = self.start + from..self.start + self.len;
        self.bytes.get_mut(range).unwrap_or_default()
    }

    /// Returns the room that is left.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let end = self.bytes.len() - (BLOCK - self.start);
        self.bytes
            .get_mut(self.start + self.len..end)
            .unwrap_or_default()
    }

    /// Says that so much of the room is used now.
    pub(crate) fn grow(&mut self, by: usize) {
        let room = self.room().len();
        self.len += by.min(room);
    }

    /// Copies bytes into the room.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room().get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// Returns what is in it, with zeros up to the next block.
    pub(crate) fn padded(&mut self) -> &[u8] {
        let padding = self.len.next_multiple_of(BLOCK) - self.len;
        if let Some(room) = self.room().get_mut(..padding) {
            room.fill(0);
        }
        let end = self.start + self.len + padding;
        self.bytes.get(self.start..end).unwrap_or_default()
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_aligned_and_padded() {
        let mut buffer = Aligned::new(10_000);
        buffer.append(&[7; 5_000]);
        assert_eq!(buffer.filled(), [7; 5_000]);
        let padded = buffer.padded();
        assert_eq!(padded.len(), 8_192);
        assert_eq!(padded.as_ptr().align_offset(BLOCK), 0);
        assert_eq!(buffer.room().len(), 12_288 - 5_000);
        buffer.clear();
        assert_eq!(buffer.len(), 0);
    }
}
