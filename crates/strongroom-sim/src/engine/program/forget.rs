//! Holding, forgetting and bringing back.

use futures::executor::block_on;
use strongroom_repo::{Error, ErrorKind, ForgetOptions, HoldRequest, Repository, SnapshotInfo};

use super::Worker;
use super::read::number_of;

impl Worker<'_> {
    /// Forgets some snapshots by their ids, or what a rule lets go.
    pub(super) fn forget(&mut self, repository: &Repository) {
        let Some(snapshots) = self.snapshots(repository) else {
            return;
        };
        let options = match self.dice.below(3) {
            0 => ForgetOptions::by_rules("last=2".parse().unwrap_or_default()),
            _ => {
                let some = snapshots.iter().filter(|_| self.dice.one_in(2));
                ForgetOptions::of(some.map(|one| one.id).collect::<Vec<_>>())
            }
        };
        let options = match self.dice.one_in(2) {
            true => (0..5).fold(options, |options, series| {
                match format!("series=s{series},host").parse() {
                    Ok(group) => options.with_empty(group),
                    Err(_) => options,
                }
            }),
            false => options,
        };
        let planned = block_on(repository.plan_forget(options));
        if matches!(&planned, Err(error) if error.kind() == ErrorKind::Invalid) {
            // It would empty a group that was not named.
            return;
        }
        let Some(plan) = self.expect("plan forget", planned) else {
            return;
        };
        let chosen: Vec<_> = plan.forgotten().collect();
        let is_chosen = |one: &&SnapshotInfo| chosen.contains(&one.id);
        let numbers = snapshots.iter().filter(is_chosen).filter_map(number_of);
        let numbers: Vec<u64> = numbers.collect();
        if numbers.len() != chosen.len() {
            // Somebody has backed up in between, and a rule lets that go: nobody could say which it was.
            return;
        }
        self.ledger.set_out(&numbers);
        let forgotten = block_on(repository.forget(plan));
        let done = certainty(&forgotten).filter(|_| !self.client.is_dead());
        drop(self.expect("forget", forgotten));
        self.ledger.forgot(&numbers, done);
    }

    /// Places a hold or releases one.
    pub(super) fn hold(&mut self, repository: &Repository) {
        if self.dice.one_in(3) {
            let Some(holds) = self.expect("holds", block_on(repository.holds())) else {
                return;
            };
            if let Some(hold) = self.dice.pick(&holds) {
                let released = block_on(repository.release_hold(hold.id));
                self.expect("release", released);
            }
            return;
        }
        let Some(snapshots) = self.snapshots(repository) else {
            return;
        };
        let Some(snapshot) = self.dice.pick(&snapshots) else {
            return;
        };
        let request = match self.dice.below(3) {
            0 => HoldRequest::on_series(snapshot.snapshot.series.clone(), "the seed says so"),
            _ => HoldRequest::on_snapshots([snapshot.id], "the seed says so"),
        };
        self.expect("hold", block_on(repository.place_hold(request)));
    }
}

/// Says whether something was done, as far as that can be known.
pub(super) fn certainty<T>(outcome: &Result<T, Error>) -> Option<bool> {
    match outcome {
        Ok(_) => Some(true),
        // Refused before anything was written.
        Err(error) if error.kind() == ErrorKind::Stale => Some(false),
        Err(_) => None,
    }
}
