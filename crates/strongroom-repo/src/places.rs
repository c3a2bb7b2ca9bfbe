//! How many large buffers may be about at once.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Places for buffers that are in use. Each is memory.
#[derive(Debug)]
pub(crate) struct Places {
    free: Receiver<()>,
    back: Sender<()>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Sender<()>);

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        let (back, free) = bounded(count);
        for _ in 0..count {
            // There is room for exactly so many.
            let _ = back.try_send(());
        }
        Self { free, back }
    }

    /// Waits for a place.
    ///
    /// Whoever holds one must come to an end without another that is waited for here.
    pub(crate) fn take(&self) -> Place {
        // It never fails: a sender is here.
        let _ = self.free.recv();
        Place(self.back.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // There is room for all that there are, unless the writer has gone and nobody asks any more.
        let _ = self.0.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(2);
        let first = places.take();
        let second = places.take();
        assert!(places.free.is_empty());
        drop(first);
        let third = places.take();
        assert!(places.free.is_empty());
        drop((second, third));
        assert_eq!(places.free.len(), 2);
    }
}
