//! What happened in a world, in order.

use std::fmt;

use crate::dice::mix;
use crate::faults::Fault;

/// One call, as it was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// How many calls came before it, counting pauses.
    pub step: u64,
    /// Who called; `None` for what arrived on its own, such as a late write.
    pub client: Option<usize>,
    /// Seconds of true time since 1970.
    pub seconds: i64,
    /// The verb.
    pub verb: &'static str,
    /// The key or prefix, or words of a program.
    pub what: String,
    /// Bytes put or got, objects listed.
    pub amount: usize,
    /// What went wrong.
    pub fault: Option<Fault>,
    /// What the caller was told.
    pub outcome: &'static str,
}

impl Event {
    /// Begins the description of an event; when it happened is added by the world.
    pub(crate) fn new(verb: &'static str) -> Self {
        Self {
            step: 0,
            client: None,
            seconds: 0,
            verb,
            what: String::new(),
            amount: 0,
            fault: None,
            outcome: "",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            seconds,
            verb,
            what,
            amount,
            ..
        } = self;
        let client = self
            .client
            .map_or_else(|| "-".to_owned(), |client| client.to_string());
        write!(f, "{step:6} {seconds:12} {client} {verb:6} {what}")?;
        if *amount > 0 {
            write!(f, " [{amount}]")?;
        }
        write!(f, " {}", self.outcome)?;
        match self.fault {
            Some(fault) => write!(f, " !{fault:?}"),
            None => Ok(()),
        }
    }
}

/// The events of a world: a fingerprint of all of them and, if they were asked for, themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    fingerprint: u64,
    events: Option<Vec<Event>>,
}

impl Trace {
    pub(crate) fn keep_events(&mut self) {
        self.events.get_or_insert_default();
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn take(&mut self) -> Vec<Event> {
        self.events.take().unwrap_or_default()
    }

    /// Records an event; `what` is only copied if events are kept.
    pub(crate) fn push(&mut self, event: Event, what: &str) {
        let mut sum = self.fingerprint ^ event.step;
        let fault = event.fault.map_or(0, |fault| fault as u64 + 1);
        let client = event.client.map_or(0, |client| client as u64 + 1);
        for number in [
            event.amount as u64,
            fault,
            client,
            event.seconds.cast_unsigned(),
        ] {
            sum = mix(sum ^ number);
        }
        for bytes in [
            event.verb.as_bytes(),
            what.as_bytes(),
            event.outcome.as_bytes(),
        ] {
            for part in bytes.chunks(8) {
                let number = part
                    .iter()
                    .fold(part.len() as u64, |sum, byte| (sum << 8) | u64::from(*byte));
                sum = mix(sum.rotate_left(5) ^ number);
            }
        }
        self.fingerprint = sum;
        if let Some(events) = &mut self.events {
            events.push(Event {
                what: what.to_owned(),
                ..event
            });
        }
    }
}
