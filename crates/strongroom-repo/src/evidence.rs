//! Evidence: what somebody found or did, kept in the journal where nobody can change it.

use strongroom_crypt::Roles;
use strongroom_format::{Body, Evidence};

use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;

impl Repository {
    /// Appends evidence to the journal and returns the number of its entry.
    ///
    /// The engine keeps it and does not look into it: what it proves is for its reader to judge, by who signed it. Writers, maintainers and auditors
    /// may leave evidence.
    ///
    /// # Errors
    ///
    /// `Invalid` without a kind, for a record that is no deterministic CBOR map or is larger than an entry may be, and for sensitive parts, which only who
    /// writes the entry could seal; `WrongKey` when this handle's keys have none of the roles; `TakenOver` when another writer has taken over in
    /// single-writer mode; otherwise as [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave the evidence recorded or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use strongroom_format::{CheckRecord, Evidence};
    /// # use std::sync::Arc;
    /// # use strongroom_crypt::Suite;
    /// # use strongroom_repo::{CreateOptions, Credential, Repository};
    /// # use strongroom_store::MemoryStore;
    /// # fn main() -> Result<(), strongroom_repo::Error> { futures::executor::block_on(async {
    /// # let builder = Repository::builder(Arc::new(MemoryStore::new()));
    /// # let options = CreateOptions::default().with_suite(Suite::None);
    /// # let repository = builder.create(options, &Credential::None).await?.repository;
    /// // {0: 42}
    /// let evidence = Evidence { kind: "example".into(), record: vec![0xA1, 0, 24, 42], ..Evidence::default() };
    /// assert_eq!(repository.record_evidence(evidence).await?, 1);
    /// # Ok(()) }) }
    /// ```
    pub async fn record_evidence(&self, evidence: Evidence) -> Result<u64> {
        check(&evidence)?;
        let this = self.clone();
        edge::run(self.store(), "strongroom-evidence", move |remote| {
            let context = this.context();
            this.journal().refresh(remote, context)?;
            let roles = Roles::WRITER | Roles::MAINTAINER | Roles::AUDITOR;
            let appended = this.journal().append(remote, context, roles, &mut |_| {
                Ok(Body::Evidence(evidence.clone()))
            })?;
            this.journal().keep(context);
            Ok(appended.n)
        })
        .await
    }
}

/// Says what is wrong with the evidence itself; its encoding is checked where it is written.
fn check(evidence: &Evidence) -> Result<()> {
    let what = match evidence {
        Evidence { kind, .. } if kind.trim().is_empty() => "evidence needs a kind",
        Evidence {
            sensitive: Some(_), ..
        } => "sensitive parts of evidence are sealed for an entry that is not written yet",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, what))
}

#[cfg(test)]
mod tests;
