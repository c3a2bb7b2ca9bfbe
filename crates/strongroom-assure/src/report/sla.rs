//! What was promised and what was reached, by resource.

use strongroom_policy::Period;

use super::{Cell, Material, Report, Section, Table};

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "What was promised and what was reached".to_owned();
    let mut loss = Table::new(
        "rpo",
        &[
            ("resource", "Resource"),
            ("target_seconds", "May be lost (s)"),
            ("achieved_seconds", "Could have been lost (s)"),
            ("now_seconds", "Could be lost now (s)"),
            ("time_within", "Time within target"),
            ("objective", "Asked for"),
            ("points", "Points"),
        ],
    );
    let mut time = Table::new(
        "rto",
        &[
            ("resource", "Resource"),
            ("target", "May take"),
            ("measured_seconds", "Took in the last drill (s)"),
            ("proven", "Proven"),
        ],
    );
    for one in from
        .assessment
        .resources
        .iter()
        .filter(|one| !one.is_retired)
    {
        loss.row([
            one.id.clone().into(),
            one.rpo.target_seconds.into(),
            one.rpo.achieved.seconds().into(),
            one.rpo.now.seconds().into(),
            one.rpo.time_within().into(),
            one.rpo.objective.into(),
            one.rpo.n.into(),
        ]);
        time.row([
            one.id.clone().into(),
            one.restore
                .target
                .map(|period: Period| period.to_string())
                .into(),
            one.restore.measured_seconds.into(),
            one.restore.proven.into(),
        ]);
        report.rests_on(one.rpo.evidence.iter().copied());
        report.rests_on(one.restore.because);
    }
    report.add(
        Section::new("rpo", "How much could have been lost")
            .say("Counted from the moment of which a point shows the data, not from the end of its run. An empty cell under “could” is everything: there was no point.")
            .with(loss),
    );
    report.add(
        Section::new("rto", "How long a restore takes")
            .say("Measured in drills, with people's work where it was measured.")
            .with(time),
    );
    let rates = rates(from, report);
    report.add(rates);
    report.not_proven("That an incident would go as a drill does.");
    report.not_proven("That a rate of few runs is what it will be: see the interval.");
}

fn rates(from: &Material<'_>, report: &mut Report) -> Section {
    let mut table = Table::new(
        "success",
        &[
            ("resource", "Resource"),
            ("days", "Days"),
            ("ok", "Succeeded"),
            ("expected", "Due"),
            ("missed", "Never began"),
            ("rate", "Rate"),
            ("low", "At least"),
            ("high", "At most"),
            ("target", "Asked for"),
            ("verdict", "Rule"),
            ("surely_below", "Surely below"),
        ],
    );
    for subject in from.case.active() {
        let Some(measured) = from.case.success(&subject.resource.id) else {
            continue;
        };
        for rate in measured.rates.iter().filter(|one| one.days == DAYS) {
            let verdict = match (rate.rate, rate.is_below) {
                (None, _) => "unknown",
                (Some(_), true) => "act",
                (Some(_), false) => "kept",
            };
            table.row([
                subject.resource.id.clone().into(),
                u64::from(rate.days).into(),
                rate.ok.into(),
                rate.expected.into(),
                rate.missed.into(),
                rate.rate.into(),
                rate.interval.map(|one| one.low).into(),
                rate.interval.map(|one| one.high).into(),
                rate.target.into(),
                verdict.into(),
                Cell::Text(if rate.is_surely_below { "yes" } else { "no" }.to_owned()),
            ]);
            report.rests_on(rate.evidence.iter().copied());
        }
    }
    Section::new("success", "How often runs succeeded")
        .say("Missed runs count. “Rule” compares the rate with what is asked for; “surely below” asks whether so few runs can show that. The interval is of 90 %.")
        .with(table)
}

const DAYS: u32 = 30;
