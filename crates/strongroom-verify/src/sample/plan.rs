//! The packs of one check: chosen, read on where damage is seen, and what follows.

use std::collections::BTreeSet;

use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;

use super::{Chosen, Origin, Outcome, Request, Unit, choose};
use crate::audited::Audited;
use crate::context::Context;
use crate::evidence::{Doubt, Past};
use crate::journal::EvidenceEntry;
use crate::listing::Listing;
use crate::{Finding, Head, Level, Problem, Report, Severity, Subject};

/// The packs that a check reads, and what earlier checks have read.
#[derive(Debug)]
pub(crate) struct Plan {
    chosen: Chosen,
    /// `None` without the structure key, with which the journal is read.
    past: Option<Past>,
    known_damaged: BTreeSet<ObjectHash>,
}

impl Plan {
    /// Chooses the packs, at the level that the report says is reached. Records of earlier checks that are not what they should be are found.
    pub(crate) fn new(cx: &Context, audited: &Audited, report: &mut Report) -> Self {
        let past = past(cx, audited, report);
        let origin = match audited.head {
            Some(head) => Origin::Journal(head),
            None => Origin::Listing(hash_of(&audited.listing)),
        };
        let options = cx.options();
        let request = Request {
            selection: &options.packs,
            level: report.level,
            origin,
            past: past.as_ref(),
            now: options.now,
        };
        let chosen = choose(units(audited), &request);
        let state = audited.state.as_ref();
        let damaged = state.map(|state| state.damaged.keys().copied().collect());
        Self {
            chosen,
            past,
            known_damaged: damaged.unwrap_or_default(),
        }
    }

    /// Returns the packs that are to be read.
    pub(crate) fn packs(&self) -> &BTreeSet<ObjectHash> {
        self.chosen.packs()
    }

    /// Returns packs that are to be read besides, because of damage that the report has in the samples.
    pub(crate) fn widen(&mut self, report: &Report) -> BTreeSet<ObjectHash> {
        self.chosen.widen(&damaged_packs(report))
    }

    /// Puts what follows into the report, and what its record will say.
    pub(crate) fn conclude(&self, report: &mut Report) {
        let damaged = damaged_packs(report);
        let outcome = Outcome {
            level: report.level,
            damaged: &damaged,
            unread: &std::mem::take(&mut report.readings.unread),
            known_damaged: &self.known_damaged,
        };
        report.statements = self.chosen.conclude(&outcome, self.past.as_ref());
        report.readings = self.chosen.readings(&outcome);
    }
}

/// Reads the records of earlier checks.
fn past(cx: &Context, audited: &Audited, report: &mut Report) -> Option<Past> {
    let state = audited.state.as_ref()?;
    // Where a Bridge stands nobody knows any more what the lost entry's hash was, but for the last of several.
    let is_entry = |head: &Head| {
        let n = usize::try_from(head.n).ok();
        n.and_then(|n| state.hashes.get(n)) == Some(&head.hash)
            || state.bridges.contains_key(&head.n)
    };
    let doubt = |entry: &EvidenceEntry, doubt| {
        let n = entry.n;
        let is_certified = state
            .certificates
            .iter()
            .any(|certificate| certificate.public == entry.writer);
        let (severity, detail) = match doubt {
            Doubt::Malformed => (
                Severity::Note,
                format!("the record in entry {n} does not decode"),
            ),
            // Somebody who may write states what is not so. When that key is no longer certified it has been dealt with.
            Doubt::OtherHistory => (
                if is_certified {
                    Severity::Damage
                } else {
                    Severity::Note
                },
                format!("the record in entry {n} names an entry that this journal does not have"),
            ),
        };
        let finding = Finding::new(
            severity,
            Subject::Repository,
            Problem::EvidenceDiffers,
            Level::Authenticated,
        );
        cx.found(report, finding.with_detail(detail));
    };
    Some(Past::new(&state.evidence, is_entry, doubt))
}

/// The packs in force or, without the journal, those that are there.
fn units(audited: &Audited) -> Vec<Unit> {
    let Some(state) = &audited.state else {
        let of = |(name, len): (&ObjectName, &u64)| match name {
            ObjectName::Pack(name) => Some(Unit::unknown(*name, *len)),
            _ => None,
        };
        return audited.listing.iter().filter_map(of).collect();
    };
    let packs = state.packs.iter();
    packs
        .map(|(name, pack)| Unit {
            name: *name,
            bytes: u64::from(pack.len),
            class: Some(pack.class),
            n: pack.n,
            time: pack.time,
            writer: pack.writer,
        })
        .collect()
}

fn damaged_packs(report: &Report) -> BTreeSet<ObjectHash> {
    let objects = report.damaged_objects().into_iter();
    objects
        .filter_map(|object| match object.name {
            ObjectName::Pack(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// The hash of all names, sorted, each followed by a line end.
fn hash_of(listing: &Listing) -> ObjectHash {
    let mut names: Vec<String> = listing.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for name in names {
        hasher.update(name.as_bytes()).update(b"\n");
    }
    ObjectHash::from_bytes(*hasher.finalize().as_bytes())
}
