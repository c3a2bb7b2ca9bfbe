//! Which snapshots are tried: chosen by nobody, so that nobody tries the easy ones alone.
//!
//! What is left to chance follows from the newest entry of the journal, as the samples of a check do, so an auditor derives it
//! again years later from the journal alone:
//!
//! * `seed = BLAKE3 derive_key(context, n ‖ hash)`, `n` being the number of the entry as 8 bytes, little-endian, `hash` its 32 bytes,
//!   and the context `strongroom v1 drill random`, `strongroom v1 drill stratified` or `strongroom v1 drill never-tested`;
//! * the position of a snapshot is the first 8 bytes, little-endian, of `BLAKE3 keyed_hash(seed, id)`, and that of a stratum of the
//!   same over the byte of its index. Smaller positions come first; equal ones by id.
//!
//! The hash of an entry is not known before the entry is. It is no defence against who writes the journal and can try entries until
//! the hash suits him: that takes a witness.

mod strata;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use strongroom::verify::Head;
use strongroom::{Id, SnapshotInfo, Time};

use self::strata::{NAMES, stratum_of};

/// A snapshot that could be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an id and a time are all there is to say"
)]
pub struct Point {
    /// Its id.
    pub snapshot: Id,
    /// As of when it has the data: when its capture began.
    pub captured: Time,
}

impl Point {
    /// Returns the points of a listing, oldest first.
    #[must_use]
    pub fn of(snapshots: &[SnapshotInfo]) -> Vec<Self> {
        let point = |info: &SnapshotInfo| Self {
            snapshot: info.id,
            captured: info.snapshot.began,
        };
        let mut points: Vec<_> = snapshots.iter().map(point).collect();
        points.sort_by_key(|point| (point.captured, point.snapshot));
        points
    }
}

/// When each snapshot was last proven by a drill.
pub type Tested = BTreeMap<Id, Time>;

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The newest: what a disaster today would need.
    Latest,
    /// Any, each as likely as the others.
    Random,
    /// One of each age in turn, the ages in an order left to chance: under a week, a month, three months, a year older than the newest,
    /// or more.
    Stratified,
    /// Those that no drill has proven, by chance; when there are none left, those whose proof is oldest.
    NeverTested,
    /// The oldest: what a case at law would need, written by the oldest version.
    Oldest,
}

impl Rule {
    /// Returns the word of policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Random => "random",
            Self::Stratified => "stratified",
            Self::NeverTested => "never-tested",
            Self::Oldest => "oldest",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownRule;

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no way to choose a point is called so")
    }
}

impl std::error::Error for UnknownRule {}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(word: &str) -> Result<Self, UnknownRule> {
        let all = [
            Self::Latest,
            Self::Random,
            Self::Stratified,
            Self::NeverTested,
            Self::Oldest,
        ];
        let found = all.into_iter().find(|rule| rule.as_str() == word);
        found.ok_or(UnknownRule)
    }
}

/// A snapshot that was chosen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The snapshot.
    pub snapshot: Id,
    /// Why it, one reason for every rule that chose it.
    pub because: Vec<Because>,
}

impl Choice {
    /// Returns the choice of somebody who named the snapshot: no auditor takes it for one of chance.
    #[must_use]
    pub fn named(snapshot: Id) -> Self {
        Self {
            snapshot,
            because: vec![Because::Named],
        }
    }
}

/// Says all reasons.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, because) in self.because.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            write!(f, "{between}{because}")?;
        }
        Ok(())
    }
}

/// Why a point was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// Somebody named it.
    Named,
    /// It is among the newest.
    Latest,
    /// It is among the oldest.
    Oldest,
    /// It is among the first in an order left to chance.
    Random {
        /// The entry that decides.
        seed: u64,
        /// Its position.
        position: u64,
    },
    /// It is among the first of its age.
    Stratified {
        /// The entry that decides.
        seed: u64,
        /// The age.
        age: &'static str,
        /// Its position.
        position: u64,
    },
    /// No drill has proven it.
    NeverTested {
        /// The entry that decides.
        seed: u64,
        /// Its position.
        position: u64,
    },
    /// All are proven, and none longer ago.
    TestedLongestAgo {
        /// When.
        at: Time,
    },
    /// It is the newest before anything was suspect.
    LastClean,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named => f.write_str("named"),
            Self::Latest => f.write_str("latest"),
            Self::Oldest => f.write_str("oldest"),
            Self::Random { seed, position } => {
                write!(
                    f,
                    "random: seed = journal head {seed}, position {position:016x}"
                )
            }
            Self::Stratified {
                seed,
                age,
                position,
            } => write!(
                f,
                "stratified: {age}, seed = journal head {seed}, position {position:016x}"
            ),
            Self::NeverTested { seed, position } => write!(
                f,
                "never-tested: seed = journal head {seed}, position {position:016x}"
            ),
            Self::TestedLongestAgo { at } => {
                write!(
                    f,
                    "never-tested: all are; this one longest ago, at {} s",
                    at.seconds
                )
            }
            Self::LastClean => f.write_str("the newest before the first that is suspect"),
        }
    }
}

/// Chooses up to `n` points by a rule. It is a function of its arguments; the order of `points` does not matter.
///
/// ```
/// use strongroom::verify::Head;
/// use strongroom::{Id, Time};
/// use strongroom_drill::choose::{Point, Rule, Tested, choose};
/// use strongroom_format::ObjectHash;
///
/// let point = |day: u8| Point {
///     snapshot: Id::from_bytes([day; 32]),
///     captured: Time::new(i64::from(day) * 86_400, 0),
/// };
/// let points: Vec<_> = (0..100).map(point).collect();
/// let head = Head { n: 20_852, hash: ObjectHash::of(b"the newest entry") };
///
/// let chosen = choose(&points, &Tested::new(), Rule::Stratified, &head, 2);
/// assert_eq!(chosen, choose(&points, &Tested::new(), Rule::Stratified, &head, 2));
/// assert_eq!(chosen.len(), 2);
/// ```
#[must_use]
pub fn choose(points: &[Point], tested: &Tested, rule: Rule, head: &Head, n: usize) -> Vec<Choice> {
    let mut points: Vec<Point> = points.to_vec();
    points.sort_by_key(|point| (point.captured, point.snapshot));
    points.dedup_by_key(|point| point.snapshot);
    let one = |because: Because| move |point: &Point| (point.snapshot, because.clone());
    let chosen: Vec<(Id, Because)> = match rule {
        Rule::Latest => points
            .iter()
            .rev()
            .take(n)
            .map(one(Because::Latest))
            .collect(),
        Rule::Oldest => points.iter().take(n).map(one(Because::Oldest)).collect(),
        Rule::Random => {
            let ordered = Seed::new("strongroom v1 drill random", head).order(&points);
            let reason = |(position, id)| {
                (
                    id,
                    Because::Random {
                        seed: head.n,
                        position,
                    },
                )
            };
            ordered.into_iter().take(n).map(reason).collect()
        }
        Rule::Stratified => stratified(&points, head, n),
        Rule::NeverTested => never_tested(&points, tested, head, n),
    };
    let choice = |(snapshot, because)| Choice {
        snapshot,
        because: vec![because],
    };
    chosen.into_iter().map(choice).collect()
}

/// Chooses up to `n` points by each of several rules. A point that several choose is in the answer once, with all reasons.
#[must_use]
pub fn choose_all(
    points: &[Point],
    tested: &Tested,
    rules: &[Rule],
    head: &Head,
    n: usize,
) -> Vec<Choice> {
    let mut all: Vec<Choice> = Vec::new();
    for rule in rules {
        for choice in choose(points, tested, *rule, head, n) {
            match all.iter_mut().find(|one| one.snapshot == choice.snapshot) {
                Some(known) => known.because.extend(choice.because),
                None => all.push(choice),
            }
        }
    }
    all
}

fn stratified(points: &[Point], head: &Head, n: usize) -> Vec<(Id, Because)> {
    let seed = Seed::new("strongroom v1 drill stratified", head);
    let Some(newest) = points.last() else {
        return Vec::new();
    };
    let mut strata: Vec<Vec<(u64, Id)>> = vec![Vec::new(); NAMES.len()];
    for (position, id) in seed.order(points) {
        let point = points.iter().find(|point| point.snapshot == id);
        let stratum = point.map_or(0, |point| stratum_of(newest.captured, point.captured));
        if let Some(members) = strata.get_mut(stratum) {
            members.push((position, id));
        }
    }
    let mut order: Vec<usize> = (0..strata.len()).collect();
    let of_stratum = |at: &usize| seed.position(&[u8::try_from(*at).unwrap_or(u8::MAX)]);
    order.sort_by_key(|at| (of_stratum(at), *at));
    let mut chosen = Vec::new();
    let most = strata.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..most {
        for at in &order {
            let member = strata.get(*at).and_then(|members| members.get(round));
            let (Some((position, id)), Some(age)) = (member, NAMES.get(*at)) else {
                continue;
            };
            if chosen.len() == n {
                return chosen;
            }
            let because = Because::Stratified {
                seed: head.n,
                age,
                position: *position,
            };
            chosen.push((*id, because));
        }
    }
    chosen
}

fn never_tested(points: &[Point], tested: &Tested, head: &Head, n: usize) -> Vec<(Id, Because)> {
    let seed = Seed::new("strongroom v1 drill never-tested", head);
    let ordered = seed.order(points);
    let fresh = ordered.iter().filter(|(_, id)| !tested.contains_key(id));
    let fresh = fresh.map(|(position, id)| {
        let because = Because::NeverTested {
            seed: head.n,
            position: *position,
        };
        (*id, because)
    });
    let mut known: Vec<(Time, u64, Id)> = ordered
        .iter()
        .filter_map(|(position, id)| tested.get(id).map(|at| (*at, *position, *id)))
        .collect();
    known.sort_unstable();
    let known = known
        .into_iter()
        .map(|(at, _, id)| (id, Because::TestedLongestAgo { at }));
    fresh.chain(known).take(n).collect()
}

/// An order that nobody chose.
struct Seed([u8; 32]);

impl Seed {
    fn new(context: &str, head: &Head) -> Self {
        let mut material = [0; 40];
        let (number, hash) = material.split_at_mut(8);
        number.copy_from_slice(&head.n.to_le_bytes());
        hash.copy_from_slice(head.hash.as_bytes());
        Self(blake3::derive_key(context, &material))
    }

    fn position(&self, name: &[u8]) -> u64 {
        let hash = blake3::keyed_hash(&self.0, name);
        hash.as_bytes()
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first))
    }

    fn order(&self, points: &[Point]) -> Vec<(u64, Id)> {
        let placed = points.iter().map(|point| {
            let position = self.position(point.snapshot.as_bytes());
            (position, point.snapshot)
        });
        let mut ordered: Vec<_> = placed.collect();
        ordered.sort_unstable();
        ordered
    }
}
