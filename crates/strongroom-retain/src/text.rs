//! Names and tags inside of longer texts: what would end them is written as `%2C`.

use std::fmt;

use crate::error::Error;

/// Writes a name so that [`unescape`] finds it again between the separators of this crate.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_plain(c) {
                write!(f, "{c}")?;
            } else {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            }
        }
        Ok(())
    }
}

/// Reads what [`Escaped`] wrote; other characters than those it escapes may be escaped too.
///
/// # Errors
///
/// `Invalid` for `%` without two hexadecimal digits, for bytes that are no UTF-8, and for a
/// separator.
pub(crate) fn unescape(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '%' {
            let digits = rest.as_str().get(..2).unwrap_or_default();
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let byte = u8::from_str_radix(digits, 16).ok().filter(|_| hex);
            bytes.push(byte.ok_or_else(|| Error::invalid(text, "% without two digits"))?);
            rest = rest.as_str().get(2..).unwrap_or_default().chars();
        } else if is_plain(c) {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            return Err(Error::invalid(text, "a character must be written as %XX"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid(text, "no UTF-8"))
}

fn is_plain(c: char) -> bool {
    !(c.is_control() || c.is_whitespace() || "%,;=+*".contains(c))
}
