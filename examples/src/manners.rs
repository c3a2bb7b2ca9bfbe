//! What programs take of the machine, and how they are paused.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use clap::Args;
use signal_hook::consts::{SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use strongroom::Components;
use strongroom::manners::{
    IoPriority, LoadGuard, Manners, Pause, SystemGuard, SystemLimits, ThreadPriority,
};
use strongroom::store::wrap::{BandwidthLimits, Rate};

use crate::size::parse_size;

/// How much of the machine to take. The signal USR1 pauses the program, USR2 lets it go on.
#[derive(Debug, Clone, Default, Args)]
#[non_exhaustive]
pub struct MannersArgs {
    /// Memory for what is being worked on, such as 64M [default: what suits the work].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    /// Read at most so many bytes a second of what is backed up, such as 50M.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub limit_read: Option<u64>,
    /// Write at most so many bytes a second of what is restored, such as 50M.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub limit_write: Option<u64>,
    /// Give way to others that compute: 0 to 19.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=19))]
    pub nice: Option<u8>,
    /// Give way to others that use disks: a level from 0, which is first, to 7, or idle.
    #[arg(long, value_name = "LEVEL")]
    pub io_priority: Option<IoPriority>,
    /// Slow down while others wait for processors, memory or disks (pressure), or while the average load is above a number.
    #[arg(long, value_name = "LOAD", value_parser = limits, num_args = 0..=1, require_equals = true, default_missing_value = "pressure")]
    pub load_guard: Option<SystemLimits>,
}

/// The manners of all that this process does.
static MANNERS: OnceLock<Manners> = OnceLock::new();

impl MannersArgs {
    /// Returns the manners of this process, which these options decide the first time.
    ///
    /// # Errors
    ///
    /// When the system cannot do what an option says.
    pub fn manners(&self) -> anyhow::Result<Manners> {
        if let Some(manners) = MANNERS.get() {
            return Ok(manners.clone());
        }
        let mut manners = Manners::new();
        if self.limit_read.is_some() || self.limit_write.is_some() {
            let rate = |limit: Option<u64>| limit.map(Rate::new);
            let limits = BandwidthLimits::new(rate(self.limit_write), rate(self.limit_read));
            manners = manners.with_disk(limits);
        }
        if let Some(limits) = self.load_guard {
            let guard = SystemGuard::new(limits).context("--load-guard")?;
            manners = manners.with_guard(Arc::new(guard) as Arc<dyn LoadGuard>);
        }
        let mut priority = ThreadPriority::new();
        (priority.nice, priority.io) = (self.nice, self.io_priority);
        // The process has nothing else to do: what this thread starts before an operation begins inherits it too.
        priority.apply().context("--nice, --io-priority")?;
        manners = manners.with_thread_setup(Arc::new(priority));
        obey_signals(manners.pause().clone()).context("signals")?;
        Ok(MANNERS.get_or_init(|| manners).clone())
    }
}

/// Returns components with the manners of this process.
pub(crate) fn components() -> Components {
    let mut components = Components::default();
    if let Some(manners) = MANNERS.get() {
        components.manners = manners.clone();
    }
    components
}

/// Pauses at USR1 and goes on at USR2, for as long as the process lives.
fn obey_signals(pause: Pause) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGUSR1, SIGUSR2])?;
    let obey = move || {
        for signal in signals.forever() {
            match signal {
                SIGUSR1 => pause.pause(),
                _ => pause.resume(),
            }
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(obey)?;
    Ok(())
}

fn limits(text: &str) -> Result<SystemLimits, String> {
    if text == "pressure" {
        return Ok(SystemLimits::pressures());
    }
    match text.parse() {
        Ok(load) if load > 0.0 && f64::is_finite(load) => Ok(SystemLimits::new().with_load(load)),
        _ => Err(format!("neither `pressure` nor a load: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_for_pressure_or_a_load() {
        assert_eq!(limits("pressure"), Ok(SystemLimits::pressures()));
        assert_eq!(limits("2.5"), Ok(SystemLimits::new().with_load(2.5)));
        for wrong in ["", "0", "-1", "nan", "inf", "much"] {
            assert!(limits(wrong).is_err(), "{wrong}");
        }
    }
}
