//! What a client does with the repository.

mod backup;
mod foreign;
mod forget;
mod locks;
mod prune;
mod read;
mod replicate;
mod undelete;

pub(crate) use self::read::number_of;

use std::sync::Arc;
use std::time::Duration;

use strongroom_repo::{Error, ErrorKind, Repository};
use strongroom_store::MemoryStore;

use super::ledger::Ledger;
use super::setup::Setup;
use crate::dice::Dice;
use crate::engine::tree::Tree;
use crate::world::Client;

/// A client at work.
pub(crate) struct Worker<'a> {
    client: &'a Client,
    setup: &'a Setup,
    ledger: &'a Ledger,
    dice: Dice,
    repository: Option<Repository>,
    openings: u64,
    tree: Tree,
    /// A store of its own, to which nothing happens.
    replica: Arc<MemoryStore>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        client: &'a Client,
        setup: &'a Setup,
        ledger: &'a Ledger,
        phase: u64,
    ) -> Self {
        let mut dice = Dice::new(setup.seed).fork(phase << 8 | client.id() as u64);
        let tree = Tree::grow(&mut dice);
        Self {
            client,
            setup,
            ledger,
            dice,
            repository: None,
            openings: phase << 16,
            tree,
            replica: Arc::new(MemoryStore::new()),
        }
    }

    /// Does this and that.
    pub(crate) fn work(&mut self) {
        for _ in 0..self.setup.operations {
            if self.client.is_over() {
                return;
            }
            let Some(repository) = self.repository() else {
                self.client.pause(Duration::from_secs(60));
                continue;
            };
            self.operate(&repository);
            // Whoever fails may be anybody afterwards.
            if self.client.is_dead() || self.dice.one_in(10) {
                self.repository = None;
            }
        }
    }

    /// Starts anew and backs up once more, as often as it takes.
    pub(crate) fn finish(&mut self) {
        for _ in 0..PATIENCE {
            if self.client.is_over() {
                return;
            }
            if let Some(repository) = self.repository()
                && self.back_up(&repository)
            {
                return;
            }
        }
        let who = self.client.id();
        let what = format!("client {who} did not commit in {PATIENCE} attempts");
        self.ledger.violate("a writer that retries commits", what);
    }

    fn operate(&mut self, repository: &Repository) {
        if self.setup.profile.locks() && self.dice.one_in(6) {
            return self.extend_locks(repository);
        }
        match self.dice.below(20) {
            0..=6 => drop(self.back_up(repository)),
            7 | 8 => self.restore(repository),
            9 => self.hold(repository),
            10 | 11 => self.forget(repository),
            12..=14 => self.prune(repository),
            15 => self.delete(repository),
            16 => self.undelete(repository),
            17 | 18 => self.maintain(),
            19 if self.dice.one_in(2) => self.replicate(repository),
            _ => self.client.pause(Duration::from_secs(3_600)),
        }
    }

    /// Returns the repository, opened anew if need be.
    fn repository(&mut self) -> Option<Repository> {
        if self.client.is_dead() {
            self.client.revive();
            self.repository = None;
        }
        if self.repository.is_none() {
            self.openings += 1;
            let opened = self.setup.open(self.client, self.openings);
            self.repository = self.expect("open", opened);
        }
        self.repository.clone()
    }

    /// Takes note of how an operation ended, and returns what came of it.
    fn expect<T>(&self, operation: &'static str, outcome: Result<T, Error>) -> Option<T> {
        self.expect_or(operation, outcome, &[])
    }

    /// Like [`expect`](Self::expect), where errors of these kinds say that what was asked makes no sense any more.
    fn expect_or<T>(
        &self,
        operation: &'static str,
        outcome: Result<T, Error>,
        kinds: &[ErrorKind],
    ) -> Option<T> {
        let error = match outcome {
            Ok(value) => {
                self.client.say(operation, "done");
                return Some(value);
            }
            Err(error) => error,
        };
        let is_dead = self.client.is_dead() || self.client.is_over();
        self.client
            .say(&format!("{operation}: {error:?}"), "failed");
        let is_odd = self.setup.profile.excludes(error.kind()) && !kinds.contains(&error.kind());
        if !is_dead && is_odd {
            self.ledger.violate(
                "errors are of kinds that can be",
                format!("{operation} by client {}: {error:?}", self.client.id()),
            );
        }
        None
    }
}

/// How often a client tries to back up when nothing goes wrong any more.
const PATIENCE: u32 = 8;
