//! C-10 and C-11: enough copies, in enough places, and one that nobody can change.

use std::collections::BTreeSet;

use strongroom_format::record::Attested;
use strongroom_policy::{Key, LockMode, Period, Repository};
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, Subject, after};
use super::catalogue::Standard;
use super::damage::unresolved;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope, Verdict};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::{EntryRef, Noted};

pub(super) const C_10: Standard = Standard {
    spec: ControlSpec::new("C-10", "There are enough fresh copies, in enough places, without errors")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("copies")
        .with_texts(Texts {
            business: "One fire, one theft or one broken device can take the last good copy.",
            next_step: "Run the copy jobs that are behind, or add a repository at another site to the policy.",
            does_not_prove: "That places, media and providers are what the policy says: somebody must have looked.",
        })
        .with_parameters(&[
            Parameter::new("copies", ParameterKind::Count, "how many, with the original"),
            Parameter::new("media", ParameterKind::Count, "on how many kinds of media"),
            Parameter::new("offsite", ParameterKind::Count, "how many at other sites"),
            Parameter::new("immutable", ParameterKind::Count, "how many that nobody can change"),
        ]),
    judge: copies,
};

pub(super) const C_11: Standard = Standard {
    spec: ControlSpec::new("C-11", "Locks were read back, and are as strong and long as asked")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("immutability")
        .with_texts(Texts {
            business: "An intruder with the right password could delete every backup.",
            next_step: "Read the locks back with sr-locks and record what was seen; extend what ends too early.",
            does_not_prove: "That the provider keeps its own promises.",
        })
        .with_parameters(&[
            Parameter::new("minimum", ParameterKind::Period, "how long locks must last"),
            Parameter::new("every", ParameterKind::Period, "how often they are read back"),
        ]),
    judge: immutability,
};

/// How many copies there are of each sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    copies: u64,
    media: u64,
    offsite: u64,
    immutable: u64,
}

impl Count {
    fn is_enough(self, wanted: Self) -> bool {
        self.copies >= wanted.copies
            && self.media >= wanted.media
            && self.offsite >= wanted.offsite
            && self.immutable >= wanted.immutable
    }

    /// Returns what a framework asks for, or else the policy.
    fn asked(subject: &Subject, given: &Parameters) -> Self {
        let set = |key, name: &str| {
            given
                .count(name)
                .or(subject.resolved.count(key))
                .unwrap_or(0)
        };
        Self {
            copies: set(Key::CopiesMinimum, "copies"),
            media: set(Key::CopiesMedia, "media"),
            offsite: set(Key::CopiesOffsite, "offsite"),
            immutable: set(Key::CopiesImmutable, "immutable"),
        }
    }

    fn say(self) -> String {
        format!(
            "{} copies with the original, {} kinds of media or providers, {} at other sites, {} unchangeable",
            self.copies, self.media, self.offsite, self.immutable
        )
    }
}

fn copies(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| of_resource(case, one, given)).collect()
}

fn of_resource(case: &Case<'_>, subject: &Subject, given: &Parameters) -> Judgement {
    let scope = subject.scope();
    if subject.resource.is_retired(case.today()) {
        return Judgement::not_applicable(scope, "it is retired");
    }
    let wanted = Count::asked(subject, given);
    let names = subject.resolved.words(Key::CopiesTo);
    let known = case.policy().repositories.iter();
    let planned: Vec<(&str, &Repository)> = known
        .filter(|(name, _)| names.contains(name.as_str()))
        .map(|(name, one)| (name.as_str(), one))
        .collect();
    let plan = count(case, subject, planned.iter().map(|(_, one)| *one));
    if !plan.is_enough(wanted) {
        let why = format!(
            "the policy plans {}; asked for are {}",
            plan.say(),
            wanted.say()
        );
        return Judgement::fail(scope, why);
    }
    let limit = freshness(subject);
    let newest: Vec<(&str, &Repository, Option<Newest>)> = planned
        .iter()
        .map(|(name, one)| (*name, *one, newest(case, subject, name)))
        .collect();
    let is_fresh =
        |seen: &Option<Newest>| seen.is_some_and(|(capture, _)| case.is_fresh(capture, limit));
    let fresh = newest.iter().filter(|(_, _, seen)| is_fresh(seen));
    let there = count(case, subject, fresh.clone().map(|(_, one, _)| *one));
    let entries = newest
        .iter()
        .filter_map(|(_, _, seen)| seen.map(|(_, entry)| entry));
    if !there.is_enough(wanted) {
        let stale: Vec<String> = newest
            .iter()
            .filter(|(_, _, seen)| !is_fresh(seen))
            .map(|(name, _, seen)| match seen {
                Some((at, _)) => format!("{name} has data of {}", case.ago(*at)),
                None => format!("{name} has none"),
            })
            .collect();
        let since = newest.iter().filter(|(_, _, seen)| !is_fresh(seen));
        let since = since
            .filter_map(|(_, _, seen)| seen.map(|(at, _)| after(at, limit)))
            .min();
        let why = format!(
            "fresh within {limit} are {}; {}",
            there.say(),
            stale.join(", ")
        );
        return Judgement::unknown(scope, why).because(entries).since(since);
    }
    let end = fresh
        .filter_map(|(_, _, seen)| seen.map(|(at, _)| after(at, limit)))
        .min();
    let good = Judgement::pass(scope, format!("fresh within {limit} are {}", there.say()))
        .because(entries)
        .until(end);
    errors(case, subject, &planned, good)
}

/// The capture of the newest data in a repository, and the entry that shows it.
type Newest = (i64, EntryRef);

/// Returns the newest data of a resource in a repository: the moment of its capture, and the entry.
fn newest(case: &Case<'_>, subject: &Subject, repository: &str) -> Option<Newest> {
    let now = case.now().unix_seconds;
    let points = case.happened(&subject.resource.id)?.points.iter().rev();
    let mut copies = points.flat_map(|point| {
        let copies = case.history().copies(point);
        copies.filter(|one| one.repository == repository && one.is_there(now))
    });
    copies.next().map(|one| (one.capture, one.entry))
}

/// Returns how old the newest data of a copy may be: what may be lost, and the time to copy it.
fn freshness(subject: &Subject) -> Period {
    let loss = subject
        .resolved
        .period(Key::Rpo)
        .max(subject.protection.allowed_loss)
        .unwrap_or(DAY);
    loss.plus(subject.resolved.period(Key::CopiesWithin).unwrap_or(DAY))
}

fn count<'r>(
    case: &Case<'_>,
    subject: &Subject,
    repositories: impl Iterator<Item = &'r Repository>,
) -> Count {
    let site = case.policy().site_of(&subject.resource);
    let wanted = subject.resolved.lock();
    let mut all = Count {
        copies: 1,
        ..Count::default()
    };
    let mut media: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut providers = BTreeSet::new();
    for one in repositories {
        all.copies += 1;
        all.offsite += u64::from(Some(one.site.as_str()) != site);
        all.immutable += u64::from(one.offline || one.lock.min(wanted) > LockMode::None);
        let provider = one.provider.as_deref().unwrap_or_default();
        media.insert((one.medium.as_str(), provider));
        providers.insert(provider);
    }
    // The original is on a disk of its own; a disk elsewhere by somebody else is another medium.
    let original = !media
        .iter()
        .any(|(medium, provider)| *medium == "disk" && provider.is_empty());
    let count = media.len() + usize::from(original && all.copies > 1);
    all.media = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
    all
}

/// Judges what verifications of the copies left unresolved.
fn errors(
    case: &Case<'_>,
    subject: &Subject,
    planned: &[(&str, &Repository)],
    good: Judgement,
) -> Judgement {
    let most = subject.resolved.count(Key::CopiesErrors).unwrap_or(0);
    for (name, _) in planned {
        if let Some(open) = unresolved(case, name)
            && open.fact.unresolved > most
        {
            let why = format!(
                "{} errors in {name} are not resolved; {most} may be",
                open.fact.unresolved
            );
            return Judgement::fail(good.scope, why)
                .because([open.entry])
                .since(Moment::utc(open.at));
        }
    }
    good
}

fn immutability(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let mut all: Vec<Judgement> = case
        .repositories()
        .iter()
        .map(|one| locked(case, one, given))
        .collect();
    for subject in case.active() {
        let wanted = subject.resolved.lock();
        let names = subject.resolved.words(Key::CopiesTo);
        let known = case.policy().repositories.iter();
        let mut able = known.filter(|(name, one)| {
            names.contains(name.as_str()) && (one.offline || one.lock >= wanted)
        });
        if wanted > LockMode::None && able.next().is_none() {
            let why = format!(
                "it must be locked in mode {}, and no copy can be",
                wanted.as_str()
            );
            all.push(Judgement::fail(subject.scope(), why));
        }
    }
    all
}

fn locked(case: &Case<'_>, of: &RepositoryOf<'_>, given: &Parameters) -> Judgement {
    let mut all = Several::of(Scope::Repository(of.name.to_owned()));
    let (mode, time) = case.lock_asked(of.name);
    let minimum = time.max(given.period("minimum"));
    let mode = mode.min(of.repository.lock);
    if mode == LockMode::None {
        return Judgement::not_applicable(all.scope(), "it has no locks, or nobody asks for one");
    }
    let limit = given.period("every").unwrap_or(READ_BACK);
    let Some(last) = case.attested("lock", Some(of.name)) else {
        let why = format!("no lock was read back; that is good for {limit}");
        return Judgement::unknown(all.scope(), why);
    };
    read_back(case, &mut all, last, mode, minimum);
    if !case.is_fresh(last.at, limit) {
        let age = case.ago(last.at);
        let why = format!("locks were read back {age}; that is good for {limit}");
        all.add(
            Judgement::unknown(all.scope(), why)
                .because([last.entry])
                .since(after(last.at, limit)),
        );
    }
    if let Some(clock) = case.attested("clock", None).filter(|one| !one.fact.holds) {
        let why = "a clock was seen to be wrong, and locks go by clocks";
        all.add(Judgement::unknown(all.scope(), why).because([clock.entry]));
    }
    let end = after(last.at, limit);
    let judgement = all.finish();
    let is_good = judgement.verdict == Verdict::Pass;
    judgement.until(is_good.then_some(end))
}

/// Judges what was seen of locks: whether they hold, in which mode, and how long.
fn read_back(
    case: &Case<'_>,
    all: &mut Several,
    last: &Noted<Attested>,
    mode: LockMode,
    minimum: Option<Period>,
) {
    let scope = all.scope();
    let value = |name: &str| last.fact.values.get(name).map(String::as_str);
    let judge = |good: bool, what: String| match good {
        true => Judgement::pass(scope.clone(), what).because([last.entry]),
        false => Judgement::fail(scope.clone(), what)
            .because([last.entry])
            .since(Moment::utc(last.at)),
    };
    let unknown = |what: &str| Judgement::unknown(scope.clone(), what).because([last.entry]);
    let age = case.ago(last.at);
    all.add(judge(
        last.fact.holds,
        format!("locks were read back {age}"),
    ));
    all.add(
        match value("mode").and_then(|text| text.parse::<LockMode>().ok()) {
            Some(seen) => judge(
                seen >= mode,
                format!(
                    "their mode is {}, asked for is {}",
                    seen.as_str(),
                    mode.as_str()
                ),
            ),
            None => unknown("nobody says in which mode they are"),
        },
    );
    let Some(minimum) = minimum else {
        return;
    };
    // Locks are extended in generations, so that the last one may be a day short.
    let least = minimum.after(Moment::utc(last.at)).unix_seconds - DAY_SECONDS;
    all.add(
        match value("until").and_then(|text| text.parse::<Moment>().ok()) {
            Some(until) => judge(
                until.unix_seconds >= least,
                format!("they last until {until}, asked for are {minimum}"),
            ),
            None => unknown("nobody says how long they last"),
        },
    );
}

const DAY: Period = Period::days(1);
const DAY_SECONDS: i64 = 86_400;
/// Locks are read back with each check of a repository, once a month at least.
const READ_BACK: Period = Period::days(35);
