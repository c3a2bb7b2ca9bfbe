//! What a witness is asked.

use std::fmt;

use crate::consistency::MAX_CONSISTENCY_HASHES;
use crate::error::ParseError;
use crate::head::SignedHead;
use crate::note::MAX_NOTE_BYTES;
use crate::{TreeHash, number};

/// Bytes of a request.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + 4096;

/// The body of `add-checkpoint`: a new head, and the proof that it continues the one of size `old`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessRequest {
    /// Size that the witness is believed to remember.
    pub old: u64,
    /// Consistency proof, empty from size 0.
    pub proof: Vec<TreeHash>,
    /// The head.
    pub head: SignedHead,
}

impl WitnessRequest {
    /// Joins the parts.
    #[must_use]
    pub const fn new(old: u64, proof: Vec<TreeHash>, head: SignedHead) -> Self {
        Self { old, proof, head }
    }

    /// Parses a body.
    ///
    /// # Errors
    ///
    /// `TooLarge` above the size of a note and 63 hashes; `Invalid`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(ParseError::too_large("request to a witness", 0));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ParseError::new("UTF-8 of a request", error.valid_up_to()))?;
        let wrong = ParseError::new("request to a witness", 0);
        let (first, mut rest) = text.split_once('\n').ok_or(wrong)?;
        let old = first.strip_prefix("old ").and_then(number::parse);
        let old = old.ok_or(ParseError::new("old size", 0))?;
        let mut proof = Vec::new();
        loop {
            let at = text.len() - rest.len();
            let (line, after) = rest.split_once('\n').ok_or(wrong)?;
            rest = after;
            match line {
                "" => break,
                _ if proof.len() == MAX_CONSISTENCY_HASHES => {
                    return Err(ParseError::too_large("consistency proof", at));
                }
                hash => proof
                    .push(TreeHash::parse(hash).ok_or(ParseError::new("consistency proof", at))?),
            }
        }
        let base = text.len() - rest.len();
        let head = SignedHead::parse(rest.as_bytes()).map_err(|error| error.shifted(base))?;
        Ok(Self { old, proof, head })
    }
}

impl fmt::Display for WitnessRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof
            .iter()
            .try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.head)
    }
}
