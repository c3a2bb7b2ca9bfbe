//! The names of one directory.

use std::os::fd::BorrowedFd;

use rustix::fs::RawDir;
use rustix::io::Errno;

/// Sorted names without repetitions, back to back: a directory of a million entries takes some 30 MB.
#[derive(Debug, Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    /// Offset and length.
    spans: Vec<(u32, u16)>,
}

/// Room for one `getdents` call.
const DENTS_BYTES: usize = 64 << 10;

/// Why a directory's names are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListError {
    /// The system said so.
    System(Errno),
    /// There are more bytes of names than were allowed.
    TooMany,
}

impl Names {
    /// Reads all names of an open directory, at most `most_bytes` of them. If reading breaks off, the error comes with the
    /// names read so far.
    pub(crate) fn read(dir: BorrowedFd<'_>, most_bytes: usize) -> (Self, Result<(), ListError>) {
        let mut names = Self::default();
        let mut buffer = Vec::with_capacity(DENTS_BYTES);
        let mut dents = RawDir::new(dir, buffer.spare_capacity_mut());
        let mut result = Ok(());
        while let Some(dent) = dents.next() {
            match dent {
                Ok(dent) => {
                    let name = dent.file_name().to_bytes();
                    if name != b"." && name != b".." && !names.push(name, most_bytes) {
                        result = Err(ListError::TooMany);
                        break;
                    }
                }
                Err(Errno::INTR) => {}
                Err(error) => {
                    result = Err(ListError::System(error));
                    break;
                }
            }
        }
        names.sort();
        (names, result)
    }

    /// Takes names that are known already.
    pub(crate) fn of<'n>(known: impl Iterator<Item = &'n [u8]>) -> Self {
        let mut names = Self::default();
        for name in known {
            if !names.push(name, usize::MAX) {
                break;
            }
        }
        names.sort();
        names
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        self.spans.get(index).map(|&span| at(&self.bytes, span))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|&span| at(&self.bytes, span))
    }

    /// Says whether the name is there.
    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.spans
            .binary_search_by(|&span| at(&self.bytes, span).cmp(name))
            .is_ok()
    }

    /// Keeps only one name.
    pub(crate) fn retain_one(&mut self, name: &[u8]) {
        self.spans.retain(|&span| at(&self.bytes, span) == name);
    }

    fn push(&mut self, name: &[u8], most_bytes: usize) -> bool {
        let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u16::try_from(name.len()))
        else {
            return false;
        };
        if self.bytes.len() >= most_bytes {
            return false;
        }
        self.bytes.extend_from_slice(name);
        self.spans.push((start, len));
        true
    }

    /// A directory that changes while it is read may yield a name twice.
    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans
            .sort_unstable_by(|&a, &b| at(bytes, a).cmp(at(bytes, b)));
        self.spans
            .dedup_by(|&mut a, &mut b| at(bytes, a) == at(bytes, b));
    }
}

fn at(bytes: &[u8], (start, len): (u32, u16)) -> &[u8] {
    let start = start as usize;
    bytes
        .get(start..start + usize::from(len))
        .unwrap_or_default()
}
