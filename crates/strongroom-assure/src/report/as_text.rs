//! `#[serde(with = …)]` for types of other crates whose text is their form everywhere.

use std::fmt::Display;

use serde::Serializer;

pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

/// The same for what may be absent.
pub(crate) mod option {
    use std::fmt::Display;

    use serde::Serializer;

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => s.collect_str(value),
            None => s.serialize_none(),
        }
    }
}
