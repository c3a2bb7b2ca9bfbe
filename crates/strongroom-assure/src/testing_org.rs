//! A small organisation for tests: all is well in it, until somebody changes something.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypt::{Id, Roles};
use strongroom_format::Event;
use strongroom_format::record::RecordId;
use strongroom_policy::{Document, Policy};
use strongroom_retain::Moment;

use crate::history::History;
use crate::testing::{DAY, HOUR, Log, START};

mod changes;
mod days;
pub(crate) mod deeds;
mod policy;

type Deed = Box<dyn Fn(&mut World)>;
/// What is written, and what later deeds refer to.
#[derive(Default)]
struct World {
    log: Log,
    snapshots: BTreeMap<i64, Id>,
    tests: Vec<RecordId>,
}

/// An organisation with one database, two repositories and 60 days of history.
#[derive(Default)]
pub(crate) struct Org {
    edits: Vec<(String, String)>,
    without: BTreeSet<String>,
    nameless: BTreeSet<String>,
    more: Vec<(i64, &'static str, Deed)>,
    later_days: i64,
    is_empty: bool,
    has_stranger: bool,
    stopped: i64,
    failing: i64,
    is_plain: bool,
    is_uncounted: bool,
    has_one_key: bool,
    has_gap: bool,
    is_truncated: bool,
    full_percent: Option<u64>,
}

pub(crate) const DAYS: i64 = 60;
const OPS: [u8; 16] = [7; 16];

impl Org {
    pub(crate) fn good() -> Self {
        Self::default()
    }

    pub(crate) fn empty() -> Self {
        Self {
            is_empty: true,
            ..Self::default()
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::utc(START + (DAYS + self.later_days) * DAY + 12 * HOUR)
    }

    pub(crate) fn policy_text(&self) -> String {
        let mut text = policy::text();
        for (from, to) in &self.edits {
            text = text.replace(from, to);
        }
        text
    }

    pub(crate) fn policy(&self) -> Policy {
        Document::parse(&self.policy_text())
            .unwrap()
            .policy()
            .clone()
    }

    pub(crate) fn history(&self) -> History {
        History::from_events(&self.events())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let mut world = World::default();
        if self.is_empty {
            return Vec::new();
        }
        let mut deeds: Vec<(i64, &str, Deed)> = self.deeds();
        deeds.retain(|(_, tag, _)| !self.without.contains(*tag));
        let more = self.more.iter().map(|(at, tag, deed)| (*at, *tag, deed));
        let own = deeds.iter().map(|(at, tag, deed)| (*at, *tag, deed));
        let mut all: Vec<(i64, &str, &Deed)> = own.chain(more).collect();
        all.sort_by_key(|(at, _, _)| *at);
        for (_, tag, deed) in all {
            let before = world.log.events.len();
            deed(&mut world);
            if self.nameless.contains(tag) {
                for event in world.log.events.iter_mut().skip(before) {
                    if let Some(record) = &mut event.record {
                        record.head.actor = None;
                    }
                }
            }
        }
        let mut events = world.log.events;
        for event in &mut events {
            // The first entry of a journal is the genesis, and has the number 0.
            event.n -= 1;
            if self.has_one_key {
                event.author = [1; 32];
                event.roles = Roles::WRITER | Roles::MAINTAINER;
            }
        }
        if self.has_gap {
            events.remove(100);
        }
        if self.is_truncated {
            events.drain(..30);
        }
        events
    }
}
