//! The policies that were in force.

use std::sync::Arc;

use strongroom_format::{Body, Event};
use strongroom_policy::{Document, DocumentHash, Policy};

use super::EntryRef;

/// A policy that was set.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PolicySeen {
    /// The entry.
    pub entry: EntryRef,
    /// When it was written: Unix seconds.
    pub at: i64,
    /// From when on it is in force: then, or on the first day that it names.
    pub from: i64,
    /// Who set it: a public key.
    pub author: [u8; 32],
    /// BLAKE3 of the document.
    pub hash: DocumentHash,
    /// Hash of the document that it replaces.
    pub previous: Option<DocumentHash>,
    /// What it says; `None` if only its hash was recorded, or it cannot be read.
    pub policy: Option<Arc<Policy>>,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

impl PolicySeen {
    /// Reads that of an entry; `None` if it sets none.
    pub(super) fn of(entry: EntryRef, event: &Event) -> Option<Self> {
        let Body::Policy(set) = &event.body else {
            return None;
        };
        let hash =
            |hash: &strongroom_format::ObjectHash| DocumentHash::from_bytes(*hash.as_bytes());
        let mut seen = Self {
            entry,
            at: event.at.seconds,
            from: event.at.seconds,
            author: event.author,
            hash: hash(&set.hash),
            previous: set.previous.as_ref().map(hash),
            policy: None,
            problem: None,
        };
        match set.document.as_deref().map(read) {
            None => {}
            Some(Ok(document)) if document.hash() != seen.hash => {
                seen.problem = Some("the document is not the one of its hash".to_owned());
            }
            Some(Ok(document)) => {
                let policy = document.policy().clone();
                let first = policy.effective.map(|day| day.start(&policy.timezone));
                seen.from = first.map_or(seen.at, |first| first.unix_seconds.max(seen.at));
                seen.policy = Some(Arc::new(policy));
            }
            Some(Err(problem)) => seen.problem = Some(problem),
        }
        Some(seen)
    }
}

fn read(document: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    Document::parse(text).map_err(|error| error.to_string())
}
