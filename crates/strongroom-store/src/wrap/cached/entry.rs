//! One file of the cache.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `SRCACHE1` |
//! | 32 | the name, so that a file in another's place is noticed |
//! | 8 | where in the object it begins, little-endian; a multiple of 64 KiB |
//! | 8 | how many bytes of the object it has, little-endian |
//! | 1 | 1 if that is the whole object, else 0 |
//! | 16 each | a checksum for every 64 KiB of them, the last for what is left |
//! | 16 | a checksum of everything before |
//! | … | the bytes |
//!
//! Checksums are the first half of BLAKE3, of the name, the offset in the object and the bytes. It is not a format for others: what an
//! earlier version has kept may be thrown away.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use bytes::Bytes;

use crate::key::Key;
use crate::store::MAX_OBJECT_BYTES;

/// The unit in which parts are kept and checked.
pub(super) const BLOCK: u64 = 64 << 10;

/// What an object is called in the folder: a hash of its scope and key, which can be a file name of any file system.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

/// What a file says that it has.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) is_whole: bool,
    checksums: Vec<[u8; SUM]>,
}

impl Name {
    pub(super) fn new(scope: &str, key: &Key) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(scope.len() as u64).to_le_bytes());
        hasher.update(scope.as_bytes());
        hasher.update(key.as_str().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    pub(super) fn first_byte(self) -> u8 {
        let [first, ..] = self.0;
        first
    }

    /// Returns the checksum of bytes at an offset of the object.
    fn checksum(self, offset: u64, bytes: &[u8]) -> [u8; SUM] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(&offset.to_le_bytes());
        hasher.update(bytes);
        first_half(&hasher)
    }
}

/// In hexadecimal.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// Returns what comes before the bytes in a file.
pub(super) fn head(name: Name, start: u64, bytes: &[u8], is_whole: bool) -> Vec<u8> {
    let mut head = Vec::with_capacity(FIXED + SUM * (bytes.len() / BLOCK_LEN + 2));
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&name.0);
    head.extend_from_slice(&start.to_le_bytes());
    head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    head.push(u8::from(is_whole));
    for (offset, block) in (start..).step_by(BLOCK_LEN).zip(bytes.chunks(BLOCK_LEN)) {
        head.extend_from_slice(&name.checksum(offset, block));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head);
    head.extend_from_slice(&first_half(&hasher));
    head
}

impl Header {
    /// Reads the head of a file; `None` if it is damaged or another's. The file stands at the first byte afterwards.
    pub(super) fn read(name: Name, file: &mut File) -> io::Result<Option<Self>> {
        let file_len = file.metadata()?.len();
        let mut fixed = [0; FIXED];
        if !read_exact(file, &mut fixed)? {
            return Ok(None);
        }
        let Some(mut header) = Self::parse_fixed(name, &fixed) else {
            return Ok(None);
        };
        // Before anything is allocated for it.
        let count = header.len.div_ceil(BLOCK);
        let head_len = FIXED as u64 + (count + 1) * SUM as u64;
        if head_len + header.len != file_len {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&fixed);
        let mut sum = [0; SUM];
        for _ in 0..count {
            if !read_exact(file, &mut sum)? {
                return Ok(None);
            }
            hasher.update(&sum);
            header.checksums.push(sum);
        }
        let is_whole = read_exact(file, &mut sum)? && sum == first_half(&hasher);
        Ok(is_whole.then_some(header))
    }

    fn parse_fixed(name: Name, fixed: &[u8; FIXED]) -> Option<Self> {
        let rest = fixed.strip_prefix(MAGIC)?.strip_prefix(&name.0)?;
        let (start, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (start, len) = (u64::from_le_bytes(*start), u64::from_le_bytes(*len));
        let sane = start % BLOCK == 0 && start.checked_add(len).is_some();
        if !sane || len > MAX_OBJECT_BYTES as u64 {
            return None;
        }
        Some(Self {
            start,
            len,
            is_whole: rest == [1],
            checksums: Vec::new(),
        })
    }

    /// Reads a block by its number in the object; `None` if it is damaged. It must have bytes here.
    pub(super) fn read_block(
        &self,
        name: Name,
        file: &mut File,
        block: u64,
    ) -> io::Result<Option<Bytes>> {
        let offset = block.saturating_mul(BLOCK);
        let at = offset.saturating_sub(self.start);
        let len = self.len.saturating_sub(at).min(BLOCK);
        let index = usize::try_from(at / BLOCK).unwrap_or(usize::MAX);
        let Some(checksum) = self.checksums.get(index) else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(self.head_len() + at))?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        if !read_exact(file, &mut bytes)? || name.checksum(offset, &bytes) != *checksum {
            return Ok(None);
        }
        Ok(Some(bytes.into()))
    }

    /// Reads all the bytes; `None` if any is damaged.
    pub(super) fn read_all(&self, name: Name, file: &mut File) -> io::Result<Option<Bytes>> {
        file.seek(SeekFrom::Start(self.head_len()))?;
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(0)];
        if !read_exact(file, &mut bytes)? {
            return Ok(None);
        }
        let offsets = (self.start..).step_by(BLOCK_LEN);
        let mut blocks = offsets.zip(bytes.chunks(BLOCK_LEN)).zip(&self.checksums);
        let good = blocks.all(|((offset, block), sum)| name.checksum(offset, block) == *sum);
        Ok(good.then(|| bytes.into()))
    }

    fn head_len(&self) -> u64 {
        (FIXED + SUM * (self.checksums.len() + 1)) as u64
    }
}

/// Returns the end of a file's name: of the whole object, or of a block.
pub(super) fn file_name(name: Name, block: Option<u64>) -> String {
    let mut text = name.to_string();
    // Writing to a string cannot fail.
    let _ = match block {
        None => write!(text, ".whole"),
        Some(block) => write!(text, ".{block:x}"),
    };
    text
}

/// Returns the name of a file that is being written.
pub(super) fn temporary_name(nonce: u64, number: u64) -> String {
    format!("{TEMPORARY}{nonce:016x}-{number:x}")
}

/// Says whether a name is one that a cache gives to files. No others are touched.
pub(super) fn is_ours(file_name: &str) -> bool {
    let (stem, separator) = match file_name.strip_prefix(TEMPORARY) {
        Some(rest) => (rest.split_at_checked(16), '-'),
        None => (file_name.split_at_checked(64), '.'),
    };
    stem.is_some_and(|(hash, rest)| {
        hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && rest.starts_with(separator)
    })
}

/// Says whether there was enough to fill the buffer.
fn read_exact(file: &mut File, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn first_half(hasher: &blake3::Hasher) -> [u8; SUM] {
    let mut half = [0; SUM];
    for (half, byte) in half.iter_mut().zip(hasher.finalize().as_bytes()) {
        *half = *byte;
    }
    half
}

/// How the names of files begin that are being written.
pub(super) const TEMPORARY: &str = "new-";

const MAGIC: &[u8; 8] = b"SRCACHE1";
const FIXED: usize = 8 + 32 + 8 + 8 + 1;
const SUM: usize = 16;
const BLOCK_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_cache_has_named_is_its_own() {
        let name = Name::new("a repository", &Key::parse("pack/1").expect("a key"));
        for ours in [
            file_name(name, None),
            file_name(name, Some(511)),
            temporary_name(7, 99),
        ] {
            assert!(is_ours(&ours), "{ours}");
        }
        for theirs in ["letter.txt", "new-photos", "new-0123456789abcdeg-1", ""] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }

    #[test]
    fn a_name_depends_on_scope_and_key_and_on_where_one_ends() {
        let name = |scope, key: &str| Name::new(scope, &Key::parse(key).expect("a key"));
        assert_ne!(name("a", "bc"), name("ab", "c"));
        assert_ne!(name("a", "b"), name("a", "c"));
        assert_eq!(name("a", "b"), name("a", "b"));
    }
}
