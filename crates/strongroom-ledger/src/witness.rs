//! Witnesses (C2SP tlog-witness): who remembers one head of each log, and cosigns only what continues it.
//!
//! The bytes are those of the protocol over HTTP, and mean the same as files: a request goes on a stick, by mail or into a second bucket to the auditor's
//! laptop or to another backup client, and the lines of the answer are [merged](crate::Note::merge) when they come back.

use std::collections::BTreeMap;

use crate::consistency::verify_consistency;
use crate::head::{SignedHead, TreeHead};
use crate::key::{KeyKind, NoteSigner, VerifierKey};
use crate::note::SignatureLine;

mod request;
mod state;

pub use request::{MAX_REQUEST_BYTES, WitnessRequest};
pub use state::{MAX_WITNESSED_LOGS, WitnessState};

/// Who cosigns: a key, and the logs that are known to it. What it has seen is in a [`WitnessState`].
#[derive(Debug)]
pub struct Witness {
    signer: NoteSigner,
    logs: Vec<VerifierKey>,
}

/// What a witness decides, as a pure function of what it remembers and is asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision {
    /// Nothing is remembered, and this is the answer.
    Refused(WitnessResponse),
    /// The head is to be remembered **before** it is answered.
    Accepted(Unsaved),
}

/// A decision that may be answered when it is remembered, and cannot be before.
#[derive(Debug)]
#[must_use = "a head that is not saved is not cosigned"]
pub struct Unsaved {
    before: WitnessState,
    after: WitnessState,
    response: WitnessResponse,
}

/// An answer: what HTTP calls status, content type and body. As a file it is the body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessResponse {
    /// How it went.
    pub status: WitnessStatus,
    /// Signature lines, or the size that is remembered.
    pub body: String,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WitnessStatus {
    /// It is cosigned.
    Cosigned,
    /// The request is none.
    Malformed,
    /// No known key of the log signed.
    UnknownSigner,
    /// The log is not known.
    UnknownLog,
    /// Another size is remembered, and is in the body; or another root of the same size.
    Conflict,
    /// The proof does not hold: the log was forked, or somebody made it up.
    Unproven,
}

impl WitnessStatus {
    /// Returns the number that HTTP has for it.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Cosigned => 200,
            Self::Malformed => 400,
            Self::UnknownSigner => 403,
            Self::UnknownLog => 404,
            Self::Conflict => 409,
            Self::Unproven => 422,
        }
    }

    /// Returns the content type of the body.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Conflict => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }
}

impl WitnessResponse {
    fn refusal(status: WitnessStatus) -> Decision {
        Decision::Refused(Self {
            status,
            body: String::new(),
        })
    }

    fn conflict(size: u64) -> Decision {
        Decision::Refused(Self {
            status: WitnessStatus::Conflict,
            body: format!("{size}\n"),
        })
    }
}

impl Unsaved {
    /// Saves what is to be remembered, and returns it with the answer.
    ///
    /// `save` gets what was remembered when this was decided, and what is to be remembered now. It replaces the one by the other **in one step**, fails if
    /// another was there, and returns when the other is durable: two requests at once would otherwise make the witness cosign a fork.
    ///
    /// # Errors
    ///
    /// What `save` returns; there is no answer then.
    pub fn save<E>(
        self,
        save: impl FnOnce(&WitnessState, &WitnessState) -> Result<(), E>,
    ) -> Result<(WitnessState, WitnessResponse), E> {
        save(&self.before, &self.after)?;
        Ok((self.after, self.response))
    }
}

impl Witness {
    /// Makes a witness that knows these keys of logs; a log may have several.
    ///
    /// Returns `None` unless the key is a cosigner's and those of the logs are not.
    #[must_use]
    pub fn new(signer: NoteSigner, logs: Vec<VerifierKey>) -> Option<Self> {
        let is_cosigner = signer.public().kind() == KeyKind::Cosigner;
        let are_logs = logs.iter().all(|key| key.kind() == KeyKind::Note);
        (is_cosigner && are_logs).then_some(Self { signer, logs })
    }

    /// Returns the key with which it cosigns.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        self.signer.public()
    }

    /// Decides about a request that came at `now`, in seconds since 1970.
    #[must_use]
    pub fn decide(&self, state: &WitnessState, request: &[u8], now: u64) -> Decision {
        let Ok(request) = WitnessRequest::parse(request) else {
            return WitnessResponse::refusal(WitnessStatus::Malformed);
        };
        let head = request.head.head();
        let own = self.logs.iter().filter(|key| key.name() == head.origin());
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            return WitnessResponse::refusal(WitnessStatus::UnknownLog);
        }
        if request.head.verify(&own).is_err() {
            return WitnessResponse::refusal(WitnessStatus::UnknownSigner);
        }
        if request.old > head.size() {
            return WitnessResponse::refusal(WitnessStatus::Malformed);
        }
        let (size, root) = state.seen(head.origin());
        let is_other_root = size == head.size() && root != *head.root();
        if request.old != size || is_other_root {
            return WitnessResponse::conflict(size);
        }
        let new = (head.size(), head.root());
        if verify_consistency((size, &root), new, &request.proof).is_err() {
            return WitnessResponse::refusal(WitnessStatus::Unproven);
        }
        self.accept(state, &request.head, now)
    }

    fn accept(&self, state: &WitnessState, head: &SignedHead, now: u64) -> Decision {
        let Some(after) = state.with(head.head()) else {
            // There is no room for one more log.
            return WitnessResponse::refusal(WitnessStatus::UnknownLog);
        };
        let line = self.signer.sign(head.note().text(), now);
        Decision::Accepted(Unsaved {
            before: state.clone(),
            after,
            response: WitnessResponse {
                status: WitnessStatus::Cosigned,
                body: format!("{line}\n"),
            },
        })
    }
}

/// Merges the answers of witnesses into a head, and says how many cosignatures were added. Lines of unknown keys, lines that do not
/// hold, and answers that have no lines are ignored.
pub fn merge_answers(
    head: &mut SignedHead,
    answers: &[&[u8]],
    witnesses: &[&VerifierKey],
) -> usize {
    let texts = answers
        .iter()
        .filter_map(|answer| std::str::from_utf8(answer).ok());
    let lines: Vec<_> = texts
        .filter_map(|text| SignatureLine::parse_all(text).ok())
        .flatten()
        .collect();
    head.note_mut().merge(&lines, witnesses)
}

/// The last heads by origin: sizes and roots.
type Heads = BTreeMap<String, (u64, crate::TreeHash)>;

fn seen(heads: &Heads, origin: &str) -> (u64, crate::TreeHash) {
    heads
        .get(origin)
        .copied()
        .unwrap_or((0, crate::TreeHash::empty()))
}

fn insert(heads: &mut Heads, head: &TreeHead) {
    heads.insert(head.origin().to_owned(), (head.size(), *head.root()));
}

#[cfg(test)]
mod tests;
