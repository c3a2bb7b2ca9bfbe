//! Trees and numbers from a seed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A small generator of numbers (splitmix64): what matters is that a seed says everything.
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Bytes that do not compress.
    pub(crate) fn noise(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// Writes directories of `small` small files, and `large` files of 1 to 3 MB. What cannot be compressed is most of it.
pub(crate) fn tree(root: &Path, seed: u64, small: u64, large: u64) {
    let mut chance = Chance(seed);
    for number in 0..small {
        let directory = root.join(format!("dir {}/sub {}", number % 7, number % 31));
        if number < 217 {
            fs::create_dir_all(&directory).unwrap();
        }
        let len = usize::try_from(chance.below(6000)).unwrap();
        let content = match number % 5 {
            0 => format!("line of file {number}\n")
                .repeat(len / 20)
                .into_bytes(),
            1 => Vec::new(),
            _ => chance.noise(len),
        };
        fs::write(directory.join(format!("file {number}")), content).unwrap();
    }
    fs::create_dir_all(root.join("large")).unwrap();
    for number in 0..large {
        let len = usize::try_from(1_000_000 + chance.below(2_000_000)).unwrap();
        fs::write(root.join(format!("large/{number}")), chance.noise(len)).unwrap();
    }
    symlink("large/0", root.join("link")).unwrap();
}
