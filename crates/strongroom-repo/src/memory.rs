//! What each part of an operation may have in memory: the one place where that is decided.
//!
//! Without a budget the parts have what serves them best. A budget takes it away from them in turns, a little from each, until the sum
//! fits: first what costs time when it is small, then threads. The sums are of what is bounded by a constant; what grows with a
//! repository (its index, 1.5 bytes a blob with a cache folder) comes on top, as docs of each operation say.

use crate::blobs::Room;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// What the parts of operations may have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Threads that compute.
    pub(crate) threads: usize,
    /// Bytes of a full pack of content.
    pub(crate) pack_bytes: usize,
    /// Packs of content that are filled at once, one or two. With two, what does not fit into the first waits in the second, and the gap that
    /// padding fills is nearly nothing.
    pub(crate) open_packs: usize,
    /// Packs on their way to the store.
    pub(crate) puts: usize,
    /// Readers of large files.
    pub(crate) large_readers: usize,
    /// What a backup keeps of its parent's tree: neighbours in a directory are neighbours in a frame.
    pub(crate) parent: Room,
    /// What a restore keeps of names and pages, which come in the order in which they are wanted, and of headers, each of which is wanted for
    /// a while.
    pub(crate) restored: Room,
    /// Parts of packs that a restore has fetched and not written; one part may be more.
    pub(crate) fetched_bytes: u64,
    /// What a restore gathers before it plans, and again for each plan that is carried out.
    pub(crate) window_bytes: usize,
}

/// A part that a budget takes from.
#[derive(Debug, Clone, Copy)]
enum Part {
    OpenPacks,
    Puts,
    LargeReaders,
    Parent,
    Restored,
    Fetched,
    Window,
    PackBytes,
    Threads,
}

impl Shares {
    /// Divides the memory that the settings grant. Where that is less than the [least](Settings::memory_bytes_min), these are the least.
    pub(crate) fn of(settings: &Settings) -> Self {
        let mut shares = Self::most(settings);
        if let Some(budget) = settings.memory_bytes {
            let budget = usize::try_from(budget).unwrap_or(usize::MAX);
            shares.fit(budget, &OF_A_BACKUP, |shares| shares.backup_bytes(settings));
            shares.fit(budget, &OF_A_RESTORE, Self::restore_bytes);
        }
        shares
    }

    /// What serves best, without a budget.
    fn most(settings: &Settings) -> Self {
        Self {
            threads: settings.threads.max(1),
            pack_bytes: settings.pack_bytes,
            open_packs: 2,
            puts: PUTS,
            large_readers: 2,
            parent: Room::from(16 * MIB),
            restored: Room {
                frames: 8 * MIB,
                // Of the largest one, which a full pack of tiny blobs has, and of small ones beside it.
                headers: 12 * MIB,
                sealed: 8 * MIB,
            },
            fetched_bytes: 40 << 20,
            window_bytes: 6 * MIB,
        }
    }

    /// Takes from parts in turns, until what they come to fits or nothing is left to be taken.
    fn fit(&mut self, budget: usize, turns: &[Part], sum: impl Fn(&Self) -> usize) {
        loop {
            let before = *self;
            for part in turns {
                if sum(self) <= budget {
                    return;
                }
                self.take_from(*part);
            }
            if *self == before {
                return;
            }
        }
    }

    fn take_from(&mut self, part: Part) {
        match part {
            Part::OpenPacks => self.open_packs = 1,
            Part::Puts => self.puts = 1,
            Part::LargeReaders => self.large_readers = 1,
            Part::Parent => self.parent = halved(self.parent),
            Part::Restored => self.restored = halved(self.restored),
            Part::Fetched => self.fetched_bytes = (self.fetched_bytes / 2).max(8 << 20),
            Part::Window => self.window_bytes = half(self.window_bytes, MIB),
            Part::PackBytes => self.pack_bytes = half(self.pack_bytes, MIB),
            Part::Threads => self.threads = (self.threads - 1).max(1),
        }
    }

    /// The most that an operation takes with them, whichever takes most.
    fn bytes(&self, settings: &Settings) -> u64 {
        let most = self.backup_bytes(settings).max(self.restore_bytes());
        u64::try_from(most).unwrap_or(u64::MAX)
    }

    /// What a backup takes.
    fn backup_bytes(&self, settings: &Settings) -> usize {
        // Buffers are an eighth larger. Those of names and pages are a quarter of the size, and of each kind one is open.
        let packs = self.packs() * (self.pack_bytes + self.pack_bytes / 8) + self.pack_bytes;
        let groups = self.groups() * GROUP_METADATA_BYTES;
        let readers = self.read_buffers() * settings.chunk_sizes.max();
        let frames = self.threads * FRAMES_A_THREAD * FRAME_BYTES;
        packs + groups + readers + frames + bytes_of(self.parent) + WALK_BYTES
    }

    /// What a restore takes.
    fn restore_bytes(&self) -> usize {
        let fetched = usize::try_from(self.fetched_bytes).unwrap_or(usize::MAX);
        let frames = self.restore_workers() * FRAMES_A_WORKER * FRAME_BYTES;
        let windows = WINDOWS * self.window_bytes;
        fetched + bytes_of(self.restored) + frames + windows
    }

    /// Packs of content between open and stored: as many as may be open, and as many as may be on their way. With one less, those who fill packs would wait
    /// for every write of what does not compress.
    pub(crate) fn packs(&self) -> usize {
        self.open_packs + self.puts
    }

    /// Buffers of large files, each of one chunk of the largest size: one at each reader and each thread, and one on the way.
    pub(crate) fn read_buffers(&self) -> usize {
        let most = BUFFERS_A_READER * self.large_readers;
        (self.threads + self.large_readers + 1).min(most)
    }

    /// Groups on their way through a backup. Only those that a thread works at have content.
    pub(crate) fn groups(&self) -> usize {
        2 * self.threads + 2
    }

    /// Threads of a restore that decode and write: while some wait for a disk, others compute.
    pub(crate) fn restore_workers(&self) -> usize {
        self.threads + WAITING_WORKERS
    }

    /// Entries that a restore gathers before it plans.
    pub(crate) fn window_entries(&self) -> usize {
        self.window_bytes / ENTRY_BYTES
    }
}

impl Settings {
    /// Returns the least that [`memory_bytes`](Self::memory_bytes) may be with these settings.
    #[must_use]
    pub fn memory_bytes_min(&self) -> u64 {
        let mut none = self.clone();
        none.memory_bytes = Some(0);
        Shares::of(&none).bytes(self)
    }

    /// # Errors
    ///
    /// `Invalid` when the budget of memory is less than the least.
    pub(crate) fn check_memory(&self) -> Result<()> {
        let least = self.memory_bytes_min();
        match self.memory_bytes {
            Some(budget) if budget < least => {
                let what = format!("{budget} bytes of memory are too few: {least} are the least");
                Err(Error::new(ErrorKind::Invalid, what))
            }
            _ => Ok(()),
        }
    }
}

fn half(bytes: usize, least: usize) -> usize {
    (bytes / 2).max(least).min(bytes)
}

fn halved(room: Room) -> Room {
    Room {
        frames: half(room.frames, 2 * MIB),
        headers: half(room.headers, 2 * MIB),
        sealed: half(room.sealed, 6 * MIB),
    }
}

fn bytes_of(room: Room) -> usize {
    room.frames + room.headers + room.sealed
}

/// Packs on their way to the store at once, without a budget.
pub(crate) const PUTS: usize = 2;
const MIB: usize = 1 << 20;
/// About what a frame has, and the content of a group.
const FRAME_BYTES: usize = 2 * MIB;
/// About what the metadata of a group takes.
const GROUP_METADATA_BYTES: usize = 256 << 10;
/// What is read ahead of one large file, at most.
const BUFFERS_A_READER: usize = 4;
/// A frame as plaintext, compressed, sealed, and opened again.
const FRAMES_A_THREAD: usize = 4;
/// Names of directories, and what is read ahead of the walk.
const WALK_BYTES: usize = 8 * MIB;
/// Workers of a restore beyond the threads that compute.
const WAITING_WORKERS: usize = 2;
/// A frame as it was sealed, and as plaintext.
const FRAMES_A_WORKER: usize = 2;
/// Windows of a restore: one is gathered, one waits, and about two are fetched and written.
const WINDOWS: usize = 4;
/// What an entry of a window takes, with its pieces.
const ENTRY_BYTES: usize = 768;
/// From whom a budget takes, in turns.
const OF_A_BACKUP: [Part; 6] = [
    Part::Parent,
    Part::LargeReaders,
    Part::OpenPacks,
    Part::Puts,
    Part::PackBytes,
    Part::Threads,
];
const OF_A_RESTORE: [Part; 4] = [Part::Fetched, Part::Restored, Part::Window, Part::Threads];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings(threads: usize, memory_bytes: Option<u64>) -> Settings {
        Settings {
            threads,
            memory_bytes,
            ..Settings::default()
        }
    }

    #[test]
    fn without_a_budget_the_parts_have_what_serves_them_best() {
        let shares = Shares::of(&settings(2, None));
        assert_eq!(shares, Shares::most(&settings(2, None)));
        let plenty = settings(2, Some(1 << 40));
        assert_eq!(Shares::of(&plenty), shares);
        assert_eq!(shares.window_entries(), 8_192);
    }

    #[test]
    fn what_is_too_little_is_refused_and_the_least_is_not() {
        let mut little = settings(4, None);
        let least = little.memory_bytes_min();
        assert!(least <= 64 << 20, "{least}");
        little.memory_bytes = Some(least - 1);
        let error = little.check_memory().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(&least.to_string()), "{error}");
        little.memory_bytes = Some(least);
        little.check_memory().unwrap();
    }

    proptest! {
        #[test]
        fn what_is_granted_is_kept_to(threads in 1_usize..64, budget in 0_u64..1 << 30, pack in 14_u32..26) {
            let mut settings = settings(threads, Some(budget));
            settings.pack_bytes = 1 << pack;
            let shares = Shares::of(&settings);
            let least = settings.memory_bytes_min();
            prop_assert!(shares.bytes(&settings) <= budget.max(least));
            prop_assert!(shares.pack_bytes <= settings.pack_bytes && shares.threads <= threads);
            // More is never worse for anybody.
            settings.memory_bytes = Some(budget + (16 << 20));
            let more = Shares::of(&settings);
            prop_assert!(more.threads >= shares.threads && more.pack_bytes >= shares.pack_bytes);
        }
    }
}
