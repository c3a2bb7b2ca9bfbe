//! Chunks of a stream, in bounded memory.

use std::fmt;
use std::io::{self, Read};

use crate::chunker::{Chunker, cut_within};

/// The least that is asked of a reader at once, where there is room.
const READ_LEN: usize = 64 * 1024;

/// Cuts what a reader gives into the same chunks as if it were one slice.
///
/// It has one buffer of at most twice the chunker's `max` (and 64 KiB), which grows with the input,
/// so that small inputs need little. No chunk is allocated.
///
/// ```
/// use strongroom_chunk::{ChunkReader, ChunkSizes, Fixed};
///
/// let chunker = Fixed::new(ChunkSizes::fixed(64)?)?;
/// let mut reader = ChunkReader::new(&chunker, [7; 150].as_slice());
/// let mut lengths = Vec::new();
/// while let Some(chunk) = reader.next_slice()? {
///     lengths.push(chunk.len());
/// }
/// assert_eq!(lengths, [64, 64, 22]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ChunkReader<'c, R> {
    chunker: &'c dyn Chunker,
    reader: R,
    buffer: Vec<u8>,
    /// What is read and not yet given out is `buffer[start..end]`.
    start: usize,
    end: usize,
    state: State,
}

enum State {
    Reading,
    Ended,
    Failed(io::ErrorKind),
}

impl<'c, R: Read> ChunkReader<'c, R> {
    /// Begins to cut what `reader` gives.
    #[must_use]
    pub fn new(chunker: &'c dyn Chunker, reader: R) -> Self {
        Self::with_buffer(chunker, reader, Vec::new())
    }

    /// Begins with the [buffer](ChunkReader::into_buffer) of an earlier one, whose bytes do not
    /// matter.
    #[must_use]
    pub fn with_buffer(chunker: &'c dyn Chunker, reader: R, buffer: Vec<u8>) -> Self {
        Self {
            chunker,
            reader,
            buffer,
            start: 0,
            end: 0,
            state: State::Reading,
        }
    }

    /// Returns the next chunk, or `None` at the end. It stays in the buffer until the next call.
    ///
    /// # Errors
    ///
    /// Whatever the reader fails with, except `Interrupted`, after which it reads again. Then the
    /// rest of the input is lost, and every later call fails with the same kind: what was read
    /// before is never taken for the whole.
    pub fn next_slice(&mut self) -> io::Result<Option<&[u8]>> {
        self.fill()?;
        let data = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some(len) = cut_within(self.chunker, data) else {
            return Ok(None);
        };
        self.start += len;
        Ok(data.get(..len))
    }

    /// Replaces the contents of `out` with the next chunk; returns `false` at the end.
    ///
    /// # Errors
    ///
    /// As [`next_slice`](ChunkReader::next_slice).
    pub fn next_chunk(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        out.clear();
        let Some(chunk) = self.next_slice()? else {
            return Ok(false);
        };
        out.extend_from_slice(chunk);
        Ok(true)
    }

    /// Ends, and returns the buffer for the next reader.
    #[must_use]
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Reads until a whole chunk is certain to be there, or the input has ended.
    fn fill(&mut self) -> io::Result<()> {
        let max = self.chunker.sizes().max();
        loop {
            match self.state {
                State::Ended => return Ok(()),
                State::Failed(kind) => return Err(kind.into()),
                State::Reading if self.end - self.start >= max => return Ok(()),
                State::Reading => self.read_some(max)?,
            }
        }
    }

    fn read_some(&mut self, max: usize) -> io::Result<()> {
        if self.end == self.buffer.len() {
            self.make_room(max);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let room_len = room.len();
        match self.reader.read(room) {
            Ok(0) => self.state = State::Ended,
            Ok(len) if len <= room_len => self.end += len,
            Ok(_) => return self.fail(io::Error::other("a reader gave more than was asked")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return self.fail(error),
        }
        Ok(())
    }

    /// Makes the buffer longer, or when it is long enough, moves what is in it to the front. With
    /// room for two chunks that moves each byte once at most.
    fn make_room(&mut self, max: usize) {
        let enough = max + max.max(READ_LEN);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.buffer.len() < enough {
            let longer = (self.buffer.len() * 2).max(READ_LEN).min(enough);
            self.buffer.resize(longer, 0);
        } else {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    fn fail(&mut self, error: io::Error) -> io::Result<()> {
        self.state = State::Failed(error.kind());
        Err(error)
    }
}

impl<R> fmt::Debug for ChunkReader<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkReader")
            .field("chunker", &self.chunker)
            .field("buffered_len", &(self.end - self.start))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChunkSizes, Fixed, Gear64, chunks, conformance};

    /// Gives what is left of some bytes, then fails once, then pretends that all is well.
    struct Failing<'a> {
        rest: &'a [u8],
        failures: usize,
    }

    impl Read for Failing<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.rest.is_empty() && self.failures > 0 {
                self.failures -= 1;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            self.rest.read(out)
        }
    }

    #[test]
    fn a_failure_is_never_an_end() {
        let chunker = Fixed::new(ChunkSizes::fixed(64).unwrap()).unwrap();
        let input = Failing {
            rest: &[1; 100],
            failures: 1,
        };
        let mut reader = ChunkReader::new(&chunker, input);
        let mut chunk = vec![9];
        assert!(reader.next_chunk(&mut chunk).unwrap());
        assert_eq!(chunk, [1; 64]);
        for _ in 0..3 {
            let error = reader.next_chunk(&mut chunk).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }

    #[test]
    fn a_reader_that_lies_about_lengths_is_an_error() {
        struct Liar;
        impl Read for Liar {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                Ok(out.len() + 1)
            }
        }
        let chunker = Fixed::new(ChunkSizes::fixed(64).unwrap()).unwrap();
        let mut reader = ChunkReader::new(&chunker, Liar);
        assert!(reader.next_slice().is_err());
        assert!(reader.next_slice().is_err());
    }

    #[test]
    fn the_buffer_is_bounded_and_reusable() {
        let sizes = ChunkSizes::new(64 << 10, 128 << 10, 256 << 10).unwrap();
        let chunker = Gear64::new(sizes, &[7; 32]).unwrap();
        let long = conformance::random_bytes("long", 3 << 20);
        let mut buffer = Vec::new();
        for data in [&[1, 2, 3], long.as_slice(), &[], &long[..77], &long] {
            let mut reader = ChunkReader::with_buffer(&chunker, data, buffer);
            let mut whole = chunks(&chunker, data);
            while let Some(chunk) = reader.next_slice().unwrap() {
                assert!(Some(chunk) == whole.next());
            }
            assert_eq!(whole.next(), None);
            assert!(
                reader.next_slice().unwrap().is_none(),
                "an end stays an end"
            );
            buffer = reader.into_buffer();
            assert!(buffer.capacity() <= 2 * sizes.max());
        }
    }

    #[test]
    fn small_inputs_need_little_memory() {
        let chunker = Gear64::new(ChunkSizes::DEFAULT, &[7; 32]).unwrap();
        let mut reader = ChunkReader::new(&chunker, [5; 1000].as_slice());
        assert_eq!(reader.next_slice().unwrap().map(<[u8]>::len), Some(1000));
        assert_eq!(reader.into_buffer().len(), READ_LEN);
    }

    #[test]
    fn a_chunker_that_breaks_its_law_neither_loses_bytes_nor_hangs() {
        #[derive(Debug)]
        struct Broken(usize);
        impl Chunker for Broken {
            fn id(&self) -> crate::ChunkerId {
                crate::ChunkerId::from_number(99)
            }
            fn sizes(&self) -> ChunkSizes {
                ChunkSizes::DEFAULT
            }
            fn cut(&self, _: &[u8]) -> usize {
                self.0
            }
        }
        for cut in [0, 1, usize::MAX] {
            let joined = chunks(&Broken(cut), b"abc").collect::<Vec<_>>().concat();
            assert_eq!(joined, b"abc");
        }
    }
}
