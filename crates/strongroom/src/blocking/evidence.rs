//! What happened: writing it down, and reading it.

use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::record::{Person, Record, RecordHead};
use strongroom_format::{Event, Evidence};
use strongroom_repo::{Canaries, Changes, PolicyInForce, Result};

use super::Repository;

impl Repository {
    /// Appends evidence to the journal and returns the number of its entry.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::record_evidence`].
    pub fn record_evidence(&self, evidence: Evidence) -> Result<u64> {
        self.run(|repository| async move { repository.record_evidence(evidence).await })
    }

    /// Appends evidence with a sensitive part, which is sealed.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::record_sensitive`].
    pub fn record_sensitive(&self, evidence: Evidence, sensitive: &[u8]) -> Result<u64> {
        let sensitive: Arc<[u8]> = sensitive.into();
        self.run(
            |repository| async move { repository.record_sensitive(evidence, &sensitive).await },
        )
    }

    /// Appends a record of the process, and what is sensitive about it, sealed.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::record`].
    pub fn record(&self, record: &Record, sensitive: Option<&[u8]>) -> Result<u64> {
        let (record, sensitive) = (record.clone(), sensitive.map(Vec::from));
        self.run(|repository| async move {
            let sensitive = sensitive.as_deref();
            repository.record(&record, sensitive).await
        })
    }

    /// Appends records, in this order, and returns the numbers of their entries.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::record_all`].
    pub fn record_all(&self, records: &[Record]) -> Result<Vec<u64>> {
        let records = records.to_vec();
        self.run(|repository| async move { repository.record_all(&records).await })
    }

    /// Returns the beginning of a record that is made now.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::record_head`].
    pub fn record_head(&self) -> Result<RecordHead> {
        self.inner().record_head()
    }

    /// Returns the digest by which records name somebody of this name.
    #[must_use]
    pub fn person(&self, name: &str) -> Person {
        self.inner().person(name)
    }

    /// Calls `each` with every journal entry from number `from` on that has effect, and returns the number of the entry to go on with.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::history`].
    pub fn history(
        &self,
        from: u64,
        each: impl FnMut(Event) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64> {
        self.run(move |repository| async move { repository.history(from, each).await })
    }

    /// Returns every journal entry from number `from` on that has effect, and the number of the entry to go on with.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::events`].
    pub fn events(&self, from: u64) -> Result<(Vec<Event>, u64)> {
        self.run(move |repository| async move { repository.events(from).await })
    }

    /// Compares a snapshot with an earlier one, in numbers.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::changes`].
    pub fn changes(&self, earlier: &Id, later: &Id) -> Result<Changes> {
        let (earlier, later) = (*earlier, *later);
        self.run(move |repository| async move { repository.changes(&earlier, &later).await })
    }

    /// Looks at files that nobody changes.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::canaries`].
    pub fn canaries(
        &self,
        earlier: Option<&Id>,
        later: &Id,
        paths: Vec<Vec<u8>>,
    ) -> Result<Canaries> {
        let (earlier, later) = (earlier.copied(), *later);
        self.run(move |repository| async move {
            repository.canaries(earlier.as_ref(), &later, paths).await
        })
    }

    /// Returns the policy in force, if there is one.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::policy`].
    pub fn policy(&self) -> Result<Option<PolicyInForce>> {
        self.run(|repository| async move { repository.policy().await })
    }

    /// Puts a policy document into the journal, unless it is in force already.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::set_policy`].
    pub fn set_policy(&self, document: Vec<u8>, media_type: &str) -> Result<PolicyInForce> {
        let media_type = media_type.to_owned();
        self.run(|repository| async move { repository.set_policy(document, &media_type).await })
    }
}
