//! Names of keys and logs.

use crate::error::ParseError;

/// Bytes of a name of a key, of an origin, and of an extension line.
pub const MAX_NAME_BYTES: usize = 1024;

/// Says whether it may name a key: not empty, no space of Unicode, no plus, no control character.
pub(crate) fn is_key_name(name: &str) -> bool {
    let is_fine = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(is_fine)
}

/// Says whether it may be a line of a note: not empty, and of one line.
pub(crate) fn is_line(line: &str) -> bool {
    !line.is_empty() && line.len() <= MAX_NAME_BYTES && !line.bytes().any(|c| c < 0x20)
}

/// Checks the name of a key.
pub(crate) fn key_name(name: &str) -> Result<String, ParseError> {
    match is_key_name(name) {
        true => Ok(name.to_owned()),
        false => Err(ParseError::new("name of a key", 0)),
    }
}
