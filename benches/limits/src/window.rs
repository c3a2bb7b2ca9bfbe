//! Cut points.

use fastcdc::v2020::cut_gear;

/// Least, mean and most bytes of a chunk, as by default in a repository.
const MIN: usize = 256 << 10;
const MEAN: usize = 1 << 20;
pub(crate) const MAX: usize = 4 << 20;

/// The gear tables and masks.
#[derive(Debug)]
pub(crate) struct Gear {
    table: Vec<u64>,
    shifted: Vec<u64>,
}

impl Gear {
    /// Makes the tables of a key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut bytes = [0; 2_048];
        blake3::Hasher::new_keyed(key)
            .finalize_xof()
            .fill(&mut bytes);
        let (entries, _) = bytes.as_chunks::<8>();
        let table: Vec<u64> = entries
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        let shifted = table.iter().map(|entry| entry << 1).collect();
        Self { table, shifted }
    }

    /// Returns the length of the first chunk. What is shorter than the least chunk costs nothing.
    pub(crate) fn cut(&self, data: &[u8]) -> usize {
        if data.len() <= MIN {
            return data.len();
        }
        let bits = MEAN.ilog2();
        let strict = ((1_u64 << bits) - 1) << (63 - bits);
        let lax = ((1_u64 << (bits - 1)) - 1) << (64 - bits);
        let (table, shifted) = (&self.table, &self.shifted);
        let (_, len) = cut_gear(
            data,
            MIN,
            MEAN,
            MAX,
            strict,
            lax,
            strict << 1,
            lax << 1,
            table,
            shifted,
        );
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{MEBIBYTE, noise};

    #[test]
    fn chunks_cover_the_data_within_their_bounds() {
        let (gear, data) = (Gear::new(&[1; 32]), noise(1, 16 * MEBIBYTE));
        let mut rest = data.as_slice();
        let mut count = 0;
        while !rest.is_empty() {
            let len = gear.cut(rest);
            assert!(len <= MAX && (len >= MIN || len == rest.len()));
            rest = &rest[len..];
            count += 1;
        }
        assert!((8..32).contains(&count), "{count} chunks");
    }
}
