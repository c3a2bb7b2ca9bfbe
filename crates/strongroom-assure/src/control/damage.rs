//! Damage that a verification found, until one that would see it finds none.

use strongroom_format::record::Verified;

use super::case::Case;
use crate::history::Noted;
use crate::stats::ratio;

/// Returns the newest verification of a repository that left damage of which no later one shows that it is gone.
///
/// That shows one as deep that looked at everything, at once or in the parts of a round; or the same snapshot again; or, where both keep the records of
/// their checks, one of all that was not read and found good before: what was damaged is among that. A shallow look or a sample does not, nor does
/// the next snapshot.
pub(super) fn unresolved<'a>(case: &'a Case<'_>, repository: &str) -> Option<&'a Noted<Verified>> {
    let mut open: Option<Open<'a>> = None;
    let verified = case.records().verified.iter().copied();
    for one in verified.filter(|one| one.fact.repository == repository) {
        if one.fact.unresolved > 0 {
            let before = open.map_or(0, |open| open.level);
            open = Some(Open {
                noted: one,
                level: pack_level(&one.fact).max(before),
                share: 0.0,
            });
        } else if let Some(left) = &mut open
            && left.is_seen_gone(&one.fact)
        {
            open = None;
        }
    }
    open.map(|open| open.noted)
}

/// Says whether a verification was of a whole repository, or of a part that says something about all of it.
pub(super) fn is_of_all(fact: &Verified) -> bool {
    let (read, all) = fact.coverage;
    let choice = fact.choice.as_deref().unwrap_or_default();
    fact.snapshot.is_none() && (read >= all || choice == ROUND || choice.starts_with(SAMPLE))
}

struct Open<'a> {
    noted: &'a Noted<Verified>,
    /// The deepest level at which something is open.
    level: u8,
    /// The share that a round has read since.
    share: f64,
}

impl Open<'_> {
    fn is_seen_gone(&mut self, fact: &Verified) -> bool {
        let found = &self.noted.fact;
        let (read, all) = fact.coverage;
        let choice = fact.choice.as_deref().unwrap_or_default();
        if pack_level(fact) < self.level {
            return false;
        }
        if fact.snapshot.is_some() {
            return fact.snapshot == found.snapshot && fact.level >= found.level;
        }
        if choice == ROUND {
            self.share += ratio(read, all).unwrap_or(1.0);
            return self.share >= ALMOST_ALL;
        }
        if choice == OLDER && fact.entry.is_some() && found.entry.is_some() {
            return true;
        }
        read >= all && !choice.starts_with(SAMPLE)
    }
}

/// Files are put together from what was decoded.
fn pack_level(fact: &Verified) -> u8 {
    fact.level.min(DECODED)
}

const DECODED: u8 = 3;
const ROUND: &str = "round";
const SAMPLE: &str = "sample";
const OLDER: &str = "older";
/// Shares that add up to one may do so a little below it.
pub(super) const ALMOST_ALL: f64 = 1.0 - 1e-6;
