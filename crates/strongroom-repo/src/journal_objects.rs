//! The journal, byte for byte.

use std::ops::ControlFlow;

use bytes::Bytes;
use strongroom_format::ObjectHash;

use crate::edge;
use crate::error::Result;
use crate::repository::Repository;

/// An entry of the journal as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalObject {
    /// Its number.
    pub n: u64,
    /// The whole object.
    pub bytes: Bytes,
    /// The previous hash that entry n + 1 states: that of this entry or, where a Bridge stands in the place of a lost one, that of the lost one if it is known.
    pub link: ObjectHash,
}

impl Repository {
    /// Calls `each` with every journal entry from number `from` on, in order, as it is stored: those without effect too, and Bridges in the places of lost ones. `each`
    /// runs on the operation's thread, and ends it by returning `Break`. Returns the number of the entry to go on with the next time.
    ///
    /// Every entry from the first on is read and folded here, whatever `from` is, so that what is passed on is the chain that this handle has
    /// verified. Takes memory for the state of the repository and a few bundles. Of a repository that was opened around lost entries, it is what comes before the first of them.
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
    /// use strongroom_format::{Entry, ObjectHash};
    /// # use std::sync::Arc;
    /// # use strongroom_crypt::Suite;
    /// # use strongroom_repo::{CreateOptions, Credential, Repository};
    /// # use strongroom_store::MemoryStore;
    /// # fn main() -> Result<(), strongroom_repo::Error> { futures::executor::block_on(async {
    /// # let builder = Repository::builder(Arc::new(MemoryStore::new()));
    /// # let options = CreateOptions::default().with_suite(Suite::None);
    /// # let repository = builder.create(options, &Credential::None).await?.repository;
    /// let next = repository.journal_objects(0, |object| {
    ///     assert_eq!(object.link, ObjectHash::of(&object.bytes));
    ///     assert!(Entry::decode(&object.bytes).is_ok_and(|entry| entry.verify_signatures()));
    ///     ControlFlow::Continue(())
    /// }).await?;
    /// assert_eq!(next, 1);
    /// # Ok(()) }) }
    /// ```
    pub async fn journal_objects(
        &self,
        from: u64,
        mut each: impl FnMut(JournalObject) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-journal-objects", move |remote| {
            let context = this.context();
            let next = this.journal().objects(remote, context, from, &mut each)?;
            this.journal().keep(context);
            Ok(next)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
