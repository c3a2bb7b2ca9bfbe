use std::time::Duration;

use strongroom_format::PackClass;

use super::*;
use crate::sample::testing::{Chance, Diary, day, head, unit, units};
use crate::sample::{Share, Statement};

const DAY: Duration = Duration::from_secs(86_400);

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

fn none() -> BTreeSet<ObjectHash> {
    BTreeSet::new()
}

#[test]
fn everything_is_read_if_nothing_else_is_said() {
    let packs = units(30);
    let (chosen, statements) =
        Diary::new(10).check(&packs, &PackSelection::default(), day(0), &none());
    assert_eq!(chosen.packs().len(), 30);
    assert_eq!(
        statements[0].to_string(),
        "every pack was read at L3 decoded: none of 30 is damaged"
    );
}

#[test]
fn trees_are_always_read_with_a_sample() {
    let mut packs = units(400);
    for pack in packs.iter_mut().step_by(40) {
        pack.class = Some(PackClass::Pages);
    }
    let sampling = Sampling::proving(share("95%"), share("5%"));
    let (chosen, _) =
        Diary::new(50).check(&packs, &PackSelection::sample(sampling), day(0), &none());
    let trees = packs.iter().filter(|pack| !pack.is_sampled());
    assert!(
        trees.clone().count() == 10
            && trees
                .clone()
                .all(|pack| chosen.packs().contains(&pack.name))
    );
    assert!(chosen.packs().len() < 100);
}

#[test]
fn the_choice_is_another_at_every_head_and_the_same_at_the_same() {
    let packs = units(1_000);
    let selection = PackSelection::sample(Sampling::share(share("10%")));
    let at = |n| {
        Diary::new(n)
            .choose(&packs, &selection, day(0))
            .packs()
            .clone()
    };
    assert_eq!(at(200), at(200));
    let common = at(200).intersection(&at(201)).count();
    assert!((1..40).contains(&common), "{common}");
}

#[test]
fn another_history_is_another_choice() {
    let packs = units(1_000);
    let selection = PackSelection::sample(Sampling::share(share("10%")));
    let past = Past::default();
    let choice = |hash| {
        let request = Request {
            selection: &selection,
            level: Level::Decoded,
            origin: Origin::Journal(Head { n: 200, hash }),
            past: Some(&past),
            now: day(0),
        };
        choose(packs.iter().copied(), &request).packs().clone()
    };
    assert_ne!(choice(head(200).hash), choice(ObjectHash::of(b"rewritten")));
}

#[test]
fn two_runs_with_an_age_read_no_content_twice() {
    let mut packs = units(200);
    let selection = PackSelection::max_age(30 * DAY);
    let mut diary = Diary::new(50);
    let (first, _) = diary.check(&packs, &selection, day(0), &none());
    assert_eq!(first.packs().len(), 200);
    let (second, statements) = diary.check(&packs, &selection, day(1), &none());
    assert!(second.packs().is_empty());
    assert_eq!(
        statements[0].to_string(),
        "every pack was read at L3 decoded within the last 30 days (oldest 24 h)"
    );
    // What is new is read, and what has become old.
    packs.push(unit(9_999, diary.next, 5));
    diary.next += 1;
    let (third, _) = diary.check(&packs, &selection, day(5), &none());
    assert_eq!(
        third.packs().iter().copied().collect::<Vec<_>>(),
        [unit(9_999, 0, 0).name]
    );
    let (fourth, _) = diary.check(&packs, &selection, day(31), &none());
    assert_eq!(fourth.packs().len(), 200);
    let (fifth, _) = diary.check(&packs, &selection, day(34), &none());
    assert!(fifth.packs().is_empty());
    let (sixth, _) = diary.check(&packs, &selection, day(36), &none());
    assert_eq!(sixth.packs().len(), 1);
}

#[test]
fn what_was_damaged_is_no_evidence() {
    let packs = units(100);
    let selection = PackSelection::max_age(30 * DAY);
    let damaged = BTreeSet::from([packs[3].name]);
    let mut diary = Diary::new(50);
    diary.check(&packs, &selection, day(0), &none());
    // It breaks on day 1; a full check sees it, and the earlier reading counts no more.
    diary.check(&packs, &PackSelection::all(), day(1), &damaged);
    let (chosen, statements) = diary.check(&packs, &selection, day(2), &damaged);
    assert_eq!(chosen.packs(), &damaged);
    assert_eq!(
        statements[0].to_string(),
        "1 of 100 packs were not read at L3 decoded within the last 30 days, or are damaged"
    );
    // Healed in place, it is read once more and counts again.
    diary.check(&packs, &selection, day(3), &none());
    assert!(diary.choose(&packs, &selection, day(4)).packs().is_empty());
}

#[test]
fn evidence_of_a_lesser_level_or_from_the_future_is_none() {
    let packs = units(40);
    let mut diary = Diary::new(50);
    diary.check(&packs, &PackSelection::all(), day(0), &none());
    let selection = PackSelection::max_age(30 * DAY);
    let mut lesser = strongroom_format::CheckRecord::of_evidence(&diary.entries[0].evidence)
        .unwrap()
        .unwrap();
    lesser.level = 2;
    diary.entries[0].evidence = lesser.to_evidence().unwrap();
    assert_eq!(diary.choose(&packs, &selection, day(1)).packs().len(), 40);
    lesser.level = 3;
    lesser.time = day(5_000);
    diary.entries[0].evidence = lesser.to_evidence().unwrap();
    assert_eq!(diary.choose(&packs, &selection, day(1)).packs().len(), 40);
}

#[test]
fn a_sample_and_a_round_are_read_together() {
    let packs = units(1_000);
    let sampling = Sampling::proving(share("95%"), share("5%"));
    let selection = PackSelection::rolling(30 * DAY).and_sample(sampling);
    let mut diary = Diary::new(200);
    let (chosen, statements) = diary.check(&packs, &selection, day(0), &none());
    let kinds: Vec<_> = statements.iter().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), statements.len());
    assert!(matches!(statements[0], Statement::Sampled(_)));
    assert!(
        statements
            .iter()
            .any(|one| matches!(one, Statement::Round(_)))
    );
    assert!(
        statements
            .iter()
            .any(|one| matches!(one, Statement::Age(_)))
    );
    assert!((60..160).contains(&chosen.packs().len()));
}

#[test]
fn without_a_journal_the_listing_decides() {
    let mut packs = units(500);
    for pack in &mut packs {
        pack.class = None;
        pack.n = 0;
    }
    let selection = PackSelection::sample(Sampling::share(share("10%"))).and_rolling(DAY);
    let request = |selection| Request {
        selection,
        level: Level::Hashed,
        origin: Origin::Listing(ObjectHash::of(b"names")),
        past: None,
        now: day(0),
    };
    let sample = PackSelection::sample(Sampling::share(share("10%")));
    let chosen = choose(packs.iter().copied(), &request(&sample));
    assert_eq!(chosen.packs().len(), 50);
    // Nobody remembers a round: all of it is due.
    assert_eq!(
        choose(packs.iter().copied(), &request(&selection))
            .packs()
            .len(),
        500
    );
}

/// Whatever is asked for, in whatever order: what a record says was read is what was read.
#[test]
fn every_choice_can_be_derived_again_from_its_record() {
    let selections = [
        PackSelection::all(),
        PackSelection::max_age(3 * DAY),
        PackSelection::max_age(10 * DAY),
        PackSelection::rolling(9 * DAY),
        PackSelection::sample(Sampling::share(share("20%"))),
        PackSelection::sample(Sampling::proving(share("90%"), share("10%"))).and_rolling(20 * DAY),
    ];
    for seed in 0..12 {
        let mut chance = Chance::new(seed);
        let mut packs = units(150);
        let mut diary = Diary::new(50);
        let (mut now, mut runs) = (0, Vec::new());
        for _ in 0..14 {
            for _ in 0..chance.below(4) {
                packs.push(unit(10_000 + diary.next * 10, diary.next, now));
                diary.next += 1;
            }
            let which = usize::try_from(chance.below(selections.len() as u64)).unwrap();
            let damaged = BTreeSet::from([packs[usize::try_from(chance.below(150)).unwrap()].name]);
            let known = packs.clone();
            let (chosen, _) = diary.check(&packs, &selections[which], day(now), &damaged);
            runs.push((known, chosen, damaged, day(now)));
            now += i64::try_from(chance.below(4)).unwrap();
        }
        for count in 1..=runs.len() {
            let until = Diary {
                entries: diary.entries[..count].to_vec(),
                next: 0,
            };
            let (known, chosen, damaged, time) = &runs[count - 1];
            let past = until.past();
            for pack in known {
                let was_read = chosen.packs().contains(&pack.name) && !damaged.contains(&pack.name);
                assert_eq!(past.was_read_by_last(pack), was_read);
                if was_read {
                    assert_eq!(past.last_read(pack, Level::Decoded, *time), Some(*time));
                }
            }
        }
    }
}
