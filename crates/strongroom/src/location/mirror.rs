//! Locations of mirrors.

use super::error::LocationError;
use super::place::{Place, members};
use crate::mirror::WritePolicy;

/// Which stores are a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MirrorPlace {
    pub(super) policy: WritePolicy,
    pub(super) members: Vec<Place>,
}

impl MirrorPlace {
    /// Returns the mirror that is meant by what follows `mirror:`.
    pub(super) fn parse(rest: &[u8]) -> Result<Self, LocationError> {
        let invalid = |what| Err(LocationError::Invalid { what });
        let (policy, rest) = policy(rest)?;
        let members: Vec<Place> = members(rest).collect::<Result<_, _>>()?;
        if members
            .iter()
            .any(|member| matches!(member, Place::Mirror(_)))
        {
            return invalid("a mirror of mirrors");
        }
        let count = match policy {
            WritePolicy::AtLeast(count) => count,
            _ => 1,
        };
        if count == 0 || count > members.len() {
            return invalid("a mirror needs at least one member, and no more than it has");
        }
        Ok(Self { policy, members })
    }
}

/// Takes the policy off the front, if there is one.
fn policy(rest: &[u8]) -> Result<(WritePolicy, &[u8]), LocationError> {
    let Some(colon) = rest.iter().position(|byte| *byte == b':') else {
        return Ok((WritePolicy::All, rest));
    };
    let (first, after) = (
        rest.get(..colon).unwrap_or_default(),
        rest.get(colon + 1..).unwrap_or_default(),
    );
    if first == b"all" {
        return Ok((WritePolicy::All, after));
    }
    if first.is_empty() || !first.iter().all(u8::is_ascii_digit) {
        return Ok((WritePolicy::All, rest));
    }
    let count = std::str::from_utf8(first)
        .ok()
        .and_then(|digits| digits.parse().ok());
    let too_many = LocationError::Invalid {
        what: "a mirror of that many members",
    };
    Ok((WritePolicy::AtLeast(count.ok_or(too_many)?), after))
}
