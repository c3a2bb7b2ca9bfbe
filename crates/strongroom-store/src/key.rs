//! The names of objects and of folders of objects.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// The longest key, in bytes. With a root of its own it stays below every limit on paths and names
/// that a file system or an object service is known to have.
pub const MAX_KEY_LEN: usize = 200;

/// The name of an object: segments of `[a-z0-9._-]`, joined by `/`, no segment starting with a dot.
///
/// So a key is never absolute, never leaves its root, never hidden, never depends on case, and means
/// the same on every file system and in every URL. A clone costs a reference count.
///
/// ```
/// use strongroom_store::Key;
///
/// assert_eq!(Key::parse("pack/ab/ab01")?.as_str(), "pack/ab/ab01");
/// assert!(Key::parse("../etc/passwd").is_err());
/// # Ok::<(), strongroom_store::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

/// A folder of keys: either the root, or a key's first segments with the `/` that ends them.
///
/// ```
/// use strongroom_store::{Key, Prefix};
///
/// let packs = Prefix::parse("pack/")?;
/// assert!(packs.matches(&Key::parse("pack/ab/ab01")?));
/// assert!(!packs.matches(&Key::parse("packs")?));
/// assert!(Prefix::parse("pack").is_err());
/// # Ok::<(), strongroom_store::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(Arc<str>);

impl Key {
    /// Returns the key that `text` spells.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if it breaks the grammar or is longer than [`MAX_KEY_LEN`].
    pub fn parse(text: &str) -> Result<Self> {
        match flaw(text) {
            None => Ok(Self(text.into())),
            Some(flaw) => Err(Error::new(ErrorKind::Invalid, "parse key").with_source(flaw)),
        }
    }

    /// Returns the key as it is spelt.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key within a folder, or `None` if it is not in it.
    #[must_use]
    pub fn strip_prefix(&self, prefix: &Prefix) -> Option<Self> {
        let rest = self.0.strip_prefix(prefix.as_str())?;
        Some(Self(rest.into()))
    }
}

impl Prefix {
    /// Returns the folder of all keys.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Returns the folder that `text` spells: empty for the root, otherwise ending in `/`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if it breaks the grammar or leaves no room for a name.
    pub fn parse(text: &str) -> Result<Self> {
        let flaw = match text.strip_suffix('/') {
            None if text.is_empty() => None,
            None => Some("a prefix ends in a slash"),
            Some(_) if text.len() >= MAX_KEY_LEN => Some("longer than the limit"),
            Some(folder) => flaw(folder),
        };
        match flaw {
            None => Ok(Self(text.into())),
            Some(flaw) => Err(Error::new(ErrorKind::Invalid, "parse prefix").with_source(flaw)),
        }
    }

    /// Returns the prefix as it is spelt; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the key is in this folder, at any depth.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        key.as_str().starts_with(self.as_str())
    }

    /// Returns the key of that name in this folder.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if `name` breaks the grammar or the result is too long.
    pub fn key(&self, name: &str) -> Result<Key> {
        Key::parse(&format!("{self}{name}"))
    }
}

/// What keeps a text from being a key.
fn flaw(text: &str) -> Option<&'static str> {
    if text.len() > MAX_KEY_LEN {
        return Some("longer than the limit");
    }
    text.split('/').find_map(|segment| {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if segment.is_empty() {
            Some("an empty segment")
        } else if segment.starts_with('.') {
            Some("a segment that starts with a dot")
        } else if !segment.bytes().all(allowed) {
            Some("a character outside a-z 0-9 . _ -")
        } else {
            None
        }
    })
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_inside_the_grammar_parse() {
        let longest = "k".repeat(MAX_KEY_LEN);
        for text in [
            "a",
            "config.copy",
            "pack/ab/0-9_x",
            "a/b/c/d/e",
            "a..b",
            "-",
            &longest,
        ] {
            assert_eq!(Key::parse(text).expect("a key").as_str(), text);
        }
    }

    #[test]
    fn keys_outside_the_grammar_are_invalid() {
        let too_long = "k".repeat(MAX_KEY_LEN + 1);
        for text in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.tmp", ".hidden", "A", "a b",
            "a\\b", "ä", "a:b", "a\0", "a\n", "%2e", &too_long,
        ] {
            let error = Key::parse(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
        }
    }

    #[test]
    fn prefixes_end_in_a_slash_and_leave_room_for_a_name() {
        let longest = format!("{}/", "k".repeat(MAX_KEY_LEN - 2));
        for text in ["", "a/", "a/b/", &longest] {
            assert_eq!(Prefix::parse(text).expect("a prefix").as_str(), text);
        }
        let too_long = format!("{}/", "k".repeat(MAX_KEY_LEN - 1));
        for text in ["a", "/", "a//", "../", "A/", &too_long] {
            assert_eq!(
                Prefix::parse(text).expect_err(text).kind(),
                ErrorKind::Invalid
            );
        }
        assert_eq!(Prefix::root(), Prefix::parse("").expect("the root"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_parses_is_safe_as_a_path(text in "\\PC{0,40}|[a-zA-Z./]{0,12}") {
            if let Ok(key) = Key::parse(&text) {
                prop_assert!(!key.as_str().starts_with('/'));
                for segment in key.as_str().split('/') {
                    prop_assert!(!segment.is_empty() && !segment.starts_with('.'));
                    prop_assert_eq!(segment.to_lowercase(), segment);
                }
            }
        }

        #[test]
        fn a_name_in_a_folder_comes_back_out(folder in "([a-z0-9]{1,5}/){0,3}", name in "[a-z0-9]{1,9}") {
            let prefix = Prefix::parse(&folder).expect("a folder");
            let key = prefix.key(&name).expect("a name");
            prop_assert!(prefix.matches(&key));
            let inner = key.strip_prefix(&prefix).expect("it is inside");
            prop_assert_eq!(inner.as_str(), name);
        }
    }
}
