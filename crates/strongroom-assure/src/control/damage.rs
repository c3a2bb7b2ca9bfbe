//! Damage that a verification found, until one that would see it finds none.

use strongroom_format::record::Verified;

use super::case::Case;
use crate::history::Noted;
use crate::stats::ratio;

/// Returns the verification of a repository that left most damage of which no later one shows that it is gone.
///
/// That shows one as deep that looked at everything, at once or in the parts of a round; or the same snapshot again. A shallow look, a sample, or one at
/// what nobody had read lately does not, nor does the next snapshot: damage in a tree is seen by who walks that tree.
pub(super) fn unresolved<'a>(case: &'a Case<'_>, repository: &str) -> Option<&'a Noted<Verified>> {
    let mut open: Vec<Open<'a>> = Vec::new();
    let verified = case.records().verified.iter().copied();
    for one in verified.filter(|one| one.fact.repository == repository) {
        // What is still damaged was found again, and is open anew.
        open.retain_mut(|left| !left.is_seen_gone(&one.fact));
        if one.fact.unresolved > 0 {
            open.push(Open {
                noted: one,
                share: 0.0,
            });
        }
    }
    let open = open.into_iter().map(|open| open.noted);
    open.max_by_key(|noted| noted.fact.unresolved)
}

/// Says whether a verification was of a whole repository, or of a part that says something about all of it.
pub(super) fn is_of_all(fact: &Verified) -> bool {
    let (read, all) = fact.coverage;
    let choice = fact.choice.as_deref().unwrap_or_default();
    let is_all = read >= all && choice != OLDER;
    fact.snapshot.is_none() && (is_all || choice == ROUND || choice.starts_with(SAMPLE))
}

struct Open<'a> {
    noted: &'a Noted<Verified>,
    /// The share that a round has read since.
    share: f64,
}

impl Open<'_> {
    fn is_seen_gone(&mut self, fact: &Verified) -> bool {
        let found = &self.noted.fact;
        let (read, all) = fact.coverage;
        let choice = fact.choice.as_deref().unwrap_or_default();
        if pack_level(fact) < pack_level(found) {
            return false;
        }
        if fact.snapshot.is_some() {
            return fact.snapshot == found.snapshot && fact.level >= found.level;
        }
        if choice == ROUND {
            self.share += ratio(read, all).unwrap_or(1.0);
            return self.share >= ALMOST_ALL;
        }
        read >= all && choice != OLDER && !choice.starts_with(SAMPLE)
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
