//! What arrives long after it was sent.

use super::State;
use super::shelf::{Change, Flight};
use crate::trace::Event;

impl State {
    /// Sends a change that arrives later; one in four is lost on the way.
    pub(super) fn send(&mut self, change: Change) {
        if self.dice.one_in(4) {
            return;
        }
        let most = match self.dice.below(3) {
            0 => 4,
            1 => 40,
            _ => 600,
        };
        let due = self.step + self.dice.between(1, most);
        self.shelf.send(Flight { due, change });
    }

    /// Carries out what is due by `step`.
    pub(super) fn deliver(&mut self, step: u64) {
        for change in self.shelf.arrivals(step) {
            let (verb, key, amount, outcome) = match change {
                Change::Put(key, data, mode, retention) => {
                    let amount = data.len();
                    let landed = self.shelf.put(&key, data, (mode, retention), self.step);
                    (
                        "put",
                        key,
                        amount,
                        if landed { "landed" } else { "was there" },
                    )
                }
                Change::Delete(key) if self.shelf.lock_of(&key, self.seconds()).is_some() => {
                    ("delete", key, 0, "locked")
                }
                Change::Delete(key) => {
                    self.shelf.delete(&key, self.step);
                    ("delete", key, 0, "landed")
                }
            };
            let event = Event {
                amount,
                outcome,
                ..Event::new(verb)
            };
            self.record(event, key.as_str());
        }
    }
}
