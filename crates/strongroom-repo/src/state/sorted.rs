//! Large sorted tables of a state, which states that differ elsewhere share.

use std::iter::{FlatMap, Map};
use std::slice;
use std::sync::Arc;

use strongroom_format::{ObjectHash, PackRef, SegmentRef};

/// A row of a [`Sorted`] table.
pub(crate) trait Row: Clone {
    /// What rows are sorted by. No two have the same.
    type Key: Ord;
    /// What a row says of its key.
    type Value;

    /// Returns its key.
    fn key(&self) -> &Self::Key;

    /// Returns what it says of it.
    fn value(&self) -> &Self::Value;
}

/// A sorted table. Its clones share what none of them has changed: to clone it costs nothing, and a change copies one block of rows and the list
/// of blocks. A row takes little more than its own size.
#[derive(Debug)]
pub(crate) struct Sorted<R> {
    /// None is empty, and all keys of one are less than those of the next.
    blocks: Arc<Vec<Block<R>>>,
    len: usize,
}

type Block<R> = Arc<Vec<R>>;
type Rows<'a, R> =
    FlatMap<slice::Iter<'a, Block<R>>, slice::Iter<'a, R>, fn(&'a Block<R>) -> slice::Iter<'a, R>>;
/// Keys and values of a table, in order.
pub(crate) type Iter<'a, R> =
    Map<Rows<'a, R>, fn(&'a R) -> (&'a <R as Row>::Key, &'a <R as Row>::Value)>;

/// A block with more rows is divided.
const BLOCK_ROWS: usize = 256;

impl<R: Row> Sorted<R> {
    /// Adds a row unless there is one with its key; says whether it did.
    pub(crate) fn insert_new(&mut self, row: R) -> bool {
        let Err((at, within)) = self.place(row.key()) else {
            return false;
        };
        let blocks = Arc::make_mut(&mut self.blocks);
        self.len += 1;
        let is_last = at + 1 >= blocks.len();
        let Some(block) = blocks.get_mut(at) else {
            blocks.push(Arc::new(vec![row]));
            return true;
        };
        if block.len() < BLOCK_ROWS {
            insert(block, within, row);
            return true;
        }
        if within == block.len() && is_last {
            // What comes in order leaves full blocks behind.
            blocks.push(Arc::new(vec![row]));
            return true;
        }
        let mut low = block.as_slice().to_vec();
        let mut high = low.split_off(BLOCK_ROWS / 2);
        low.shrink_to_fit();
        match within.checked_sub(low.len()) {
            Some(within) => high.insert(within, row),
            None => low.insert(within, row),
        }
        *block = Arc::new(low);
        blocks.insert(at + 1, Arc::new(high));
        true
    }

    /// Takes the row with a key away; says whether there was one. A table that has none stays shared.
    pub(crate) fn remove(&mut self, key: &R::Key) -> bool {
        let Ok((at, within)) = self.place(key) else {
            return false;
        };
        let blocks = Arc::make_mut(&mut self.blocks);
        self.len -= 1;
        if let Some(block) = blocks.get_mut(at) {
            if block.len() == 1 {
                blocks.remove(at);
            } else {
                Arc::make_mut(block).remove(within);
            }
        }
        true
    }

    /// Returns what the table says of a key.
    pub(crate) fn get(&self, key: &R::Key) -> Option<&R::Value> {
        let (at, within) = self.place(key).ok()?;
        Some(self.blocks.get(at)?.get(within)?.value())
    }

    /// Says whether there is a row with this key.
    pub(crate) fn contains_key(&self, key: &R::Key) -> bool {
        self.place(key).is_ok()
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Says whether there is no row.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Goes through keys and values, in order.
    pub(crate) fn iter(&self) -> Iter<'_, R> {
        self.rows().map(|row| (row.key(), row.value()))
    }

    /// Goes through the keys, in order.
    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &R::Key> {
        self.rows().map(R::key)
    }

    /// Goes through what the table says, in the order of the keys.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &R::Value> {
        self.rows().map(R::value)
    }

    /// Says whether nothing was changed since one was cloned of the other.
    #[cfg(test)]
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.blocks, &other.blocks)
    }

    fn rows(&self) -> Rows<'_, R> {
        self.blocks.iter().flat_map(|block| block.iter())
    }

    /// Returns the block and the place in it where a key is, or else where it belongs.
    fn place(&self, key: &R::Key) -> Result<(usize, usize), (usize, usize)> {
        let starts_before = |block: &Block<R>| block.first().is_some_and(|row| row.key() <= key);
        let at = self.blocks.partition_point(starts_before).saturating_sub(1);
        let Some(block) = self.blocks.get(at) else {
            return Err((at, 0));
        };
        match block.binary_search_by(|row| row.key().cmp(key)) {
            Ok(within) => Ok((at, within)),
            Err(within) => Err((at, within)),
        }
    }
}

/// Inserts into a block, which grows by an eighth when it is full: many are never touched again.
fn insert<R: Clone>(block: &mut Block<R>, at: usize, row: R) {
    let rows = Arc::make_mut(block);
    if rows.len() == rows.capacity() {
        rows.reserve_exact(rows.len() / 8 + 1);
    }
    rows.insert(at, row);
}

impl<R> Clone for Sorted<R> {
    fn clone(&self) -> Self {
        Self {
            blocks: Arc::clone(&self.blocks),
            len: self.len,
        }
    }
}

impl<R> Default for Sorted<R> {
    fn default() -> Self {
        Self {
            blocks: Arc::default(),
            len: 0,
        }
    }
}

impl<R: Row> PartialEq for Sorted<R>
where
    R::Value: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<R: Row> Eq for Sorted<R> where R::Value: Eq {}

/// Of rows with the same key the first counts.
impl<R: Row> FromIterator<R> for Sorted<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        let mut rows: Vec<R> = rows.into_iter().collect();
        if !rows.is_sorted_by(|a, b| a.key() < b.key()) {
            rows.sort_by(|a, b| a.key().cmp(b.key()));
            rows.dedup_by(|later, first| later.key() == first.key());
        }
        let len = rows.len();
        let mut rows = rows.into_iter();
        let mut blocks = Vec::with_capacity(len.div_ceil(BLOCK_ROWS));
        for start in (0..len).step_by(BLOCK_ROWS) {
            let mut block = Vec::with_capacity(BLOCK_ROWS.min(len - start));
            block.extend(rows.by_ref().take(BLOCK_ROWS));
            blocks.push(Arc::new(block));
        }
        Self {
            blocks: Arc::new(blocks),
            len,
        }
    }
}

impl<'a, R: Row> IntoIterator for &'a Sorted<R> {
    type Item = (&'a R::Key, &'a R::Value);
    type IntoIter = Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Ord + Clone, V: Clone> Row for (K, V) {
    type Key = K;
    type Value = V;

    fn key(&self) -> &K {
        &self.0
    }

    fn value(&self) -> &V {
        &self.1
    }
}

impl Row for PackRef {
    type Key = ObjectHash;
    type Value = Self;

    fn key(&self) -> &ObjectHash {
        &self.name
    }

    fn value(&self) -> &Self {
        self
    }
}

impl Row for SegmentRef {
    type Key = ObjectHash;
    type Value = Self;

    fn key(&self) -> &ObjectHash {
        &self.name
    }

    fn value(&self) -> &Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn check(table: &Sorted<(u16, u32)>, model: &BTreeMap<u16, u32>) {
        assert_eq!(table.len(), model.len());
        assert_eq!(table.is_empty(), model.is_empty());
        assert!(table.iter().eq(model.iter()));
        assert!(table.keys().rev().eq(model.keys().rev()));
        assert!(table.values().eq(model.values()));
        assert!(table.blocks.iter().all(|block| !block.is_empty()));
        for key in 0..2_000 {
            assert_eq!(table.get(&key), model.get(&key));
            assert_eq!(table.contains_key(&key), model.contains_key(&key));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn it_is_a_map_and_clones_stay_as_they_are(
            changes in proptest::collection::vec((any::<bool>(), 0_u16..2_000, any::<u32>()), 0..3_000),
            cut in 0_usize..3_000,
        ) {
            let mut table = Sorted::default();
            let mut model = BTreeMap::new();
            let mut kept = None;
            for (at, (adds, key, value)) in changes.iter().enumerate() {
                if at == cut {
                    kept = Some((table.clone(), model.clone()));
                }
                if *adds {
                    let is_new = !model.contains_key(key);
                    model.entry(*key).or_insert(*value);
                    prop_assert_eq!(table.insert_new((*key, *value)), is_new);
                } else {
                    prop_assert_eq!(table.remove(key), model.remove(key).is_some());
                }
            }
            check(&table, &model);
            if let Some((table, model)) = kept {
                check(&table, &model);
            }
            let collected: Sorted<(u16, u32)> = model.iter().rev().map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(collected, table);
        }
    }

    #[test]
    fn rows_in_order_fill_blocks_and_a_change_copies_one() {
        let mut table = Sorted::default();
        for key in 0..10_000_u32 {
            assert!(table.insert_new((key, ())));
        }
        assert_eq!(table.blocks.len(), 10_000_usize.div_ceil(BLOCK_ROWS));
        let before = table.clone();
        assert!(table.remove(&5_000));
        let pairs = table.blocks.iter().zip(before.blocks.iter());
        let copied = pairs.filter(|(now, then)| !Arc::ptr_eq(now, then)).count();
        assert_eq!(copied, 1);
        assert!(before.contains_key(&5_000) && !table.contains_key(&5_000));
        let shared = before.clone();
        let mut same = shared.clone();
        assert!(!same.insert_new((7, ())) && !same.remove(&10_001));
        assert!(Arc::ptr_eq(&same.blocks, &shared.blocks));
    }
}
