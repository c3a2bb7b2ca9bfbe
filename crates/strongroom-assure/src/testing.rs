//! Evidence for tests, made in a line.

use std::collections::BTreeMap;

use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::record::{Fact, Job, Record, RecordHead, RecordId, Run, RunOutcome};
use strongroom_format::{
    Body, Commit, Event, Evidence, Forget, Genesis, ObjectHash, Snapshot, Time,
};
use strongroom_policy::{Document, Policy};
use strongroom_retain::Moment;

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;
/// 2026-01-05, a Monday, 00:00 in UTC.
pub(crate) const START: i64 = 1_767_571_200;

/// A journal that grows.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Event>,
    pub(crate) taken: u64,
}

impl Log {
    /// Takes what was added since it was taken last, numbered from 0 on as a journal is.
    pub(crate) fn take(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        self.taken += u64::try_from(events.len()).unwrap();
        events.iter_mut().for_each(|event| event.n -= 1);
        events
    }

    pub(crate) fn add(&mut self, at: i64, body: Body) -> &mut Event {
        let n = self.taken + u64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(Event {
            n,
            hash: ObjectHash::of(&n.to_le_bytes()),
            at: time(at),
            author: [1; 32],
            label: "test".to_owned(),
            roles: Roles::WRITER,
            body,
            snapshot: None,
            record: None,
            sealed: None,
        });
        self.events.last_mut().unwrap()
    }

    /// The first entry of a journal.
    pub(crate) fn genesis(&mut self, at: i64) {
        let genesis = Genesis {
            admin: [9; 32],
            config: ObjectHash::of(b"config"),
            certificates: Vec::new(),
            single_writer: false,
            only_writer: None,
            probed: true,
            probe: None,
            unknown: Default::default(),
        };
        self.add(at, Body::Genesis(genesis));
    }

    /// Puts a policy in force.
    pub(crate) fn policy(&mut self, at: i64, text: &str) {
        let policy = strongroom_format::Policy {
            hash: ObjectHash::of(text.as_bytes()),
            document: Some(text.as_bytes().to_vec()),
            ..strongroom_format::Policy::default()
        };
        self.add(at, Body::Policy(policy));
    }

    pub(crate) fn record(&mut self, at: i64, resource: Option<&str>, fact: impl Into<Fact>) -> u64 {
        let fact = fact.into();
        let evidence = Evidence {
            kind: fact.kind().to_owned(),
            schema: 1,
            ..Evidence::default()
        };
        let event = self.add(at, Body::Evidence(evidence));
        let n = event.n;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&n.to_be_bytes());
        let head = RecordHead {
            id: RecordId::new(at.unsigned_abs(), random),
            at: time(at),
            resource: resource.map(str::to_owned),
            ..RecordHead::default()
        };
        event.record = Some(Record::new(head, fact));
        n
    }

    /// A commit of a series whose capture began at a time.
    pub(crate) fn commit(&mut self, at: i64, series: &str, began: i64) -> Id {
        let snapshot = Snapshot {
            series: series.to_owned(),
            began: time(began),
            durable: time(at),
            ..Snapshot::default()
        };
        let commit = Commit {
            snapshot,
            packs: Vec::new(),
            segments: Vec::new(),
            session: SessionId::from_bytes([0; 32]),
            seen: None,
            unknown: Default::default(),
        };
        let event = self.add(at, Body::Commit(Box::new(commit)));
        let id = id(event.n);
        event.snapshot = Some(id);
        id
    }

    pub(crate) fn forget(&mut self, at: i64, snapshots: &[Id]) {
        let forget = Forget {
            snapshots: snapshots.to_vec(),
            ..Forget::default()
        };
        self.add(at, Body::Forget(forget));
    }

    /// A backup with its commit and its record.
    pub(crate) fn backup(&mut self, resource: &str, repository: &str, began: i64, took: i64) -> Id {
        self.backup_with(resource, repository, began, took, &[])
    }

    pub(crate) fn backup_with(
        &mut self,
        resource: &str,
        repository: &str,
        began: i64,
        took: i64,
        counters: &[(&str, u64)],
    ) -> Id {
        let id = self.commit(began + took, resource, began);
        let run = Run {
            snapshot: Some(id),
            counters: counters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            ..run(repository, began, took, RunOutcome::Ok)
        };
        self.record(began + took + 1, Some(resource), run);
        id
    }

    /// A backup that came to nothing.
    pub(crate) fn failure(
        &mut self,
        resource: &str,
        repository: &str,
        began: i64,
        took: i64,
    ) -> u64 {
        let run = Run {
            capture: None,
            durable: None,
            ..run(repository, began, took, RunOutcome::Failed)
        };
        self.record(began + took, Some(resource), run)
    }
}

pub(crate) fn run(repository: &str, began: i64, took: i64, outcome: RunOutcome) -> Run {
    Run {
        job: Job::Backup,
        repository: repository.to_owned(),
        outcome,
        attempt: 1,
        started: time(began),
        ended: time(began + took),
        capture: Some(time(began)),
        durable: Some(time(began + took)),
        counters: BTreeMap::new(),
        ..Run::default()
    }
}

pub(crate) const fn time(seconds: i64) -> Time {
    Time::new(seconds, 0)
}

pub(crate) fn id(n: u64) -> Id {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    Id::from_bytes(bytes)
}

pub(crate) const fn now(at: i64) -> Moment {
    Moment::utc(at)
}

/// A policy in UTC with two repositories, `nas` at hand and `vault` far away and locked, and what is given.
pub(crate) fn policy(more: &str) -> Policy {
    let text = format!(
        r#"
        format = 1
        name = "test"
        revision = 1
        timezone = "UTC"
        site = "hq"
        effective = 2026-01-05
        [repository.nas]
        medium = "disk"
        site = "hq"
        encrypted = true
        [repository.vault]
        medium = "object"
        site = "cloud"
        lock = "compliance"
        encrypted = true
        {more}
        "#
    );
    Document::parse(&text).unwrap().policy().clone()
}
