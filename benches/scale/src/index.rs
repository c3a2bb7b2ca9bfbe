//! Index and state of a repository of which nothing else exists.

use std::path::Path;

use anyhow::{Result, bail};
use futures::executor::block_on;
use serde_json::json;
use strongroom_repo::testing::{IndexScale, ScaleShape};

use crate::gauge::{Gauge, rounded};
use crate::store::disk_bytes;

/// Makes the index of so many blobs, opens it, looks blobs up, or merges small segments.
pub(crate) fn run(step: &str, blobs: u64, folder: &Path) -> Result<()> {
    let shape = ScaleShape::of_blobs(blobs);
    let mut small = shape;
    small.segment_blobs = SMALL_SEGMENT;
    let large_folder = folder.join(format!("index-{blobs}"));
    let small_folder = folder.join(format!("index-small-{blobs}"));
    match step {
        "make" => {
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
    let count = LOOK_UPS.min(blobs);
    let each = |seconds: f64| rounded(seconds * 1e6 / count as f64);
    let gauge = Gauge::start();
    let began = std::time::Instant::now();
    if scale.find_absent(count)? > 0 {
        bail!("what is not there was found");
    }
    let micros = each(began.elapsed().as_secs_f64());
    gauge.print("index-absent", blobs, json!({ "each_us": micros }))?;
    let gauge = Gauge::start();
    let began = std::time::Instant::now();
    if scale.find_present(count)? < count {
        bail!("what is there was not found");
    }
    let micros = each(began.elapsed().as_secs_f64());
    gauge.print("index-present", blobs, json!({ "each_us": micros }))
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
const SMALL_SEGMENT: u64 = 1 << 16;
/// Merging takes one group after another: what is larger differs in their number alone.
const MERGED_AT_MOST: u64 = 10_000_000;
