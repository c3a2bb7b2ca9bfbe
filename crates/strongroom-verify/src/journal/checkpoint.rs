//! Checkpoints: they must say what the entries before them leave (`docs/format.md`, §8.6).

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{Roles, StructureKeys};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{
    BridgeRef, Checkpoint, DamagedPack, DecodeErrorKind, ObjectHash, PackRef, SealedCheckpoint,
    SegmentRef, Unknown,
};

use super::state::State;
use crate::context::{Context, Fetched};
use crate::wholeness::{Flaw, Place, damage, judge, of_error};
use crate::{Area, Level, Problem, Report, Result, Severity};

/// Where in the journal a checkpoint stands.
#[derive(Debug)]
pub(super) struct At<'a> {
    pub(super) n: u64,
    /// Hash of the entry before.
    pub(super) last: ObjectHash,
    pub(super) place: &'a Place,
    pub(super) keys: &'a Arc<StructureKeys>,
}

/// Compares the checkpoint of that place, if there is one, with the state; says whether there was one.
pub(super) async fn check(
    cx: &Context,
    state: &State,
    at: &At<'_>,
    report: &mut Report,
) -> Result<bool> {
    let name = ObjectName::Checkpoint(at.n);
    let bytes = match cx.get(&name).await? {
        Fetched::Absent => return Ok(false),
        Fetched::Unreadable(error) => {
            let flaw = damage(&name, Problem::Unreadable, error.to_string());
            cx.found(report, flaw.of(name, Level::Hashed));
            return Ok(true);
        }
        Fetched::Bytes(bytes) => bytes,
    };
    let len = bytes.len() as u64;
    report
        .coverage
        .add(Area::Checkpoints, Level::Hashed, 1, len);
    let opened = {
        let (place, keys) = (*at.place, Arc::clone(at.keys));
        let open = move || open(name, &bytes, &place, &keys);
        cx.pool().run(open).await?
    };
    let verdict = opened.and_then(|(sealed, checkpoint)| {
        report
            .coverage
            .add(Area::Checkpoints, Level::Authenticated, 1, len);
        compare(state, at, &sealed, checkpoint)
    });
    if let Err(flaw) = verdict {
        let level = match flaw.problem {
            Problem::DoesNotOpen | Problem::BadSignature | Problem::CheckpointDiffers => {
                Level::Authenticated
            }
            _ => Level::Hashed,
        };
        cx.found(report, flaw.of(name, level));
    }
    Ok(true)
}

fn open(
    name: ObjectName,
    bytes: &Bytes,
    place: &Place,
    keys: &StructureKeys,
) -> Result<(SealedCheckpoint, Checkpoint), Flaw> {
    judge(&name, bytes, place)?;
    let sealed = SealedCheckpoint::decode(bytes).map_err(|error| of_error(&name, error))?;
    if !sealed.verify_signatures() {
        return Err(damage(&name, Problem::BadSignature, ""));
    }
    match sealed.open(keys.checkpoint()) {
        Ok(checkpoint) => Ok((sealed, checkpoint)),
        Err(error) if error.kind() == DecodeErrorKind::Unsupported => Err(Flaw::new(
            Problem::NewerVersion,
            Severity::Note,
            error.to_string(),
        )),
        Err(error) => Err(damage(&name, Problem::DoesNotOpen, error.to_string())),
    }
}

fn compare(
    state: &State,
    at: &At<'_>,
    sealed: &SealedCheckpoint,
    found: Checkpoint,
) -> Result<(), Flaw> {
    let name = ObjectName::Checkpoint(at.n);
    let signers: Vec<_> = sealed.signatures.iter().map(|one| one.public).collect();
    if !state.may_sign(&signers, Roles::WRITER | Roles::MAINTAINER) {
        let detail = "nobody who signed it is certified for it";
        return Err(damage(&name, Problem::BadSignature, detail));
    }
    if sealed.last != at.last {
        let detail = "made after another entry";
        return Err(damage(&name, Problem::CheckpointDiffers, detail));
    }
    // What a later version added is not ours to judge.
    let found = Checkpoint {
        unknown: Unknown::default(),
        ..found
    };
    let bridged = |one: &BridgeRef| found.bridges.contains(one);
    if !state.bridges.values().all(bridged) {
        let detail = "made before a lost entry was bridged; nobody uses it";
        return Err(Flaw::new(
            Problem::CheckpointDiffers,
            Severity::Note,
            detail,
        ));
    }
    match first_difference(&state.to_checkpoint(), &found) {
        None => Ok(()),
        Some(what) => Err(damage(&name, Problem::CheckpointDiffers, what)),
    }
}

fn first_difference(expected: &Checkpoint, found: &Checkpoint) -> Option<&'static str> {
    macro_rules! compare {
        ($($field:ident $words:literal),* $(,)?) => {
            $(if expected.$field != found.$field {
                return Some(concat!("other ", $words, " than the entries leave"));
            })*
        };
    }
    compare!(
        packs "packs",
        segments "segments",
        snapshots "snapshots",
        sessions "announced packs",
        certificates "certificates",
        keyring "keyring",
        epochs "epochs",
        read_features "features",
        write_features "features",
        maintain_features "features",
        holds "holds",
        damaged "damaged frames",
        condemned "condemned packs",
        dropped "dropped objects",
        ended_sessions "ended sessions",
        policy "policy",
        only_writer "only writer",
        genesis "first entry",
        admin "admin",
        must_understand "entries that writers must understand",
        committed_sessions "sessions that committed",
        bridges "bridges",
    );
    None
}

impl State {
    /// Returns the checkpoint that says this state.
    pub(super) fn to_checkpoint(&self) -> Checkpoint {
        let mut snapshots: Vec<_> = self
            .snapshots
            .values()
            .map(|one| (one.n, Arc::new(one.snapshot.clone())))
            .collect();
        snapshots.sort_by_key(|(n, _)| *n);
        let [read, write, maintain] = &self.features;
        let texts = |features: &std::collections::BTreeSet<String>| {
            features.iter().cloned().collect::<Vec<_>>()
        };
        Checkpoint {
            packs: self.pack_refs().collect(),
            segments: self.segment_refs().collect(),
            snapshots,
            sessions: self
                .announced
                .iter()
                .map(|(session, packs)| (*session, packs.iter().copied().collect()))
                .collect(),
            certificates: self.certificates.clone(),
            keyring: self.keyring.unwrap_or_default(),
            epochs: self.epochs.iter().map(|(n, state)| (*n, *state)).collect(),
            read_features: texts(read),
            write_features: texts(write),
            maintain_features: texts(maintain),
            holds: self.holds.values().cloned().collect(),
            damaged: self
                .damaged
                .iter()
                .map(|(pack, frames)| DamagedPack {
                    pack: *pack,
                    frames: frames.iter().copied().collect(),
                })
                .collect(),
            condemned: self.condemned.iter().copied().collect(),
            dropped: self.dropped.iter().copied().collect(),
            ended_sessions: self.ended_sessions.iter().copied().collect(),
            policy: self.policy,
            only_writer: self.only_writer,
            genesis: self.genesis,
            admin: self.admin,
            must_understand: self.must_understand,
            committed_sessions: self.committed_sessions.iter().copied().collect(),
            bridges: self.bridges.values().copied().collect(),
            unknown: Unknown::default(),
        }
    }

    fn pack_refs(&self) -> impl Iterator<Item = PackRef> + '_ {
        self.packs.iter().map(|(name, pack)| PackRef {
            name: *name,
            len: pack.len,
            class: pack.class,
        })
    }

    fn segment_refs(&self) -> impl Iterator<Item = SegmentRef> + '_ {
        self.segments.iter().map(|(name, segment)| SegmentRef {
            name: *name,
            len: segment.len,
            entries: segment.entries,
        })
    }
}
