//! What a bundle proves, and what it rests on.

use std::fmt;

use strongroom_format::{Body, Evidence, ObjectHash, Payload};

use super::about::About;
use super::authority::Standing;
use crate::head::TreeHead;
use crate::monitor::Monitor;
use crate::policy::{Endorsement, WitnessPolicy};

/// A bundle that holds. What it borrows is in the bundle.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BundleReport<'a> {
    /// Of what it is.
    pub about: About,
    /// The head to which all entries lead.
    pub head: TreeHead,
    /// What is remembered of the log from now on: keep it, and bring it to the next bundle.
    pub memory: Monitor,
    /// Who signed the head.
    pub endorsement: Endorsement,
    /// Whom the maker of the bundle believes; it decided about nothing here.
    pub trust: WitnessPolicy,
    /// Who sealed the bundle: names of keys.
    pub makers: Vec<String>,
    /// Size of the head of the last audit, which this one is proven to continue.
    pub audited: Option<u64>,
    /// The entries that are in the bundle, in order.
    pub entries: Vec<AuditedEntry>,
    /// How many entries of the log are not.
    pub left_out: u64,
    /// Policy documents by their hashes.
    pub policies: Vec<(ObjectHash, &'a [u8])>,
    /// What its maker computed from the entries.
    pub reports: Vec<File<'a>>,
    /// What was added: time stamps (RFC 3161), minutes, scans.
    pub attachments: Vec<File<'a>>,
    /// What of all this nobody can verify.
    pub premises: Vec<Premise>,
}

/// A file in a bundle, under the maker's seal and nobody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File<'a> {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// An entry of the journal that is proven to be in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditedEntry {
    /// Its number.
    pub n: u64,
    /// Its hash, as the log has it.
    pub hash: ObjectHash,
    /// What there is of it.
    pub content: Content,
    /// What it counts for.
    pub standing: Standing,
    /// Public keys of who signed it, if every signature holds.
    pub signers: Vec<[u8; 32]>,
    /// The names of these keys in their certificates, where they are known.
    pub labels: Vec<String>,
}

impl AuditedEntry {
    /// Returns what its author wrote, if it was opened.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        match &self.content {
            Content::Opened { payload, .. } => Some(payload),
            _ => None,
        }
    }

    /// Returns the hash of the policy document that it names, if it does and is not void.
    pub(super) fn policy(&self) -> Option<ObjectHash> {
        match &self.payload()?.body {
            Body::Policy(policy) if !matches!(self.standing, Standing::Void(_)) => {
                Some(policy.hash)
            }
            _ => None,
        }
    }

    /// Says whether it is evidence whose sensitive part did not open.
    pub(super) fn has_sealed_part(&self) -> bool {
        let Content::Opened {
            payload,
            sensitive: None,
        } = &self.content
        else {
            return false;
        };
        matches!(
            &payload.body,
            Body::Evidence(Evidence {
                sensitive: Some(_),
                ..
            })
        )
    }
}

/// What there is of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// All of it, opened.
    Opened {
        /// What its author wrote.
        payload: Box<Payload>,
        /// The sensitive part of evidence, if the bundle has its key.
        sensitive: Option<Vec<u8>>,
    },
    /// All of it, sealed: who signed is proven, and what is not known.
    Sealed,
    /// Its hash alone. The Bridge that stands in its place is another entry with this number, if there is one.
    Absent {
        /// Hash of the Bridge.
        instead: Option<ObjectHash>,
    },
}

/// Something that a bundle cannot prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Premise {
    /// That what entries say happened, and that nothing happened of which none tells.
    Truth,
    /// What its maker says of itself, of the time, and in reports and attachments.
    Maker,
    /// That the log shows everybody the same: no witness is asked for.
    NoWitness,
    /// That the log did not go back since the last audit: nothing is remembered of it.
    NoMemory,
    /// Whose repository it is: neither its id nor its Genesis is known beforehand.
    Identity,
    /// What sealed entries say.
    Sealed,
    /// What the sensitive parts of evidence say.
    Sensitive,
    /// What entries that are left out or absent say, and who might sign after them.
    LeftOut,
    /// Whether commits and deletions have effect: that depends on what else is in the repository.
    Effect,
}

impl fmt::Display for Premise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truth => "that what is recorded happened, and that what happened is recorded",
            Self::Maker => {
                "what the maker says of itself, of the time, in reports and in attachments"
            }
            Self::NoWitness => {
                "that the log shows everybody the same, since no witness is asked for"
            }
            Self::NoMemory => "that the log did not go back, since nothing is remembered of it",
            Self::Identity => {
                "whose repository it is, since neither its id nor its Genesis is known"
            }
            Self::Sealed => "what sealed entries say",
            Self::Sensitive => "what sealed parts of evidence say",
            Self::LeftOut => "what entries that are not in the bundle say, and whom they let sign",
            Self::Effect => "whether commits and deletions had effect in the repository",
        })
    }
}
