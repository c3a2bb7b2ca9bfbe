//! A simulated organisation: databases, file servers, laptops and mailboxes that are backed up every night for years, and
//! what goes wrong with them.

use std::collections::VecDeque;

use strongroom_crypt::Id;
use strongroom_format::Event;
use strongroom_format::record::{Job, RecordId, Run, RunOutcome};
use strongroom_policy::Policy;

use crate::stats::Prng;
use crate::testing::{DAY, HOUR, Log, START, id, run, time};
use crate::testing_org::deeds::{signed, transport};

mod clean;
mod nature;
mod policy;
mod tests;
mod trouble;
mod work;

use nature::{Counted, Kind, Nature, Night};

/// An organisation, written day by day.
struct Fleet {
    log: Log,
    places: Vec<Place>,
    is_troubled: bool,
    day: i64,
    copies: u64,
}

/// A resource.
struct Place {
    id: String,
    kind: Kind,
    criticality: &'static str,
    retired: Option<&'static str>,
    /// Whether nothing happens to it but what is injected.
    is_quiet: bool,
    nature: Nature,
    /// What is kept of it: the day, and the snapshots in all repositories.
    kept: VecDeque<(i64, Vec<Id>)>,
}

/// Seconds between the beginnings of two runs of a night.
const STEP: i64 = 10;

impl Fleet {
    fn clean(seed: u64, count: usize) -> Self {
        Self::with(seed, count, false)
    }

    fn troubled(seed: u64, count: usize) -> Self {
        Self::with(seed, count, true)
    }

    fn with(seed: u64, count: usize, is_troubled: bool) -> Self {
        let mut prng = Prng::new(seed);
        let mut places = Vec::new();
        if is_troubled {
            let quiet = [
                "db-quiet",
                "db-missed",
                "db-falling",
                "db-undrilled",
                "db-undrillable",
                "files-stopped",
                "files-retired",
                "files-exempt",
                "files-held",
                "files-poisoned",
                "files-encrypted",
                "files-early",
                "laptop-quiet",
                "mail-quiet",
            ];
            places.extend(quiet.map(|id| Place::new(id.to_owned(), prng.next_u64(), true)));
        }
        for nth in places.len()..count {
            let name = [
                "db", "files", "files", "laptop", "mail", "db", "laptop", "files",
            ];
            let id = format!("{}-{nth:03}", name[nth % name.len()]);
            places.push(Place::new(id, prng.next_u64(), false));
        }
        let mut fleet = Self {
            log: Log::default(),
            places,
            is_troubled,
            day: 0,
            copies: 0,
        };
        fleet.begin();
        fleet
    }

    /// Writes all days until noon of one, and returns what is new.
    fn until(&mut self, day: i64) -> Vec<Event> {
        while self.day <= day {
            self.night(self.day);
            self.work(self.day);
            self.day += 1;
        }
        self.log.take()
    }

    /// Returns the policy in force on a day.
    fn policy(&self, day: i64) -> Policy {
        let revision = match day - trouble::WEAKENED.injected {
            0..10 if self.is_troubled => 2,
            10.. if self.is_troubled => 3,
            _ => 1,
        };
        policy::parse(&policy::text(&self.places, revision))
    }

    /// Writes the runs of a night: first attempts that fail, the others, second attempts, copies.
    fn night(&mut self, day: i64) {
        let begin = START + day * DAY + 2 * HOUR;
        let mut nights: Vec<Option<(Night, Counted)>> = Vec::new();
        for place in &mut self.places {
            nights.push(place.live(day, self.is_troubled));
        }
        let began = |nth: usize| begin + STEP * i64::try_from(nth).unwrap();
        for (nth, night) in nights.iter().enumerate() {
            if matches!(night, Some((Night::Retried | Night::Failed, _))) {
                self.attempt(nth, began(nth), 600, RunOutcome::Failed, &Counted::new());
            }
        }
        for (nth, night) in nights.iter().enumerate() {
            match night {
                Some((Night::Good, counted)) => self.backup(nth, day, began(nth), counted),
                Some((Night::Partial, counted)) => {
                    self.attempt(nth, began(nth), HOUR, RunOutcome::Partial, counted);
                }
                _ => {}
            }
        }
        for (nth, night) in nights.iter().enumerate() {
            let began = began(nth) + 100 * 60;
            match night {
                Some((Night::Retried, counted)) => self.backup(nth, day, began, counted),
                Some((Night::Failed, _)) => {
                    self.attempt(nth, began, HOUR, RunOutcome::Failed, &Counted::new());
                }
                _ => {}
            }
        }
        for (nth, night) in nights.iter().enumerate() {
            if let Some((what @ (Night::Good | Night::Retried), _)) = night {
                let late = if *what == Night::Good { 0 } else { 100 * 60 };
                self.copy(
                    nth,
                    day,
                    began(nth) + late,
                    // After the last second attempt of 200, and done before the prune.
                    begin + 3 * HOUR + 1_200 + STEP * i64::try_from(nth).unwrap(),
                );
            }
        }
    }

    fn attempt(
        &mut self,
        nth: usize,
        began: i64,
        took: i64,
        outcome: RunOutcome,
        counted: &Counted,
    ) {
        let id = self.places[nth].id.clone();
        let fact = Run {
            capture: None,
            durable: None,
            counters: owned(counted),
            transport: Some(transport("file")),
            ..run("nas", began, took, outcome)
        };
        signed(&mut self.log, began + took, Some(&id), fact, false);
    }

    fn backup(&mut self, nth: usize, day: i64, began: i64, counted: &Counted) {
        let place = &mut self.places[nth];
        // A clock that was set wrong for a night says so in all of it.
        let wrong = if !self.is_troubled && place.nature.has_skew() {
            HOUR / 2
        } else {
            0
        };
        let (began, took) = (began + wrong, HOUR);
        let snapshot = self.log.commit(began + took, &place.id, began);
        place.kept.push_back((day, vec![snapshot]));
        let fact = Run {
            snapshot: Some(snapshot),
            counters: owned(counted),
            transport: Some(transport("file")),
            ..run("nas", began, took, RunOutcome::Ok)
        };
        let id = place.id.clone();
        signed(&mut self.log, began + took + 1, Some(&id), fact, false);
    }

    fn copy(&mut self, nth: usize, day: i64, capture: i64, began: i64) {
        let is_silent = self.is_troubled && day >= trouble::SILENT.injected;
        let place = &mut self.places[nth];
        let to = match place.kind {
            Kind::Database | Kind::Server => "vault",
            Kind::Laptop => "tape",
            Kind::Mailbox if is_silent => return,
            Kind::Mailbox => "branch",
        };
        self.copies += 1;
        let snapshot = id(1_000_000_000 + self.copies);
        if let Some((_, ids)) = place.kept.back_mut() {
            ids.push(snapshot);
        }
        let fact = Run {
            job: Job::Copy,
            from: Some("nas".to_owned()),
            snapshot: Some(snapshot),
            capture: Some(time(capture)),
            transport: Some(transport("TLSv1.3")),
            ..run(to, began, 600, RunOutcome::Ok)
        };
        let id = place.id.clone();
        signed(&mut self.log, began + 601, Some(&id), fact, false);
    }

    /// Returns the snapshots that were made of a resource on a day.
    fn made(&self, id: &str, day: i64) -> Vec<Id> {
        let place = self.places.iter().find(|one| one.id == id).unwrap();
        let mut kept = place.kept.iter().filter(|(made, _)| *made == day);
        kept.next().map(|(_, ids)| ids.clone()).unwrap()
    }

    fn last_record(&self) -> RecordId {
        let last = self.log.events.last().unwrap();
        last.record.as_ref().unwrap().head.id
    }
}

impl Place {
    fn new(id: String, seed: u64, is_quiet: bool) -> Self {
        let kind = match id.split('-').next() {
            Some("db") => Kind::Database,
            Some("files") => Kind::Server,
            Some("laptop") => Kind::Laptop,
            _ => Kind::Mailbox,
        };
        let criticality = match (is_quiet, seed % 10) {
            (true, _) => "normal",
            (_, 0) => "critical",
            (_, 1 | 2) => "high",
            (_, 3) => "low",
            _ => "normal",
        };
        let is_even = id == trouble::POISONED.about;
        Self {
            kind,
            criticality,
            retired: (id == "files-retired").then_some(trouble::RETIRED),
            is_quiet,
            nature: Nature::new(kind, seed, is_even),
            kept: VecDeque::new(),
            id,
        }
    }

    /// Returns what becomes of a night, and what is counted; `None` if nothing runs.
    fn live(&mut self, day: i64, is_troubled: bool) -> Option<(Night, Counted)> {
        let mut counted = self.nature.day(day);
        let night = self.nature.night();
        if !is_troubled || !self.is_quiet {
            return Some((night, counted));
        }
        if trouble::is_missed(&self.id, day) {
            return None;
        }
        trouble::tamper(&self.id, day, &mut counted);
        match trouble::has_failed(&self.id, day) {
            true => Some((Night::Failed, counted)),
            false => Some((Night::Good, counted)),
        }
    }
}

fn owned(counted: &Counted) -> std::collections::BTreeMap<String, u64> {
    let all = counted.iter();
    all.map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}
