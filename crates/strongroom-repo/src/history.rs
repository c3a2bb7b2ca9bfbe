//! The journal, to be read by whoever judges what happened.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_format::Event;

use crate::edge;
use crate::error::Result;
use crate::repository::Repository;

impl Repository {
    /// Calls `each` with every journal entry from number `from` on that has effect, in order, opened as far as this handle's keys open it. `each` runs
    /// on the operation's thread, and ends it by returning `Break`. Returns the number of the entry to go on with the next time.
    ///
    /// The time of an event is the one that its author wrote into the entry; a Commit has the times of its snapshot besides, and a record its own. A
    /// sensitive part that does not open, and a record that this version does not know or that is damaged, are `None`, and the event is there.
    /// Entries without effect are passed over.
    ///
    /// Takes memory for the state of the repository and a few bundles, however long the journal is. From 0 on every entry is folded here; from a later
    /// number on, the state before it may come from a checkpoint, which spares reading what is before. Of a repository that was opened around lost entries, it is what
    /// comes before the first of them.
    ///
    /// # Errors
    ///
    /// `Invalid` when there are fewer entries than `from`; `Damaged` names an entry that cannot be read, and everything before it was passed to `each`;
    /// otherwise as [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it at the next request.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use strongroom_format::record::{Attested, Fact, Record};
    /// # use std::sync::Arc;
    /// # use strongroom_crypt::Suite;
    /// # use strongroom_repo::{CreateOptions, Credential, Repository};
    /// # use strongroom_store::MemoryStore;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { futures::executor::block_on(async {
    /// # let builder = Repository::builder(Arc::new(MemoryStore::new()));
    /// # let options = CreateOptions::default().with_suite(Suite::None);
    /// # let repository = builder.create(options, &Credential::None).await?.repository;
    /// let fact = Attested { what: "escrow-test".into(), holds: true, ..Attested::default() };
    /// let record = Record::new(repository.record_head()?, fact.into());
    /// repository.record(&record, Some(b"Ada opened it with the envelope from the safe")).await?;
    ///
    /// let (events, next) = repository.events(1).await?;
    /// assert_eq!(next, 2);
    /// assert_eq!(events[0].record.as_ref(), Some(&record));
    /// assert!(events[0].sealed.as_ref().is_some_and(|text| text.starts_with(b"Ada")));
    /// # Ok(()) }) }
    /// ```
    pub async fn history(
        &self,
        from: u64,
        mut each: impl FnMut(Event) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-history", move |remote| {
            let context = this.context();
            let next = this.journal().events(remote, context, from, &mut each)?;
            this.journal().keep(context);
            Ok(next)
        })
        .await
    }

    /// Returns every journal entry from number `from` on that has effect, as [`history`](Self::history) passes them, and the number of the entry to go on
    /// with. All of them are in memory.
    ///
    /// # Errors
    ///
    /// As [`history`](Self::history).
    ///
    /// # Cancellation
    ///
    /// As [`history`](Self::history).
    pub async fn events(&self, from: u64) -> Result<(Vec<Event>, u64)> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&events);
        let push = move |event| {
            // Nobody panics between two pushes.
            to.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(event);
            ControlFlow::Continue(())
        };
        let next = self.history(from, push).await?;
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((std::mem::take(&mut events), next))
    }
}

#[cfg(test)]
mod tests;
