//! What a store that is opened by its address may learn from around the process, and only through this.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::Path;

/// The variables and profile files that credentials are read from.
///
/// No library reads them by itself: whoever opens a store hands one in. `()` has nothing; a map has variables and no files, and is
/// for tests.
///
/// What is read may be secret. An implementation has no `Debug` of values, and those who ask for a value neither print it nor put
/// it into an error.
pub trait Environment: Debug + Send + Sync {
    /// Returns a variable; `None` if it is not set, is empty, or is no text: an empty one is how scripts take back what they set.
    fn variable(&self, name: &str) -> Option<String>;

    /// Returns the bytes of a file.
    ///
    /// # Errors
    ///
    /// What the system said; `NotFound` if there is none.
    fn file(&self, path: &Path) -> io::Result<Vec<u8>>;
}

impl Environment for () {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Environment for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn file(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_not_set() {
        let variables = [("KEY", "value"), ("EMPTY", "")];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = BTreeMap::from(environment);
        assert_eq!(environment.variable("KEY").as_deref(), Some("value"));
        assert_eq!(environment.variable("EMPTY"), None);
        assert_eq!(environment.variable("OTHER"), None);
    }
}
