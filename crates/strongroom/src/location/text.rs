//! What the text of a location is made of.

use std::ffi::OsString;
use std::path::PathBuf;

use super::error::LocationError;

/// Returns what stands before the first colon if that can be the scheme of a URL. One letter is a drive.
pub(super) fn scheme(location: &[u8]) -> Option<String> {
    let colon = location.iter().position(|byte| *byte == b':')?;
    let (first, rest) = location.get(..colon)?.split_first()?;
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let is_scheme = first.is_ascii_alphabetic() && !rest.is_empty() && rest.iter().all(is_rest);
    let text = std::iter::once(first)
        .chain(rest)
        .map(|byte| char::from(byte.to_ascii_lowercase()));
    is_scheme.then(|| text.collect())
}

/// Returns the bytes in which each `%` and two hexadecimal digits are one.
pub(super) fn percent_decoded(text: &[u8]) -> Result<Vec<u8>, LocationError> {
    let malformed = LocationError::Invalid {
        what: "a % that is not followed by two hexadecimal digits",
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let byte = match after {
            [high, low, ..] => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let Some(byte) = byte else {
            return Err(malformed);
        };
        decoded.push(byte);
        rest = after.get(2..).unwrap_or_default();
    }
    Ok(decoded)
}

#[cfg(unix)]
pub(super) fn path_of(bytes: &[u8]) -> Result<PathBuf, LocationError> {
    use std::os::unix::ffi::OsStringExt as _;

    if bytes.contains(&0) {
        return Err(LocationError::Invalid {
            what: "a path has no zero byte",
        });
    }
    Ok(PathBuf::from(OsString::from_vec(bytes.to_vec())))
}

#[cfg(not(unix))]
pub(super) fn path_of(bytes: &[u8]) -> Result<PathBuf, LocationError> {
    let text = String::from_utf8(bytes.to_vec());
    text.map(|text| PathBuf::from(OsString::from(text)))
        .map_err(|_| LocationError::Invalid {
            what: "a path that is no text",
        })
}

/// Refuses a path of no letters.
pub(super) fn not_empty(path: PathBuf) -> Result<PathBuf, LocationError> {
    if path.as_os_str().is_empty() {
        return Err(LocationError::Invalid {
            what: "the path is empty",
        });
    }
    Ok(path)
}
