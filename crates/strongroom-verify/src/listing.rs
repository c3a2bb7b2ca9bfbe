//! What is in the store: L0.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::{Prefix, Store as _};

use crate::context::Context;
use crate::journal::State;
use crate::observer::Stage;
use crate::{Area, Finding, Level, Problem, Report, Result, Severity, Subject};

/// Every object with one of our names, and its length.
pub(crate) type Listing = BTreeMap<ObjectName, u64>;

/// Lists the store. What has none of our names is noted.
///
/// # Errors
///
/// What the store said: a list that is cut short is no list.
pub(crate) async fn list(cx: &Context, report: &mut Report) -> Result<Listing> {
    cx.started(Stage::Listing);
    let mut listing = Listing::new();
    let mut objects = cx.store().list(&Prefix::root());
    while let Some(meta) = objects.try_next().await? {
        if let Some(name) = object_name::parse(meta.key.as_str()) {
            report
                .coverage
                .add(Area::of(&name), Level::Listed, 1, meta.len);
            listing.insert(name, meta.len);
        } else {
            report
                .coverage
                .add(Area::Foreign, Level::Listed, 1, meta.len);
            let subject = Subject::Foreign(meta.key.as_str().to_owned());
            let finding =
                Finding::new(Severity::Note, subject, Problem::ForeignName, Level::Listed);
            cx.found(report, finding);
        }
        if listing.len().is_multiple_of(STEP) {
            cx.advanced(Stage::Listing, listing.len() as u64, 0, 0);
        }
    }
    Ok(listing)
}

/// Compares what is there with what the journal says is there.
///
/// What seems missing is looked for once more by its name; that nobody has dropped it meanwhile is for the caller to see.
///
/// # Errors
///
/// What the store said.
pub(crate) async fn compare(
    cx: &Context,
    listing: &Listing,
    state: &State,
    report: &mut Report,
) -> Result<()> {
    let packs = state
        .packs
        .iter()
        .map(|(name, pack)| (ObjectName::Pack(*name), pack.len));
    let segments = state
        .segments
        .iter()
        .map(|(name, segment)| (ObjectName::Index(*name), segment.len));
    for (name, stated) in packs.chain(segments) {
        let found = match listing.get(&name) {
            Some(len) => Some(*len),
            None => cx.size(&name).await?,
        };
        if found == Some(u64::from(stated)) {
            continue;
        }
        let (problem, detail) = match found {
            None => (Problem::Missing, format!("{stated} bytes")),
            Some(found) => (
                Problem::WrongLength,
                format!("{found} bytes, and the journal says {stated}"),
            ),
        };
        let finding = Finding::new(
            Severity::Damage,
            Subject::Object(name),
            problem,
            Level::Listed,
        );
        cx.found(report, finding.with_detail(detail));
    }
    for (name, len) in listing {
        if let Some((problem, severity)) = superfluous(name, listing, state) {
            let finding = Finding::new(severity, Subject::Object(*name), problem, Level::Listed);
            cx.found(report, finding.with_detail(format!("{len} bytes")));
        }
    }
    Ok(())
}

/// Says of parity that it has no pack, where no journal can be read.
pub(crate) fn compare_without_journal(cx: &Context, listing: &Listing, report: &mut Report) {
    for name in listing.keys() {
        if let ObjectName::Parity(pack) = name
            && !listing.contains_key(&ObjectName::Pack(*pack))
        {
            let finding = Finding::new(
                Severity::Waste,
                Subject::Object(*name),
                Problem::ParityWithoutPack,
                Level::Listed,
            );
            cx.found(report, finding);
        }
    }
}

fn superfluous(name: &ObjectName, listing: &Listing, state: &State) -> Option<(Problem, Severity)> {
    let (hash, in_force) = match name {
        ObjectName::Pack(hash) => (hash, state.packs.contains_key(hash)),
        ObjectName::Index(hash) => (hash, state.segments.contains_key(hash)),
        ObjectName::Parity(hash) => {
            let there = listing.contains_key(&ObjectName::Pack(*hash));
            let useless = !there && (!state.packs.contains_key(hash));
            return useless.then_some((Problem::ParityWithoutPack, Severity::Waste));
        }
        _ => return None,
    };
    if in_force {
        None
    } else if state.dropped.contains(hash) {
        Some((Problem::NotDeleted, Severity::Note))
    } else if state.unknown_from.is_some() {
        // An entry that could not be followed may announce it.
        None
    } else {
        Some((Problem::Unannounced, Severity::Waste))
    }
}

/// Objects between two reports of progress.
const STEP: usize = 10_000;
