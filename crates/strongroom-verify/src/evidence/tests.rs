use std::collections::BTreeSet;

use strongroom_format::{Evidence, PackClasses};

use super::*;
use crate::sample::PackSelection;
use crate::sample::testing::{Diary, day, head, units};

impl Past {
    /// Whether the newest reading read a pack.
    pub(crate) fn was_read_by_last(&self, unit: &Unit) -> bool {
        Look::new(self, unit).is_read_by(self.readings.len() - 1)
    }
}

fn doubts(diary: &Diary) -> Vec<(u64, Doubt)> {
    let mut doubts = Vec::new();
    Past::new(
        &diary.entries,
        |claimed| *claimed == head(claimed.n),
        |entry, doubt| doubts.push((entry.n, doubt)),
    );
    doubts
}

fn diary() -> Diary {
    let mut diary = Diary::new(20);
    diary.check(&units(100), &PackSelection::all(), day(0), &BTreeSet::new());
    diary
}

fn change(diary: &mut Diary, change: impl FnOnce(&mut CheckRecord)) {
    let evidence = &mut diary.entries[0].evidence;
    let mut record = CheckRecord::of_evidence(evidence).unwrap().unwrap();
    change(&mut record);
    *evidence = record.to_evidence().unwrap();
}

#[test]
fn what_claims_to_be_of_the_future_ends_no_round() {
    let mut diary = diary();
    let mut record_part = |time| {
        change(&mut diary, |record| {
            record.choices = vec![Choice::Rolling(Rolling {
                classes: PackClasses::DATA,
                began: (19, head(19).hash),
                time,
                period_s: 1,
                first: 0,
                last: 7,
            })];
        });
        let past = Past::new(&diary.entries, |_| true, |_, _| {});
        past.place(Level::Decoded, day(1))
            .map(|place| place.part.last)
    };
    assert_eq!(record_part(day(0)), Some(7));
    assert_eq!(record_part(day(1_000)), None);
}

#[test]
fn a_record_of_another_history_proves_nothing_and_is_noticed() {
    let mut forged = diary();
    change(&mut forged, |record| {
        record.head.1 = ObjectHash::of(b"rewritten");
    });
    assert_eq!(doubts(&forged), [(20, Doubt::OtherHistory)]);
    // Nor does one that knew its own entry.
    let mut early = diary();
    change(&mut early, |record| record.head = (20, head(20).hash));
    assert_eq!(doubts(&early), [(20, Doubt::OtherHistory)]);
    // Nor one whose round began elsewhere.
    let mut round = diary();
    change(&mut round, |record| {
        record.choices.push(Choice::Rolling(Rolling {
            classes: PackClasses::DATA,
            began: (3, ObjectHash::of(b"elsewhere")),
            time: day(0),
            period_s: 1,
            first: 0,
            last: u64::MAX,
        }));
    });
    assert_eq!(doubts(&round), [(20, Doubt::OtherHistory)]);
    assert!(doubts(&diary()).is_empty());
}

#[test]
fn a_record_that_does_not_decode_is_noticed_and_those_of_others_are_not() {
    let mut broken = diary();
    broken.entries[0].evidence.record = vec![0xA0];
    assert_eq!(doubts(&broken), [(20, Doubt::Malformed)]);
    broken.entries[0].evidence = Evidence::default();
    assert!(doubts(&broken).is_empty());
}

#[test]
fn a_record_that_leaves_out_proves_nothing() {
    let mut diary = diary();
    change(&mut diary, |record| record.is_truncated = true);
    let pack = units(100)[0];
    assert_eq!(diary.past().last_read(&pack, Level::Listed, day(0)), None);
}

#[test]
fn what_was_not_read_has_its_older_evidence() {
    let packs = units(100);
    let mut diary = diary();
    diary.check(&packs, &PackSelection::all(), day(4), &BTreeSet::new());
    diary.entries.swap(0, 1);
    change(&mut diary, |record| record.unread = vec![packs[7].name]);
    diary.entries.swap(0, 1);
    let past = diary.past();
    assert_eq!(
        past.last_read(&packs[7], Level::Decoded, day(5)),
        Some(day(0))
    );
    assert_eq!(
        past.last_read(&packs[8], Level::Decoded, day(5)),
        Some(day(4))
    );
    assert_eq!(past.last_read(&packs[8], Level::Rebuilt, day(5)), None);
}

#[test]
fn packs_that_came_later_were_not_read() {
    let mut pack = units(100)[0];
    pack.n = 20;
    assert_eq!(diary().past().last_read(&pack, Level::Listed, day(0)), None);
}
