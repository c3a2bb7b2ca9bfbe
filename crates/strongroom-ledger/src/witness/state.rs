//! What a witness remembers.

use std::fmt;

use super::{Heads, insert, seen};
use crate::error::ParseError;
use crate::head::TreeHead;
use crate::{TreeHash, name};

/// Logs that one witness remembers.
pub const MAX_WITNESSED_LOGS: usize = 65_536;

/// The last head of every log that a witness has cosigned. Its text is what the host keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WitnessState {
    heads: Heads,
}

impl WitnessState {
    /// Parses what `Display` writes: the heads one after another, each with an empty line behind it. Nothing is the state of a
    /// witness that has seen nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` and `TooLarge`. A witness whose state is lost or damaged must be retired: it would cosign a fork.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut heads = Heads::new();
        let mut rest = text;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let wrong = ParseError::new("state of a witness", at);
            let end = rest.find("\n\n").ok_or(wrong)?;
            let (head, after) = rest.split_at_checked(end + 1).ok_or(wrong)?;
            let head = TreeHead::parse(head).map_err(|error| error.shifted(at))?;
            let is_later = heads
                .last_key_value()
                .is_none_or(|(last, _)| last.as_str() < head.origin());
            if !is_later || !head.extensions().is_empty() {
                return Err(wrong);
            }
            if heads.len() == MAX_WITNESSED_LOGS {
                return Err(ParseError::too_large("state of a witness", at));
            }
            insert(&mut heads, &head);
            rest = after.strip_prefix('\n').ok_or(wrong)?;
        }
        Ok(Self { heads })
    }

    /// Returns size and root of the last head of a log; those of the empty tree, if there is none.
    #[must_use]
    pub fn seen(&self, origin: &str) -> (u64, TreeHash) {
        seen(&self.heads, origin)
    }

    /// The state in which this head was seen; `None` when there is no room for one more log.
    pub(super) fn with(&self, head: &TreeHead) -> Option<Self> {
        let has_room =
            self.heads.len() < MAX_WITNESSED_LOGS || self.heads.contains_key(head.origin());
        let mut after = self.clone();
        insert(&mut after.heads, head);
        (has_room && name::is_line(head.origin())).then_some(after)
    }
}

impl fmt::Display for WitnessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut heads = self.heads.iter();
        heads.try_for_each(|(origin, (size, root))| write!(f, "{origin}\n{size}\n{root}\n\n"))
    }
}
