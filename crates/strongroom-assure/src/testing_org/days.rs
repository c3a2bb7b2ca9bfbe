//! What happens in the organisation on its own.

use strongroom_format::record::{
    Acknowledged, Capacity, CapacityKind, Decision, Deleted, DrillVerdict, Fact, Inventory,
    InventoryItem, Job, ObligationMet, Run, RunOutcome, SignOffGiven,
};
use strongroom_format::{Body, ObjectHash, Tombstone};

use super::deeds::{
    access, alert_test, as_maintainer, attested, backup, copy, drill, forget, signed, verified,
};
use super::{DAYS, Deed, Org};
use crate::testing::{DAY, HOUR, START, run};

/// Takes tag, day, hour, resource and fact.
type Note<'n> = dyn FnMut(&'static str, i64, i64, Option<&'static str>, Fact) + 'n;

impl Org {
    /// Returns what happens on its own: when, under which tag, and what.
    pub(super) fn deeds(&self) -> Vec<(i64, &'static str, Deed)> {
        let mut all: Vec<(i64, &'static str, Deed)> = Vec::new();
        let mut add = |tag, day: i64, hour: i64, deed: Deed| {
            all.push((START + day * DAY + hour * HOUR, tag, deed));
        };
        add(
            "genesis",
            0,
            0,
            Box::new(|world| {
                world.log.genesis(START);
            }),
        );
        let text = self.policy_text();
        let hash = ObjectHash::of(text.as_bytes());
        add(
            "policy",
            0,
            1,
            Box::new(move |world| {
                world.log.policy(START + HOUR, &text);
            }),
        );
        let agreed = SignOffGiven {
            document: hash,
            role: "owner".to_owned(),
            decision: Decision::Approved,
            ..SignOffGiven::default()
        };
        let mut note =
            |tag: &'static str, day: i64, hour: i64, of: Option<&'static str>, fact: Fact| {
                let at = START + day * DAY + hour * HOUR;
                add(
                    tag,
                    day,
                    hour,
                    Box::new(move |world| signed(&mut world.log, at, of, fact.clone(), true)),
                );
            };
        note("sign-off", 0, 1, None, agreed.into());
        self.papers(&mut note);
        for day in 0..=DAYS {
            self.a_day(day, &mut add);
        }
        all
    }

    /// What is recorded now and then.
    fn papers(&self, note: &mut Note<'_>) {
        let known = ["db"]
            .into_iter()
            .chain(self.has_stranger.then_some("stranger"));
        let item = |id: &str| InventoryItem {
            id: id.to_owned(),
            kind: if id == "db" { "postgresql" } else { "files" }.to_owned(),
            criticality: "normal".to_owned(),
            ..InventoryItem::default()
        };
        let inventory = Inventory {
            resources: known.map(item).collect(),
            complete: true,
            ..Inventory::default()
        };
        note("inventory", 58, 8, None, inventory.into());
        for (what, repository, values) in [
            ("escrow-test", None, &[][..]),
            (
                "lock",
                Some("vault"),
                &[("mode", "compliance"), ("until", "2026-03-25T00:00:00Z")],
            ),
            ("permissions", Some("nas"), &[]),
            ("permissions", Some("vault"), &[]),
            ("isolation", Some("vault"), &[]),
            ("location", Some("nas"), &[("region", "eu")]),
            ("location", Some("vault"), &[("region", "eu")]),
            ("versions", None, &[]),
            ("log", None, &[("witnesses", "2")]),
            ("heartbeat", None, &[]),
            ("erasure", None, &[]),
        ] {
            note(what, 59, 8, None, attested(what, repository, values).into());
        }
        for repository in ["nas", "vault"] {
            note("verified", 59, 9, None, verified(repository).into());
        }
        self.work(note);
    }

    /// What people do, and what machines measure.
    fn work(&self, note: &mut Note<'_>) {
        note(
            "drill",
            50,
            9,
            Some("db"),
            drill(DrillVerdict::Proven, "lost-server").into(),
        );
        note(
            "from-nothing",
            51,
            9,
            None,
            drill(DrillVerdict::Proven, "from-nothing").into(),
        );
        note("access", 55, 9, None, access("read", 60, 60).into());
        for (tag, name) in [
            ("training", "training"),
            ("game-day", "obligation.game-day"),
            ("access-review", "access"),
        ] {
            let met = ObligationMet {
                obligation: name.to_owned(),
                outcome: "done".to_owned(),
                attachment: Some(ObjectHash::of(name.as_bytes())),
                pages: 1,
                ..ObligationMet::default()
            };
            note(tag, 45, 9, None, met.into());
        }
        for repository in ["nas", "vault"] {
            for day in 46..=DAYS {
                let capacity = Capacity {
                    repository: repository.to_owned(),
                    used: self.full_percent.unwrap_or(40) << 30,
                    total: Some(100 << 30),
                    kind: CapacityKind::Measured,
                    ..Capacity::default()
                };
                note("capacity", day, 10, None, capacity.into());
            }
        }
    }

    /// What happens every day.
    fn a_day(&self, day: i64, add: &mut impl FnMut(&'static str, i64, i64, Deed)) {
        let is_stopped = day > DAYS - self.stopped;
        let is_failing = day > DAYS - self.failing;
        let (is_plain, is_uncounted) = (self.is_plain, self.is_uncounted);
        let began = START + day * DAY + 2 * HOUR;
        match (is_stopped, is_failing) {
            (true, _) => {}
            (false, true) => add(
                "backup",
                day,
                2,
                Box::new(move |world| {
                    world.log.failure("db", "nas", began, HOUR);
                }),
            ),
            (false, false) => {
                add(
                    "backup",
                    day,
                    2,
                    Box::new(move |world| backup(world, day, began, is_uncounted)),
                );
                add(
                    "copy",
                    day,
                    5,
                    Box::new(move |world| copy(world, day, began, is_plain)),
                );
            }
        }
        if day == 30 {
            let at = START + day * DAY + 10 * HOUR;
            add(
                "alert-test",
                day,
                10,
                Box::new(move |world| alert_test(world, at)),
            );
            add(
                "test-ack",
                day,
                11,
                Box::new(move |world| {
                    let fact = Acknowledged::default();
                    signed(&mut world.log, at + HOUR, None, fact, true);
                    let event = world.log.events.last_mut().unwrap();
                    event.record.as_mut().unwrap().head.answers = world.tests.clone();
                }),
            );
        }
        if day == 40 {
            prune(day, add);
        }
    }
}

/// What is no longer needed is forgotten and deleted.
fn prune(day: i64, add: &mut impl FnMut(&'static str, i64, i64, Deed)) {
    let at = START + day * DAY + 12 * HOUR;
    add(
        "prune",
        day,
        12,
        Box::new(move |world| {
            let fact = Run {
                job: Job::Prune,
                ..run("nas", at, HOUR, RunOutcome::Ok)
            };
            signed(&mut world.log, at, None, fact, true);
            as_maintainer(&mut world.log);
        }),
    );
    add(
        "forget",
        day,
        12,
        Box::new(move |world| {
            let gone = world.snapshots.range(..=20).map(|(_, id)| *id).collect();
            forget(&mut world.log, at + 60, gone);
        }),
    );
    add(
        "tombstone",
        day,
        12,
        Box::new(move |world| {
            let tombstone = Tombstone {
                dropped: Default::default(),
                added: Default::default(),
                unknown: Default::default(),
            };
            world.log.add(at + 120, Body::Tombstone(tombstone));
            as_maintainer(&mut world.log);
        }),
    );
    add(
        "deleted",
        day,
        12,
        Box::new(move |world| {
            let fact = Deleted {
                entry: world.log.events.last().unwrap().n - 1,
                repository: "nas".to_owned(),
                objects: 20,
                ..Deleted::default()
            };
            signed(&mut world.log, at + 180, None, fact, true);
            as_maintainer(&mut world.log);
        }),
    );
}
