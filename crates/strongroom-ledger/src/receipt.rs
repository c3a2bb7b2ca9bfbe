//! Receipts (C2SP tlog-proof): that an entry is in the log, on one page that is verified without anybody's help.

use std::fmt;

use crate::error::ParseError;
use crate::head::SignedHead;
use crate::inclusion::{ProofError, verify_inclusion};
use crate::{Leaf, TreeHash, base64, number};

/// Bytes of a receipt.
pub const MAX_RECEIPT_BYTES: usize = 2 << 20;

/// That a leaf is in the tree of a signed head.
///
/// Its signatures are verified by who knows the keys: [`head`](Self::head), and [`WitnessPolicy::verify`](crate::WitnessPolicy::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Whatever somebody added. Nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// Index of the leaf.
    pub index: u64,
    /// Its audit path.
    pub path: Vec<TreeHash>,
    /// The head.
    pub head: SignedHead,
}

impl Receipt {
    /// Joins the parts.
    #[must_use]
    pub const fn new(index: u64, path: Vec<TreeHash>, head: SignedHead) -> Self {
        Self {
            extra: None,
            index,
            path,
            head,
        }
    }

    /// Parses a receipt.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 2 MiB or 64 hashes; `Unsupported` for another version; `Invalid`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_RECEIPT_BYTES {
            return Err(ParseError::too_large("receipt", 0));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ParseError::new("UTF-8 of a receipt", error.valid_up_to()))?;
        let mut rest = text;
        let mut line = || -> Option<&str> {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            Some(line)
        };
        if line() != Some(VERSION) {
            return Err(ParseError::unsupported("version of a receipt", 0));
        }
        let wrong = |what| ParseError::new(what, 0);
        let mut next = line().ok_or(wrong("receipt"))?;
        let extra = match next.strip_prefix("extra ") {
            Some(extra) => {
                next = line().ok_or(wrong("receipt"))?;
                Some(base64::decode(extra, MAX_RECEIPT_BYTES).ok_or(wrong("extra of a receipt"))?)
            }
            None => None,
        };
        let index = next.strip_prefix("index ").and_then(number::parse);
        let index = index.ok_or(wrong("index of a receipt"))?;
        let mut path = Vec::new();
        loop {
            match line().ok_or(wrong("receipt"))? {
                "" => break,
                _ if path.len() == MAX_PATH => {
                    return Err(ParseError::too_large("path of a receipt", 0));
                }
                hash => path.push(TreeHash::parse(hash).ok_or(wrong("path of a receipt"))?),
            }
        }
        let base = text.len() - rest.len();
        let head = SignedHead::parse(rest.as_bytes()).map_err(|error| error.shifted(base))?;
        Ok(Self {
            extra,
            index,
            path,
            head,
        })
    }

    /// Makes sure that `leaf` is in the tree of the head. Who signed that is another question.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if it is not, or at another index.
    pub fn verify(&self, leaf: &Leaf) -> Result<(), ProofError> {
        self.verify_hash(leaf.tree_hash())
    }

    /// Like [`verify`](Self::verify), for a leaf of any log.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if it is not in the tree at this index.
    pub fn verify_hash(&self, leaf: TreeHash) -> Result<(), ProofError> {
        let head = self.head.head();
        verify_inclusion(leaf, self.index, head.size(), head.root(), &self.path)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{VERSION}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path
            .iter()
            .try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.head)
    }
}

const VERSION: &str = "c2sp.org/tlog-proof@v1";

/// Hashes of a path in the largest tree.
const MAX_PATH: usize = 64;
