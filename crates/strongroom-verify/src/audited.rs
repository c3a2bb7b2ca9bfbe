//! What the first stages of a check hand to the later ones.

use crate::Head;
use crate::journal::State;
use crate::keys::Keys;
use crate::listing::Listing;
use crate::wholeness::Place;

/// A repository as far as listing and journal show it.
#[derive(Debug)]
pub(crate) struct Audited {
    /// Its id and suite, from the configuration or the keys.
    pub(crate) place: Place,
    /// Every object with one of our names, and its length.
    pub(crate) listing: Listing,
    /// Present with the structure key.
    pub(crate) keys: Option<Keys>,
    /// What the journal says, present with the structure key; of an intact prefix only if `state.unknown_from` is set.
    pub(crate) state: Option<State>,
    /// The last entry that was followed.
    pub(crate) head: Option<Head>,
}
