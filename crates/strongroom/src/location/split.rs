//! Locations of stores that are made of two.

use strongroom_store::Prefix;
use strongroom_store::wrap::SplitRules;

use super::error::LocationError;
use super::place::{Place, members};

/// Which two stores are one, and what is where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitPlace {
    /// What is in `data`.
    pub(super) what: What,
    pub(super) home: Box<Place>,
    pub(super) data: Box<Place>,
}

/// What is in the second of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Packs that are put as cold.
    Cold,
    /// All packs.
    Packs,
    /// Everything but the journal.
    AllButJournal,
}

impl SplitPlace {
    /// Returns the split that is meant by what follows `split:`.
    pub(super) fn parse(rest: &[u8]) -> Result<Self, LocationError> {
        let with = |word: &[u8], what| Some((what, rest.strip_prefix(word)?));
        let (what, rest) = with(b"all:", What::Packs)
            .or_else(|| with(b"journal:", What::AllButJournal))
            .unwrap_or((What::Cold, rest));
        let places: Vec<Place> = members(rest).collect::<Result<_, _>>()?;
        let [home, data]: [Place; 2] = places.try_into().map_err(|_| LocationError::Invalid {
            what: "a split has two locations: split:HOME,DATA",
        })?;
        let (home, data) = (Box::new(home), Box::new(data));
        Ok(Self { what, home, data })
    }

    /// Returns what is where.
    pub(super) fn rules(&self) -> Result<SplitRules, LocationError> {
        let packs = [Prefix::parse("pack/")?];
        Ok(match self.what {
            What::Cold => SplitRules::cold_of(packs),
            What::Packs => SplitRules::all_of(packs),
            // A probe races below session/.
            What::AllButJournal => {
                SplitRules::all_but([Prefix::parse("journal/")?, Prefix::parse("session/")?])
            }
        })
    }
}
