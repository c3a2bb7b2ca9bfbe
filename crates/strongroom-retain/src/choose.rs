//! How [`KeepRules`] choose.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::count::Count;
use crate::moment::Moment;
use crate::rules::{KeepRules, Rule};
use crate::snapshot::SnapshotInfo;
use crate::span::Span;
use crate::unit::{Period, Unit};
use crate::verdict::{Loss, Reason, Verdict};

/// Returns the verdict on each snapshot.
pub(crate) fn choose<Id: Ord>(
    rules: &KeepRules,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) -> Vec<Verdict> {
    let pool = Pool::new(snapshots, now);
    let mut reasons: Vec<Vec<Reason>> = snapshots.iter().map(|one| standing(one, now)).collect();
    if rules.is_empty() {
        for reasons in &mut reasons {
            reasons.push(Reason::NoRules);
        }
    }
    let choices: Vec<_> = rules.iter().map(|rule| Choice::new(rule, &pool)).collect();
    for choice in &choices {
        for (rank, reason) in choice.kept(&pool) {
            if let Some(reasons) = pool.index(rank).and_then(|index| reasons.get_mut(index)) {
                reasons.push(reason);
            }
        }
    }
    let mut losses: HashMap<usize, Vec<Loss<usize>>> = HashMap::new();
    for (rank, one) in pool.ranked.iter().enumerate() {
        if reasons.get(one.index).is_some_and(Vec::is_empty) {
            let losing = choices.iter().map(|choice| choice.loss(rank, &pool));
            losses.insert(one.index, losing.collect());
        }
    }
    let verdict = |(index, reasons): (usize, Vec<Reason>)| match losses.remove(&index) {
        Some(losses) => Verdict::Forget(losses),
        None => Verdict::Keep(reasons),
    };
    reasons.into_iter().enumerate().map(verdict).collect()
}

/// Returns the reasons that no policy can take away.
pub(crate) fn standing<Id>(snapshot: &SnapshotInfo<Id>, now: Moment) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if snapshot.pinned {
        reasons.push(Reason::Pinned);
    }
    if snapshot.held {
        reasons.push(Reason::Held);
    }
    if snapshot.moment.unix_seconds > now.unix_seconds {
        reasons.push(Reason::Future);
    }
    reasons
}

/// The snapshots that are not in the future, the newest first. A *rank* is a place in it.
struct Pool<'s> {
    ranked: Vec<Ranked<'s>>,
    complete: Vec<usize>,
    all: Vec<usize>,
}

struct Ranked<'s> {
    index: usize,
    moment: Moment,
    complete: bool,
    tags: &'s std::collections::BTreeSet<String>,
}

impl<'s> Pool<'s> {
    fn new<Id: Ord>(snapshots: &'s [SnapshotInfo<Id>], now: Moment) -> Self {
        let mut present: Vec<_> = snapshots
            .iter()
            .enumerate()
            .filter(|(_, one)| one.moment.unix_seconds <= now.unix_seconds)
            .collect();
        present.sort_by_key(|(_, one)| Reverse((one.moment.unix_seconds, &one.id)));
        let rank = |(index, one): (usize, &'s SnapshotInfo<Id>)| Ranked {
            index,
            moment: one.moment,
            complete: one.complete,
            tags: &one.tags,
        };
        let ranked: Vec<_> = present.into_iter().map(rank).collect();
        let is_complete = |rank: &usize| ranked.get(*rank).is_some_and(|one| one.complete);
        Self {
            complete: (0..ranked.len()).filter(is_complete).collect(),
            all: (0..ranked.len()).collect(),
            ranked,
        }
    }

    fn get(&self, rank: usize) -> Option<&Ranked<'s>> {
        self.ranked.get(rank)
    }

    fn index(&self, rank: usize) -> Option<usize> {
        self.get(rank).map(|one| one.index)
    }
}

/// What one rule chooses: among the complete snapshots, and among all.
struct Choice<'r> {
    rule: &'r Rule,
    among_complete: Picks,
    among_all: Picks,
}

impl<'r> Choice<'r> {
    fn new(rule: &'r Rule, pool: &Pool<'_>) -> Self {
        let among_all = if pool.complete.len() == pool.all.len() {
            Picks::default() // the incomplete ones of it are wanted, and there are none
        } else {
            Picks::new(rule, pool, &pool.all)
        };
        Self {
            rule,
            among_complete: Picks::new(rule, pool, &pool.complete),
            among_all,
        }
    }

    /// Returns what it keeps: what is chosen among the complete ones, and the incomplete ones of
    /// what is chosen among all.
    fn kept(&self, pool: &Pool<'_>) -> Vec<(usize, Reason)> {
        let mut kept = Vec::new();
        for (picks, complete) in [(&self.among_complete, true), (&self.among_all, false)] {
            let of_kind = |rank: usize| pool.get(rank).filter(|one| one.complete == complete);
            for pick in &picks.newest {
                if let Some(one) = of_kind(pick.rank) {
                    kept.push((pick.rank, reason(self.rule, one.moment)));
                }
            }
            if let (Some(rank), Rule::Every(unit, _)) = (picks.oldest, self.rule)
                && of_kind(rank).is_some()
            {
                kept.push((rank, Reason::Oldest(*unit)));
            }
        }
        kept
    }

    /// Returns what it has to say about a snapshot that it does not keep.
    fn loss(&self, rank: usize, pool: &Pool<'_>) -> Loss<usize> {
        let rule = self.rule;
        let Some(one) = pool.get(rank) else {
            return Loss::Crowded(rule.clone()); // not reached: ranks are of this pool
        };
        let picks = if one.complete {
            &self.among_complete
        } else {
            &self.among_all
        };
        let taken = |unit: Unit| {
            let by = pool.index(picks.of_period(unit.index(one.moment))?.rank)?;
            Some(Loss::Taken(Period::of(unit, one.moment), by))
        };
        match rule {
            Rule::Last(_) => Loss::Crowded(rule.clone()),
            Rule::Every(unit, _) => taken(*unit).unwrap_or_else(|| Loss::Crowded(rule.clone())),
            Rule::Within(_) => Loss::TooOld(rule.clone()),
            Rule::EveryWithin(..) if one.moment.unix_seconds < picks.cutoff => {
                Loss::TooOld(rule.clone())
            }
            Rule::EveryWithin(unit, _) => {
                taken(*unit).unwrap_or_else(|| Loss::TooOld(rule.clone()))
            }
            Rule::Tagged(tags) => Loss::Untagged(tags.clone()),
        }
    }
}

/// What a rule picks of some snapshots.
#[derive(Default)]
struct Picks {
    /// By falling period.
    newest: Vec<Pick>,
    /// The oldest of all, where the rule keeps that too.
    oldest: Option<usize>,
    /// What is earlier than this is out of the window; in seconds.
    cutoff: i64,
}

/// A snapshot, and the number of its hour, day … year (0 where there is no such thing).
#[derive(Clone, Copy)]
struct Pick {
    period: i64,
    rank: usize,
}

impl Picks {
    /// Applies a rule to some ranks, which rise.
    fn new(rule: &Rule, pool: &Pool<'_>, ranks: &[usize]) -> Self {
        let plain = |rank: &usize| Pick {
            period: 0,
            rank: *rank,
        };
        match rule {
            Rule::Last(count) => Self {
                newest: ranks.iter().take(count.limit()).map(plain).collect(),
                ..Self::default()
            },
            Rule::Every(unit, count) => Self::every(*unit, *count, pool, ranks),
            Rule::Within(span) => {
                let (ranks, cutoff) = window(*span, pool, ranks);
                Self {
                    newest: ranks.iter().map(plain).collect(),
                    cutoff,
                    oldest: None,
                }
            }
            Rule::EveryWithin(unit, span) => {
                let (ranks, cutoff) = window(*span, pool, ranks);
                Self {
                    newest: newest_of_each(*unit, pool, ranks),
                    cutoff,
                    oldest: None,
                }
            }
            Rule::Tagged(tags) => {
                let tagged =
                    |rank: &&usize| pool.get(**rank).is_some_and(|one| tags.are_in(one.tags));
                Self {
                    newest: ranks.iter().filter(tagged).map(plain).collect(),
                    ..Self::default()
                }
            }
        }
    }

    fn every(unit: Unit, count: Count, pool: &Pool<'_>, ranks: &[usize]) -> Self {
        let mut picks = Self {
            newest: newest_of_each(unit, pool, ranks),
            ..Self::default()
        };
        if picks.newest.len() < count.limit() {
            picks.oldest = ranks.last().copied().filter(|oldest| {
                // An incomplete one is the beginning of nothing where its period has a complete one.
                let taken_by = pool.get(*oldest).and_then(|one| {
                    let winner = picks.of_period(unit.index(one.moment))?;
                    let alike = pool.get(winner.rank)?.complete == one.complete;
                    Some(winner.rank != *oldest && alike)
                });
                taken_by == Some(true)
            });
        }
        picks.newest.truncate(count.limit());
        picks
    }

    fn of_period(&self, period: i64) -> Option<Pick> {
        let order = |pick: &Pick| period.cmp(&pick.period);
        let at = self.newest.binary_search_by(order).ok()?;
        self.newest.get(at).copied()
    }
}

/// Returns the ranks that are at most so much older than the first, and from when that is.
fn window<'a>(span: Span, pool: &Pool<'_>, ranks: &'a [usize]) -> (&'a [usize], i64) {
    let time = |rank: &usize| pool.get(*rank).map(|one| one.moment);
    let Some(newest) = ranks.first().and_then(time) else {
        return (&[], i64::MIN);
    };
    let cutoff = span.before(newest).unix_seconds;
    let inside = |rank: &usize| time(rank).is_some_and(|moment| moment.unix_seconds >= cutoff);
    let end = ranks.partition_point(inside);
    (ranks.get(..end).unwrap_or_default(), cutoff)
}

/// Returns the newest of each hour, day … year, complete ones before incomplete ones, the latest
/// period first.
fn newest_of_each(unit: Unit, pool: &Pool<'_>, ranks: &[usize]) -> Vec<Pick> {
    let entry = |rank: &usize| {
        let one = pool.get(*rank)?;
        Some((Reverse(unit.index(one.moment)), !one.complete, *rank))
    };
    let mut entries: Vec<_> = ranks.iter().filter_map(entry).collect();
    entries.sort(); // nearly sorted already: linear
    entries.dedup_by_key(|(period, ..)| *period);
    let pick = |(Reverse(period), _, rank)| Pick { period, rank };
    entries.into_iter().map(pick).collect()
}

fn reason(rule: &Rule, moment: Moment) -> Reason {
    match rule {
        Rule::Last(count) => Reason::Last(*count),
        Rule::Every(unit, _) => Reason::Newest(Period::of(*unit, moment)),
        Rule::Within(span) => Reason::Within(*span),
        Rule::EveryWithin(unit, span) => Reason::NewestWithin(Period::of(*unit, moment), *span),
        Rule::Tagged(tags) => Reason::Tagged(tags.clone()),
    }
}
