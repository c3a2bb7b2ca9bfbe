//! One state of the world.

use std::fmt;

use super::config::{MAX_PRUNERS, MAX_WRITERS};
use super::journal::{Entry, Ledger};
use super::objects::Objects;
use super::{Config, Set};

/// Everything that can differ between two moments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct State {
    /// The folded journal, up to `log`.
    pub(crate) base: Ledger,
    /// The entries since then; always empty unless the whole journal is kept.
    pub(crate) log: Vec<Entry>,
    /// Attempts made so far, where they are told apart.
    pub(crate) attempts: u8,
    pub(crate) objects: Objects,
    pub(crate) writers: [Writer; MAX_WRITERS as usize],
    pub(crate) pruners: [Pruner; MAX_PRUNERS as usize],
    pub(crate) merger: Merger,
    pub(crate) reader: Reader,
    /// Puts of entries, sorted.
    pub(crate) messages: Vec<Message>,
    /// Snapshots whose writer was told that they are committed.
    pub(crate) acknowledged: Set,
    /// Snapshots that were forgotten although they were held.
    pub(crate) robbed: Set,
    pub(crate) budget: Budget,
    /// What is only there in some mutants.
    pub(crate) wrong: Wrong,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) crashes: u8,
    pub(crate) losses: u8,
    pub(crate) forgets: u8,
    pub(crate) condemns: u8,
    pub(crate) damages: u8,
    pub(crate) holds: u8,
}

/// Knowledge that only a broken participant uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wrong {
    /// Packs that somebody believes to be dropped.
    pub(crate) believed_dropped: Set,
    /// The cache of the machine that the writers and pruners run on.
    pub(crate) cache: Option<Set>,
    /// Packs that were stored again under a name that was dropped.
    pub(crate) returned: Set,
    /// An entry was replaced by another.
    pub(crate) replaced: bool,
    /// What a list showed to each writer when it began.
    pub(crate) listed: [Set; MAX_WRITERS as usize],
}

/// Where a writer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// It has not begun.
    #[default]
    Idle,
    /// Its pack is on its way.
    Uploading,
    /// The segment of its pack is on its way.
    Indexing,
    /// Everything it adds is durable. It may stay here for years.
    Ready,
    /// Its Packs entry is on its way.
    Announcing,
    /// Its entry is on its way.
    Sending,
    /// It knows that it is done.
    Done,
    /// It has given up: the budget of sessions or packs is used.
    Stopped,
}

impl Work {
    /// Whether there is nothing more to do.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Stopped)
    }
}

/// A client that backs up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) work: Work,
    pub(crate) session: u8,
    /// Packs that this session has numbered.
    pub(crate) uploads: u8,
    /// The pack it numbered last.
    pub(crate) pack: u8,
    /// Packs that this session has uploaded and may still add.
    pub(crate) own: Set,
    /// It reuses the subtree of snapshot 0 without having looked inside.
    pub(crate) reuses: bool,
    pub(crate) announced: bool,
    /// Something in force has been dropped, damaged or retired since this session last looked at everything it refers to.
    pub(crate) must_look: bool,
}

/// A client that tombstones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pruner {
    pub(crate) work: Work,
    pub(crate) round: u8,
    pub(crate) drop_packs: Set,
    pub(crate) drop_segments: Set,
    pub(crate) ends: Set,
    /// It has copied what is live in what it drops.
    pub(crate) repacked: bool,
    /// What was live when it planned; only there in a mutant.
    pub(crate) live_then: Set,
    /// What was in force when it planned; only there in a mutant.
    pub(crate) packs_then: Set,
}

/// A client that merges index segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Merger {
    pub(crate) work: Work,
    pub(crate) round: u8,
    pub(crate) removes: Set,
}

/// A client that restores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) work: Work,
    pub(crate) snapshot: u8,
    /// Blobs that it has not read yet.
    pub(crate) left: Set,
    /// Good copies in force when it last read the journal.
    pub(crate) copies: Set,
    /// It did not find a blob.
    pub(crate) failed: bool,
}

/// Who has sent an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sender {
    /// A writer, by number.
    Writer(u8),
    /// A pruner, by number.
    Pruner(u8),
    /// The merger.
    Merger,
    /// One who died or gave up since, or the network, which delivers twice.
    Nobody,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writer(number) => write!(f, "writer {number}"),
            Self::Pruner(number) => write!(f, "pruner {number}"),
            Self::Merger => f.write_str("the merger"),
            Self::Nobody => f.write_str("one who is gone"),
        }
    }
}

/// What became of an entry on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It may land.
    Flying,
    /// It never lands.
    Lost,
    /// It is in the journal.
    Won,
    /// Its slot has another entry.
    Beaten,
}

/// A put of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) sender: Sender,
    pub(crate) fate: Fate,
    /// The number it is put at; 0 unless the whole journal is kept.
    pub(crate) slot: u8,
    pub(crate) entry: Entry,
}

impl State {
    /// The world at the beginning: snapshot 0 and its packs are there.
    pub(crate) fn first(config: &Config) -> Self {
        let mut objects = Objects::default();
        let mut base = Ledger::default();
        for (pack, blobs) in (0..).zip(&config.initial) {
            objects.fill(pack, *blobs);
            base.packs = base.packs.or(Set::one(pack));
        }
        base.segments = base.packs;
        objects.packs = base.packs;
        objects.segments = base.packs;
        base.snapshots = Set::one(0);
        base.committed = base.snapshots;
        let mut state = Self {
            base,
            log: Vec::new(),
            attempts: 0,
            objects,
            writers: Default::default(),
            pruners: Default::default(),
            merger: Merger::default(),
            reader: Reader::default(),
            messages: Vec::new(),
            acknowledged: Set::EMPTY,
            robbed: Set::EMPTY,
            budget: Budget {
                crashes: config.crashes,
                losses: config.losses,
                forgets: config.forgets,
                condemns: config.condemns,
                damages: config.damages,
                holds: config.holds,
            },
            wrong: Wrong::default(),
        };
        for number in config.writers()..MAX_WRITERS {
            state.set_writer(
                number,
                Writer {
                    work: Work::Done,
                    ..Writer::default()
                },
            );
        }
        for number in config.pruners..MAX_PRUNERS {
            state.set_pruner(
                number,
                Pruner {
                    work: Work::Done,
                    ..Pruner::default()
                },
            );
        }
        if !config.reader {
            state.reader.work = Work::Done;
        }
        if config.merges == 0 {
            state.merger.work = Work::Done;
        }
        state
    }

    /// What the journal says, to one who reads it from the beginning to its end.
    pub(crate) fn ledger(&self, config: &Config) -> Ledger {
        let mut ledger = self.base;
        let mut previous = 0;
        for entry in &self.log {
            if entry.previous != previous {
                break;
            }
            previous = entry.attempt;
            ledger.apply(entry, &self.objects, config);
        }
        ledger
    }

    /// A writer.
    pub(crate) fn writer(&self, number: u8) -> Writer {
        self.writers
            .get(usize::from(number))
            .copied()
            .unwrap_or_default()
    }

    /// Replaces a writer.
    pub(crate) fn set_writer(&mut self, number: u8, writer: Writer) {
        if let Some(place) = self.writers.get_mut(usize::from(number)) {
            *place = writer;
        }
    }

    /// A pruner.
    pub(crate) fn pruner(&self, number: u8) -> Pruner {
        self.pruners
            .get(usize::from(number))
            .copied()
            .unwrap_or_default()
    }

    /// Replaces a pruner.
    pub(crate) fn set_pruner(&mut self, number: u8, pruner: Pruner) {
        if let Some(place) = self.pruners.get_mut(usize::from(number)) {
            *place = pruner;
        }
    }

    /// Notes what a list showed to a writer.
    pub(crate) fn list(&mut self, writer: u8, packs: Set) {
        if let Some(place) = self.wrong.listed.get_mut(usize::from(writer)) {
            *place = packs;
        }
    }

    /// Forgets differences that nothing can observe, so that equal worlds are one state.
    pub(crate) fn canonical(mut self) -> Self {
        self.messages.sort_unstable();
        self
    }
}
