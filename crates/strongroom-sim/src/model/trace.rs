//! A step in words.

use super::config::FIRST_MERGED;
use super::journal::{Entry, Kind};
use super::state::{Sender, State, Work};
use super::{Action, Config, Set};

/// What a step did, from the states before and after it.
pub(super) fn tell(before: &State, action: Action, after: &State, config: &Config) -> String {
    match tell_writer(before, action, after, config) {
        Some((writer, text)) => format!("writer {writer} {text}"),
        None => match tell_pruner(before, action, after, config) {
            Some((pruner, text)) => format!("pruner {pruner} {text}"),
            None => tell_merger(action, after).unwrap_or_else(|| tell_others(before, action)),
        },
    }
}

fn tell_writer(
    before: &State,
    action: Action,
    after: &State,
    config: &Config,
) -> Option<(u8, String)> {
    let (writer, text) = match action {
        Action::Begin(writer) => {
            let reuses = after.writer(writer).reuses;
            let how = if reuses {
                ", reusing the subtree of snapshot 0"
            } else {
                ""
            };
            (
                writer,
                format!("begins to back up {}{how}", config.target(writer)),
            )
        }
        Action::Upload(writer) => {
            let pack = before.writer(writer).pack;
            return Some((writer, format!("uploads {}", pack_of(after, pack))));
        }
        Action::PutSegment(writer) => {
            return Some((
                writer,
                format!("puts segment {}", before.writer(writer).pack),
            ));
        }
        Action::WriterDoubts(writer) => {
            return Some((writer, "waits no longer for an answer".to_owned()));
        }
        Action::WriterTrustsSilence(writer) => {
            return Some((writer, "hears nothing and says it is done".to_owned()));
        }
        Action::Announce(writer) | Action::Commit(writer) => {
            (writer, "looks at the whole journal".to_owned())
        }
        Action::WriterLearns(writer) => (writer, "learns of its entry".to_owned()),
        Action::WriterCrashes(writer) => (writer, "crashes".to_owned()),
        _ => return None,
    };
    Some((writer, format!("{text}; {}", goes_on(after, writer))))
}

fn tell_pruner(
    before: &State,
    action: Action,
    after: &State,
    config: &Config,
) -> Option<(u8, String)> {
    match action {
        Action::Plan {
            pruner,
            packs,
            segments,
            ends,
        } => {
            let mut plan = format!("plans to drop packs {packs}");
            for (what, set) in [("segments", segments), ("sessions", ends)] {
                if !set.is_empty() {
                    plan += &format!(", {what} {set}");
                }
            }
            if after.pruner(pruner).repacked {
                let fresh = config.repacked(pruner, after.pruner(pruner).round);
                plan += &format!(", copying into {}", pack_of(after, fresh));
            }
            Some((pruner, plan))
        }
        Action::Copy(pruner) => {
            let fresh = config.repacked(pruner, before.pruner(pruner).round);
            Some((pruner, format!("uploads {}", pack_of(after, fresh))))
        }
        Action::Tombstone(pruner) => {
            let sent = sent(after, Sender::Pruner(pruner)).unwrap_or_else(plan_is_stale);
            Some((pruner, format!("looks at the whole journal; {sent}")))
        }
        Action::PrunerLearns(pruner) => Some((pruner, "learns of its entry".to_owned())),
        Action::PrunerTrustsSilence(pruner) => {
            Some((pruner, "hears nothing and says it is done".to_owned()))
        }
        Action::PrunerCrashes(pruner) => Some((pruner, "crashes".to_owned())),
        _ => None,
    }
}

fn tell_merger(action: Action, after: &State) -> Option<String> {
    match action {
        Action::Merge(segments) => {
            let packs = after.objects.mapped_by(FIRST_MERGED + after.merger.round);
            Some(format!(
                "the merger plans to replace segments {segments} by one of packs {packs}"
            ))
        }
        Action::PutMerged => Some("the merger puts its segment".to_owned()),
        Action::ReplaceSegments => {
            let sent = sent(after, Sender::Merger).unwrap_or_else(plan_is_stale);
            Some(format!("the merger looks at the whole journal; {sent}"))
        }
        Action::MergerLearns => Some("the merger learns of its entry".to_owned()),
        Action::MergerCrashes => Some("the merger crashes".to_owned()),
        _ => None,
    }
}

fn tell_others(before: &State, action: Action) -> String {
    match action {
        Action::Land(message) => lands(before, message, "lands"),
        Action::LandTwice(message) => lands(before, message, "lands, and will arrive again"),
        Action::Lose(message) => lands(before, message, "is lost"),
        Action::PackLands(pack) => format!("pack {pack} lands late"),
        Action::SegmentLands(segment) => format!("segment {segment} lands late"),
        Action::DeletePack(pack) => format!("somebody deletes pack {pack}"),
        Action::DeleteSegment(segment) => format!("somebody deletes segment {segment}"),
        Action::BelieveDropped(packs) => format!("somebody will delete packs {packs} at once"),
        Action::Forget(snapshot) => format!("snapshot {snapshot} is forgotten"),
        Action::Condemn(pack) => format!("pack {pack} is condemned"),
        Action::Damage(pack) => format!("pack {pack} is found damaged"),
        Action::Hold(snapshot) => format!("snapshot {snapshot} is held"),
        Action::Release(snapshot) => format!("snapshot {snapshot} is released"),
        Action::CloseEpoch => "epoch 0 is closed".to_owned(),
        Action::RetireEpoch => "epoch 0 is retired".to_owned(),
        Action::Open(snapshot) => format!("a reader opens snapshot {snapshot}"),
        Action::Read => "the reader reads its next blob".to_owned(),
        Action::Revoke => "somebody takes Tombstones back".to_owned(),
        other => format!("{other:?}"),
    }
}

fn pack_of(state: &State, pack: u8) -> String {
    format!("pack {pack} {}", state.objects.blobs_of(pack))
}

fn plan_is_stale() -> String {
    "its plan is stale".to_owned()
}

fn goes_on(after: &State, number: u8) -> String {
    let writer = after.writer(number);
    match writer.work {
        Work::Uploading => format!("{} is to be uploaded", pack_of(after, writer.pack)),
        Work::Announcing | Work::Sending => sent(after, Sender::Writer(number)).unwrap_or_default(),
        Work::Ready => "everything it needs is there".to_owned(),
        Work::Idle => "it will begin a new session".to_owned(),
        Work::Indexing => "its segment is next".to_owned(),
        Work::Done => "it is done".to_owned(),
        Work::Stopped => "it gives up".to_owned(),
    }
}

fn sent(state: &State, sender: Sender) -> Option<String> {
    state
        .message_of(sender)
        .map(|message| format!("it sends {}", describe(&message.entry, message.slot)))
}

fn lands(before: &State, message: u8, how: &str) -> String {
    match before.messages.get(usize::from(message)) {
        Some(message) => format!(
            "{} of {} {how}",
            describe(&message.entry, message.slot),
            message.sender
        ),
        None => format!("nothing {how}"),
    }
}

fn describe(entry: &Entry, slot: u8) -> String {
    let mut text = match entry.kind {
        Kind::Commit => format!("Commit of snapshot {}", entry.snapshots),
        kind => format!("{kind:?}"),
    };
    let parts: [(&str, Set); 5] = [
        ("adding packs", entry.add_packs),
        ("adding segments", entry.add_segments.minus(entry.add_packs)),
        ("dropping packs", entry.drop_packs),
        (
            "dropping segments",
            entry.drop_segments.minus(entry.drop_packs),
        ),
        (
            "ending sessions",
            if entry.kind == Kind::Tombstone {
                entry.sessions
            } else {
                Set::EMPTY
            },
        ),
    ];
    for (what, set) in parts {
        if !set.is_empty() {
            text += &format!(" {what} {set}");
        }
    }
    if entry.attempt > 0 {
        text += &format!(" (attempt {} at {slot})", entry.attempt);
    }
    text
}
