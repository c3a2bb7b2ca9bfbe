//! What is said of entries that have no effect, or stand in for others.

use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;

use super::candidate::Candidate;
use super::fold::{Effect, Void};
use crate::context::Context;
use crate::{Finding, Level, Problem, Report, Severity, Subject};

/// Says what became of an entry, if that is worth saying.
pub(super) fn tell(cx: &Context, candidate: &Candidate, effect: Effect, report: &mut Report) {
    let (problem, severity, detail) = match effect {
        Effect::Applied => match candidate.bridge() {
            Some((bridge, _)) if bridge.confirmed.is_empty() => {
                (Problem::Bridged, Severity::Note, bridge.reason.clone())
            }
            _ => return,
        },
        Effect::Unknown => {
            let kind = candidate.body().map_or(u64::MAX, |body| body.kind());
            (
                Problem::UnknownEntry,
                Severity::Note,
                format!("type {kind}"),
            )
        }
        Effect::Void(void) => {
            let severity = if void.is_suspicious() {
                Severity::Damage
            } else {
                Severity::Note
            };
            let problem = match void {
                Void::Payload => Problem::DoesNotOpen,
                Void::Signature | Void::Role => Problem::BadSignature,
                _ => Problem::VoidEntry,
            };
            (problem, severity, format!("no effect: {}", void.words()))
        }
    };
    let subject = Subject::Object(ObjectName::Journal(candidate.n));
    let finding = Finding::new(severity, subject, problem, Level::Authenticated);
    cx.found(report, finding.with_detail(detail));
}

/// Says that the author of entry `n` was shown another journal.
pub(super) fn tell_of_fork(cx: &Context, n: u64, seen: (u64, ObjectHash), report: &mut Report) {
    let (count, hash) = seen;
    let subject = Subject::Object(ObjectName::Journal(n));
    let finding = Finding::new(
        Severity::Damage,
        subject,
        Problem::Forked,
        Level::Authenticated,
    );
    let detail = format!("its author had seen {count} entries, the last with hash {hash}");
    cx.found(report, finding.with_detail(detail));
}
