//! What can happen in the organisation.

use std::collections::BTreeMap;

use strongroom_crypt::{Id, Roles};
use strongroom_format::record::{
    Access, ActionState, ActionStep, Alert, AlertOutcome, Attested, Drill, DrillVerdict, Fact, Job,
    Person, Run, RunOutcome, Transport, ValidatorVerdict, Verified,
};
use strongroom_format::{Body, Forget};

use super::{OPS, World};
use crate::testing::{DAY, HOUR, Log, START, id, run, time};

pub(super) fn alert_test(world: &mut World, at: i64) {
    let alert = Alert {
        class: "test".to_owned(),
        severity: 1,
        route: "on-call".to_owned(),
        outcome: AlertOutcome::Sent,
        test: true,
        ..Alert::default()
    };
    signed(&mut world.log, at, None, alert, true);
    let record = world.log.events.last().unwrap().record.as_ref().unwrap();
    world.tests.push(record.head.id);
}

pub(super) fn backup(world: &mut World, day: i64, began: i64, is_uncounted: bool) {
    let snapshot = world.log.commit(began + HOUR, "db", began);
    world.snapshots.insert(day, snapshot);
    let vary = u64::try_from(day % 7).unwrap();
    let counters = [
        ("files", 1_000),
        ("files_changed", 20 + vary),
        ("bytes_read", 10_000_000),
        ("bytes_changed", 500_000 + 1_000 * vary),
        ("bytes_new", 100_000 + 1_000 * vary),
        ("bytes_stored", 50_000 + 500 * vary),
    ];
    let counters = counters.map(|(name, value)| (name.to_owned(), value));
    let fact = Run {
        snapshot: Some(snapshot),
        due: Some(time(began)),
        counters: if is_uncounted {
            BTreeMap::new()
        } else {
            counters.into()
        },
        transport: Some(transport("file")),
        ..run("nas", began, HOUR, RunOutcome::Ok)
    };
    signed(&mut world.log, began + HOUR + 1, Some("db"), fact, false);
}

pub(super) fn copy(world: &mut World, day: i64, began: i64, is_plain: bool) {
    let durable = began + 3 * HOUR;
    let fact = Run {
        job: Job::Copy,
        from: Some("nas".to_owned()),
        snapshot: Some(id(1_000_000 + u64::try_from(day).unwrap())),
        capture: Some(time(began)),
        durable: Some(time(durable)),
        transport: Some(transport(if is_plain { "http" } else { "TLSv1.3" })),
        ..run("vault", began + 2 * HOUR, HOUR, RunOutcome::Ok)
    };
    signed(&mut world.log, durable, Some("db"), fact, false);
}

pub(crate) fn transport(protocol: &str) -> Transport {
    Transport {
        protocol: protocol.to_owned(),
        peer_checked: true,
        ..Transport::default()
    }
}

pub(crate) fn signed(
    log: &mut Log,
    at: i64,
    resource: Option<&str>,
    fact: impl Into<Fact>,
    by_somebody: bool,
) {
    log.record(at, resource, fact);
    let event = log.events.last_mut().unwrap();
    let record = event.record.as_mut().unwrap();
    record.head.actor = by_somebody.then(|| Person::from_bytes(OPS));
}

pub(crate) fn as_maintainer(log: &mut Log) {
    let event = log.events.last_mut().unwrap();
    event.author = [2; 32];
    event.roles = Roles::MAINTAINER;
}

pub(crate) fn forget(log: &mut Log, at: i64, snapshots: Vec<Id>) {
    let forget = Forget {
        snapshots,
        ..Forget::default()
    };
    log.add(at, Body::Forget(forget));
    as_maintainer(log);
}

pub(crate) fn attested(what: &str, repository: Option<&str>, values: &[(&str, &str)]) -> Attested {
    let values = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Attested {
        what: what.to_owned(),
        repository: repository.map(str::to_owned),
        holds: true,
        values: values.collect(),
        ..Attested::default()
    }
}

pub(crate) fn verified(repository: &str) -> Verified {
    Verified {
        repository: repository.to_owned(),
        level: 3,
        coverage: (1_000, 1_000),
        choice: Some("all".to_owned()),
        ..Verified::default()
    }
}

pub(crate) fn drill(verdict: DrillVerdict, scenario: &str) -> Drill {
    Drill {
        scenario: scenario.to_owned(),
        repository: "vault".to_owned(),
        verdict,
        sandbox: "directory".to_owned(),
        choice: "latest".to_owned(),
        validators: vec![("sql".to_owned(), ValidatorVerdict::Passed, "ok".to_owned())],
        rto_ms: Some(1_800_000),
        people_ms: Some(600_000),
        cleaned: true,
        ..Drill::default()
    }
}

pub(crate) fn access(what: &str, times: u64, explained: u64) -> Access {
    Access {
        repository: "vault".to_owned(),
        principal: Person::from_bytes([3; 16]),
        what: what.to_owned(),
        times,
        explained,
        from: time(START),
        to: time(START + 55 * DAY),
        ..Access::default()
    }
}

pub(super) fn action_step(
    action: &str,
    finding: &str,
    step: ActionState,
    due: Option<i64>,
) -> ActionStep {
    ActionStep {
        action: action.to_owned(),
        finding: finding.to_owned(),
        step,
        owner: Some("ops".to_owned()),
        due: due.map(|day| time(START + day * DAY)),
        ..ActionStep::default()
    }
}
