//! Signs that somebody tampers with what is backed up.

use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::Case;
use crate::signal::{Alarm, SignalReport};

/// Says which alarms of the last weeks nobody has looked at: one finding a resource.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let of = |subject: &crate::control::Subject| {
        let report = case.signals(&subject.resource.id)?;
        let open: Vec<&Alarm> = report.unreviewed().collect();
        let worst = open.iter().max_by_key(|one| (one.severity, one.at))?;
        let first = open.iter().map(|one| one.at).min();
        let is_critical = worst.severity == crate::signal::AlarmSeverity::Critical;
        let severity = if is_critical {
            Severity::Critical
        } else {
            Severity::Note
        };
        let finding = Finding::new("anomaly", subject.scope(), severity, say(worst, report))
            .for_business(match is_critical {
                true => format!("Somebody may be destroying the data of {}.", subject.resource.id),
                false => format!("The last backup of {} is unusual.", subject.resource.id),
            })
            .next(match is_critical {
                true => "Hold the last clean points, stop the source from writing, and look: is it an attack? Record the verdict.",
                false => "Look whether somebody knows the cause, and record that the point is clean.",
            })
            .because(open.iter().map(|one| one.run))
            .since(first.map(Moment::utc));
        Some(finding)
    };
    case.active().filter_map(of).collect()
}

fn say(alarm: &Alarm, report: &SignalReport) -> String {
    let signs: Vec<String> = alarm
        .signals
        .iter()
        .map(|one| match one.baseline {
            Some(usual) => format!(
                "{} is {:.3}, usual is {usual:.3}, a sign from {:.3} on (n = {})",
                one.code.as_str(),
                one.value,
                one.threshold,
                one.n
            ),
            None => format!(
                "{} is {:.3}, a sign from {:.3} on",
                one.code.as_str(),
                one.value,
                one.threshold
            ),
        })
        .collect();
    let hold = report.hold.as_ref().map(|hold| {
        let open = hold.points.iter().filter(|one| !one.is_held).count();
        format!("; {open} clean points should be held")
    });
    format!(
        "the run of entry {} for {}: {}{}",
        alarm.run,
        alarm.resource,
        signs.join("; "),
        hold.unwrap_or_default()
    )
}
