//! Writing past the page cache.
//!
//! What a backup writes is not read again soon. Written through the cache it would be copied there, push out what the machine's user
//! works with, and be written out by the sync all the same.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

/// Objects of this size and above go past the cache. Smaller ones, lists of names and the index among them, are read again by the next run.
pub(super) const FROM_BYTES: usize = 6 << 20;

/// Addresses, offsets and lengths are multiples of this: the block size of nearly every disk, and a page.
const BLOCK_BYTES: usize = 4 << 10;

/// How much is copied at once when the bytes do not begin at a multiple of a block.
const BOUNCE_BYTES: usize = 1 << 20;

/// Writes the whole blocks of `data` to a new file without caching them. Returns how many bytes that were: less than there are, or
/// none, where the file system or its disk wants it otherwise. The rest is for an ordinary write.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn write_blocks(file: &OwnedFd, data: &[u8]) -> Result<usize, Errno> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    let Ok(flags) = fcntl_getfl(file) else {
        return Ok(0);
    };
    if fcntl_setfl(file, flags | OFlags::DIRECT).is_err() {
        return Ok(0);
    }
    let (blocks, _) = data.as_chunks::<BLOCK_BYTES>();
    let written = match is_aligned(data) {
        true => write(file, blocks.as_flattened()),
        false => write_copies(file, blocks.as_flattened()),
    };
    // What is left is no whole block.
    fcntl_setfl(file, flags)?;
    written
}

/// Elsewhere there is no such flag.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn write_blocks(_file: &OwnedFd, _data: &[u8]) -> Result<usize, Errno> {
    Ok(0)
}

/// Writes until all is written or the file system refuses.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn write(file: &OwnedFd, data: &[u8]) -> Result<usize, Errno> {
    let mut at = 0;
    while let Some(rest) = data.get(at..).filter(|rest| !rest.is_empty()) {
        match rustix::io::retry_on_intr(|| rustix::io::write(file, rest)) {
            // It wants other multiples, or cannot do it at all.
            Err(Errno::INVAL | Errno::OPNOTSUPP) | Ok(0) => break,
            Err(errno) => return Err(errno),
            Ok(written) => at += written,
        }
        if !at.is_multiple_of(BLOCK_BYTES) {
            break;
        }
    }
    Ok(at)
}

/// The same by way of a buffer that begins where a block may.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn write_copies(file: &OwnedFd, data: &[u8]) -> Result<usize, Errno> {
    let mut space = vec![0; BOUNCE_BYTES + BLOCK_BYTES];
    let start = space.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
    let mut written = 0;
    for part in data.chunks(BOUNCE_BYTES) {
        let Some(bounce) = space.get_mut(start..start + part.len()) else {
            break;
        };
        bounce.copy_from_slice(part);
        let count = write(file, bounce)?;
        written += count;
        if count < part.len() {
            break;
        }
    }
    Ok(written)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_aligned(data: &[u8]) -> bool {
    data.as_ptr().align_offset(BLOCK_BYTES) == 0
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn whatever_their_address_and_length_the_bytes_are_all_there() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..=250).cycle().take((3 << 20) + 7_777).collect();
        let aligned = bytes.as_ptr().align_offset(BLOCK_BYTES);
        for (start, end) in [
            (aligned, bytes.len()),
            (aligned + 1, bytes.len()),
            (aligned, aligned + (2 << 20)),
            (aligned + 8, aligned + 4_095),
            (0, 0),
        ] {
            let data = &bytes[start..end];
            let file: OwnedFd = std::fs::File::create(&path).expect("a file").into();
            let written = write_blocks(&file, data).expect("it is written");
            assert!(written <= data.len());
            let flags = rustix::fs::fcntl_getfl(&file).expect("flags");
            crate::dir::temp::write_all(&file, &data[written..]).expect("the rest is written");
            assert_eq!(flags, rustix::fs::fcntl_getfl(&file).expect("flags"));
            assert!(std::fs::read(&path).expect("it is there") == data);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_said() {
        use rustix::fs::{Mode, OFlags, open};

        let full = open("/dev/full", OFlags::WRONLY, Mode::empty()).expect("Linux has it");
        // A device that has no such flag is written through the cache, and says it there.
        let outcome = write_blocks(&full, &[1; 2 * BLOCK_BYTES]);
        assert!(matches!(outcome, Ok(0) | Err(Errno::NOSPC)), "{outcome:?}");
    }
}
