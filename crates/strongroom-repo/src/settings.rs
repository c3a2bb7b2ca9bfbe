//! What an embedder may set, and the parts a test may replace.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_chunk::ChunkSizes;
use strongroom_crypt::{Random, SystemRandom};
use strongroom_format::Time;
use strongroom_format::parity::Overhead;
use strongroom_store::manners::Manners;
use strongroom_store::wrap::{Sleep, ThreadSleep};

use crate::locks::LockPolicy;

/// Values that may be stored in a file. The defaults are decisions that we defend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Threads that compute, with [`Execution::Threads`]. Default: what the system suggests.
    pub threads: usize,
    /// A budget of memory, in bytes: what is on its way through an operation is kept within it, at the price of time, by fewer and smaller packs at
    /// once, less that is read ahead and kept, and fewer threads. `None`, the default, is what serves each operation best. Opening and creating
    /// refuse less than [`memory_bytes_min`](Self::memory_bytes_min).
    ///
    /// It is for what has a bound of its own. Beside it there are the program, and what grows with a repository: without a
    /// [`cache`](Self::cache) folder 24 bytes a blob, with one 1.5.
    pub memory_bytes: Option<u64>,
    /// The size of a full pack of content, 16 KiB to 64 MiB. Default 16 MiB; less than 1 MiB is for tests. Two packs are open at once and two more may be on
    /// their way to the store: four times this is the largest part of a backup's memory.
    pub pack_bytes: usize,
    /// New content after which a long backup announces what it has stored, so that an interrupted run need
    /// not upload it again. Default 1 GiB.
    pub announce_bytes: u64,
    /// Whether every frame is opened and compared again before it leaves: finds compressors with bugs and bits that flipped in
    /// memory while the content is still at hand. Default true.
    pub verify_frames: bool,
    /// How much parity packs get when they are written; none by default. [`Overhead::DISKS`], two per cent, is for disks, which lose sectors
    /// and runs of them; stores that keep several copies need none. It costs a put a pack, and as much more memory as it is large. That no parity could be written is no error:
    /// reports say so, and [`plan_parity`](crate::Repository::plan_parity) finds what has none.
    pub parity: Option<Overhead>,
    /// What a request is worth in bytes, when parts of a pack are read: gaps between parts are read too where that is cheaper than another
    /// request, and so is the whole pack. Default 256 KiB.
    ///
    /// That is the round trip times the bandwidth, divided by the requests under way at once: 156 KiB for 50 ms, 200 Mbit/s and
    /// eight requests, 312 KiB for 20 ms and 1 Gbit/s. Where bytes are paid for it is less: at 0.09 a GB and 0.4 a million
    /// requests, 4 KiB.
    pub request_bytes: u64,
    /// Whether packs of content are put with [`StorageClass::Cold`](strongroom_store::StorageClass): nothing that opening, browsing, planning or
    /// deduplication needs is in them. What that means is the store's setting: a class from which objects must be
    /// [warmed up](crate::Repository::warm_up), or another store. Applies to what is written from now on. Default false.
    pub cold_content: bool,
    /// For how long objects are locked when they are put; not at all by default. Needs a store that can. Whoever writes with other settings puts what is not locked so:
    /// say the same to all. [`plan_extend_locks`](crate::Repository::plan_extend_locks) has to be run once in every [`LockPolicy::generation`].
    pub object_lock: Option<LockPolicy>,
    /// zstd level, −7 to 19. Default 3.
    pub level: i32,
    /// Where chunks of a file may end, for sources without an opinion of their own. Default 256 KiB, 1 MiB, 4 MiB.
    pub chunk_sizes: ChunkSizes,
    /// Folder for the local cache of index segments and the last head seen. Without one, segments are kept in
    /// memory: 24 bytes a blob.
    pub cache: Option<PathBuf>,
    /// So many packs in force are kept in memory; more are in a file of the local cache. A setting for tests.
    pub(crate) packs_in_memory: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            memory_bytes: None,
            pack_bytes: 16 << 20,
            announce_bytes: 1 << 30,
            verify_frames: true,
            parity: None,
            request_bytes: 256 << 10,
            cold_content: false,
            object_lock: None,
            level: 3,
            chunk_sizes: ChunkSizes::DEFAULT,
            cache: None,
            packs_in_memory: PACKS_IN_MEMORY,
        }
    }
}

impl Settings {
    /// Returns how many objects are written for a pack.
    pub(crate) fn puts_a_pack(&self) -> u64 {
        1 + u64::from(self.parity.is_some())
    }
}

/// They take 160 KiB.
pub(crate) const PACKS_IN_MEMORY: usize = 4_096;

/// Says what time it is.
pub trait Clock: Debug + Send + Sync {
    /// Returns the time. It is recorded and decides when things are worth while; nothing safe depends on it.
    fn now(&self) -> Time;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Time {
                seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                nanos: since.subsec_nanos(),
            },
            Err(before) => Time {
                seconds: -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
                nanos: 0,
            },
        }
    }
}

/// Where the code of operations runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Execution {
    /// On threads of its own, several at once; the future that the caller polls talks to the store.
    #[default]
    Threads,
    /// On the thread that polls, one thing after another: for simulations, in which one seed is to decide everything.
    ///
    /// The first poll of an operation's future is the whole operation. It carries out one request of the store at a time and waits
    /// for each without returning, so a store must be able to answer while the polling thread waits: one that depends on a runtime of
    /// that very thread never does. [`Settings::threads`] has no effect and no thread is started, unless
    /// [`Components::sleep`] starts one. What is requested, in which order and with which bytes follows from the inputs, the clock, the
    /// source of randomness and what the store answers. The machine's clock tells only when to send events of kind
    /// [`Progress`](crate::Event::Progress), and the durations in them and in reports. Memory is bounded as ever.
    ///
    /// **Cancellation.** A future dropped before its first poll has done nothing, and after it nothing is left to be cancelled. A
    /// simulation ends an operation midway by letting the store fail from some request on, which to the repository is the same: in
    /// both cases nothing more is written.
    ///
    /// **Nesting.** Within a request a store may run operations of *other* repository handles to their end, which is how a simulation
    /// interleaves clients. One of the same handle may wait for itself for ever.
    ///
    /// **Panics** of a source, a target or a store end the operation with `Internal`, as they do on threads.
    Inline,
}

/// Parts that a test may replace.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Components {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of all randomness: keys, salts, names, padding, and how long to wait.
    pub random: Arc<dyn Random>,
    /// How operations wait, which they do only before they try again to append after several lost races, less than
    /// a tenth of a second each time. Default: on a thread that is started for it, so that no runtime is needed; for [`Execution::Inline`] take
    /// another.
    pub sleep: Arc<dyn Sleep>,
    /// Where the code of operations runs. Default: on threads.
    pub execution: Execution,
    /// Who is asked before work goes on: a pause, a guard, limits of the disk, the priority of threads. Default: nobody.
    ///
    /// Every operation of the repository asks them, before each batch of work and each request. With [`Execution::Inline`] the polling thread
    /// waits where it is, and is not set up. [`Repository::with_manners`](crate::Repository::with_manners) gives one handle others.
    pub manners: Manners,
}

impl Default for Components {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            sleep: Arc::new(ThreadSleep::default()),
            execution: Execution::default(),
            manners: Manners::new(),
        }
    }
}
