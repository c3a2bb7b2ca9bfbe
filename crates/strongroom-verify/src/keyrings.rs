//! Keyrings: which are there, which counts, and whom it grants what (`docs/format.md`, §4 and §7).

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypt::VerifyingKey;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, SignedKeyring};

use crate::context::Context;
use crate::journal::State;
use crate::listing::Listing;
use crate::objects::{Judged, judge_all, select};
use crate::wholeness::{Flaw, Place, damage};
use crate::{Level, Problem, Report, Result, Severity};

/// A keyring that is whole.
#[derive(Debug)]
struct Whole {
    hash: ObjectHash,
    signed: SignedKeyring,
}

/// What was read of both copies of a generation.
#[derive(Debug, Default)]
struct Generation {
    copies: BTreeMap<ObjectName, Result<Whole, Flaw>>,
}

/// Checks the keyrings; returns the slots that the one in force grants something, with nothing known of their public keys.
///
/// Without the journal the highest whole generation stands for the one in force.
///
/// # Errors
///
/// What kept it from looking.
pub(crate) async fn check(
    cx: &Context,
    place: Place,
    listing: &Listing,
    state: Option<&State>,
    report: &mut Report,
) -> Result<Option<BTreeMap<ObjectName, Vec<u8>>>> {
    let mut generations = read(cx, place, listing, report).await?;
    let whole = |(n, one): (&u64, &Generation)| one.whole().next().map(|_| *n);
    let in_force = match state {
        Some(state) => state.keyring.map_or(0, |(generation, _)| generation),
        None => generations.iter().rev().find_map(whole).unwrap_or(0),
    };
    generations.entry(in_force).or_default();
    for (generation, one) in &mut generations {
        let announced = state.and_then(|state| state.keyring);
        let announced = announced.filter(|(n, _)| n == generation);
        one.compare(*generation, announced.map(|(_, hash)| hash), state);
        one.report(cx, *generation, in_force, state.is_some(), report);
    }
    let usable = |one: &Generation| one.whole().next().is_some();
    let replacement = generations
        .range(in_force + 1..)
        .any(|(_, one)| usable(one));
    if !generations.get(&in_force).is_some_and(usable) {
        let severity = if replacement {
            Severity::Damage
        } else {
            Severity::Loss
        };
        let name = ObjectName::Keyring(in_force);
        let flaw = Flaw::new(
            Problem::Missing,
            severity,
            "no good copy of the keyring in force",
        );
        cx.found(report, flaw.of(name, Level::Hashed));
        return Ok(None);
    }
    let newest = generations.range(in_force..).rev().map(|(_, one)| one);
    let granted = newest.flat_map(Generation::whole).flat_map(|whole| {
        let grants = whole.signed.keyring.grants.iter();
        grants.map(|grant| (ObjectName::Slot(grant.slot), Vec::new()))
    });
    Ok(Some(granted.collect()))
}

async fn read(
    cx: &Context,
    place: Place,
    listing: &Listing,
    report: &mut Report,
) -> Result<BTreeMap<u64, Generation>> {
    let wanted =
        |name: &ObjectName| matches!(name, ObjectName::Keyring(_) | ObjectName::KeyringCopy(_));
    let mut generations: BTreeMap<u64, Generation> = BTreeMap::new();
    let take = |_: &mut Report, judged: Judged| {
        let (ObjectName::Keyring(n) | ObjectName::KeyringCopy(n)) = judged.name else {
            return;
        };
        let Some(verdict) = judged.verdict else {
            return;
        };
        let name = judged.name;
        let whole = verdict.and_then(|bytes| {
            let signed = SignedKeyring::decode(&bytes)
                .map_err(|error| damage(&name, Problem::Malformed, error.to_string()))?;
            Ok(Whole {
                hash: ObjectHash::of(&bytes),
                signed,
            })
        });
        generations.entry(n).or_default().copies.insert(name, whole);
    };
    judge_all(cx, place, select(listing, wanted), report, take).await?;
    Ok(generations)
}

impl Generation {
    fn whole(&self) -> impl Iterator<Item = &Whole> {
        self.copies.values().filter_map(|copy| copy.as_ref().ok())
    }

    /// Turns what is whole and does not count into what is wrong with it.
    fn compare(&mut self, generation: u64, announced: Option<ObjectHash>, state: Option<&State>) {
        for (name, copy) in &mut self.copies {
            let Ok(whole) = copy else {
                continue;
            };
            let admin = state.map(|state| VerifyingKey::from_bytes(state.admin));
            let flaw = if announced.is_some_and(|hash| hash != whole.hash) {
                damage(name, Problem::KeyringDiffers, "")
            } else if admin.is_some_and(|admin| !whole.signed.is_signed_by(&admin)) {
                damage(name, Problem::KeyringUnsigned, "")
            } else {
                continue;
            };
            *copy = Err(flaw);
        }
        let hashes: BTreeSet<_> = self.whole().map(|whole| whole.hash).collect();
        if hashes.len() > 1 {
            let copy = ObjectName::KeyringCopy(generation);
            let flaw = damage(&copy, Problem::CopiesDiffer, "");
            self.copies.insert(copy, Err(flaw));
        }
    }

    fn report(
        &self,
        cx: &Context,
        generation: u64,
        in_force: u64,
        has_journal: bool,
        report: &mut Report,
    ) {
        for (name, copy) in &self.copies {
            if let Err(flaw) = copy {
                let level = match flaw.problem {
                    Problem::KeyringDiffers | Problem::KeyringUnsigned => Level::Authenticated,
                    _ => Level::Hashed,
                };
                cx.found(report, flaw.clone().of(*name, level));
            }
        }
        let both = [
            ObjectName::Keyring(generation),
            ObjectName::KeyringCopy(generation),
        ];
        for name in both {
            if self.copies.contains_key(&name) || self.copies.is_empty() {
                continue;
            }
            // Of older ones, and of those that were never announced, one may have been put or deleted without the other.
            let flaw = if generation == in_force {
                damage(&name, Problem::MissingCopy, "")
            } else {
                Flaw::new(Problem::MissingCopy, Severity::Note, "not in force")
            };
            cx.found(report, flaw.of(name, Level::Listed));
        }
        if has_journal && generation > in_force && self.whole().next().is_some() {
            let detail = "a keyring that was never announced";
            let flaw = Flaw::new(Problem::Unannounced, Severity::Note, detail);
            cx.found(
                report,
                flaw.of(ObjectName::Keyring(generation), Level::Authenticated),
            );
        }
    }
}
