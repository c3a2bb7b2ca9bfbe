//! The names of one directory.

use std::os::fd::BorrowedFd;

use rustix::fs::RawDir;
use rustix::io::Errno;

use crate::calls;

/// Sorted names without repetitions, back to back: a directory of a million entries takes some 30 MB.
#[derive(Debug, Default, Clone)]
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
        let mut reader = NamesReader::new();
        let result = reader.read(dir, most_bytes);
        (reader.names, result)
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

/// Reads the names of one directory after another into the same room.
#[derive(Debug)]
pub(crate) struct NamesReader {
    dents: Vec<u8>,
    names: Names,
}

impl NamesReader {
    pub(crate) fn new() -> Self {
        Self {
            dents: Vec::with_capacity(DENTS_BYTES),
            names: Names::default(),
        }
    }

    /// As [`Names::read`]; the names take no more memory than they need.
    pub(crate) fn names(
        &mut self,
        dir: BorrowedFd<'_>,
        most_bytes: usize,
    ) -> (Names, Result<(), ListError>) {
        let result = self.read(dir, most_bytes);
        if self.names.bytes.len() > MAX_KEPT_BYTES {
            return (std::mem::take(&mut self.names), result);
        }
        (self.names.clone(), result)
    }

    fn read(&mut self, dir: BorrowedFd<'_>, most_bytes: usize) -> Result<(), ListError> {
        let names = &mut self.names;
        names.bytes.clear();
        names.spans.clear();
        calls::note("getdents");
        let mut dents = RawDir::new(dir, self.dents.spare_capacity_mut());
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
        result
    }
}

/// Room for names that is kept for the next directory.
const MAX_KEPT_BYTES: usize = 1 << 20;

fn at(bytes: &[u8], (start, len): (u32, u16)) -> &[u8] {
    let start = start as usize;
    bytes
        .get(start..start + usize::from(len))
        .unwrap_or_default()
}
