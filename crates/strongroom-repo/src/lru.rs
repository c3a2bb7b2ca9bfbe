//! A cache that forgets what was not asked for longest.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values by key, with a weight each and a bound on the sum of weights.
///
/// The value added last is always kept, even one that is heavier than the bound alone.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    values: HashMap<K, Slot<V>>,
    order: BTreeMap<u64, K>,
    tick: u64,
    weight: usize,
    bound: usize,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    weight: usize,
    tick: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Lru<K, V> {
    /// Makes an empty cache for values that weigh `bound` together.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            values: HashMap::new(),
            order: BTreeMap::new(),
            tick: 0,
            weight: 0,
            bound,
        }
    }

    /// Returns a value and remembers that it was asked for, unless it is among the newer half anyway: what is asked for again and again costs
    /// a look-up and nothing more.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        let newer_half = self.values.len() as u64 / 2;
        let slot = self.values.get_mut(key)?;
        if self.tick.saturating_sub(slot.tick) < newer_half {
            return Some(slot.value.clone());
        }
        self.tick += 1;
        if let Some(key) = self.order.remove(&slot.tick) {
            self.order.insert(self.tick, key);
        }
        slot.tick = self.tick;
        Some(slot.value.clone())
    }

    /// Adds a value and drops the ones least recently asked for until all fit.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        self.tick += 1;
        self.weight = self.weight.saturating_add(weight);
        self.order.insert(self.tick, key.clone());
        self.values.insert(
            key,
            Slot {
                value,
                weight,
                tick: self.tick,
            },
        );
        while self.weight > self.bound && self.values.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            if let Some(slot) = self.values.remove(&oldest) {
                self.weight = self.weight.saturating_sub(slot.weight);
            }
        }
    }

    /// Drops a value.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(slot) = self.values.remove(key) {
            self.order.remove(&slot.tick);
            self.weight = self.weight.saturating_sub(slot.weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_stays_and_the_rest_goes() {
        let mut cache = Lru::new(10);
        cache.insert(1, 'a', 4);
        cache.insert(2, 'b', 4);
        assert_eq!(cache.get(&1), Some('a'));
        cache.insert(3, 'c', 4);
        assert_eq!(cache.get(&2), None);
        assert_eq!(cache.get(&1), Some('a'));
        assert_eq!(cache.get(&3), Some('c'));
    }

    #[test]
    fn the_newest_stays_whatever_it_weighs() {
        let mut cache = Lru::new(10);
        cache.insert(1, 'a', 4);
        cache.insert(2, 'b', 400);
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.get(&2), Some('b'));
        cache.insert(3, 'c', 1);
        assert_eq!(cache.get(&2), None);
        assert_eq!(cache.get(&3), Some('c'));
    }

    #[test]
    fn replacing_counts_once() {
        let mut cache = Lru::new(10);
        for round in 0..100 {
            cache.insert(1, round, 6);
            cache.insert(2, round, 4);
        }
        assert_eq!(cache.get(&1), Some(99));
        assert_eq!(cache.get(&2), Some(99));
        cache.remove(&1);
        assert_eq!(cache.get(&1), None);
    }
}
