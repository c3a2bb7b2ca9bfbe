//! Paths are bytes; people and JSON want text.

use serde_json::{Map, Value};

/// Shows a path on one line: what is not printable UTF-8 is escaped.
#[must_use]
pub(crate) fn shown(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Adds a path to a JSON object: `path` as text and, where that loses something, `path_hex` with the bytes.
pub(crate) fn json_path(object: &mut Map<String, Value>, path: &[u8]) {
    let text = String::from_utf8_lossy(path);
    if text.as_bytes() != path {
        let hex = path
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        object.insert("path_hex".to_owned(), hex.into());
    }
    object.insert("path".to_owned(), text.into());
}
