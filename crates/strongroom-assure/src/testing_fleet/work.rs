//! What is recorded by day: what people do, and what machines measure.

use strongroom_format::record::{
    Acknowledged, Alert, AlertOutcome, Capacity, CapacityKind, Decision, DrillVerdict, Fact,
    Inventory, InventoryItem, Job, ObligationMet, Run, RunOutcome, SignOffGiven,
};
use strongroom_format::{Body, Keys, ObjectHash};
use strongroom_retain::Moment;

use super::trouble::*;
use super::{Fleet, policy};
use crate::testing::{DAY, HOUR, START, run};
use crate::testing_org::deeds::{access, as_maintainer, attested, drill, forget, signed, verified};

pub(super) const REPOSITORIES: [&str; 4] = ["nas", "vault", "branch", "tape"];

impl Fleet {
    pub(super) fn begin(&mut self) {
        self.log.genesis(START);
        self.set_policy(START + 60, 1, true);
    }

    /// Sets a policy, with or without anybody who agrees.
    fn set_policy(&mut self, at: i64, revision: u32, is_signed: bool) {
        let text = policy::text(&self.places, revision);
        let hash = ObjectHash::of(text.as_bytes());
        if is_signed {
            let agreed = SignOffGiven {
                document: hash,
                role: "owner".to_owned(),
                decision: Decision::Approved,
                ..SignOffGiven::default()
            };
            signed(&mut self.log, at, None, agreed, true);
        }
        self.log.policy(at + 1, &text);
    }

    pub(super) fn note(&mut self, day: i64, hour: i64, of: Option<&str>, fact: impl Into<Fact>) {
        signed(
            &mut self.log,
            START + day * DAY + hour * HOUR,
            of,
            fact,
            true,
        );
    }

    /// Writes what is recorded between 6 and 11 o'clock.
    pub(super) fn work(&mut self, day: i64) {
        if day.rem_euclid(7) == 5 {
            self.prune(day);
        }
        if self.is_troubled && day == WEAKENED.injected {
            self.set_policy(START + day * DAY + 7 * HOUR, 2, false);
        }
        if self.is_troubled && day == WEAKENED.injected + 10 {
            self.set_policy(START + day * DAY + 7 * HOUR, 3, true);
        }
        if !self.is_troubled && day == 700 {
            let keys = Keys {
                generation: Some(2),
                ..Keys::default()
            };
            self.log
                .add(START + day * DAY + 7 * HOUR + 60, Body::Keys(keys));
        }
        if self.is_troubled {
            self.early_trouble(day);
        }
        self.attest(day);
        self.measure(day);
        self.drills(day);
        self.people(day);
        if self.is_troubled {
            self.trouble(day);
        }
    }

    fn attest(&mut self, day: i64) {
        if day % 28 == 0 {
            let item = |place: &super::Place| InventoryItem {
                id: place.id.clone(),
                kind: "files".to_owned(),
                criticality: "normal".to_owned(),
                ..InventoryItem::default()
            };
            let inventory = Inventory {
                resources: self.places.iter().map(item).collect(),
                complete: true,
                ..Inventory::default()
            };
            self.note(day, 8, None, inventory);
            self.note(day, 8, None, access("read", 60, 60));
            for what in ["erasure", "versions", "escrow-test"] {
                self.note(day, 8, None, attested(what, None, &[]));
            }
            self.note(day, 8, None, attested("log", None, &[("witnesses", "2")]));
        }
        if day % 5 == 0 {
            self.note(day, 8, None, attested("heartbeat", None, &[]));
            for name in REPOSITORIES {
                self.note(day, 8, None, attested("permissions", Some(name), &[]));
                self.note(day, 8, None, attested("isolation", Some(name), &[]));
                let region = [("region", "eu")];
                self.note(day, 8, None, attested("location", Some(name), &region));
            }
            // From the injection on nobody extends it.
            let ends = if self.is_troubled && day >= LOCK.injected {
                LOCK.injected + 20
            } else {
                day + 30
            };
            let ends = Moment::utc(START + ends * DAY + 8 * HOUR).to_string();
            let lock = [("mode", "compliance"), ("until", ends.as_str())];
            for name in ["vault", "branch", "tape"] {
                self.note(day, 8, None, attested("lock", Some(name), &lock));
            }
        }
    }

    fn measure(&mut self, day: i64) {
        for name in REPOSITORIES {
            let is_over = |problem: &Problem| self.is_troubled && day > problem.injected;
            if !(name == "tape" && is_over(&UNVERIFIED)) {
                self.note(day, 9, None, verified(name));
            }
            // A tenth of a percent in 100 days, and on the day of the injection 80 % is reached.
            let used = match name {
                "tape" if self.is_troubled => {
                    u64::try_from(800_000 + (day - FULL.injected) * 100).unwrap()
                }
                _ => 400_000 + u64::try_from(day).unwrap() * 10,
            };
            let capacity = Capacity {
                repository: name.to_owned(),
                used: used << 20,
                total: Some(1_000_000 << 20),
                kind: CapacityKind::Measured,
                ..Capacity::default()
            };
            self.note(day, 9, None, capacity);
        }
    }

    /// Each resource is restored every 60 days, on a day of its own.
    fn drills(&mut self, day: i64) {
        let due: Vec<String> = (0..)
            .zip(&self.places)
            .filter(|(nth, place)| {
                let own = if place.id == UNDRILLED.about { 0 } else { *nth };
                (day + own).rem_euclid(60) == 0
            })
            .map(|(_, place)| place.id.clone())
            .filter(|id| !(self.is_troubled && id == UNDRILLED.about && day > UNDRILLED.injected))
            .collect();
        for id in due {
            let fact = drill(DrillVerdict::Proven, "lost-server");
            self.note(day, 10, Some(&id), fact);
        }
        if day % 180 == 0 {
            self.note(day, 10, None, drill(DrillVerdict::Proven, "from-nothing"));
        }
    }

    fn people(&mut self, day: i64) {
        if day % 60 == 10 {
            let test = Alert {
                class: "test".to_owned(),
                severity: 1,
                route: "on-call".to_owned(),
                outcome: AlertOutcome::Sent,
                test: true,
                ..Alert::default()
            };
            self.note(day, 10, None, test);
            let id = self.last_record();
            self.note(day, 10, None, Acknowledged::default());
            let event = self.log.events.last_mut().unwrap();
            event.record.as_mut().unwrap().head.answers = vec![id];
        }
        let is_done = |every: i64| day % every == 0;
        let is_stopped = self.is_troubled && day > OVERDUE.injected;
        let met = |name: &str| ObligationMet {
            obligation: name.to_owned(),
            outcome: "done".to_owned(),
            attachment: Some(ObjectHash::of(name.as_bytes())),
            pages: 1,
            ..ObligationMet::default()
        };
        if is_done(80) && !is_stopped {
            self.note(day, 10, None, met("access"));
        }
        if is_done(300) {
            self.note(day, 10, None, met("training"));
            self.note(day, 10, None, met("game-day"));
        }
    }

    /// What is older than the rules keep is forgotten once a week.
    fn prune(&mut self, day: i64) {
        let at = START + day * DAY + 6 * HOUR + 1800;
        let fact = Run {
            job: Job::Prune,
            ..run("nas", at, 1800, RunOutcome::Ok)
        };
        let mut gone = Vec::new();
        for place in &mut self.places {
            // The rules keep the newest fourteen, however old they are.
            while place.kept.len() > 16
                && place.kept.front().is_some_and(|(made, _)| *made < day - 20)
            {
                gone.extend(place.kept.pop_front().into_iter().flat_map(|(_, ids)| ids));
            }
        }
        if gone.is_empty() {
            return;
        }
        forget(&mut self.log, at, gone);
        signed(&mut self.log, at + 1800, None, fact, true);
        as_maintainer(&mut self.log);
    }
}
