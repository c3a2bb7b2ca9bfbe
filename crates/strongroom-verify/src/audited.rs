//! What the first stages of a check hand to the later ones.

use std::collections::BTreeMap;

use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::object_name::ObjectName;

use crate::Head;
use crate::journal::State;
use crate::keys::Keys;

/// A repository as far as listing and journal show it.
#[derive(Debug)]
pub(crate) struct Audited {
    /// Its id, from the configuration or the keys.
    pub(crate) repository: RepositoryId,
    pub(crate) suite: Suite,
    /// Every object with one of our names, and its length.
    pub(crate) listing: BTreeMap<ObjectName, u64>,
    /// Present with the structure key.
    pub(crate) keys: Option<Keys>,
    /// What the journal says, present with the structure key; of an intact prefix only if `state.unknown_from` is set.
    pub(crate) state: Option<State>,
    /// The last entry that was followed.
    pub(crate) head: Option<Head>,
}
