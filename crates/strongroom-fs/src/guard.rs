//! A guard that looks at what the system says of its load.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_store::manners::{Advice, LoadGuard};
use strongroom_store::wrap::{Monotonic, SystemMonotonic};

/// Eases work while the system is under more load than it should be: a [`LoadGuard`] for [`Manners`](strongroom_store::manners::Manners).
///
/// It looks four times a second at most, when it is asked. The load that it sees is everybody's, also that of the work it guards: so it slows
/// that down, the more the higher the load, and never stops it. What the system does not tell any more counts as no load.
///
/// ```
/// use std::sync::Arc;
///
/// use strongroom_fs::{SystemGuard, SystemLimits};
/// use strongroom_store::manners::Manners;
///
/// let limits = SystemLimits::new().with_load(8.0);
/// let manners = Manners::new().with_guard(Arc::new(SystemGuard::new(limits)?));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SystemGuard {
    limits: SystemLimits,
    folder: PathBuf,
    clock: Arc<dyn Monotonic>,
    seen: Mutex<Seen>,
}

/// The load above which a [`SystemGuard`] eases work. What is `None` is not looked at.
///
/// Pressure is the share of time in which some task waited for what it needed, from 0 to 1 (Linux's pressure stall information). Needs a
/// kernel that tells it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct SystemLimits {
    /// Pressure on processors.
    pub cpu: Option<f64>,
    /// Pressure on memory.
    pub memory: Option<f64>,
    /// Pressure on disks. The work that is guarded makes some of its own.
    pub io: Option<f64>,
    /// Average over a minute of how many tasks were ready to run or waited for a disk, this work's own threads among them.
    pub load: Option<f64>,
}

impl SystemLimits {
    /// Looks at nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            cpu: None,
            memory: None,
            io: None,
            load: None,
        }
    }

    /// Looks at all three pressures: work is eased while in half of the time some task waits for a processor, in two fifths for a
    /// disk, or in a tenth for memory.
    #[must_use]
    pub const fn pressures() -> Self {
        Self {
            cpu: Some(0.5),
            memory: Some(0.1),
            io: Some(0.4),
            load: None,
        }
    }

    /// Sets the limit of pressure on processors.
    #[must_use]
    pub const fn with_cpu(mut self, share: f64) -> Self {
        self.cpu = Some(share);
        self
    }

    /// Sets the limit of pressure on memory.
    #[must_use]
    pub const fn with_memory(mut self, share: f64) -> Self {
        self.memory = Some(share);
        self
    }

    /// Sets the limit of pressure on disks.
    #[must_use]
    pub const fn with_io(mut self, share: f64) -> Self {
        self.io = Some(share);
        self
    }

    /// Sets the limit of the average load.
    #[must_use]
    pub const fn with_load(mut self, tasks: f64) -> Self {
        self.load = Some(tasks);
        self
    }

    /// Returns the pressures that are limited, by the names of their files.
    fn of_pressures(&self) -> impl Iterator<Item = (usize, &'static str, f64)> {
        let limits = [("cpu", self.cpu), ("memory", self.memory), ("io", self.io)];
        let limits = limits.into_iter().enumerate();
        limits.filter_map(|(at, (name, limit))| Some((at, name, limit?)))
    }
}

/// What was seen when it last looked.
#[derive(Debug, Default)]
struct Seen {
    at: Option<Duration>,
    /// How long some task has waited, all together, by pressure.
    waited: [Option<Duration>; 3],
    advice: Advice,
}

impl SystemGuard {
    /// Makes a guard, and looks for the first time.
    ///
    /// # Errors
    ///
    /// `NotFound` or `Unsupported` when this system does not tell something that is limited.
    pub fn new(limits: SystemLimits) -> io::Result<Self> {
        let clock = Arc::new(SystemMonotonic::new());
        Self::of_folder(Path::new("/proc"), limits, clock)
    }

    fn of_folder(
        folder: &Path,
        limits: SystemLimits,
        clock: Arc<dyn Monotonic>,
    ) -> io::Result<Self> {
        for (_, name, _) in limits.of_pressures() {
            pressure(folder, name)?;
        }
        if limits.load.is_some() {
            load(folder)?;
        }
        let guard = Self {
            limits,
            folder: folder.to_owned(),
            clock,
            seen: Mutex::default(),
        };
        guard.advice();
        Ok(guard)
    }

    /// Looks, and says by how many times the load is above its limit where it is furthest above.
    fn excess(&self, seen: &mut Seen, passed: Option<Duration>) -> f64 {
        let mut excess: f64 = 0.0;
        for (at, name, limit) in self.limits.of_pressures() {
            let now = pressure(&self.folder, name).ok();
            let before = seen.waited.get_mut(at);
            let before = before.and_then(|before| std::mem::replace(before, now));
            if let (Some(now), Some(before), Some(passed)) = (now, before, passed) {
                let share = now.saturating_sub(before).as_secs_f64() / passed.as_secs_f64();
                excess = excess.max(share / limit);
            }
        }
        if let (Some(limit), Ok(load)) = (self.limits.load, load(&self.folder)) {
            excess = excess.max(load / limit);
        }
        excess
    }
}

impl LoadGuard for SystemGuard {
    fn advice(&self) -> Advice {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = seen.at.map(|at| now.saturating_sub(at));
        if passed.is_some_and(|passed| passed < INTERVAL) {
            return seen.advice;
        }
        let excess = self.excess(&mut seen, passed);
        seen.at = Some(now);
        seen.advice = match excess > 1.0 {
            true => Advice::Ease(REST.mul_f64(excess.min(MOST_RESTS))),
            false => Advice::Proceed,
        };
        seen.advice
    }
}

impl fmt::Debug for SystemGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemGuard")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Returns how long some task has waited, since the system began.
fn pressure(folder: &Path, name: &str) -> io::Result<Duration> {
    let text = fs::read_to_string(folder.join("pressure").join(name))?;
    let some = text.lines().find_map(|line| line.strip_prefix("some "));
    let mut fields = some.unwrap_or_default().split_ascii_whitespace();
    let total = fields.find_map(|field| field.strip_prefix("total="));
    let micros = total.and_then(|total| total.parse().ok());
    micros.map(Duration::from_micros).ok_or_else(unreadable)
}

/// Returns the average load over a minute.
fn load(folder: &Path) -> io::Result<f64> {
    let text = fs::read_to_string(folder.join("loadavg"))?;
    let first = text.split_ascii_whitespace().next();
    let load = first.and_then(|load| load.parse().ok());
    load.filter(|load: &f64| load.is_finite())
        .ok_or_else(unreadable)
}

fn unreadable() -> io::Error {
    let what = "the system's load is not told in a form that is known";
    io::Error::new(io::ErrorKind::Unsupported, what)
}

/// It looks no more often than this.
const INTERVAL: Duration = Duration::from_millis(250);
/// What a batch is eased by where the load is at its limit: a batch takes a tenth of that.
const REST: Duration = Duration::from_millis(100);
/// And no more than so many times that, however high the load is.
const MOST_RESTS: f64 = 10.0;

#[cfg(test)]
mod tests {
    use strongroom_store::wrap::ManualTime;

    use super::*;

    struct Proc {
        folder: tempfile::TempDir,
        time: ManualTime,
    }

    impl Proc {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("pressure")).unwrap();
            let time = ManualTime::new();
            let this = Self { folder, time };
            for name in ["cpu", "memory", "io"] {
                this.waited(name, 1_000_000);
            }
            this.load("0.50");
            this
        }

        fn waited(&self, name: &str, micros: u64) {
            let text = format!(
                "some avg10=1.00 avg60=2.00 avg300=3.00 total={micros}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n"
            );
            fs::write(self.folder.path().join("pressure").join(name), text).unwrap();
        }

        fn load(&self, load: &str) {
            let text = format!("{load} 9.00 9.00 1/100 7\n");
            fs::write(self.folder.path().join("loadavg"), text).unwrap();
        }

        fn guard(&self, limits: SystemLimits) -> io::Result<SystemGuard> {
            SystemGuard::of_folder(self.folder.path(), limits, Arc::new(self.time.clone()))
        }

        fn pass(&self, millis: u64) {
            self.time.advance(Duration::from_millis(millis));
        }
    }

    #[test]
    fn work_is_eased_while_others_wait_too_long() {
        let proc = Proc::new();
        let guard = proc.guard(SystemLimits::new().with_io(0.4)).unwrap();
        assert_eq!(guard.advice(), Advice::Proceed);
        proc.waited("cpu", 2_000_000);
        proc.waited("io", 1_800_000);
        proc.pass(249);
        assert_eq!(guard.advice(), Advice::Proceed, "it looks now and then");
        proc.pass(751);
        // Eight tenths of a second where four would do.
        assert_eq!(guard.advice(), Advice::Ease(2 * REST));
        proc.waited("io", 2_200_000);
        proc.pass(1_000);
        assert_eq!(guard.advice(), Advice::Proceed);
    }

    #[test]
    fn work_is_eased_by_a_second_at_most() {
        let proc = Proc::new();
        let guard = proc.guard(SystemLimits::new().with_load(0.1)).unwrap();
        assert_eq!(guard.advice(), Advice::Ease(REST * 5));
        proc.load("700.00");
        proc.pass(250);
        assert_eq!(guard.advice(), Advice::Ease(REST * 10));
        proc.load("0.01");
        proc.pass(250);
        assert_eq!(guard.advice(), Advice::Proceed);
    }

    #[test]
    fn what_cannot_be_seen_is_said_at_the_beginning_and_no_load_later() {
        let proc = Proc::new();
        let limits = SystemLimits::pressures().with_load(1.0);
        let guard = proc.guard(limits).unwrap();
        proc.load("nan");
        fs::remove_file(proc.folder.path().join("pressure/cpu")).unwrap();
        proc.pass(1_000);
        assert_eq!(guard.advice(), Advice::Proceed);
        assert!(proc.guard(limits).is_err());
        let kind = |limits| proc.guard(limits).unwrap_err().kind();
        let load = SystemLimits::new().with_load(1.0);
        assert_eq!(kind(load), io::ErrorKind::Unsupported);
        let cpu = SystemLimits::new().with_cpu(0.5);
        assert_eq!(kind(cpu), io::ErrorKind::NotFound);
        assert!(proc.guard(SystemLimits::new().with_memory(0.1)).is_ok());
    }
}
