//! What was used last, within a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Keeps values until the bytes of those used since are more than it may hold. One value is always kept.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    values: HashMap<K, (V, u64, u64)>,
    /// Keys by when they were used last.
    order: BTreeMap<u64, K>,
    now: u64,
    bytes: u64,
    most: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new(most: u64) -> Self {
        Self {
            values: HashMap::new(),
            order: BTreeMap::new(),
            now: 0,
            bytes: 0,
            most,
        }
    }

    /// Returns a value and keeps it longer.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        let (value, _, used) = self.values.get_mut(key)?;
        self.now += 1;
        self.order.remove(used);
        self.order.insert(self.now, *key);
        *used = self.now;
        Some(value.clone())
    }

    /// Whether there is a value. It is not kept longer for that.
    pub(super) fn has(&self, key: &K) -> bool {
        self.values.contains_key(key)
    }

    /// Takes a value in place of any other of that key.
    pub(super) fn insert(&mut self, key: K, value: V, bytes: u64) {
        self.now += 1;
        if let Some((_, old, used)) = self.values.insert(key, (value, bytes, self.now)) {
            self.bytes -= old;
            self.order.remove(&used);
        }
        self.order.insert(self.now, key);
        self.bytes += bytes;
        while self.bytes > self.most && self.values.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            if let Some((_, bytes, _)) = self.values.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let mut cache = Cache::new(10);
        for key in 0..3 {
            cache.insert(key, key * 10, 4);
            assert_eq!(cache.get(&0), Some(0));
        }
        assert!(cache.has(&0) && !cache.has(&1) && cache.has(&2));
        cache.insert(7, 70, 100);
        assert!(cache.has(&7) && !cache.has(&0) && !cache.has(&2));
        cache.insert(7, 71, 1);
        cache.insert(8, 80, 9);
        assert_eq!((cache.get(&7), cache.get(&8)), (Some(71), Some(80)));
    }
}
