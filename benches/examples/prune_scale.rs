//! Plans a prune of a synthetic index of many blobs, and says what it took.
//!
//! ```text
//! cargo run --release --example prune_scale -- [BLOBS] [FOLDER]
//! ```
//!
//! The index is real: sealed segments in a local cache folder (28 bytes a blob), made first and kept if FOLDER is given. Reference
//! lists, pack headers and packs are functions of a number. What is measured is a process of its own, which finds the index made.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::executor::block_on;
use strongroom_repo::testing::{PruneScale, ScaleReport, ScaleShape};
use strongroom_repo::{PruneOptions, Unused};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut first = arguments.next();
    let is_measured = first.as_deref() == Some(MEASURE);
    if is_measured {
        first = arguments.next();
    }
    let blobs = first.map_or(Ok(1_000_000), |text| text.replace('_', "").parse())?;
    let shape = ScaleShape::of_blobs(blobs);
    let folder = arguments.next().map(PathBuf::from);
    if is_measured {
        return measure(&folder.ok_or("no folder")?, shape);
    }
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        say(&format!("the index in {} is used", folder.display()))?;
    } else {
        block_on(PruneScale::open(&folder, shape))?.generate()?;
    }
    let child = Command::new(std::env::current_exe()?)
        .arg(MEASURE)
        .arg(blobs.to_string())
        .arg(&folder)
        .status()?;
    child
        .success()
        .then_some(())
        .ok_or_else(|| "the measured process failed".into())
}

fn measure(folder: &Path, shape: ScaleShape) -> Result<(), Box<dyn Error>> {
    let scale = block_on(PruneScale::open(folder, shape))?;
    let before = peak_bytes().unwrap_or(0);
    let options = PruneOptions::default().with_max_unused(Unused::Share(0.05));
    let report = block_on(scale.plan(options))?;
    let peak = peak_bytes().unwrap_or(0);
    print(&report, before, peak)
}

fn print(report: &ScaleReport, before: u64, peak: u64) -> Result<(), Box<dyn Error>> {
    let rows = report.rows;
    say(&format!(
        "{rows} blobs, {} needed, {} pages followed, {} packs: {} go, of which {} are written anew",
        report.needed, report.pages, report.packs, report.dropped, report.repacked
    ))?;
    say(&format!(
        "trapped in frames: {} bytes of content",
        report.trapped_bytes
    ))?;
    say(&format!(
        "load {:.1} s, mark {:.1} s, plan {:.1} s",
        report.load.as_secs_f64(),
        report.mark.as_secs_f64(),
        report.plan.as_secs_f64()
    ))?;
    let limit = (64 << 20) + 2 * rows;
    let share = |bytes: u64| bytes as f64 / rows.max(1) as f64;
    say(&format!(
        "peak memory {:.1} MiB ({:.1} before it began), {:.2} bytes a blob; the limit is 64 MiB + 2 bytes a blob = {:.1} MiB",
        mebibytes(peak),
        mebibytes(before),
        share(peak),
        mebibytes(limit)
    ))?;
    match peak <= limit {
        true => Ok(()),
        false => Err("more memory than promised".into()),
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The most memory this process has had, where the system says it.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

const MEASURE: &str = "--measure";
