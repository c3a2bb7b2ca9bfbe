//! A small organisation for tests: all is well in it, until somebody changes something.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypt::{Id, Roles};
use strongroom_format::record::{
    Acknowledged, ActionState, Alert, AlertOutcome, Capacity, CapacityKind, Decision, Deleted,
    Disposal, DisposalMethod, DisposedCopy, DrillVerdict, Fact, IncidentState, IncidentStep,
    Inventory, InventoryItem, Job, ObligationMet, Person, Run, RunOutcome, SignOffGiven, Suspect,
    SuspectState,
};
use strongroom_format::{Body, Event, Genesis, Hold, HoldAction, ObjectHash, Tombstone};
use strongroom_policy::{Document, Policy};
use strongroom_retain::Moment;

use crate::history::History;
use crate::testing::{DAY, HOUR, Log, START, id, run};

pub(crate) mod deeds;

use deeds::{
    access, action_step, alert_test, as_maintainer, attested, backup, copy, drill, forget, signed,
    verified,
};

type Deed = Box<dyn Fn(&mut World)>;
/// Takes tag, day, hour, resource and fact.
type Note<'n> = dyn FnMut(&'static str, i64, i64, Option<&'static str>, Fact) + 'n;

/// What is written, and what later deeds refer to.
#[derive(Default)]
struct World {
    log: Log,
    snapshots: BTreeMap<i64, Id>,
    tests: Vec<strongroom_format::record::RecordId>,
}

/// An organisation with one database, two repositories and 60 days of history.
#[derive(Default)]
pub(crate) struct Org {
    edits: Vec<(String, String)>,
    without: BTreeSet<String>,
    nameless: BTreeSet<String>,
    more: Vec<(i64, &'static str, Deed)>,
    later_days: i64,
    is_empty: bool,
    has_stranger: bool,
    stopped: i64,
    failing: i64,
    is_plain: bool,
    is_uncounted: bool,
    has_one_key: bool,
    has_gap: bool,
    is_truncated: bool,
    full_percent: Option<u64>,
}

pub(crate) const DAYS: i64 = 60;
const OPS: [u8; 16] = [7; 16];

pub(crate) const POLICY: &str = r#"
format = 1
name = "test"
revision = 1
owner = "ops"
reason = "Orders cannot be entered a second time."
timezone = "UTC"
site = "hq"
effective = 2026-01-05
review_by = 2027-01-01

[approval]
quorum = 1

[contact.ops]
kind = "team"
address = "mailto:ops@example.org"

[contact.boss]
kind = "person"
address = "tel:+49-555-0100"

[escalation.on-call]
owner = "ops"
reason = "Somebody must answer."
steps = [{ after = "0s", notify = ["ops"] }, { after = "1h", notify = ["boss"] }]
repeat = "1d"

[repository.nas]
owner = "ops"
reason = "Near at hand."
medium = "disk"
provider = "own"
site = "hq"
region = "eu"
encrypted = true # nas

[repository.vault]
owner = "ops"
reason = "Fire takes what is at the office."
medium = "object"
provider = "example"
site = "cloud"
region = "eu" # vault
lock = "compliance" # vault
append_only = true
encrypted = true
separate_credentials = true

[defaults]
owner = "ops"
reason = "A night of work can be done again."
retention = { keep = "daily=14", minimum = "7d", approvals = 1 }
immutability = { lock = "compliance", for = "14d" }
encryption = { key_max_age = "1y", escrow_test_every = "6mo" }
verification = { ages = { L2 = "7d" }, full_every = "1mo" }
drills = { every = "3mo", level = "L5" }
alerts = { escalation = "on-call", test_every = "3mo", heartbeat = true }
objectives = { rpo = "36h", rto = "4h" }

[defaults.limits]
threads = 2

[[rule]]
name = "databases"
owner = "ops"
reason = "They hold the orders."
match = { kind = ["postgresql"] }
schedule = { when = "daily 02:00", expected_duration = "1h" }
copies = { to = ["nas", "vault"], within = "12h", minimum = 3, regions = ["eu"] }

[class.people]
owner = "ops"
reason = "Customers are people."
personal = true
retention = { grace = "7d", maximum = "1y" }

[obligation.training]
kind = "training"
owner = "ops"
reason = "Who restores must have restored."
every = "1y"
evidence = "the list"

[obligation.game-day]
kind = "game-day"
owner = "ops"
reason = "Together."
every = "1y"
evidence = "the notes"

[obligation.access]
kind = "access-review"
owner = "ops"
reason = "Somebody looks."
every = "3mo"
evidence = "the form"

[resource.db]
kind = "postgresql"
owner = "sales"
criticality = "high"
class = "people"
department = "sales"
"#;

impl Org {
    pub(crate) fn good() -> Self {
        Self::default()
    }

    pub(crate) fn empty() -> Self {
        Self {
            is_empty: true,
            ..Self::default()
        }
    }

    /// Leaves out all records of a tag.
    pub(crate) fn without(mut self, tag: &str) -> Self {
        self.without.insert(tag.to_owned());
        self
    }

    /// Leaves out who did something.
    pub(crate) fn nameless(mut self, tag: &str) -> Self {
        self.nameless.insert(tag.to_owned());
        self
    }

    /// Changes the text of the policy.
    #[track_caller]
    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        assert!(POLICY.contains(from), "{from:?} is not in the policy");
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    pub(crate) fn at_later(mut self, days: i64) -> Self {
        self.later_days = days;
        self
    }

    pub(crate) fn with_stranger(mut self) -> Self {
        self.has_stranger = true;
        self
    }

    pub(crate) fn stopped_backups(mut self, days: i64) -> Self {
        self.stopped = days;
        self
    }

    pub(crate) fn failing(mut self, days: i64) -> Self {
        self.failing = days;
        self
    }

    pub(crate) fn plain_transport(mut self) -> Self {
        self.is_plain = true;
        self
    }

    pub(crate) fn uncounted(mut self) -> Self {
        self.is_uncounted = true;
        self
    }

    pub(crate) fn one_key(mut self) -> Self {
        self.has_one_key = true;
        self
    }

    pub(crate) fn with_gap(mut self) -> Self {
        self.has_gap = true;
        self
    }

    pub(crate) fn truncated(mut self) -> Self {
        self.is_truncated = true;
        self
    }

    pub(crate) fn full(mut self, percent: u64) -> Self {
        self.full_percent = Some(percent);
        self
    }

    /// Adds something on a day, at an hour.
    pub(crate) fn then(
        mut self,
        day: i64,
        hour: i64,
        deed: impl Fn(&mut Log, i64) + 'static,
    ) -> Self {
        let at = START + day * DAY + hour * HOUR;
        self.more
            .push((at, "more", Box::new(move |world| deed(&mut world.log, at))));
        self
    }

    /// Adds a record of somebody.
    pub(crate) fn recorded(self, day: i64, hour: i64, fact: impl Into<Fact>) -> Self {
        let fact = fact.into();
        self.then(day, hour, move |log, at| {
            signed(log, at, None, fact.clone(), true);
        })
    }

    pub(crate) fn denied(self, what: &str, repository: Option<&str>) -> Self {
        let mut fact = attested(what, repository, &[]);
        fact.holds = false;
        self.recorded(DAYS, 6, fact)
    }

    pub(crate) fn drilled(self, verdict: DrillVerdict, scenario: &str) -> Self {
        let fact = drill(verdict, scenario);
        self.then(DAYS, 8, move |log, at| {
            signed(log, at, Some("db"), fact.clone(), true);
        })
    }

    pub(crate) fn damaged(self, repository: &str) -> Self {
        let mut fact = verified(repository);
        (fact.damaged, fact.unresolved) = (1, 1);
        self.recorded(DAYS, 7, fact)
    }

    pub(crate) fn accessed(self, what: &str, times: u64, explained: u64) -> Self {
        self.recorded(DAYS, 7, access(what, times, explained))
    }

    pub(crate) fn alerted(self, sent: bool, acknowledged: bool) -> Self {
        let outcome = if sent {
            AlertOutcome::Sent
        } else {
            AlertOutcome::Failed
        };
        let alert = Alert {
            class: "failed".to_owned(),
            severity: 4,
            route: "on-call".to_owned(),
            outcome,
            about: Some("C-02/resource:db".to_owned()),
            ..Alert::default()
        };
        let org = self.recorded(DAYS - 1, 6, alert);
        match acknowledged {
            false => org,
            true => org.recorded(
                DAYS - 1,
                7,
                Acknowledged {
                    about: "C-02/resource:db".to_owned(),
                    ..Acknowledged::default()
                },
            ),
        }
    }

    /// Adds the steps of an incident, six hours apart, from day 50 on.
    pub(crate) fn incident(mut self, steps: &[&str]) -> Self {
        for (nth, step) in (0..).zip(steps) {
            let fact = IncidentStep {
                incident: "i-1".to_owned(),
                step: match *step {
                    "open" => IncidentState::Open,
                    "acknowledged" => IncidentState::Acknowledged,
                    "mitigated" => IncidentState::Mitigated,
                    "resolved" => IncidentState::Resolved,
                    "reviewed" => IncidentState::Reviewed,
                    _ => IncidentState::Closed,
                },
                waiver: *step == "waived",
                ..IncidentStep::default()
            };
            self = self.then(50, 6 * nth, move |log, at| {
                signed(log, at, Some("db"), fact.clone(), true);
            });
        }
        self
    }

    pub(crate) fn action(self, due_days: i64, done: bool) -> Self {
        let opened = action_step(
            "a-1",
            "C-99/fleet",
            ActionState::Opened,
            Some(40 + due_days),
        );
        let org = self.recorded(40, 9, opened);
        match done {
            false => org,
            true => org.recorded(
                45,
                9,
                action_step("a-1", "C-99/fleet", ActionState::Done, None),
            ),
        }
    }

    pub(crate) fn action_for(self, finding: &str) -> Self {
        self.recorded(
            59,
            9,
            action_step("a-2", finding, ActionState::Opened, Some(90)),
        )
    }

    pub(crate) fn disposed(self, repositories: &[&str], is_verified: bool) -> Self {
        let copy = |name: &&str| DisposedCopy {
            repository: (*name).to_owned(),
            location: "eu".to_owned(),
            method: DisposalMethod::CryptoErase,
            verified: is_verified,
            ..DisposedCopy::default()
        };
        let fact = Disposal {
            subject: "request-7".to_owned(),
            snapshots: 3,
            copies: repositories.iter().map(copy).collect(),
            operators: vec![Person::from_bytes([1; 16]), Person::from_bytes([2; 16])],
            residual: "nothing".to_owned(),
            ..Disposal::default()
        };
        self.recorded(50, 9, fact)
    }

    pub(crate) fn held(mut self, is_known: bool) -> Self {
        let at = START + 54 * DAY + 12 * HOUR;
        self.more.push((
            at,
            "hold",
            Box::new(move |world| {
                let known = world.snapshots.get(&54).copied().unwrap();
                let hold = Hold {
                    action: HoldAction::Place,
                    id: [9; 16],
                    snapshots: vec![if is_known { known } else { id(999_999) }],
                    reason: "court".to_owned(),
                    ..Hold::default()
                };
                world.log.add(at, Body::Hold(hold));
            }),
        ));
        self
    }

    pub(crate) fn forgot_early(mut self) -> Self {
        let at = START + 55 * DAY + 12 * HOUR;
        self.more.push((
            at,
            "early",
            Box::new(move |world| {
                let gone = world.snapshots.get(&54).copied().unwrap();
                forget(&mut world.log, at, vec![gone]);
            }),
        ));
        self
    }

    pub(crate) fn suspected(mut self) -> Self {
        let at = START + 59 * DAY + 12 * HOUR;
        self.more.push((
            at,
            "suspect",
            Box::new(move |world| {
                let fact = Suspect {
                    snapshot: world.snapshots.get(&59).copied().unwrap(),
                    signals: vec!["new-data".to_owned()],
                    state: SuspectState::Raised,
                    ..Suspect::default()
                };
                signed(&mut world.log, at, Some("db"), fact, true);
            }),
        ));
        self
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::utc(START + (DAYS + self.later_days) * DAY + 12 * HOUR)
    }

    pub(crate) fn policy_text(&self) -> String {
        let mut text = POLICY.to_owned();
        for (from, to) in &self.edits {
            text = text.replace(from, to);
        }
        text
    }

    pub(crate) fn policy(&self) -> Policy {
        Document::parse(&self.policy_text())
            .unwrap()
            .policy()
            .clone()
    }

    pub(crate) fn history(&self) -> History {
        History::from_events(&self.events())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let mut world = World::default();
        if self.is_empty {
            return Vec::new();
        }
        let mut deeds: Vec<(i64, &str, Deed)> = self.deeds();
        deeds.retain(|(_, tag, _)| !self.without.contains(*tag));
        let more = self.more.iter().map(|(at, tag, deed)| (*at, *tag, deed));
        let own = deeds.iter().map(|(at, tag, deed)| (*at, *tag, deed));
        let mut all: Vec<(i64, &str, &Deed)> = own.chain(more).collect();
        all.sort_by_key(|(at, _, _)| *at);
        for (_, tag, deed) in all {
            let before = world.log.events.len();
            deed(&mut world);
            if self.nameless.contains(tag) {
                for event in world.log.events.iter_mut().skip(before) {
                    if let Some(record) = &mut event.record {
                        record.head.actor = None;
                    }
                }
            }
        }
        let mut events = world.log.events;
        for event in &mut events {
            // The first entry of a journal is the genesis, and has the number 0.
            event.n -= 1;
            if self.has_one_key {
                event.author = [1; 32];
                event.roles = Roles::WRITER | Roles::MAINTAINER;
            }
        }
        if self.has_gap {
            events.remove(100);
        }
        if self.is_truncated {
            events.drain(..30);
        }
        events
    }

    fn deeds(&self) -> Vec<(i64, &'static str, Deed)> {
        let mut all: Vec<(i64, &'static str, Deed)> = Vec::new();
        let mut add = |tag, day: i64, hour: i64, deed: Deed| {
            all.push((START + day * DAY + hour * HOUR, tag, deed));
        };
        add(
            "genesis",
            0,
            0,
            Box::new(|world| {
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
                world.log.add(START, Body::Genesis(genesis));
            }),
        );
        let text = self.policy_text();
        let hash = ObjectHash::of(text.as_bytes());
        add(
            "policy",
            0,
            1,
            Box::new(move |world| {
                let policy = strongroom_format::Policy {
                    hash: ObjectHash::of(text.as_bytes()),
                    document: Some(text.clone().into_bytes()),
                    ..strongroom_format::Policy::default()
                };
                world.log.add(START + HOUR, Body::Policy(policy));
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
