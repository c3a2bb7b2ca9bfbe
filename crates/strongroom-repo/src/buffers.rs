//! Large buffers used again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

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
    pub(crate) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            home: self.clone(),
        })
    }
}

struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.put(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_buffer_comes_back_when_the_last_bytes_are_dropped() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        buffer.extend_from_slice(b"0123456789");
        let address = buffer.as_ptr();
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
}
