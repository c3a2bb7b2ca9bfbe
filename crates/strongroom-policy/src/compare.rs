//! Which of two values of a setting protects less.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use strongroom_retain::{KeepRules, Moment, Rule, Span, Unit};

use crate::key::{Key, Sense};
use crate::level::Level;
use crate::period::Period;
use crate::value::{Kind, Value};

/// In which direction a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Direction {
    /// It protects more.
    Stronger,
    /// It protects neither more nor less by itself.
    Different,
    /// It protects less, at least in part.
    Weaker,
}

/// Says in which direction a setting changed; `None` when it did not.
///
/// What cannot be compared counts as weaker: a person must look.
#[must_use]
pub fn compare(key: Key, old: Option<&Value>, new: Option<&Value>) -> Option<Direction> {
    if old == new {
        return None;
    }
    let spec = key.spec();
    let direction = match spec.sense {
        Sense::Neutral => Direction::Different,
        Sense::More => by_rank(rank(spec.kind, old), rank(spec.kind, new)),
        Sense::Later => by_rank(rank(spec.kind, old), rank(spec.kind, new)),
        Sense::On => by_rank(
            rank(spec.kind, old).or(Some(0)),
            rank(spec.kind, new).or(Some(0)),
        ),
        Sense::Off => by_rank(
            rank(spec.kind, new).or(Some(0)),
            rank(spec.kind, old).or(Some(0)),
        ),
        Sense::MoreOrUnset => {
            let of = |value| rank(spec.kind, value).or(Some(u128::MAX));
            by_rank(of(old), of(new))
        }
        Sense::Less => {
            let of = |value| rank(spec.kind, value).or(Some(u128::MAX));
            by_rank(of(new), of(old))
        }
        Sense::Superset => by_loss(old, new, |old, new| !words(new).is_superset(&words(old))),
        Sense::Subset => match (old, new) {
            (None, _) => Direction::Stronger,
            (_, None) => Direction::Weaker,
            _ => by_loss(old, new, |old, new| !words(new).is_subset(&words(old))),
        },
        Sense::Keep => by_loss(old, new, |old, new| {
            !lost_rules(&rules(old), &rules(new)).is_empty()
        }),
        Sense::Ages => by_loss(old, new, |old, new| loses_age(&levels(old), &levels(new))),
        Sense::Excludes => by_loss(old, new, |old, new| {
            !widened(lines(old), lines(new)).is_empty()
        }),
    };
    Some(direction)
}

/// Says whether a value is at least as strong as a bound.
pub(crate) fn meets(key: Key, value: Option<&Value>, bound: &Value) -> bool {
    compare(key, Some(bound), value) != Some(Direction::Weaker)
}

fn by_rank(old: Option<u128>, new: Option<u128>) -> Direction {
    match new.cmp(&old) {
        std::cmp::Ordering::Less => Direction::Weaker,
        std::cmp::Ordering::Equal => Direction::Different,
        std::cmp::Ordering::Greater => Direction::Stronger,
    }
}

/// Compares in both directions: what loses nothing either way is only different.
fn by_loss<'v>(
    old: Option<&'v Value>,
    new: Option<&'v Value>,
    loses: impl Fn(Option<&'v Value>, Option<&'v Value>) -> bool,
) -> Direction {
    if loses(old, new) {
        Direction::Weaker
    } else if loses(new, old) {
        Direction::Stronger
    } else {
        Direction::Different
    }
}

/// Returns a number that is greater for more, or nothing for no value.
fn rank(kind: Kind, value: Option<&Value>) -> Option<u128> {
    Some(match (kind, value?) {
        (_, Value::Period(period)) => u128::from(period.mean_seconds()),
        (_, Value::Count(count)) => u128::from(*count),
        (_, Value::Flag(flag)) => u128::from(*flag),
        (_, Value::Share(share)) => u128::from(share.get()),
        (_, Value::Bytes(bytes)) => u128::from(bytes.get()),
        (Kind::Choice(words), Value::Text(text)) => {
            let place = words.iter().position(|word| word == text)?;
            u128::try_from(place).ok()? + 1
        }
        _ => return None,
    })
}

fn words(value: Option<&Value>) -> BTreeSet<&str> {
    match value {
        Some(Value::Set(words)) => words.iter().map(String::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

fn lines(value: Option<&Value>) -> &[String] {
    match value {
        Some(Value::List(lines)) => lines,
        _ => &[],
    }
}

fn levels(value: Option<&Value>) -> BTreeMap<Level, Period> {
    match value {
        Some(Value::Ages(ages)) => ages.clone(),
        _ => BTreeMap::new(),
    }
}

/// Every level that was promised must be promised still, by itself or by a deeper one, as often.
fn loses_age(old: &BTreeMap<Level, Period>, new: &BTreeMap<Level, Period>) -> bool {
    let is_kept = |(level, age): (&Level, &Period)| {
        let deep_enough = new.range(*level..);
        deep_enough.into_iter().any(|(_, new_age)| new_age <= age)
    };
    !old.iter().all(is_kept)
}

fn rules(value: Option<&Value>) -> KeepRules {
    match value {
        Some(Value::Keep(rules)) => rules.clone(),
        // No rules keep everything.
        _ => KeepRules::new(),
    }
}

/// Returns the old rules that may keep something which no new rule keeps.
pub(crate) fn lost_rules(old: &KeepRules, new: &KeepRules) -> Vec<String> {
    if new.is_empty() {
        return Vec::new();
    }
    if old.is_empty() {
        return vec!["everything".to_owned()];
    }
    let lost = old
        .iter()
        .filter(|old| !new.iter().any(|new| covers(new, old)));
    lost.map(ToString::to_string).collect()
}

/// Says whether one rule keeps all that another keeps, whatever snapshots there are.
fn covers(new: &Rule, old: &Rule) -> bool {
    match (new, old) {
        (Rule::Last(new), Rule::Last(old)) => new >= old,
        (Rule::Every(finer, new), Rule::Every(coarser, old)) => {
            // The last so many days with snapshots cover the last weeks with snapshots if they are
            // seven for each week.
            let each = units_in(*finer, *coarser);
            let number = |count: Option<u32>| count.map_or(u64::MAX, u64::from);
            each.is_some_and(|each| number(new.get()) >= number(old.get()).saturating_mul(each))
        }
        (Rule::Within(new), Rule::Within(old) | Rule::EveryWithin(_, old)) => {
            is_as_long(*new, *old)
        }
        (Rule::EveryWithin(finer, new), Rule::EveryWithin(coarser, old)) => {
            units_in(*finer, *coarser).is_some() && is_as_long(*new, *old)
        }
        (Rule::Tagged(new), Rule::Tagged(old)) => {
            let old: BTreeSet<String> = old.iter().map(str::to_owned).collect();
            new.are_in(&old)
        }
        _ => false,
    }
}

/// Returns the most finer units that one coarser unit holds, if it holds whole ones.
fn units_in(finer: Unit, coarser: Unit) -> Option<u64> {
    if finer == coarser {
        return Some(1);
    }
    let days = |unit| match unit {
        Unit::Week => Some(7),
        Unit::Month => Some(31),
        Unit::Quarter => Some(92),
        Unit::HalfYear => Some(184),
        Unit::Year => Some(366),
        _ => None,
    };
    match (finer, coarser) {
        (Unit::Hour, Unit::Day) => Some(25),
        (Unit::Hour, unit) => days(unit).map(|days| days * 25),
        (Unit::Day, unit) => days(unit),
        (Unit::Month, Unit::Quarter) => Some(3),
        (Unit::Month, Unit::HalfYear) => Some(6),
        (Unit::Month, Unit::Year) => Some(12),
        (Unit::Quarter, Unit::HalfYear) => Some(2),
        (Unit::Quarter, Unit::Year) => Some(4),
        (Unit::HalfYear, Unit::Year) => Some(2),
        _ => None,
    }
}

/// Says whether a span is as long as another from wherever one counts, as far as some days of the
/// calendar tell.
fn is_as_long(new: Span, old: Span) -> bool {
    // Ends of long and short months, and both sides of a leap day.
    [20_512, 20_878, 21_244, 21_243, 21_184, 21_275]
        .map(|day| Moment::utc(day * 86_400))
        .into_iter()
        .all(|moment| new.before(moment) <= old.before(moment))
}

/// Returns the new patterns that may leave out what no old one did.
pub(crate) fn widened<'n>(old: &[String], new: &'n [String]) -> Vec<&'n str> {
    let is_comment = |line: &&String| line.starts_with('#') || line.trim().is_empty();
    let strip = |lines: &'_ [String]| -> Vec<String> {
        lines
            .iter()
            .filter(|line| !is_comment(line))
            .cloned()
            .collect()
    };
    let (old_lines, new_lines) = (strip(old), strip(new));
    if old_lines == new_lines {
        return Vec::new();
    }
    let brings_back = |line: &String| line.starts_with('!');
    if old_lines.iter().chain(&new_lines).any(brings_back) {
        // The last line that matches decides, so lines cannot be compared one by one.
        let changed = new
            .iter()
            .filter(|line| !old.contains(line))
            .map(String::as_str);
        let changed: Vec<&str> = changed.collect();
        let gone_or_moved = "lines with ! that are gone or moved";
        return if changed.is_empty() {
            vec![gone_or_moved]
        } else {
            changed
        };
    }
    let is_covered = |line: &&String| old_lines.iter().any(|old| pattern_covers(old, line));
    let wider = new
        .iter()
        .filter(|line| !is_comment(line) && !is_covered(line));
    wider.map(String::as_str).collect()
}

/// Says whether one pattern leaves out all that another does, as far as their texts tell: `false`
/// may be wrong, `true` is not.
fn pattern_covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    // Character classes and escapes are not looked into.
    let plain = |text: &str| !text.contains(['[', ']', '\\', '{', '}']);
    if !plain(wide) || !plain(narrow) {
        return false;
    }
    // `name/` leaves out directories, `name` files of that name too.
    if wide.ends_with('/') && !narrow.ends_with('/') {
        return is_below(wide, narrow);
    }
    let trim = |text: &'_ str| text.trim_end_matches('/').to_owned();
    let anchored = |text: &str| text.trim_end_matches('/').contains('/');
    if anchored(wide) != anchored(narrow) {
        return false;
    }
    let rooted = |text: &str| trim(text).trim_start_matches('/').to_owned();
    is_below(wide, narrow) || text_covers(&rooted(wide), &rooted(narrow))
}

/// Says whether a pattern is below a directory that is left out as a whole.
fn is_below(wide: &str, narrow: &str) -> bool {
    let directory = wide.trim_end_matches('/');
    let is_literal = !directory.contains(['*', '?']) && directory.starts_with('/');
    is_literal
        && narrow
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Matches a pattern against another as a text, in which a wildcard stands only for itself or less.
fn text_covers(wide: &str, narrow: &str) -> bool {
    fn go(wide: &[char], narrow: &[char]) -> bool {
        match (wide.split_first(), narrow.split_first()) {
            (None, None) => true,
            (Some(('*', ['*', rest @ ..])), _) => {
                go(rest, narrow) || narrow.split_first().is_some_and(|(_, n)| go(wide, n))
            }
            (Some(('*', rest)), _) => {
                let takes =
                    |c: char, n: &[char]| c != '/' && !(c == '*' && n.first() == Some(&'*'));
                go(rest, narrow)
                    || narrow
                        .split_first()
                        .is_some_and(|(c, n)| takes(*c, n) && go(wide, n))
            }
            (Some(('?', rest)), Some((c, n))) => *c != '/' && *c != '*' && go(rest, n),
            (Some((a, rest)), Some((b, n))) => a == b && go(rest, n),
            _ => false,
        }
    }
    let wide: Vec<char> = wide.chars().take(LONGEST_PATTERN).collect();
    let narrow: Vec<char> = narrow.chars().take(LONGEST_PATTERN + 1).collect();
    // A recursion over stars is exponential in their number.
    let stars = wide.iter().filter(|c| **c == '*').count();
    stars <= MOST_STARS && narrow.len() <= LONGEST_PATTERN && go(&wide, &narrow)
}

const LONGEST_PATTERN: usize = 200;
const MOST_STARS: usize = 4;

#[cfg(test)]
mod tests;
