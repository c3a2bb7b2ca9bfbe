//! Locations of stores that are made of two.

use strongroom_store::Prefix;
use strongroom_store::wrap::SplitRules;

use super::error::LocationError;
use super::place::{Place, members};

/// Which two stores are one, and what is where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitPlace {
    /// Every pack is in `data`, not only those that are put as cold.
    pub(super) all: bool,
    pub(super) home: Box<Place>,
    pub(super) data: Box<Place>,
}

impl SplitPlace {
    /// Returns the split that is meant by what follows `split:`.
    pub(super) fn parse(rest: &[u8]) -> Result<Self, LocationError> {
        let (all, rest) = match rest.strip_prefix(b"all:") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let places: Vec<Place> = members(rest).collect::<Result<_, _>>()?;
        let [home, data]: [Place; 2] = places.try_into().map_err(|_| LocationError::Invalid {
            what: "a split has two locations: split:HOME,DATA",
        })?;
        let (home, data) = (Box::new(home), Box::new(data));
        Ok(Self { all, home, data })
    }

    /// Returns what is where.
    pub(super) fn rules(&self) -> Result<SplitRules, LocationError> {
        let packs = [Prefix::parse("pack/")?];
        Ok(match self.all {
            true => SplitRules::all_of(packs),
            false => SplitRules::cold_of(packs),
        })
    }
}
