//! How [`KeepRules`] choose.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::count::Count;
use crate::moment::Moment;
use crate::rules::{KeepRules, Rule, Tags};
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
            let index = pool.get(rank).map(|one| one.index);
            if let Some(reasons) = index.and_then(|index| reasons.get_mut(index)) {
                reasons.push(reason);
            }
        }
    }
    let mut losses: HashMap<usize, Vec<Loss<usize>>> = HashMap::new();
    for one in &pool.ranked {
        if reasons.get(one.index).is_some_and(Vec::is_empty) {
            let losing = choices.iter().map(|choice| choice.loss(one, &pool));
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
    incomplete: Vec<usize>,
}

struct Ranked<'s> {
    index: usize,
    moment: Moment,
    complete: bool,
    tags: &'s BTreeSet<String>,
}

impl<'s> Pool<'s> {
    fn new<Id: Ord>(snapshots: &'s [SnapshotInfo<Id>], now: Moment) -> Self {
        let mut present: Vec<_> = snapshots
            .iter()
            .enumerate()
            .filter(|(_, one)| one.moment.unix_seconds <= now.unix_seconds)
            .collect();
        present.sort_by_key(|(_, one)| Reverse(one.place()));
        let ranked = present.into_iter().map(|(index, one)| Ranked {
            index,
            moment: one.moment,
            complete: one.complete,
            tags: &one.tags,
        });
        let ranked: Vec<_> = ranked.collect();
        let is_complete = |rank: &usize| ranked.get(*rank).is_some_and(|one| one.complete);
        let (complete, incomplete) = (0..ranked.len()).partition(is_complete);
        Self {
            ranked,
            complete,
            incomplete,
        }
    }

    fn get(&self, rank: usize) -> Option<&Ranked<'s>> {
        self.ranked.get(rank)
    }

    /// Returns the first second that is within a span of the newest of these ranks, which rise.
    fn cutoff(&self, span: Span, newest: Option<&usize>) -> i64 {
        let newest = newest.and_then(|rank| self.get(*rank));
        newest.map_or(i64::MIN, |one| span.before(one.moment).unix_seconds)
    }

    /// Returns those of these ranks, which rise, that are not earlier.
    fn since<'a>(&self, cutoff: i64, ranks: &'a [usize]) -> &'a [usize] {
        let inside =
            |rank: &usize| self.get(*rank).map(|one| one.moment.unix_seconds) >= Some(cutoff);
        let end = ranks.partition_point(inside);
        ranks.get(..end).unwrap_or_default()
    }

    fn tagged(&self, tags: &Tags, ranks: &[usize]) -> Vec<usize> {
        let has_them = |rank: &usize| self.get(*rank).is_some_and(|one| tags.are_in(one.tags));
        ranks.iter().copied().filter(has_them).collect()
    }
}

/// What one rule chooses: of the complete snapshots as if there were no others, and then of the
/// incomplete ones what it would choose of all, if no complete one that is chosen serves.
struct Choice<'r> {
    rule: &'r Rule,
    complete: Picks,
    incomplete: Picks,
    /// The oldest, where the rule keeps that too.
    oldest: Vec<usize>,
    /// What is earlier is too old, for complete and for incomplete ones.
    cutoffs: [i64; 2],
}

impl<'r> Choice<'r> {
    fn new(rule: &'r Rule, pool: &Pool<'_>) -> Self {
        let mut choice = Self {
            rule,
            complete: Picks::default(),
            incomplete: Picks::default(),
            oldest: Vec::new(),
            cutoffs: [i64::MIN; 2],
        };
        let [complete, incomplete] = [&pool.complete[..], &pool.incomplete[..]];
        match rule {
            Rule::Last(count) => {
                choice.complete.ranks = complete.iter().copied().take(count.limit()).collect();
                choice.incomplete.ranks = incomplete.to_vec();
                choice.share(*count);
            }
            Rule::Every(unit, count) => {
                choice.every(*unit, *count, pool);
            }
            Rule::Within(span) => {
                let [complete, incomplete] = choice.windows(*span, pool);
                choice.complete.ranks = complete.to_vec();
                choice.incomplete.ranks = incomplete.to_vec();
            }
            Rule::EveryWithin(unit, span) => {
                let [complete, incomplete] = choice.windows(*span, pool);
                choice.complete = Picks::newest_of_each(*unit, pool, complete);
                choice.incomplete = Picks::newest_of_each(*unit, pool, incomplete);
                choice.incomplete.without(&choice.complete);
            }
            Rule::Tagged(tags) => {
                choice.complete.ranks = pool.tagged(tags, complete);
                choice.incomplete.ranks = pool.tagged(tags, incomplete);
            }
        }
        choice
    }

    fn every(&mut self, unit: Unit, count: Count, pool: &Pool<'_>) {
        self.complete = Picks::newest_of_each(unit, pool, &pool.complete);
        let has_room = self.complete.ranks.len() < count.limit();
        if let (true, Some(oldest)) = (has_room, pool.complete.last()) {
            self.oldest.push(*oldest);
        }
        self.complete.truncate(count.limit());

        self.incomplete = Picks::newest_of_each(unit, pool, &pool.incomplete);
        self.incomplete.without(&self.complete);
        let has_room = self.complete.ranks.len() + self.incomplete.ranks.len() < count.limit();
        if let (true, Some(oldest)) = (has_room, pool.incomplete.last())
            && pool.complete.last() < Some(oldest)
            && pool
                .get(*oldest)
                .is_some_and(|one| self.complete.of_period(unit.index(one.moment)).is_none())
        {
            self.oldest.push(*oldest);
        }
        self.share(count);
        let picked = [&self.complete.ranks, &self.incomplete.ranks];
        let is_picked = |rank: &usize| picked.iter().any(|ranks| ranks.binary_search(rank).is_ok());
        self.oldest.retain(|rank| !is_picked(rank));
    }

    /// Leaves of the incomplete ones what is among the newest so many of both kinds.
    fn share(&mut self, count: Count) {
        let mut newer = self.complete.ranks.iter().peekable();
        let mut before = 0_usize;
        let fits = |(nth, rank): (usize, &usize)| {
            while newer.next_if(|complete| *complete < rank).is_some() {
                before += 1;
            }
            before + nth < count.limit()
        };
        let fitting = self.incomplete.ranks.iter().enumerate().map(fits);
        let end = fitting.take_while(|fits| *fits).count();
        self.incomplete.truncate(end);
    }

    /// Returns what is in the window that ends at the newest complete one, and the incomplete ones
    /// of the window that ends at the newest of all.
    fn windows<'p>(&mut self, span: Span, pool: &'p Pool<'_>) -> [&'p [usize]; 2] {
        let newest = pool.complete.first();
        let newest_of_all = newest.into_iter().chain(pool.incomplete.first()).min();
        self.cutoffs = [pool.cutoff(span, newest), pool.cutoff(span, newest_of_all)];
        let [complete, incomplete] = self.cutoffs;
        [
            pool.since(complete, &pool.complete),
            pool.since(incomplete, &pool.incomplete),
        ]
    }

    /// Returns the rank of each snapshot that it keeps, and why.
    fn kept(&self, pool: &Pool<'_>) -> Vec<(usize, Reason)> {
        let ranks = self.complete.ranks.iter().chain(&self.incomplete.ranks);
        let picked = ranks.filter_map(|rank| {
            let moment = pool.get(*rank)?.moment;
            Some((*rank, reason(self.rule, moment)))
        });
        let mut kept: Vec<_> = picked.collect();
        if let Rule::Every(unit, _) = self.rule {
            kept.extend(
                self.oldest
                    .iter()
                    .map(|rank| (*rank, Reason::Oldest(*unit))),
            );
        }
        kept
    }

    /// Returns what it has to say about a snapshot that it does not keep.
    fn loss(&self, one: &Ranked<'_>, pool: &Pool<'_>) -> Loss<usize> {
        let taken = |unit: Unit| {
            let period = unit.index(one.moment);
            let incomplete = || self.incomplete.of_period(period).filter(|_| !one.complete);
            let by = self.complete.of_period(period).or_else(incomplete)?;
            Some(Loss::Taken(
                Period::of(unit, one.moment),
                pool.get(by)?.index,
            ))
        };
        let [complete, incomplete] = self.cutoffs;
        let is_old = one.moment.unix_seconds < if one.complete { complete } else { incomplete };
        let rule = self.rule.clone();
        match &rule {
            Rule::Last(_) => Loss::Crowded(rule),
            Rule::Every(unit, _) => taken(*unit).unwrap_or(Loss::Crowded(rule)),
            Rule::EveryWithin(unit, _) if !is_old => taken(*unit).unwrap_or(Loss::TooOld(rule)),
            Rule::Within(_) | Rule::EveryWithin(..) => Loss::TooOld(rule),
            Rule::Tagged(tags) => Loss::Untagged(tags.clone()),
        }
    }
}

/// Some ranks, which rise, and for rules of periods the period of each.
#[derive(Default)]
struct Picks {
    ranks: Vec<usize>,
    periods: HashMap<i64, usize>,
}

impl Picks {
    /// Returns the first of each hour, day … year.
    fn newest_of_each(unit: Unit, pool: &Pool<'_>, ranks: &[usize]) -> Self {
        let mut picks = Self::default();
        let mut last = None;
        for rank in ranks {
            let Some(one) = pool.get(*rank) else { continue };
            let period = unit.index(one.moment);
            // Neighbours are mostly of one period, which saves the search.
            if last.replace(period) == Some(period) {
                continue;
            }
            if let Entry::Vacant(entry) = picks.periods.entry(period) {
                entry.insert(*rank);
                picks.ranks.push(*rank);
            }
        }
        picks
    }

    /// Leaves out what is of a period that the others have.
    fn without(&mut self, others: &Self) {
        self.periods
            .retain(|period, _| others.of_period(*period).is_none());
        let left: HashSet<usize> = self.periods.values().copied().collect();
        self.ranks.retain(|rank| left.contains(rank));
    }

    fn truncate(&mut self, len: usize) {
        self.ranks.truncate(len);
        let last = self.ranks.last().copied();
        self.periods.retain(|_, rank| Some(*rank) <= last);
    }

    fn of_period(&self, period: i64) -> Option<usize> {
        self.periods.get(&period).copied()
    }
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
