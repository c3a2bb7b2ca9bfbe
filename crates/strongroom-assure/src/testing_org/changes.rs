//! What a test changes in the organisation.

use strongroom_format::record::{
    Acknowledged, ActionState, Alert, AlertOutcome, Disposal, DisposalMethod, DisposedCopy,
    DrillVerdict, Fact, IncidentState, IncidentStep, Person, Suspect, SuspectState,
};
use strongroom_format::{Body, Hold, HoldAction};

use super::deeds::{access, action_step, attested, drill, forget, signed, verified};
use super::{DAYS, Org, policy};
use crate::testing::{DAY, HOUR, Log, START, id};

impl Org {
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
        assert!(
            policy::text().contains(from),
            "{from:?} is not in the policy"
        );
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
}
