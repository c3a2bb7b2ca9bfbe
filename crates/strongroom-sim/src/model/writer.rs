//! What a client does that backs up.

use super::config::{MAX_PACKS, PAGE, SUBTREE};
use super::journal::{Entry, Kind, Ledger};
use super::state::{Fate, Sender, State, Work, Writer};
use super::{Action, Config, Mutant, Set};

/// What a writer may do next.
pub(super) fn actions(state: &State, number: u8, config: &Config, actions: &mut Vec<Action>) {
    let writer = state.writer(number);
    match writer.work {
        Work::Idle => actions.push(Action::Begin(number)),
        Work::Uploading => actions.push(Action::Upload(number)),
        Work::Indexing => actions.push(Action::PutSegment(number)),
        Work::Ready => {
            if config.announces && !writer.announced && !writer.own.is_empty() {
                actions.push(Action::Announce(number));
            }
            actions.push(Action::Commit(number));
        }
        Work::Announcing | Work::Sending => waits(state, number, config, actions),
        Work::Done | Work::Stopped => return,
    }
    if state.budget.crashes > 0 {
        actions.push(Action::WriterCrashes(number));
    }
}

fn waits(state: &State, number: u8, config: &Config, actions: &mut Vec<Action>) {
    match state
        .message_of(Sender::Writer(number))
        .map(|message| message.fate)
    {
        Some(Fate::Flying) => {
            if state.budget.losses > 0 {
                actions.push(Action::WriterDoubts(number));
            }
            if config.breaks(Mutant::SilenceIsSuccess) {
                actions.push(Action::WriterTrustsSilence(number));
            }
        }
        Some(Fate::Lost | Fate::Won | Fate::Beaten) => actions.push(Action::WriterLearns(number)),
        None => {}
    }
}

/// Reads the journal to its end and looks for what need not be uploaded.
pub(super) fn begin(state: &mut State, number: u8, config: &Config) {
    let ledger = state.ledger(config);
    let mut writer = Writer {
        session: state.writer(number).session,
        ..Writer::default()
    };
    let mut fresh = ledger;
    fresh.packs = ledger.packs.minus(ledger.condemned);
    let mut known = fresh.available(&state.objects);
    if config.breaks(Mutant::ListDecides) {
        state.list(number, state.objects.packs);
        known = known.or(state.objects.blobs(state.objects.packs));
    }
    if config.breaks(Mutant::AnnouncedIsKept) {
        state.list(number, ledger.announced);
    }
    if config.breaks(Mutant::StaleCacheTrusted) {
        known = *state.wrong.cache.get_or_insert(known);
    }
    let target = config.target(number);
    if SUBTREE.within(target) && parent_stands(&ledger, config) {
        writer.reuses = true;
        known = known.or(SUBTREE);
    }
    if config.breaks(Mutant::RefersToRetiredEpoch) || config.breaks(Mutant::DamagedCopyCounts) {
        known = known.or(known_wrongly(&ledger, state, config));
    }
    number_pack(
        state,
        number,
        writer,
        target.minus(known),
        ledger.closed,
        config,
    );
}

/// Whether a subtree of snapshot 0 may be reused without a walk.
fn parent_stands(ledger: &Ledger, config: &Config) -> bool {
    let is_sound = ledger.is_sound() || config.breaks(Mutant::DamagedParentTrusted);
    SUBTREE.within(config.parent) && ledger.snapshots.has(0) && is_sound
}

fn known_wrongly(ledger: &Ledger, state: &State, config: &Config) -> Set {
    let mut ledger = *ledger;
    if config.breaks(Mutant::RefersToRetiredEpoch) {
        ledger.retired = false;
    } else if config.breaks(Mutant::DamagedCopyCounts) {
        ledger.damaged = Set::EMPTY;
    }
    ledger.available(&state.objects)
}

/// Goes on to upload what is missing, in a pack with a name that nothing ever had.
fn number_pack(
    state: &mut State,
    number: u8,
    mut writer: Writer,
    missing: Set,
    new_epoch: bool,
    config: &Config,
) {
    if missing.is_empty() {
        writer.work = Work::Ready;
    } else if let Some(mut pack) = next_pack(state, number, &writer, config) {
        if config.breaks(Mutant::NamesReused) && writer.uploads > 0 {
            pack = reused_name(state, missing, config).unwrap_or(pack);
            state.wrong.returned = state.wrong.returned.or(Set::one(pack));
        }
        state.objects.fill(pack, missing);
        if new_epoch {
            state.objects.new_epoch = state.objects.new_epoch.or(Set::one(pack));
        }
        writer.uploads += 1;
        writer.pack = pack;
        writer.work = Work::Uploading;
    } else {
        writer.work = Work::Stopped;
    }
    state.set_writer(number, writer);
}

/// The number of the next pack of a session, unless the budget is used.
fn next_pack(state: &State, number: u8, writer: &Writer, config: &Config) -> Option<u8> {
    if writer.uploads < config.uploads && writer.session < config.sessions {
        return Some(config.uploaded_pack(number, writer.session, writer.uploads));
    }
    let used = state.objects.packs.or(state.ledger(config).dropped_packs);
    (config.packs()..MAX_PACKS).find(|pack| config.alone && !used.has(*pack))
}

fn reused_name(state: &State, missing: Set, config: &Config) -> Option<u8> {
    let dropped = state.ledger(config).dropped_packs;
    dropped
        .iter()
        .find(|pack| state.objects.blobs_of(*pack) == missing)
}

/// Puts the pack, and its segment unless that is a step of its own.
pub(super) fn upload(state: &mut State, number: u8, config: &Config) {
    let mut writer = state.writer(number);
    let pack = Set::one(writer.pack);
    let objects = &mut state.objects;
    if config.breaks(Mutant::CommitBeforePack) {
        objects.late_packs = objects.late_packs.or(pack);
        objects.segments = objects.segments.or(pack);
    } else {
        objects.packs = objects.packs.or(pack);
        if config.breaks(Mutant::CommitBeforeSegment) {
            objects.late_segments = objects.late_segments.or(pack);
        } else if !config.segments {
            objects.segments = objects.segments.or(pack);
        }
    }
    writer.own = writer.own.or(pack);
    let separate = config.segments
        && !config.breaks(Mutant::CommitBeforeSegment)
        && !config.breaks(Mutant::CommitBeforePack);
    writer.work = if separate {
        Work::Indexing
    } else {
        Work::Ready
    };
    state.set_writer(number, writer);
}

/// Puts the segment of the pack.
pub(super) fn put_segment(state: &mut State, number: u8) {
    let mut writer = state.writer(number);
    state.objects.segments = state.objects.segments.or(Set::one(writer.pack));
    writer.work = Work::Ready;
    state.set_writer(number, writer);
}

/// The packs of this session that a Commit or Packs entry could still add, or that are in force.
fn usable(state: &State, ledger: &Ledger, writer: &Writer, config: &Config) -> Set {
    let mut usable = writer.own;
    if !config.breaks(Mutant::CommitsDroppedPack) {
        usable = usable.minus(ledger.dropped_packs.minus(state.wrong.returned));
    }
    if ledger.retired && !config.breaks(Mutant::AddsUnderRetiredEpoch) {
        usable = usable.and(state.objects.new_epoch);
    }
    if !config.breaks(Mutant::DamagedCopyCounts) {
        usable = usable.minus(ledger.damaged);
    }
    let either =
        config.breaks(Mutant::CommitsDroppedSegment) || config.breaks(Mutant::CommitsDroppedPack);
    if !either {
        let gone = ledger.dropped_segments.minus(ledger.packs);
        usable = usable.minus(gone.minus(state.wrong.returned));
    }
    usable
}

/// Announces what was uploaded, for a later session to find.
pub(super) fn announce(state: &mut State, number: u8, config: &Config) {
    let ledger = state.ledger(config);
    let mut writer = state.writer(number);
    let session = Set::one(config.session(number, writer.session));
    if !session.and(ledger.ended).is_empty()
        || usable(state, &ledger, &writer, config) != writer.own
    {
        return commit(state, number, config);
    }
    let entry = Entry {
        kind: Kind::Packs,
        sessions: session,
        add_packs: writer.own,
        add_segments: writer.own,
        ..Entry::default()
    };
    writer.work = Work::Announcing;
    state.set_writer(number, writer);
    state.send(Sender::Writer(number), entry, config);
}

/// Validates against the whole journal, then sends the Commit, or stores again what is missing, or begins anew.
pub(super) fn commit(state: &mut State, number: u8, config: &Config) {
    let ledger = state.ledger(config);
    let mut writer = state.writer(number);
    let snapshot = Set::one(config.snapshot(number, writer.session));
    if snapshot.within(ledger.committed) {
        return finish(state, number, snapshot, config);
    }
    let session = Set::one(config.session(number, writer.session));
    if !session.and(ledger.ended).is_empty() && !config.breaks(Mutant::CommitsEndedSession) {
        return begin_anew(state, number, config);
    }
    let usable = usable(state, &ledger, &writer, config);
    writer.must_look |= usable != writer.own;
    writer.own = usable;
    let added = writer.own.minus(ledger.packs);
    let missing = if writer.must_look {
        missing(state, &ledger, number, added, config)
    } else {
        Set::EMPTY
    };
    writer.must_look = false;
    if !missing.is_empty() {
        return number_pack(state, number, writer, missing, ledger.closed, config);
    }
    writer.work = Work::Sending;
    state.set_writer(number, writer);
    let entry = Entry {
        kind: Kind::Commit,
        snapshots: snapshot,
        sessions: session,
        add_packs: added,
        add_segments: added,
        ..Entry::default()
    };
    state.send(Sender::Writer(number), entry, config);
}

/// The precondition of a Commit: what it refers to and nothing provides.
fn missing(state: &State, ledger: &Ledger, number: u8, added: Set, config: &Config) -> Set {
    if config.breaks(Mutant::NoRevalidation) {
        return Set::EMPTY;
    }
    let mut looked_up = config.target(number);
    if state.writer(number).reuses {
        if parent_stands(ledger, config) {
            looked_up = looked_up.minus(SUBTREE);
        } else if config.breaks(Mutant::OnlyRootRevalidated) {
            looked_up = looked_up.minus(SUBTREE).or(Set::one(PAGE));
        }
    }
    let mut known = ledger
        .available(&state.objects)
        .or(state.objects.blobs(added));
    if config.breaks(Mutant::UnmappedPackCounts) {
        known = known.or(state.objects.blobs(ledger.good_packs(&state.objects)));
    }
    known = known.or(known_wrongly(ledger, state, config));
    let listed = state
        .wrong
        .listed
        .get(usize::from(number))
        .copied()
        .unwrap_or_default();
    known = known
        .or(state.objects.blobs(listed))
        .or(state.wrong.cache.unwrap_or_default());
    looked_up.minus(known)
}

/// Learns what became of the entry, by the answer or by reading its slot.
pub(super) fn learn(state: &mut State, number: u8, config: &Config) {
    let sender = Sender::Writer(number);
    let Some(message) = state.message_of(sender) else {
        return;
    };
    let mut writer = state.writer(number);
    if message.fate == Fate::Lost && usize::from(message.slot) == state.log.len() {
        return state.resend(sender);
    }
    state.take_message(sender);
    match (message.fate, writer.work) {
        (Fate::Won, Work::Sending) => {
            return finish(state, number, message.entry.snapshots, config);
        }
        (Fate::Won, _) => {
            writer.announced = true;
            writer.work = Work::Ready;
        }
        _ => writer.work = Work::Ready,
    }
    state.set_writer(number, writer);
}

/// Knows that its snapshot is committed, and perhaps begins another one.
fn finish(state: &mut State, number: u8, snapshot: Set, config: &Config) {
    state.acknowledged = state.acknowledged.or(snapshot);
    let snapshots = (0..config.sessions).map(|session| config.snapshot(number, session));
    let committed = snapshots.filter(|snapshot| state.acknowledged.has(*snapshot));
    if committed.count() < usize::from(config.backups)
        && state.writer(number).session + 1 < config.sessions
    {
        return begin_anew(state, number, config);
    }
    let mut writer = state.writer(number);
    writer.work = Work::Done;
    writer.must_look = false;
    state.set_writer(number, writer);
}

/// Waits no longer, and will look at the journal again. What is on its way may still land.
pub(super) fn doubt(state: &mut State, number: u8) {
    state.budget.losses = state.budget.losses.saturating_sub(1);
    state.abandon_message(Sender::Writer(number));
    let mut writer = state.writer(number);
    writer.work = Work::Ready;
    state.set_writer(number, writer);
}

/// Takes silence for success.
pub(super) fn trust_silence(state: &mut State, number: u8) {
    if let Some(message) = state.message_of(Sender::Writer(number)) {
        state.acknowledged = state.acknowledged.or(message.entry.snapshots);
    }
    state.abandon_message(Sender::Writer(number));
    let mut writer = state.writer(number);
    writer.work = Work::Done;
    state.set_writer(number, writer);
}

/// Dies at any point, and begins a new session.
pub(super) fn crash(state: &mut State, number: u8, config: &Config) {
    state.budget.crashes = state.budget.crashes.saturating_sub(1);
    state.abandon_message(Sender::Writer(number));
    let writer = state.writer(number);
    if writer.work == Work::Uploading && config.late_packs {
        state.objects.late_packs = state.objects.late_packs.or(Set::one(writer.pack));
    }
    begin_anew(state, number, config);
}

fn begin_anew(state: &mut State, number: u8, config: &Config) {
    let session = state.writer(number).session;
    let mut next = Writer {
        session,
        work: Work::Stopped,
        ..Writer::default()
    };
    if session + 1 < config.sessions || config.alone {
        next.session += 1;
        next.work = Work::Idle;
    }
    state.set_writer(number, next);
    state.list(number, Set::EMPTY);
}

/// The next step towards being done, when nobody else acts.
pub(super) fn next_alone(state: &State, number: u8) -> Option<Action> {
    match state.writer(number).work {
        Work::Idle => Some(Action::Begin(number)),
        Work::Uploading => Some(Action::Upload(number)),
        Work::Indexing => Some(Action::PutSegment(number)),
        Work::Ready => Some(Action::Commit(number)),
        Work::Announcing | Work::Sending => {
            let sender = Sender::Writer(number);
            let (place, message) = (0..)
                .zip(&state.messages)
                .find(|(_, message)| message.sender == sender)?;
            Some(if message.fate == Fate::Flying {
                Action::Land(place)
            } else {
                Action::WriterLearns(number)
            })
        }
        Work::Done | Work::Stopped => None,
    }
}
