//! Validators by the words of policies.

use super::{HttpProbe, Outcome, PortProbe, Scene, SqlIntegrity, SqlValues, Validator};
use crate::stop::Stop;

/// Returns the validator that a word of a policy means: `files`, `checksums`, `checksums:PATH` for a list in the backup,
/// `sql-integrity`, `sql-counts`, `tcp`, `tcp:PORT`, `http:PATH`, `http:PORT/PATH`. Any other word is [`Missing`]: the application may
/// have a validator of that name, and if it has not, nothing is proven.
#[must_use]
pub fn validator_of(word: &str) -> Box<dyn Validator> {
    known(word).unwrap_or_else(|| Box::new(Missing::new(word)))
}

fn known(word: &str) -> Option<Box<dyn Validator>> {
    let (name, rest) = match word.split_once(':') {
        Some((name, rest)) => (name, Some(rest)),
        None => (word, None),
    };
    Some(match (name, rest) {
        ("sql-integrity", None) => Box::new(SqlIntegrity::new()),
        ("sql-counts", None) => Box::new(SqlValues::new()),
        ("tcp", None) => Box::new(PortProbe::new(None)),
        ("tcp", Some(port)) => Box::new(PortProbe::new(Some(port.parse().ok()?))),
        ("http", Some(rest)) => {
            let (port, path) = rest.split_at(rest.find('/')?);
            let port = if port.is_empty() {
                None
            } else {
                Some(port.parse().ok()?)
            };
            Box::new(HttpProbe::new(port, path))
        }
        #[cfg(unix)]
        ("files", None) => Box::new(super::FileSet::new()),
        #[cfg(unix)]
        ("checksums", None) => Box::new(super::Checksums::captured()),
        #[cfg(unix)]
        ("checksums", Some(path)) => Box::new(super::Checksums::listed_in(path)),
        _ => return None,
    })
}

/// Stands for a validator that a policy asks for and nobody has: always skipped.
#[derive(Debug, Clone)]
pub struct Missing {
    name: String,
}

impl Missing {
    /// Stands for the validator of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

impl Validator for Missing {
    fn name(&self) -> &str {
        &self.name
    }

    fn validate(&self, _scene: &Scene<'_>, _stop: &Stop) -> Outcome {
        let what = format!("there is no validator {:?}", self.name);
        Outcome::skipped("validator-missing", what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_validators_and_unknown_ones_prove_nothing() {
        for word in [
            "files",
            "checksums",
            "sql-integrity",
            "sql-counts",
            "tcp",
            "tcp:80",
            "http:/health",
            "http:8080/health",
        ] {
            assert!(known(word).is_some(), "{word}");
            assert_eq!(validator_of(word).name(), word);
        }
        for word in ["tcp:http", "http:8080", "http:x/y", "files:a", "screenshot"] {
            assert!(known(word).is_none(), "{word}");
            assert_eq!(validator_of(word).name(), word);
        }
    }
}
