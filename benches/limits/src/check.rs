//! Packs back through the stages of a check that reads everything, without what makes a check of it.

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use serde_json::json;

use crate::laps::{Laps, Stage};
use crate::pack::{FULL, Packs};
use crate::report::Report;
use crate::seal::Chest;

/// Reads everything once to warm the cache, then again with a clock.
pub(crate) fn measure(packs: &Packs, threads: usize, report: &Report<'_>) -> anyhow::Result<()> {
    for (path, _) in &packs.packs {
        std::io::copy(&mut std::fs::File::open(path)?, &mut std::io::sink())?;
    }
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let laps = std::thread::scope(|scope| -> anyhow::Result<Laps> {
        let worker = || scope.spawn(|| check(packs, &next));
        let workers: Vec<_> = (0..threads).map(|_| worker()).collect();
        let mut laps = Laps::default();
        for worker in workers {
            laps.add(&worker.join().map_err(|_| anyhow!("a worker panicked"))??);
        }
        Ok(laps)
    })?;
    report.job(
        "check",
        began.elapsed(),
        &laps,
        &json!({ "stored": packs.bytes }),
    )?;
    Ok(())
}

fn check(packs: &Packs, next: &AtomicUsize) -> anyhow::Result<Laps> {
    let mut laps = Laps::default();
    let mut chest = Chest::new(3)?;
    let (mut pack, mut plain) = (Vec::with_capacity(FULL + (8 << 20)), Vec::new());
    while let Some((path, frames)) = packs.packs.get(next.fetch_add(1, Ordering::Relaxed)) {
        pack.clear();
        let mut file = std::fs::File::open(path)?;
        let len = usize::try_from(file.metadata()?.len())?;
        laps.lap(Stage::Read, len, || file.read_to_end(&mut pack))?;
        let name = laps.lap(Stage::Name, pack.len(), || blake3::hash(&pack));
        std::hint::black_box(name);
        for stored in frames {
            let mut rest = chest.get(&stored.frame, &mut pack, &mut plain, &mut laps)?;
            laps.lap(Stage::Id, stored.frame.plain, || -> anyhow::Result<()> {
                for len in &stored.chunks {
                    let (chunk, after) = rest
                        .split_at_checked(*len as usize)
                        .context("a frame is too short")?;
                    std::hint::black_box(blake3::keyed_hash(&[2; 32], chunk));
                    rest = after;
                }
                Ok(())
            })?;
        }
    }
    Ok(laps)
}
