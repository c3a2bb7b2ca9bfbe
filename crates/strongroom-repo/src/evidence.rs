//! Evidence: what somebody found or did, kept in the journal where nobody can change it.

mod canaries;
mod changes;
mod class;
pub(crate) mod deleted;
mod magic;
mod policy;
mod run;

use std::sync::Arc;

use strongroom_crypt::{Roles, Sealer as _};
use strongroom_format::record::{Fact, Person, Record, RecordHead, RecordId, Tool};
use strongroom_format::{Body, ENTRY_HEAD_BYTES, Evidence, Time, evidence_aad};

pub use self::canaries::Canaries;
pub use self::changes::Changes;
pub use self::magic::Sniffer;
pub use self::policy::PolicyInForce;
pub use self::run::RunNotes;
use crate::context::{Context, encode_error, random};
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;
use crate::settings::Components;
use crate::state::State;

impl Repository {
    /// Appends evidence to the journal and returns the number of its entry.
    ///
    /// The engine keeps it and does not look into it: what it proves is for its reader to judge, by who signed it. Writers, maintainers and auditors
    /// may leave evidence.
    ///
    /// # Errors
    ///
    /// `Invalid` without a kind, for a record that is no deterministic CBOR map or is larger than an entry may be, for one of the
    /// [kinds of the process](Fact::KINDS) that does not decode as such, and for sensitive parts, which only who writes the entry can seal
    /// ([`record_sensitive`](Self::record_sensitive)); `WrongKey` when this handle's keys have none of the roles; `TakenOver` when another writer has taken over in
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
        self.append_evidence(vec![evidence], None).await.map(last)
    }

    /// Appends evidence with a sensitive part, which is sealed under the key of an epoch: who has only keys to structure sees the evidence, and not this.
    ///
    /// # Errors
    ///
    /// As [`record_evidence`](Self::record_evidence); `WrongKey` too when this handle has no key of an open epoch.
    ///
    /// # Cancellation
    ///
    /// As [`record_evidence`](Self::record_evidence).
    pub async fn record_sensitive(&self, evidence: Evidence, sensitive: &[u8]) -> Result<u64> {
        let sensitive = Some(sensitive.into());
        self.append_evidence(vec![evidence], sensitive)
            .await
            .map(last)
    }

    /// Appends a record of the process, and what is sensitive about it, sealed as [`record_sensitive`](Self::record_sensitive) does. Returns the number of
    /// its entry.
    ///
    /// When it fails so that nobody knows whether the record is in the journal, append it again: records with one id count once.
    ///
    /// # Errors
    ///
    /// `Invalid` for a record beyond the limits of the format; otherwise as [`record_sensitive`](Self::record_sensitive).
    ///
    /// # Cancellation
    ///
    /// As [`record_evidence`](Self::record_evidence).
    pub async fn record(&self, record: &Record, sensitive: Option<&[u8]>) -> Result<u64> {
        let evidence = record.to_evidence().map_err(encode_error)?;
        let sensitive = sensitive.map(Arc::from);
        self.append_evidence(vec![evidence], sensitive)
            .await
            .map(last)
    }

    /// Appends records, in this order, and returns the numbers of their entries. The journal is read on once, and each costs two requests.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record). Those before the one that failed are in the journal; all can be appended again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave any number of the first ones recorded.
    pub async fn record_all(&self, records: &[Record]) -> Result<Vec<u64>> {
        let evidence = records.iter().map(Record::to_evidence);
        let evidence = evidence.collect::<Result<Vec<_>, _>>();
        self.append_evidence(evidence.map_err(encode_error)?, None)
            .await
    }

    /// Returns the beginning of a record that is made now: a fresh id, the time, the policy in force as far as this handle has read the journal, and this
    /// library as the tool.
    ///
    /// # Errors
    ///
    /// `Internal` when there are no random bytes.
    pub fn record_head(&self) -> Result<RecordHead> {
        let policy = self.journal().state().policy;
        Ok(RecordHead {
            policy: policy.map(|(_, hash)| hash),
            ..new_head(&self.context().components)?
        })
    }

    /// Returns the digest by which records name somebody of this name. Everybody who opens the repository gets the same.
    ///
    /// # Security
    ///
    /// It hides the name from those who have records and not the repository's keys: readers of reports and bundles. Who opens the repository, even to audit
    /// its structure only, can test whether it is a name that they guess.
    #[must_use]
    pub fn person(&self, name: &str) -> Person {
        Person::of(&self.context().keys().structure, name)
    }

    async fn append_evidence(
        &self,
        evidence: Vec<Evidence>,
        sensitive: Option<Arc<[u8]>>,
    ) -> Result<Vec<u64>> {
        evidence.iter().try_for_each(check)?;
        if evidence.is_empty() {
            return Ok(Vec::new());
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-evidence", move |remote| {
            let context = this.context();
            this.journal().refresh(remote, context)?;
            let numbers = evidence
                .iter()
                .map(|one| append(&this, remote, one, sensitive.as_deref()))
                .collect();
            this.journal().keep(context);
            numbers
        })
        .await
    }
}

/// Appends one piece of evidence by who has read the journal to its end.
fn append(
    repository: &Repository,
    remote: &Remote,
    evidence: &Evidence,
    sensitive: Option<&[u8]>,
) -> Result<u64> {
    let context = repository.context();
    let roles = Roles::WRITER | Roles::MAINTAINER | Roles::AUDITOR;
    let make = &mut |state: &State, head: &_| {
        let mut evidence = evidence.clone();
        if let Some(sensitive) = sensitive {
            evidence.sensitive = Some(seal(context, state, head, sensitive)?);
        }
        Ok(Body::Evidence(evidence))
    };
    let appended = repository
        .journal()
        .append_at(remote, context, roles, make)?;
    Ok(appended.n)
}

/// Seals a sensitive part for the entry with this head.
fn seal(
    context: &Context,
    state: &State,
    head: &[u8; ENTRY_HEAD_BYTES],
    sensitive: &[u8],
) -> Result<(u32, Vec<u8>)> {
    let keys = context.keys();
    let (epoch, key) = keys.open_epoch(state)?;
    let sealer = key.evidence(context.suite, &context.components.random);
    let mut sealed = Vec::new();
    let aad = evidence_aad(&context.repository, head);
    sealer.seal(&aad, sensitive, &mut sealed).map_err(|error| {
        Error::new(ErrorKind::Internal, "evidence was not sealed").caused_by(error)
    })?;
    Ok((epoch, sealed))
}

/// Makes the beginning of a record that knows no repository.
fn new_head(components: &Components) -> Result<RecordHead> {
    let at = components.clock.now();
    Ok(RecordHead {
        id: RecordId::new(unix_ms(at), random(components)?),
        at,
        tool: Some(Tool {
            name: "strongroom".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Tool::default()
        }),
        ..RecordHead::default()
    })
}

fn unix_ms(time: Time) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or_default();
    seconds
        .saturating_mul(1_000)
        .saturating_add(u64::from(time.nanos / 1_000_000))
}

fn last(numbers: Vec<u64>) -> u64 {
    numbers.last().copied().unwrap_or_default()
}

/// Says what is wrong with the evidence itself; its encoding is checked where it is written.
fn check(evidence: &Evidence) -> Result<()> {
    let what = match evidence {
        Evidence { kind, .. } if kind.trim().is_empty() => "evidence needs a kind",
        Evidence {
            sensitive: Some(_), ..
        } => "sensitive parts of evidence are sealed for an entry that is not written yet",
        Evidence { kind, .. } if Fact::KINDS.contains(&kind.as_str()) => {
            // What nobody could read would be the same as nothing, and look like something.
            return match Record::of_evidence(evidence) {
                Ok(_) => Ok(()),
                Err(error) => {
                    let what = "evidence of this kind is a record of the process";
                    Err(Error::new(ErrorKind::Invalid, what).caused_by(error))
                }
            };
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, what))
}

#[cfg(test)]
mod tests;
