//! Walks a tree and looks at everything in it, and does nothing with what it sees: the limit of an unchanged backup.
//!
//! ```text
//! cargo run --release -p strongroom-benches --example bare_walk -- DIRECTORY [THREADS] [ROUNDS]
//! ```
//!
//! Every directory is opened once and listed once, and every name of it is looked at with one `statx`, by so many threads that
//! take directories from one stack. Nothing is sorted, kept or compared; the counts only prove that everything was seen.

use std::error::Error;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Statx, StatxFlags, openat, statx};
use rustix::io::Errno;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("no directory")?;
    let threads = match arguments.next() {
        Some(text) => text.parse()?,
        None => std::thread::available_parallelism()?.get(),
    };
    let rounds: u32 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let root = rustix::fs::open(&folder, FLAGS, Mode::empty())?;
    for _ in 0..rounds {
        let (cpu, began) = (cpu_time(), Instant::now());
        let seen = walk(&root, threads)?;
        let took = began.elapsed();
        let cpu = cpu_time().saturating_sub(cpu);
        let entries = seen.entries.max(1);
        say(&format!(
            "{} entries in {} directories, {} bytes, {threads} threads: {:.3} s, {:.3} CPU s, {:.2} CPU us an entry",
            seen.entries,
            seen.directories,
            seen.bytes,
            took.as_secs_f64(),
            cpu.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / entries as f64,
        ));
    }
    Ok(())
}

/// What was seen.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    entries: u64,
    directories: u64,
    bytes: u64,
}

/// Directories that nobody has listed yet, and how many are being listed.
#[derive(Debug, Default)]
struct Stack {
    paths: Mutex<(Vec<Vec<u8>>, usize)>,
    wake: Condvar,
}

impl Stack {
    fn lock(&self) -> MutexGuard<'_, (Vec<Vec<u8>>, usize)> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a directory; `None` when all are done.
    fn next(&self) -> Option<Vec<u8>> {
        let mut paths = self.lock();
        loop {
            if let Some(path) = paths.0.pop() {
                paths.1 += 1;
                return Some(path);
            }
            if paths.1 == 0 {
                return None;
            }
            paths = self
                .wake
                .wait(paths)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives back a directory that was listed, for those in it.
    fn done(&self, below: &mut Vec<Vec<u8>>) {
        let mut paths = self.lock();
        paths.1 -= 1;
        let is_over = paths.1 == 0 && paths.0.is_empty();
        let wakes = is_over || below.len() > 1;
        paths.0.append(below);
        drop(paths);
        if wakes {
            self.wake.notify_all();
        }
    }
}

fn walk(root: &OwnedFd, threads: usize) -> Result<Seen, Failure> {
    let stack = Stack::default();
    stack.lock().0.push(Vec::new());
    let work = || -> Result<Seen, Errno> {
        let mut seen = Seen::default();
        let mut buffer = vec![MaybeUninit::uninit(); DENTS_BYTES];
        let mut below = Vec::new();
        while let Some(path) = stack.next() {
            let listed = list(root.as_fd(), &path, &mut buffer, &mut below, &mut seen);
            stack.done(&mut below);
            listed?;
        }
        Ok(seen)
    };
    let mut sum = Seen::default();
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in started {
            let seen = thread.join().map_err(|_| "a thread panicked")??;
            sum.entries += seen.entries;
            sum.directories += seen.directories;
            sum.bytes += seen.bytes;
        }
        Ok(sum)
    })
}

fn list(
    root: BorrowedFd<'_>,
    path: &[u8],
    buffer: &mut [MaybeUninit<u8>],
    below: &mut Vec<Vec<u8>>,
    seen: &mut Seen,
) -> Result<(), Errno> {
    let name = if path.is_empty() { b"." } else { path };
    let dir = openat(root, name, FLAGS, Mode::empty())?;
    seen.directories += 1;
    let mut entries = RawDir::new(&dir, buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let found: Statx = statx(&dir, name, LOOK, StatxFlags::BASIC_STATS)?;
        seen.entries += 1;
        match FileType::from_raw_mode(u32::from(found.stx_mode)) {
            FileType::Directory if path.is_empty() => below.push(name.to_bytes().to_vec()),
            FileType::Directory => below.push([path, name.to_bytes()].join(&b'/')),
            _ => seen.bytes += found.stx_size,
        }
    }
    Ok(())
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::from_secs(used.tv_sec.unsigned_abs())
        + Duration::from_nanos(used.tv_nsec.unsigned_abs())
}

fn say(line: &str) {
    // Whoever listens may have gone.
    drop(writeln!(std::io::stdout(), "{line}"));
}

const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const LOOK: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::NO_AUTOMOUNT);
/// Room for one `getdents` call.
const DENTS_BYTES: usize = 64 << 10;
