//! Index and state of a repository of which nothing else exists.

use std::path::Path;

use anyhow::{Result, bail};
use futures::executor::block_on;
use serde_json::json;
use strongroom_repo::testing::{IndexScale, PruneScale, ScaleShape};
use strongroom_repo::{PruneOptions, Unused};

use crate::gauge::{Gauge, rounded};
use crate::store::disk_bytes;

/// Makes the index of so many blobs, opens it, looks blobs up, or merges small segments.
pub(crate) fn run(step: &str, blobs: u64, folder: &Path) -> Result<()> {
    let shape = ScaleShape::of_blobs(blobs);
    let mut small = shape;
    small.segment_blobs = SMALL_SEGMENT;
    let large_folder = folder.join(format!("index-{blobs}"));
    let small_folder = folder.join(format!("index-small-{blobs}"));
    let beside = folder.join(format!("beside-{blobs}"));
    match step {
        "make" => {
            if !beside.exists() {
                crate::files::unchanged(BESIDE.min(blobs), &beside)?;
            }
            if !large_folder.exists() {
                std::fs::create_dir_all(&large_folder)?;
                let scale = block_on(IndexScale::open(&large_folder, shape))?;
                scale.make()?;
                scale.remember()?;
            }
            if blobs <= MERGED_AT_MOST && !small_folder.exists() {
                std::fs::create_dir_all(&small_folder)?;
                block_on(IndexScale::open(&small_folder, small))?.make()?;
            }
            Ok(())
        }
        "route" => {
            // The first look-up makes what all later processes find in the local cache.
            let mut scale = block_on(IndexScale::open(&large_folder, shape))?;
            block_on(scale.load())?;
            let gauge = Gauge::start();
            scale.find_absent(1)?;
            gauge.print("index-route", blobs, json!({}))
        }
        "job" => job(blobs, &large_folder, shape, &beside),
        "prune" => prune(blobs, &large_folder, shape),
        "load" => load(blobs, &large_folder, shape),
        "look" => look(blobs, &large_folder, shape),
        "merge" if blobs > MERGED_AT_MOST => Ok(()),
        "merge" => merge(blobs, &small_folder, small),
        _ => bail!("index has no step {step}"),
    }
}

/// What opening costs: the state out of the local cache, then the index.
fn load(blobs: u64, folder: &Path, shape: ScaleShape) -> Result<()> {
    let mut scale = block_on(IndexScale::open(folder, shape))?;
    let gauge = Gauge::start();
    scale.recall()?;
    gauge.print("index-state", blobs, json!({ "packs": scale.packs() }))?;
    let gauge = Gauge::start();
    block_on(scale.load())?;
    // Look-ups need filters.
    scale.find_absent(1)?;
    let local = disk_bytes(folder);
    gauge.print(
        "index-load",
        blobs,
        json!({
            "local_bytes": local,
            "local_bytes_a_blob": rounded(local as f64 / blobs as f64),
            "filter_bytes_a_blob": rounded(scale.filter_bytes() as f64 / blobs as f64),
        }),
    )
}

fn look(blobs: u64, folder: &Path, shape: ScaleShape) -> Result<()> {
    let mut scale = block_on(IndexScale::open(folder, shape))?;
    block_on(scale.load())?;
    measure_look_ups("index", blobs, &scale, LOOK_UPS.min(blobs))
}

fn measure_look_ups(job: &str, size: u64, scale: &IndexScale, count: u64) -> Result<()> {
    // What is not there is known from the filters, which are read first.
    scale.find_absent(1)?;
    for (what, expected) in [("absent", 0), ("present", count)] {
        let gauge = Gauge::start();
        let found = match what {
            "absent" => scale.find_absent(count)?,
            _ => scale.find_present(count)?,
        };
        if found != expected {
            bail!("{found} of {count} were found that are {what}");
        }
        let micros = rounded(gauge.cpu_seconds() * 1e6 / count as f64);
        gauge.print(
            &format!("{job}-{what}"),
            size,
            json!({ "each_cpu_us": micros }),
        )?;
    }
    Ok(())
}

/// The memory of a whole process: state, index, look-ups, and a backup in which nothing has changed.
fn job(blobs: u64, folder: &Path, shape: ScaleShape, beside: &Path) -> Result<()> {
    let gauge = Gauge::start();
    let mut scale = block_on(IndexScale::open(folder, shape))?;
    scale.recall()?;
    block_on(scale.load())?;
    let count = LOOK_UPS.min(blobs);
    scale.find_absent(count)?;
    scale.find_present(count)?;
    crate::files::unchanged(BESIDE.min(blobs), beside)?;
    let filters = scale.filter_bytes() as f64;
    let allowed = 1.5 * blobs as f64;
    let mib = |bytes: f64| rounded(bytes / f64::from(1 << 20));
    let more = json!({ "filters_mib": mib(filters), "allowed_for_filters_mib": mib(allowed) });
    gauge.print("index-job", blobs, more)
}

/// Marks what 70 % of all directories need, and decides on every pack.
fn prune(blobs: u64, folder: &Path, shape: ScaleShape) -> Result<()> {
    let scale = block_on(PruneScale::open(folder, shape))?;
    let gauge = Gauge::start();
    let options = PruneOptions::default().with_max_unused(Unused::Share(0.05));
    let report = block_on(scale.plan(options))?;
    let more = json!({
        "rows": report.rows,
        "needed": report.needed,
        "dropped_packs": report.dropped,
        "load_s": rounded(report.load.as_secs_f64()),
        "mark_s": rounded(report.mark.as_secs_f64()),
        "plan_s": rounded(report.plan.as_secs_f64()),
    });
    gauge.print("index-prune", blobs, more)
}

/// Looks up in so many small segments, which nobody has merged.
pub(crate) fn segments(step: &str, segments: u64, folder: &Path) -> Result<()> {
    let folder = folder.join(format!("segments-{segments}"));
    let mut shape = ScaleShape::of_blobs(segments * SEGMENT_OF_A_COMMIT);
    // Packs go whole into a segment, so they are small as well.
    shape.pack_frames = 16;
    shape.segment_blobs = SEGMENT_OF_A_COMMIT;
    if step == "make" {
        std::fs::create_dir_all(&folder)?;
        let scale = block_on(IndexScale::open(&folder, shape))?;
        scale.make()?;
        return Ok(scale.remember()?);
    }
    let mut scale = block_on(IndexScale::open(&folder, shape))?;
    scale.recall()?;
    let gauge = Gauge::start();
    block_on(scale.load())?;
    gauge.print("segments-load", segments, json!({}))?;
    let gauge = Gauge::start();
    scale.find_absent(1)?;
    gauge.print(&format!("segments-{step}"), segments, json!({}))?;
    if step == "look" {
        measure_look_ups("segments", segments, &scale, LOOK_UPS.min(1_000 * segments))?;
    }
    Ok(())
}

fn merge(blobs: u64, folder: &Path, shape: ScaleShape) -> Result<()> {
    let mut scale = block_on(IndexScale::open(folder, shape))?;
    block_on(scale.load())?;
    let gauge = Gauge::start();
    let (before, after) = scale.merge()?;
    let more = json!({ "segments_before": before, "segments_after": after });
    gauge.print("index-merge", blobs, more)
}

const LOOK_UPS: u64 = 100_000;
/// Files of the backup in which nothing has changed.
const BESIDE: u64 = 100_000;
/// Blobs that a client adds with a commit.
const SEGMENT_OF_A_COMMIT: u64 = 512;
const SMALL_SEGMENT: u64 = 1 << 16;
/// Merging takes one group after another: what is larger differs in their number alone.
const MERGED_AT_MOST: u64 = 10_000_000;
