//! What is said of a pack.

use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;

use super::check::PackOutcome;
use super::fault::{FrameFault, HashState, PackFault};
use crate::{Finding, Level, Problem, Severity, Subject};

/// Says what was seen in a pack that was read whole. `is_known` tells whether a hash is the name of another pack.
///
/// Where every frame could be opened, the damaged ones are named and the pack as a whole is not: the others are good.
pub(crate) fn describe(
    name: &ObjectHash,
    outcome: &PackOutcome,
    is_known: impl Fn(&ObjectHash) -> bool,
    mut found: impl FnMut(Finding),
) {
    let object = Subject::Object(ObjectName::Pack(*name));
    if let Some(fault) = outcome.fault {
        found(of_fault(object, outcome, fault, is_known));
        return;
    }
    let differs = outcome.hash == HashState::Differs;
    let Some((_, header)) = &outcome.header else {
        if differs {
            found(hash_differs(object, Severity::Damage, outcome, is_known));
        }
        return;
    };
    let total = header.frames.len();
    if total > 1 && outcome.frames.len() == total {
        let detail = format!("all {total} frames");
        let levels = outcome.frames.iter().map(|(_, fault)| fault.level());
        let level = levels.min().unwrap_or_default();
        let finding = Finding::new(Severity::Damage, object, Problem::FrameDamaged, level);
        found(finding.with_detail(detail));
        return;
    }
    let is_other = differs && is_known(&outcome.actual);
    for (frame, fault) in outcome.frames.iter().filter(|_| !is_other) {
        found(of_frame(name, *frame, *fault));
    }
    let unseen: u32 = outcome.gaps.iter().map(|(_, count)| count).sum();
    if is_other {
        found(hash_differs(object, Severity::Damage, outcome, is_known));
    } else if !differs {
        if outcome.bad_sessions > 0 && outcome.frames.is_empty() {
            let detail = "a session's secret that no frame needs does not unwrap";
            let finding = Finding::new(
                Severity::Damage,
                object,
                Problem::DoesNotOpen,
                Level::Authenticated,
            );
            found(finding.with_detail(detail));
        }
    } else if unseen > 0 {
        let finding = hash_differs(object, Severity::Damage, outcome, is_known);
        found(finding.with_detail(format!("{unseen} of {total} frames could not be opened")));
    } else if outcome.frames.is_empty() {
        let finding = hash_differs(object, Severity::Damage, outcome, is_known);
        found(finding.with_detail(format!("all {total} frames are good")));
    } else {
        let good = total - outcome.frames.len();
        let finding = hash_differs(object, Severity::Note, outcome, is_known);
        found(finding.with_detail(format!("{good} of {total} frames are good")));
    }
}

fn hash_differs(
    object: Subject,
    severity: Severity,
    outcome: &PackOutcome,
    is_known: impl Fn(&ObjectHash) -> bool,
) -> Finding {
    let finding = Finding::new(severity, object, Problem::HashDiffers, Level::Hashed);
    if is_known(&outcome.actual) {
        finding.with_detail(format!("the bytes of pack {}", outcome.actual))
    } else {
        finding
    }
}

fn of_fault(
    object: Subject,
    outcome: &PackOutcome,
    fault: PackFault,
    is_known: impl Fn(&ObjectHash) -> bool,
) -> Finding {
    let differs = outcome.hash == HashState::Differs;
    let swapped = differs && is_known(&outcome.actual);
    let (severity, problem, level, detail) = match fault {
        PackFault::Unsupported { what } if !differs => (
            Severity::Note,
            Problem::NewerVersion,
            Level::Authenticated,
            what.to_owned(),
        ),
        _ if swapped => (
            Severity::Damage,
            Problem::HashDiffers,
            Level::Hashed,
            format!("the bytes of pack {}", outcome.actual),
        ),
        PackFault::Truncated { is, stated } | PackFault::TooLong { is, stated } => (
            Severity::Damage,
            if differs {
                Problem::HashDiffers
            } else {
                Problem::WrongLength
            },
            Level::Hashed,
            format!("{is} bytes of {stated}"),
        ),
        PackFault::Foreign => (
            Severity::Damage,
            if differs {
                Problem::HashDiffers
            } else {
                Problem::WrongPlace
            },
            Level::Hashed,
            "no pack of this repository".to_owned(),
        ),
        PackFault::Class => (
            Severity::Damage,
            Problem::Inconsistent,
            Level::Authenticated,
            "its class is not that which the journal states".to_owned(),
        ),
        PackFault::HeaderSealed => {
            of_inside(differs, Problem::DoesNotOpen, "the header does not open")
        }
        // Whatever its version, its bytes are not those that were named.
        PackFault::Unsupported { what }
        | PackFault::Tail { what }
        | PackFault::Header { what, .. } => of_inside(differs, Problem::Malformed, what),
    };
    Finding::new(severity, object, problem, level).with_detail(detail)
}

/// A pack whose bytes are not what they were needs no other reason for what is in them.
fn of_inside(
    differs: bool,
    problem: Problem,
    what: &'static str,
) -> (Severity, Problem, Level, String) {
    if differs {
        let detail = format!("{what}; nothing in it can be used");
        (
            Severity::Damage,
            Problem::HashDiffers,
            Level::Hashed,
            detail,
        )
    } else {
        (
            Severity::Damage,
            problem,
            Level::Authenticated,
            what.to_owned(),
        )
    }
}

fn of_frame(pack: &ObjectHash, frame: u32, fault: FrameFault) -> Finding {
    let (problem, detail) = match fault {
        FrameFault::Sealed => (Problem::FrameDamaged, "does not open".to_owned()),
        FrameFault::SessionKey => (
            Problem::FrameDamaged,
            "the secret of its session does not unwrap".to_owned(),
        ),
        FrameFault::Codec => (Problem::FrameDamaged, "does not decompress".to_owned()),
        FrameFault::Ids { count, first } => (
            Problem::IdDiffers,
            format!("{count} blobs, the first at position {first}"),
        ),
    };
    let subject = Subject::Frame { pack: *pack, frame };
    Finding::new(Severity::Damage, subject, problem, fault.level()).with_detail(detail)
}
