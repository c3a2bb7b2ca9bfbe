//! What a verifier knows beforehand.

use strongroom_crypt::RepositoryId;
use strongroom_format::ObjectHash;

use crate::key::VerifierKey;
use crate::monitor::Monitor;
use crate::policy::WitnessPolicy;

/// What is trusted before a bundle is opened. It comes from another source than the bundle: a contract, the last audit, a phone call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrustPolicy {
    /// The logs, the witnesses, and how many must have signed.
    pub witnesses: WitnessPolicy,
    /// Who may seal bundles, besides the log.
    pub makers: Vec<VerifierKey>,
    /// The repository, if it is known.
    pub repository: Option<RepositoryId>,
    /// Hash of entry 0, if it is known: the pin that was printed when the repository was made.
    pub genesis: Option<ObjectHash>,
    /// What is remembered of the log: without it nobody notices that it went back.
    pub memory: Option<Monitor>,
    /// Whether every entry must be there.
    pub complete: bool,
}

impl TrustPolicy {
    /// Trusts these logs and witnesses, and knows nothing else.
    #[must_use]
    pub const fn new(witnesses: WitnessPolicy) -> Self {
        Self {
            witnesses,
            makers: Vec::new(),
            repository: None,
            genesis: None,
            memory: None,
            complete: false,
        }
    }

    /// Trusts somebody else to make bundles.
    #[must_use]
    pub fn with_maker(mut self, key: VerifierKey) -> Self {
        self.makers.push(key);
        self
    }

    /// Knows the repository.
    #[must_use]
    pub const fn with_repository(mut self, repository: RepositoryId) -> Self {
        self.repository = Some(repository);
        self
    }

    /// Knows the hash of entry 0.
    #[must_use]
    pub const fn with_genesis(mut self, genesis: ObjectHash) -> Self {
        self.genesis = Some(genesis);
        self
    }

    /// Remembers what was seen of the log.
    #[must_use]
    pub fn with_memory(mut self, memory: Monitor) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Wants every entry.
    #[must_use]
    pub const fn with_complete(mut self) -> Self {
        self.complete = true;
        self
    }
}
