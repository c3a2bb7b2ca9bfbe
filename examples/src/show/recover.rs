//! How what is left of a repository is shown.

use serde_json::json;
use strongroom::{JournalDamage, JournalRepairPlan, JournalRepairReport, Salvage};

use crate::bytes::shown;
use crate::exit::Status;
use crate::output::Output;
use crate::when::utc;

/// Says what is lost of a journal.
pub fn damage(output: &Output, damage: Option<JournalDamage>) -> Status {
    let Some(damage) = damage else {
        return Status::Complete;
    };
    let _ = output.json(|| {
        json!({
            "type": "journal",
            "lost": damage.lost.iter().map(|entry| entry.n).collect::<Vec<_>>(),
            "intact": damage.intact,
            "end": damage.end,
            "known_from": damage.known_from,
            "found_packs": damage.found_packs.len(),
            "gone_packs": damage.gone_packs.len(),
        })
    });
    output.complain(&damage.to_string());
    status(damage.known_from.is_some())
}

/// Says what a repair of the journal would do, and what is lost.
pub fn plan(output: &Output, plan: &JournalRepairPlan) {
    let _ = output.json(|| {
        json!({
            "type": "plan",
            "lost": plan.damage.iter().flat_map(|damage| damage.lost.iter().map(|entry| entry.n)).collect::<Vec<_>>(),
            "is_empty": plan.is_empty(),
            "is_lossless": plan.is_lossless(),
        })
    });
    for line in plan.to_string().lines() {
        let _ = output.line(line);
    }
}

/// Says what a repair of the journal did.
pub fn repaired(output: &Output, report: &JournalRepairReport) {
    let _ = output.json(|| {
        json!({
            "type": "result",
            "restored": report.restored,
            "bridged": report.bridged,
            "found_packs": report.found_packs,
            "gone_packs": report.gone_packs,
            "head": report.head,
        })
    });
    let _ = output.line(&format!(
        "{} entries put back, {} bridged; the journal has {} entries and can be written to",
        report.restored.len(),
        report.bridged.len(),
        report.head,
    ));
}

/// Lists the trees that packs alone show.
pub fn trees(output: &Output, salvage: &Salvage) -> Status {
    for tree in &salvage.trees {
        let names: Vec<_> = tree.names.iter().map(|name| shown(name)).collect();
        let _ = output.json(|| {
            json!({
                "type": "tree",
                "id": tree.snapshot.to_string(),
                "entries": tree.entries,
                "bytes": tree.bytes,
                "newest": tree.newest.seconds,
                "newest_utc": utc(tree.newest),
                "names": names,
            })
        });
    }
    for line in salvage.to_string().lines() {
        let _ = output.line(line);
    }
    status(salvage.unreadable_packs == 0 && salvage.unreadable_pages == 0)
}

/// Returns how a program ends that lost nothing, or something.
#[must_use]
pub fn status(is_lossless: bool) -> Status {
    if is_lossless {
        Status::Complete
    } else {
        Status::Damaged
    }
}
