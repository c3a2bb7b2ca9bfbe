//! Pages of pages: what directories and recipes have in common.

use crate::error::Result;

/// A sorted tree of pages, written from left to right in one pass and bounded memory.
#[derive(Debug)]
pub(crate) struct Levels<T> {
    open: Vec<Vec<T>>,
}

/// How the pages of one kind of tree end and are written.
pub(crate) trait Pages<T> {
    /// Says whether a page of that height ends after these items.
    fn ends(&self, height: u8, items: &[T]) -> bool;

    /// Writes a page and returns what refers to it.
    fn write(&mut self, height: u8, items: Vec<T>) -> Result<T>;
}

impl<T> Levels<T> {
    pub(crate) fn new() -> Self {
        Self { open: Vec::new() }
    }

    /// Says whether nothing was pushed yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds an item at the lowest level, whose pages have height `base`.
    pub(crate) fn push(&mut self, pages: &mut impl Pages<T>, base: u8, item: T) -> Result<()> {
        let mut item = item;
        for level in 0.. {
            if self.open.len() <= level {
                self.open.push(Vec::new());
            }
            let Some(items) = self.open.get_mut(level) else {
                break;
            };
            items.push(item);
            let height = base + u8::try_from(level).unwrap_or(u8::MAX);
            if !pages.ends(height, items) {
                break;
            }
            item = pages.write(height, std::mem::take(items))?;
        }
        Ok(())
    }

    /// Closes every level. Returns the items of the lowest if no page was ever written, so that a single item, or a
    /// few, need no page; else the one item that refers to all.
    pub(crate) fn finish(self, pages: &mut impl Pages<T>, base: u8) -> Result<Vec<T>> {
        let mut levels = self.open.into_iter();
        let Some(mut carry) = levels.next() else {
            return Ok(Vec::new());
        };
        let rest: Vec<Vec<T>> = levels.collect();
        if rest.is_empty() {
            return Ok(carry);
        }
        let count = rest.len();
        for (at, mut above) in rest.into_iter().enumerate() {
            let height = base + u8::try_from(at).unwrap_or(u8::MAX);
            if !carry.is_empty() {
                above.push(pages.write(height, carry)?);
            }
            carry = above;
        }
        if carry.len() == 1 {
            return Ok(carry);
        }
        let height = base + u8::try_from(count).unwrap_or(u8::MAX);
        Ok(vec![pages.write(height, carry)?])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    enum Item {
        Leaf(u32),
        Page(u8, Vec<Self>),
    }

    struct Three;

    impl Pages<Item> for Three {
        fn ends(&self, _height: u8, items: &[Item]) -> bool {
            items.len() >= 3
        }

        fn write(&mut self, height: u8, items: Vec<Item>) -> Result<Item> {
            assert!(!items.is_empty(), "an empty page");
            Ok(Item::Page(height, items))
        }
    }

    fn leaves(items: &[Item], below: u8, out: &mut Vec<u32>) {
        for item in items {
            match item {
                Item::Leaf(number) => out.push(*number),
                Item::Page(height, items) => {
                    assert!(*height < below, "heights decrease downwards");
                    leaves(items, *height, out);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_item_is_there_once_and_in_order(count in 0u32..200) {
            let mut levels = Levels::new();
            for number in 0..count {
                levels.push(&mut Three, 0, Item::Leaf(number))?;
            }
            let top = levels.finish(&mut Three, 0)?;
            let mut found = Vec::new();
            leaves(&top, u8::MAX, &mut found);
            prop_assert_eq!(found, (0..count).collect::<Vec<_>>());
            prop_assert!(top.len() <= 1 || top.iter().all(|item| matches!(item, Item::Leaf(_))));
        }
    }
}
