//! Whom to believe (C2SP tlog-policy): logs, witnesses, and how many of which must have signed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::head::SignedHead;
use crate::key::VerifierKey;
use crate::note::NoteError;

mod parse;

pub use parse::{MAX_POLICY_BYTES, MAX_POLICY_NAMES, PolicyError};

/// Which logs are believed, and which cosignatures a head of theirs must have.
///
/// The text is a file that people keep: comments are allowed, and are not kept when it is written again.
///
/// ```
/// use strongroom_ledger::WitnessPolicy;
///
/// let policy = WitnessPolicy::parse(b"\
///     log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n\
///     quorum none\n")?;
/// assert_eq!(policy.logs().len(), 1);
/// # Ok::<(), strongroom_ledger::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessPolicy {
    logs: Vec<Party>,
    witnesses: Vec<(String, Party)>,
    groups: Vec<Group>,
    quorum: Option<String>,
}

/// A key, and where its owner is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Party {
    key: VerifierKey,
    url: Option<String>,
}

/// So many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<String>,
}

/// Who signed a head that satisfies a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endorsement {
    /// The log's key.
    pub log: VerifierKey,
    /// Witnesses, by their names in the policy, and when they signed, in seconds since 1970.
    pub witnesses: BTreeMap<String, u64>,
}

/// Why a head does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndorsementError {
    /// It is of a log that the policy does not know.
    #[error("no key is known for the log {0}")]
    UnknownLog(String),
    /// The log did not sign it, or a signature does not hold.
    #[error(transparent)]
    Note(NoteError),
    /// Too few witnesses cosigned it.
    #[error("the quorum of witnesses is not reached: {signed} of {known} signed")]
    NoQuorum {
        /// Known witnesses that signed.
        signed: usize,
        /// Known witnesses.
        known: usize,
    },
}

impl WitnessPolicy {
    /// Makes a policy of one log and no witnesses.
    #[must_use]
    pub fn of_log(key: VerifierKey) -> Self {
        Self {
            logs: vec![Party { key, url: None }],
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: None,
        }
    }

    /// Parses the text.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] says what is wrong in which line.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        parse::parse(bytes)
    }

    /// Returns the keys of the logs.
    #[must_use]
    pub fn logs(&self) -> Vec<&VerifierKey> {
        self.logs.iter().map(|log| &log.key).collect()
    }

    /// Returns the witnesses: name in this policy, and key.
    pub fn witnesses(&self) -> impl ExactSizeIterator<Item = (&str, &VerifierKey)> {
        self.witnesses
            .iter()
            .map(|(name, party)| (name.as_str(), &party.key))
    }

    /// Returns where a log or witness is reached, if the policy says it.
    #[must_use]
    pub fn url(&self, key: &VerifierKey) -> Option<&str> {
        let parties = self
            .logs
            .iter()
            .chain(self.witnesses.iter().map(|(_, party)| party));
        let mut urls = parties.filter(|party| party.key == *key);
        urls.find_map(|party| party.url.as_deref())
    }

    /// Says whether any cosignature is asked for.
    #[must_use]
    pub const fn has_quorum(&self) -> bool {
        self.quorum.is_some()
    }

    /// Says whether these witnesses are enough.
    #[must_use]
    pub fn is_quorum<'a>(&self, signed: impl IntoIterator<Item = &'a str>) -> bool {
        let mut witnessed: BTreeSet<&str> = signed
            .into_iter()
            .filter(|name| self.witnesses.iter().any(|(known, _)| known == name))
            .collect();
        // A group stands behind its members.
        for group in &self.groups {
            let members = group.members.iter();
            if members
                .filter(|one| witnessed.contains(one.as_str()))
                .count()
                >= group.threshold
            {
                witnessed.insert(&group.name);
            }
        }
        self.quorum
            .as_ref()
            .is_none_or(|quorum| witnessed.contains(quorum.as_str()))
    }

    /// Makes sure that a log of this policy signed the head, and enough witnesses.
    ///
    /// # Errors
    ///
    /// [`EndorsementError`].
    pub fn verify(&self, signed: &SignedHead) -> Result<Endorsement, EndorsementError> {
        self.verify_with(signed, &self.logs())
    }

    /// Like [`verify`](Self::verify), by these keys of logs.
    pub(crate) fn verify_with(
        &self,
        signed: &SignedHead,
        logs: &[&VerifierKey],
    ) -> Result<Endorsement, EndorsementError> {
        let origin = signed.head().origin();
        if logs.iter().all(|key| key.name() != origin) {
            return Err(EndorsementError::UnknownLog(origin.to_owned()));
        }
        signed.verify(logs).map_err(EndorsementError::Note)?;
        let witnesses = self.witnesses.iter().map(|(_, party)| &party.key);
        let own = logs.iter().copied().filter(|key| key.name() == origin);
        let keys: Vec<_> = own.chain(witnesses).collect();
        let verified = signed
            .note()
            .verify(&keys)
            .map_err(EndorsementError::Note)?;
        let log = verified
            .iter()
            .find(|one| one.key.name() == origin && one.time.is_none());
        let log = log
            .ok_or(EndorsementError::Note(NoteError::UnknownSigner))?
            .key
            .clone();
        let name_of = |key: &VerifierKey| {
            let found = self.witnesses.iter().find(|(_, party)| party.key == *key);
            found.map(|(name, _)| name.clone())
        };
        let witnesses = verified
            .iter()
            .filter_map(|one| Some((name_of(&one.key)?, one.time?)));
        let witnesses: BTreeMap<_, _> = witnesses.collect();
        if !self.is_quorum(witnesses.keys().map(String::as_str)) {
            return Err(EndorsementError::NoQuorum {
                signed: witnesses.len(),
                known: self.witnesses.len(),
            });
        }
        Ok(Endorsement { log, witnesses })
    }
}

impl fmt::Display for WitnessPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, start: &str, party: &Party| {
            write!(f, "{start} {}", party.key)?;
            party.url.iter().try_for_each(|url| write!(f, " {url}"))?;
            writeln!(f)
        };
        for log in &self.logs {
            line(f, "log", log)?;
        }
        for (name, witness) in &self.witnesses {
            line(f, &format!("witness {name}"), witness)?;
        }
        for group in &self.groups {
            writeln!(
                f,
                "group {} {} {}",
                group.name,
                group.threshold,
                group.members.join(" ")
            )?;
        }
        writeln!(f, "quorum {}", self.quorum.as_deref().unwrap_or(NONE))
    }
}

/// The quorum of nobody.
const NONE: &str = "none";

#[cfg(test)]
mod tests;
