//! Entries on their way to the journal: they land late, twice or never, and the answer may not arrive.

use super::journal::{Entry, Kind};
use super::state::{Fate, Message, Sender, State, Work};
use super::{Config, Mutant};

impl State {
    /// Sends an entry to the first free slot.
    pub(crate) fn send(&mut self, sender: Sender, mut entry: Entry, config: &Config) {
        let mut slot = 0;
        if config.journal {
            self.attempts += 1;
            entry.attempt = self.attempts;
            entry.previous = self.log.last().map_or(0, |last| last.attempt);
            slot = u8::try_from(self.log.len()).unwrap_or(u8::MAX);
        }
        self.messages.push(Message {
            sender,
            fate: Fate::Flying,
            slot,
            entry,
        });
    }

    /// Appends an entry whose author saw everything before it: what the others do with nobody in between.
    pub(crate) fn append(&mut self, mut entry: Entry, config: &Config) {
        if config.journal {
            self.attempts += 1;
            entry.attempt = self.attempts;
            entry.previous = self.log.last().map_or(0, |last| last.attempt);
        }
        self.write(entry, config);
    }

    /// The message of one who waits.
    pub(crate) fn message_of(&self, sender: Sender) -> Option<Message> {
        self.messages
            .iter()
            .find(|message| message.sender == sender)
            .copied()
    }

    /// Takes the message of one who knows what became of it.
    pub(crate) fn take_message(&mut self, sender: Sender) -> Option<Message> {
        let place = self
            .messages
            .iter()
            .position(|message| message.sender == sender)?;
        Some(self.messages.swap_remove(place))
    }

    /// The sender waits no more. What is still flying may land.
    pub(crate) fn abandon_message(&mut self, sender: Sender) {
        if let Some(mut message) = self.take_message(sender)
            && message.fate == Fate::Flying
        {
            message.sender = Sender::Nobody;
            self.messages.push(message);
        }
    }

    /// A lost entry is sent again: the same attempt, to the same slot.
    pub(crate) fn resend(&mut self, sender: Sender) {
        for message in &mut self.messages {
            if message.sender == sender && message.fate == Fate::Lost {
                message.fate = Fate::Flying;
            }
        }
    }

    /// An entry never arrives.
    pub(crate) fn lose(&mut self, index: usize) {
        let Some(message) = self.messages.get_mut(index) else {
            return;
        };
        message.fate = Fate::Lost;
        if message.sender == Sender::Nobody {
            self.messages.swap_remove(index);
        }
        self.budget.losses = self.budget.losses.saturating_sub(1);
    }

    /// The network delivers an entry, and keeps a second one of it.
    pub(crate) fn duplicate(&mut self, index: usize, config: &Config) {
        if let Some(mut message) = self.messages.get(index).copied() {
            message.sender = Sender::Nobody;
            self.messages.push(message);
        }
        self.budget.losses = self.budget.losses.saturating_sub(1);
        self.land(index, config);
    }

    /// An entry arrives at the store.
    pub(crate) fn land(&mut self, index: usize, config: &Config) {
        let Some(message) = self.messages.get_mut(index) else {
            return;
        };
        let (sender, slot, entry) = (message.sender, usize::from(message.slot), message.entry);
        let free = slot == self.log.len();
        let replaces = config.breaks(Mutant::PutReplaces);
        message.fate = if free || replaces {
            Fate::Won
        } else {
            Fate::Beaten
        };
        if sender == Sender::Nobody {
            self.messages.swap_remove(index);
        }
        if free {
            self.write(entry, config);
            if self.wrong.cache.is_some() && sender != Sender::Nobody {
                self.wrong.cache = Some(self.ledger(config).available(&self.objects));
            }
        } else if replaces && let Some(there) = self.log.get_mut(slot) {
            self.wrong.replaced |= *there != entry;
            *there = entry;
        }
    }

    fn write(&mut self, entry: Entry, config: &Config) {
        if entry.kind == Kind::Forget {
            self.robbed = self
                .robbed
                .or(entry.snapshots.and(self.ledger(config).held));
        }
        let before = self.ledger(config);
        if config.journal {
            self.log.push(entry);
        } else {
            self.base.apply(&entry, &self.objects, config);
        }
        if self.ledger(config).lacks(&before, config) {
            for writer in &mut self.writers {
                writer.must_look = !matches!(writer.work, Work::Idle | Work::Done | Work::Stopped);
            }
        }
        if config.journal {
            return;
        }
        for message in &mut self.messages {
            if matches!(message.fate, Fate::Flying | Fate::Lost) {
                message.fate = Fate::Beaten;
            }
        }
        self.messages
            .retain(|message| message.sender != Sender::Nobody);
    }
}
