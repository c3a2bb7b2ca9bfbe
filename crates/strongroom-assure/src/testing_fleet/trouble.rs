//! What goes wrong, each on its day, and the day on which it must be found.

use strongroom_format::record::{Alert, AlertOutcome, Attested, DrillVerdict};
use strongroom_format::{Body, Hold, HoldAction};

use super::Fleet;
use super::nature::{Counted, encrypt};
use crate::finding::Severity;
use crate::testing::{DAY, HOUR, START};
use crate::testing_org::deeds::{attested, drill, forget};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Problem {
    /// The first day of it.
    pub(super) injected: i64,
    /// The resource that it is about, or one to judge a problem of all by.
    pub(super) about: &'static str,
    /// How many days later it is found, judged at noon, and why not sooner.
    pub(super) after: i64,
    /// The beginning of the finding's key.
    pub(super) key: &'static str,
    /// How bad it is at least.
    pub(super) severity: Severity,
}

const fn problem(
    about: &'static str,
    injected: i64,
    after: i64,
    key: &'static str,
    severity: Severity,
) -> Problem {
    Problem {
        injected,
        about,
        after,
        key,
        severity,
    }
}

use Severity::{Critical, Note, Serious, Warning};

// Days are those since 2026-01-05. Runs are due at 2, and everything is judged at 12.

/// 29 of the last 30 runs are 96.7 %, and 98 % are asked for: the first night.
pub(super) const MISSED: Problem = problem("db-missed", 150, 0, "C-20/resource:db-missed", Serious);
pub(super) const STOPPED: Problem = problem(
    "files-stopped",
    200,
    0,
    "C-20/resource:files-stopped",
    Serious,
);
/// The exemption holds until 2027-03-01, which is day 420.
pub(super) const EXEMPT: Problem = problem(
    "files-exempt",
    380,
    40,
    "C-02/resource:files-exempt",
    Serious,
);
pub(super) const FALLING: Problem =
    problem("db-falling", 470, 0, "C-20/resource:db-falling", Serious);
/// Held on day 500, forgotten on day 505.
pub(super) const HELD: Problem = problem("files-held", 500, 5, "C-23/fleet", Serious);
/// A drift needs seven nights, and each counts at most 3 − 0.8 of the 12 spreads needed.
pub(super) const POISONED: Problem = problem(
    "files-poisoned",
    520,
    6,
    "anomaly/resource:files-poisoned",
    Critical,
);
pub(super) const ENCRYPTED: Problem = problem(
    "files-encrypted",
    560,
    0,
    "anomaly/resource:files-encrypted",
    Critical,
);
pub(super) const CLOCK: Problem = problem("db-quiet", 600, 0, "clock/fleet", Warning);
pub(super) const WEAKENED: Problem =
    problem("db-quiet", 640, 0, "protection-reduced/fleet/", Serious);
/// Keys may be two years old, and are never changed.
const KEYS: Problem = problem("db-quiet", 0, 730, "C-07/fleet", Serious);
/// A verification is good for seven days, and the last one is of 9 o'clock.
pub(super) const UNVERIFIED: Problem =
    problem("laptop-quiet", 760, 7, "C-08/repository:tape", Warning);
/// A drill is good for 90 days, and the last one is of 10 o'clock.
pub(super) const UNDRILLED: Problem = problem(
    "db-undrilled",
    780,
    90,
    "C-09/resource:db-undrilled",
    Warning,
);
const DRILL: Problem = problem(
    "db-undrillable",
    800,
    0,
    "C-09/resource:db-undrillable",
    Serious,
);
pub(super) const FULL: Problem = problem("laptop-quiet", 830, 0, "C-19/repository:tape", Warning);
/// Steps are due at once and after an hour, and a day later, at 8, it must begin anew.
const UNANSWERED: Problem = problem("db-quiet", 860, 1, "escalation-overdue/", Serious);
/// Done on day 880, due again on day 970 and late the day after.
pub(super) const OVERDUE: Problem = problem(
    "db-quiet",
    880,
    91,
    "obligation-overdue/fleet/obligation.access",
    Warning,
);
/// It ends on day 970 and must last for 14 days, one of them forgiven; read back on days 955 and 960.
pub(super) const LOCK: Problem = problem("db-quiet", 950, 10, "C-11/repository:vault", Serious);
/// A copy is good for the 36 hours that may be lost and the 12 that copying may take; the last data is of day 979 at 2.
pub(super) const SILENT: Problem =
    problem("mail-quiet", 980, 1, "C-10/resource:mail-quiet", Warning);
const EARLY: Problem = problem(
    "files-early",
    1_000,
    0,
    "C-03/resource:files-early",
    Serious,
);
/// It ends on day 1050 at 8, and that is told from 30 days before on.
const CERTIFICATE: Problem = problem("db-quiet", 1_000, 20, "key-ends/fleet/certificate", Note);

/// From this day on the retired server has no runs, and needs none.
pub(super) const RETIRED_DAY: i64 = 300;
pub(super) const RETIRED: &str = "2026-11-01";

/// All, some with what else they must show, and when.
pub(super) const ALL: &[Problem] = &[
    MISSED,
    problem("db-missed", 150, 1, "C-02/resource:db-missed", Serious),
    problem("db-missed", 150, 1, "acute/resource:db-missed", Serious),
    STOPPED,
    problem(
        "files-stopped",
        200,
        1,
        "C-02/resource:files-stopped",
        Serious,
    ),
    problem(
        "files-stopped",
        200,
        1,
        "acute/resource:files-stopped",
        Serious,
    ),
    EXEMPT,
    problem(
        "files-exempt",
        380,
        40,
        "C-20/resource:files-exempt",
        Serious,
    ),
    // An exemption that is over must leave the policy.
    problem("files-exempt", 380, 40, "C-26/fleet", Warning),
    FALLING,
    HELD,
    POISONED,
    ENCRYPTED,
    problem(
        "files-encrypted",
        560,
        0,
        "C-31/resource:files-encrypted",
        Serious,
    ),
    CLOCK,
    WEAKENED,
    KEYS,
    UNVERIFIED,
    UNDRILLED,
    DRILL,
    FULL,
    UNANSWERED,
    problem("db-quiet", 860, 1, "C-17/fleet", Serious),
    OVERDUE,
    LOCK,
    SILENT,
    EARLY,
    CERTIFICATE,
];

impl Problem {
    /// Returns the day on which it must be found.
    pub(super) const fn found(&self) -> i64 {
        self.injected + self.after
    }
}

/// Says whether a resource has no run in a night.
pub(super) fn is_missed(id: &str, day: i64) -> bool {
    match id {
        "db-missed" => (MISSED.injected..MISSED.injected + 4).contains(&day),
        "files-stopped" => day >= STOPPED.injected,
        "files-exempt" => (EXEMPT.injected..EXEMPT.found() + 5).contains(&day),
        "files-retired" => day >= RETIRED_DAY,
        _ => false,
    }
}

/// Says whether its run fails.
pub(super) fn has_failed(id: &str, day: i64) -> bool {
    let since = day - FALLING.injected;
    id == FALLING.about && (0..30).contains(&since) && since % 7 == 0
}

pub(super) fn tamper(id: &str, day: i64, counted: &mut Counted) {
    if id == POISONED.about && (POISONED.injected..POISONED.injected + 14).contains(&day) {
        encrypt(counted, 0.006);
    }
    if id == ENCRYPTED.about && day == ENCRYPTED.injected {
        encrypt(counted, 0.6);
    }
}

impl Fleet {
    /// Writes what is wrong on a day and is no run.
    pub(super) fn trouble(&mut self, day: i64) {
        let at = START + day * DAY + 11 * HOUR;
        if day == HELD.injected {
            let hold = Hold {
                action: HoldAction::Place,
                id: [9; 16],
                snapshots: self.made(HELD.about, day),
                reason: "court".to_owned(),
                ..Hold::default()
            };
            self.log.add(at, Body::Hold(hold));
        }
        if day == HELD.found() {
            let gone = self.made(HELD.about, HELD.injected);
            forget(&mut self.log, at, gone);
        }
        if day == EARLY.injected {
            let gone = self.made(EARLY.about, day - 3);
            forget(&mut self.log, at, gone);
        }
        if day == DRILL.injected {
            let fact = drill(DrillVerdict::Failed, "lost-server");
            self.note(day, 11, Some(DRILL.about), fact);
        }
        if day == CERTIFICATE.injected {
            let ends = (START + 1_050 * DAY + 8 * HOUR).to_string();
            let fact: Attested = attested("certificate", None, &[("expires", &ends)]);
            self.note(day, 11, None, fact);
        }
    }

    /// Writes what is wrong before the work of a day begins.
    pub(super) fn early_trouble(&mut self, day: i64) {
        if day == CLOCK.injected {
            // A machine whose clock is 40 days ahead.
            self.note(day + 40, 8, None, attested("erasure", None, &[]));
        }
        if day == UNANSWERED.injected {
            for step in 0..2 {
                let alert = Alert {
                    class: "failed".to_owned(),
                    severity: 4,
                    route: "on-call".to_owned(),
                    step,
                    outcome: AlertOutcome::Sent,
                    about: Some("C-99/resource:db-quiet".to_owned()),
                    ..Alert::default()
                };
                self.note(day, 7 + i64::from(step), Some(UNANSWERED.about), alert);
            }
        }
    }
}
