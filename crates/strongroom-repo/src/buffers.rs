//! Large buffers used again.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::places::{Place, Places};

/// Keeps large buffers for their next use: fresh ones cost a page fault for every 4 KiB, which for
/// incompressible data is a fifth of all work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Returns an empty buffer, used before if there is one.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut buffer = self.pop();
        buffer.clear();
        buffer
    }

    /// Returns a buffer of `len` bytes that hold anything; only a first use pays for writing them.
    pub(crate) fn take_filled(&self, len: usize) -> Vec<u8> {
        let mut buffer = self.pop();
        buffer.resize(len, 0);
        buffer
    }

    /// Takes a buffer back.
    pub(crate) fn put(&self, buffer: Vec<u8>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);
    }

    fn pop(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default()
    }

    /// Makes bytes to be sent; the buffer comes back when the last of them is dropped.
    pub(crate) fn lend(&self, buffer: PackBuffer) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            home: self.clone(),
        })
    }
}

/// Buffers of which there are only so many.
#[derive(Debug)]
pub(crate) struct FewBuffers {
    buffers: Buffers,
    places: Places,
}

/// One of them, which goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct OneOfFew {
    pub(crate) bytes: Vec<u8>,
    home: Buffers,
    _place: Place,
}

impl FewBuffers {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            buffers: Buffers::default(),
            places: Places::new(count),
        }
    }

    /// Waits for a buffer, of `len` bytes that hold anything.
    pub(crate) fn take_filled(&self, len: usize) -> OneOfFew {
        let place = self.places.take();
        OneOfFew {
            bytes: self.buffers.take_filled(len),
            home: self.buffers.clone(),
            _place: place,
        }
    }
}

impl Drop for OneOfFew {
    fn drop(&mut self) {
        self.home.put(std::mem::take(&mut self.bytes));
    }
}

/// The bytes of a pack, which begin where a page of memory does: such bytes can be written to a disk without a copy.
#[derive(Debug, Default)]
pub(crate) struct PackBuffer {
    space: Vec<u8>,
    start: usize,
}

/// Pages of memory and blocks of disks.
const PAGE_BYTES: usize = 4 << 10;

impl PackBuffer {
    /// Makes an empty one of a buffer. With more bytes than `capacity` it may lose its place in memory, and nothing else.
    pub(crate) fn new(mut space: Vec<u8>, capacity: usize) -> Self {
        space.clear();
        space.reserve(capacity + PAGE_BYTES);
        let start = space.as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
        space.resize(start, 0);
        Self { space, start }
    }

    pub(crate) fn len(&self) -> usize {
        self.space.len() - self.start
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.space.get(self.start..).unwrap_or_default()
    }

    /// Returns what its bytes are the end of, for those who append.
    pub(crate) fn vec(&mut self) -> &mut Vec<u8> {
        &mut self.space
    }

    /// Makes it so long, and returns what is new.
    pub(crate) fn extend_to(&mut self, len: usize) -> &mut [u8] {
        let from = self.space.len();
        self.space.resize(from.max(self.start + len), 0);
        self.space.get_mut(from..).unwrap_or_default()
    }

    /// Moves bytes to a place before theirs.
    pub(crate) fn move_back(&mut self, bytes: Range<usize>, to: usize) {
        let bytes = self.start + bytes.start..self.start + bytes.end;
        let to = self.start + to;
        if to < bytes.start && bytes.end <= self.space.len() {
            self.space.copy_within(bytes, to);
        }
    }

    /// Keeps that many of its bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.space.truncate(self.start + len);
    }
}

struct Lent {
    buffer: PackBuffer,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_slice()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.put(std::mem::take(&mut self.buffer.space));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_buffer_comes_back_when_the_last_bytes_are_dropped() {
        let buffers = Buffers::default();
        let mut buffer = PackBuffer::new(buffers.take(), 10);
        buffer.vec().extend_from_slice(b"0123456789");
        let address = buffer.space.as_ptr();
        let bytes = buffers.lend(buffer);
        let part = bytes.slice(3..5);
        drop(bytes);
        assert!(buffers.take().capacity() == 0, "still lent");
        assert_eq!(&part[..], b"34");
        drop(part);
        let back = buffers.take();
        assert_eq!(back.as_ptr(), address);
        assert!(back.is_empty());
    }

    #[test]
    fn a_pack_begins_with_a_page_of_memory_also_in_a_buffer_used_before() {
        for space in [Vec::new(), vec![1; 20_000], Vec::with_capacity(100_001)] {
            let mut buffer = PackBuffer::new(space, 100_000);
            buffer.vec().extend_from_slice(b"front");
            buffer.extend_to(7).fill(b'!');
            buffer.vec().extend_from_slice(&[7; 99_993]);
            assert_eq!(buffer.as_slice().as_ptr().align_offset(PAGE_BYTES), 0);
            assert_eq!(buffer.len(), 100_000);
            buffer.truncate(7);
            assert_eq!(buffer.as_slice(), b"front!!");
            buffer.move_back(3..7, 1);
            buffer.truncate(5);
            assert_eq!(buffer.as_slice(), b"fnt!!");
        }
    }
}
