//! Reads objects for themselves and hashes them: L1.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use strongroom_format::object_name::ObjectName;
use strongroom_format::parity::Parity;
use strongroom_format::{Beacon, ObjectHash, Slot, Time, decode_bundle, limits};
use strongroom_store::ErrorKind as StoreErrorKind;

use crate::context::{Context, Fetched};
use crate::journal::{Follower, State};
use crate::listing::Listing;
use crate::observer::Stage;
use crate::wholeness::{Flaw, Place, damage, judge, judge_body};
use crate::{Area, Finding, Level, Problem, Report, Result, Severity, Subject, Tally};

/// What became of an object that was read for itself.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) name: ObjectName,
    pub(crate) len: u64,
    /// `None` when it has vanished since it was listed, or is in cold storage.
    pub(crate) verdict: Option<Result<Bytes, Flaw>>,
    is_cold: bool,
}

/// Reads these objects whole, the smallest first, and checks each for itself. `take` gets them in any order.
///
/// # Errors
///
/// What kept it from looking.
pub(crate) async fn judge_all(
    cx: &Context,
    place: Place,
    mut objects: Vec<(ObjectName, u64)>,
    report: &mut Report,
    mut take: impl FnMut(&mut Report, Judged),
) -> Result<()> {
    objects.sort_unstable_by_key(|(_, len)| *len);
    let of = objects.len() as u64;
    let (mut done, mut read) = (0, 0);
    let mut cold = Tally::default();
    // Groups of like size, so that the memory bounds how many are in flight as closely as it can.
    for group in objects.chunk_by(|(_, a), (_, b)| magnitude(*a) == magnitude(*b)) {
        let most = group.last().map_or(0, |(_, len)| *len);
        let group: Vec<_> = group.to_vec();
        let group = group
            .into_iter()
            .map(|(name, len)| judge_one(cx, place, name, len));
        let mut group = stream::iter(group).buffer_unordered(cx.concurrency(most));
        while let Some(judged) = group.next().await {
            let judged = judged?;
            done += 1;
            if judged.is_cold {
                cold.count += 1;
                cold.bytes += judged.len;
                if let ObjectName::Pack(pack) = judged.name {
                    report.note_unread(pack);
                }
                continue;
            }
            read += judged.len;
            let area = Area::of(&judged.name);
            report.coverage.add(area, Level::Hashed, 1, judged.len);
            take(report, judged);
            if done % STEP == 0 {
                cx.advanced(Stage::Hashing, done, of, read);
            }
        }
    }
    cx.advanced(Stage::Hashing, done, of, read);
    if cold.count > 0 {
        report.coverage.add_cold(cold);
        let (subject, level) = (Subject::Repository, Level::Hashed);
        let finding = Finding::new(Severity::Note, subject, Problem::Cold, level);
        let detail = format!("{} objects, {} bytes", cold.count, cold.bytes);
        cx.found(report, finding.with_detail(detail));
    }
    Ok(())
}

async fn judge_one(cx: &Context, place: Place, name: ObjectName, len: u64) -> Result<Judged> {
    let mut is_cold = false;
    let verdict = match cx.get(&name).await? {
        Fetched::Absent => None,
        Fetched::Unreadable(error) if error.kind() == StoreErrorKind::Archived => {
            is_cold = true;
            None
        }
        Fetched::Unreadable(error) => {
            Some(Err(damage(&name, Problem::Unreadable, error.to_string())))
        }
        Fetched::Bytes(bytes) => {
            let work = move || {
                judge(&name, &bytes, &place)?;
                judge_body(&name, &bytes)?;
                Ok(bytes)
            };
            Some(cx.pool().run(work).await?)
        }
    };
    Ok(Judged {
        name,
        len,
        verdict,
        is_cold,
    })
}

/// Checks bundles against the entries, the checkpoints that could not be held against the journal, beacons and parity.
///
/// # Errors
///
/// What kept it from looking.
pub(crate) async fn judge_small(
    cx: &Context,
    place: Place,
    listing: &Listing,
    journal: &Follower,
    report: &mut Report,
) -> Result<()> {
    let wanted = |name: &ObjectName| match name {
        ObjectName::Bundle(_)
        | ObjectName::JournalCopy(_)
        | ObjectName::Session(_)
        | ObjectName::Parity(_) => true,
        ObjectName::Checkpoint(n) => !journal.has_seen_checkpoint(*n),
        _ => false,
    };
    let now = cx.options().now;
    let take = |report: &mut Report, judged: Judged| {
        let name = judged.name;
        let bytes = match judged.verdict {
            Some(Ok(bytes)) => bytes,
            Some(Err(flaw)) => return cx.found(report, flaw.of(name, Level::Hashed)),
            None => return,
        };
        let flaw = match name {
            ObjectName::Bundle(n) => compare_bundle(n, &bytes, journal),
            ObjectName::JournalCopy(n) => compare_copy(n, &bytes, journal),
            ObjectName::Parity(pack) => compare_parity(&name, &pack, &bytes, listing),
            ObjectName::Session(_) => stale(&name, &bytes, journal.state(), now),
            _ => None,
        };
        // What is equal to entries that were followed is as good as they are.
        let is_copy = matches!(name, ObjectName::Bundle(_) | ObjectName::JournalCopy(_));
        if is_copy && flaw.is_none() && journal.state().is_some() {
            let area = Area::of(&name);
            report
                .coverage
                .add(area, Level::Authenticated, 1, judged.len);
        }
        if let Some(flaw) = flaw {
            cx.found(report, flaw.of(name, Level::Hashed));
        }
    };
    judge_all(cx, place, select(listing, wanted), report, take).await?;
    note_missing_copies(cx, listing, journal, report);
    Ok(())
}

/// Hashes packs and segments.
///
/// # Errors
///
/// What kept it from looking.
pub(crate) async fn judge_packs(
    cx: &Context,
    place: Place,
    objects: Vec<(ObjectName, u64)>,
    report: &mut Report,
) -> Result<()> {
    let take = |report: &mut Report, judged: Judged| {
        if let Some(Err(flaw)) = judged.verdict {
            cx.found(report, flaw.of(judged.name, Level::Hashed));
        }
    };
    judge_all(cx, place, objects, report, take).await
}

/// Checks the slots, and that every one that a keyring grants something is there.
///
/// # Errors
///
/// What kept it from looking.
pub(crate) async fn judge_slots(
    cx: &Context,
    place: Place,
    listing: &Listing,
    granted: Option<&BTreeMap<ObjectName, Vec<u8>>>,
    report: &mut Report,
) -> Result<()> {
    let wanted = |name: &ObjectName| matches!(name, ObjectName::Slot(_));
    let mut slots = select(listing, wanted);
    let unlisted = granted.into_iter().flat_map(BTreeMap::keys);
    let unlisted = unlisted.filter(|name| !listing.contains_key(*name));
    slots.extend(unlisted.map(|name| (*name, 0)));
    let mut good = 0;
    let mut flaws = Vec::new();
    let take = |_: &mut Report, judged: Judged| {
        let name = judged.name;
        let public = granted.and_then(|granted| granted.get(&name));
        let flaw = match judged.verdict {
            Some(Ok(bytes)) => slot_flaw(&name, &bytes, granted.is_some(), public),
            Some(Err(flaw)) => Some(flaw),
            None if public.is_some() => Some(damage(&name, Problem::Missing, "")),
            None => None,
        };
        good += usize::from(public.is_some() && flaw.is_none());
        flaws.extend(flaw.map(|flaw| (name, flaw)));
    };
    judge_all(cx, place, slots, report, take).await?;
    let nobody_can_open = granted.is_some_and(|granted| !granted.is_empty()) && good == 0;
    flaws.sort_by_key(|(name, _)| *name);
    for (name, flaw) in flaws {
        let flaw = if nobody_can_open {
            flaw.with_severity(Severity::Loss)
        } else {
            flaw
        };
        cx.found(report, flaw.of(name, Level::Hashed));
    }
    Ok(())
}

fn slot_flaw(
    name: &ObjectName,
    bytes: &[u8],
    keyring_known: bool,
    public: Option<&Vec<u8>>,
) -> Option<Flaw> {
    match public {
        None if keyring_known => {
            let detail = "a slot that the keyring grants nothing";
            Some(Flaw::new(Problem::Unannounced, Severity::Note, detail))
        }
        Some(public) if !public.is_empty() => {
            let slot = Slot::decode(bytes).ok()?;
            let detail = "a slot with another public key than the keyring grants to";
            (slot.public != *public).then(|| damage(name, Problem::Inconsistent, detail))
        }
        _ => None,
    }
}

fn compare_bundle(n: u64, bytes: &[u8], journal: &Follower) -> Option<Flaw> {
    let name = ObjectName::Bundle(n);
    let entries = decode_bundle(bytes).ok()?;
    let first = n.saturating_sub(limits::BUNDLE_ENTRIES);
    let differs = (first..)
        .zip(&entries)
        .find(|(n, entry)| match journal.hash_of(*n) {
            Some(hash) => ObjectHash::of(entry) != hash,
            None => false,
        });
    differs.map(|(n, _)| {
        let detail = format!("entry {n} is another than the journal has");
        damage(&name, Problem::BundleDiffers, detail)
    })
}

fn compare_copy(n: u64, bytes: &[u8], journal: &Follower) -> Option<Flaw> {
    let hash = journal.hash_of(n)?;
    (ObjectHash::of(bytes) != hash).then(|| {
        let detail = "another entry than the journal has in this place";
        damage(&ObjectName::JournalCopy(n), Problem::CopiesDiffer, detail)
    })
}

fn compare_parity(
    name: &ObjectName,
    pack: &ObjectHash,
    bytes: &[u8],
    listing: &Listing,
) -> Option<Flaw> {
    let parity = Parity::decode(bytes).ok()?;
    let len = listing.get(&ObjectName::Pack(*pack))?;
    let checked = parity.check(pack, *len);
    checked
        .err()
        .map(|error| damage(name, Problem::WrongPlace, error.to_string()))
}

fn stale(name: &ObjectName, bytes: &[u8], state: Option<&State>, now: Time) -> Option<Flaw> {
    let ObjectName::Session(session) = name else {
        return None;
    };
    let ended = state.is_some_and(|state| {
        state.committed_sessions.contains(session) || state.ended_sessions.contains(session)
    });
    let age = now
        .seconds
        .saturating_sub(Beacon::decode(bytes).ok()?.time.seconds);
    let detail = if ended {
        "the session has ended".to_owned()
    } else if age > STALE_SECONDS {
        format!("silent for {} days", age / 86_400)
    } else {
        return None;
    };
    Some(Flaw::new(Problem::StaleSession, Severity::Note, detail))
}

/// Notes full blocks of entries that have no bundle, and that there is no checkpoint of the newest.
fn note_missing_copies(cx: &Context, listing: &Listing, journal: &Follower, report: &mut Report) {
    let first = (journal.end() > 0).then_some(ObjectName::JournalCopy(0));
    let newest = journal.end() / limits::BUNDLE_ENTRIES * limits::BUNDLE_ENTRIES;
    let step = usize::try_from(limits::BUNDLE_ENTRIES).unwrap_or(usize::MAX);
    let bundles = (limits::BUNDLE_ENTRIES..=newest).step_by(step);
    let bundles = bundles.map(ObjectName::Bundle);
    let checkpoint = (newest > 0).then_some(ObjectName::Checkpoint(newest));
    for name in bundles.chain(checkpoint).chain(first) {
        if !listing.contains_key(&name) {
            let detail = match name {
                ObjectName::Bundle(_) => "these entries have no second copy",
                ObjectName::JournalCopy(_) => "the first entry has no second copy of its own",
                _ => "opening reads entries instead",
            };
            let subject = Subject::Object(name);
            let finding =
                Finding::new(Severity::Note, subject, Problem::MissingCopy, Level::Listed);
            cx.found(report, finding.with_detail(detail));
        }
    }
}

pub(crate) fn select(
    listing: &Listing,
    wanted: impl Fn(&ObjectName) -> bool,
) -> Vec<(ObjectName, u64)> {
    listing
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, len)| (*name, *len))
        .collect()
}

const fn magnitude(len: u64) -> u32 {
    len.leading_zeros() / 2
}

/// Objects between two reports of progress.
const STEP: u64 = 64;
/// Age from which a beacon is stale: seven days.
const STALE_SECONDS: i64 = 7 * 86_400;
