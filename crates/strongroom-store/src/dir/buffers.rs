//! Memory for what is read, used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Keeps large buffers for the next reads: the system has to find and clear every page of a fresh one, which costs about as much as
/// reading into it.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Makes bytes of what `read` puts into a buffer of `len` bytes.
    ///
    /// # Errors
    ///
    /// Those of `read`; `None` when there is no memory.
    pub(super) fn fill<E>(
        &self,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Bytes, Option<E>> {
        let mut buffer = self.take(len).ok_or(None)?;
        read(buffer.get_mut(..len).unwrap_or_default())?;
        if !is_kept(buffer.len()) {
            buffer.truncate(len);
            return Ok(Bytes::from(buffer));
        }
        let lent = Lent {
            buffer,
            home: self.clone(),
        };
        Ok(Bytes::from_owner(lent).slice(..len))
    }

    /// Returns a buffer of at least `len` bytes that hold anything.
    fn take(&self, len: usize) -> Option<Vec<u8>> {
        let mut room = len;
        if is_kept(len) {
            let mut free = self.free();
            // A much larger one would count for less than it is with whoever counts what is lent.
            let fits = |at: &usize| {
                free.get(*at)
                    .is_some_and(|buffer| (len..=len + len / 2).contains(&buffer.len()))
            };
            let fitting = (0..free.len()).find(fits);
            if let Some(at) = fitting {
                return Some(free.swap_remove(at));
            }
            // Reads of about the same length find one another's buffers.
            room = len.next_multiple_of(STEP_BYTES);
        }
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(room).ok()?;
        buffer.resize(room, 0);
        Some(buffer)
    }

    fn put(&self, buffer: Vec<u8>) {
        let mut free = self.free();
        free.push(buffer);
        // What was kept longest and not taken does not fit what is read now.
        let mut kept: usize = free.iter().map(Vec::len).sum();
        while kept > MAX_KEPT_BYTES && !free.is_empty() {
            kept -= free.swap_remove(0).len();
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Smaller ones the allocator keeps itself.
fn is_kept(len: usize) -> bool {
    (MIN_KEPT_BYTES..=MAX_KEPT_BYTES).contains(&len)
}

const MIN_KEPT_BYTES: usize = 1 << 20;
/// Of all that are not lent.
const MAX_KEPT_BYTES: usize = 17 << 20;
const STEP_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(buffers: &Buffers, len: usize) -> Bytes {
        let read = |place: &mut [u8]| {
            place.fill(7);
            Ok::<(), ()>(())
        };
        buffers.fill(len, read).unwrap()
    }

    #[test]
    fn a_buffer_is_used_again_when_the_last_bytes_are_dropped() {
        let buffers = Buffers::default();
        let bytes = filled(&buffers, 3 << 20);
        let address = bytes.as_ptr();
        assert_eq!(bytes.len(), 3 << 20);
        let part = bytes.slice(3..5);
        drop(bytes);
        assert!(buffers.free().is_empty(), "still lent");
        assert_eq!(&part[..], [7, 7]);
        drop(part);
        let again = filled(&buffers, (2 << 20) + 1);
        assert_eq!((again.as_ptr(), again.len()), (address, (2 << 20) + 1));
        drop(again);
        assert_ne!(filled(&buffers, 1 << 20).as_ptr(), address, "too large");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let buffers = Buffers::default();
        let kept = || buffers.free().iter().map(Vec::len).sum::<usize>();
        let lent: Vec<Bytes> = (0..10).map(|_| filled(&buffers, 4 << 20)).collect();
        drop(lent);
        let before = kept();
        assert!((4 << 20..=MAX_KEPT_BYTES).contains(&before), "{before}");
        drop((filled(&buffers, 100), filled(&buffers, 64 << 20)));
        assert_eq!(kept(), before);
        let failed = buffers.fill(9, |_| Err("no"));
        assert_eq!(failed.unwrap_err(), Some("no"));
    }
}
