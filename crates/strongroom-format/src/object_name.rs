//! Names of objects in a store (`docs/format.md`, §2).

use strongroom_crypt::{SessionId, SlotId};

use crate::ObjectHash;
use crate::hash::{parse_hex, write_hex};

/// The first segments under which objects are kept, for listing; the configuration lies beside them.
pub const PREFIXES: [&str; 9] = [
    "slot",
    "keyring",
    "journal",
    "bundle",
    "checkpoint",
    "pack",
    "index",
    "parity",
    "session",
];

/// Returns the name of the configuration.
#[must_use]
pub fn config() -> String {
    "config".to_owned()
}

/// Returns the name of the configuration's copy.
#[must_use]
pub fn config_copy() -> String {
    "config.copy".to_owned()
}

/// Returns the name of a generation of the keyring.
#[must_use]
pub fn keyring(generation: u64) -> String {
    format!("keyring/{generation:016x}")
}

/// Returns the name of the copy of a generation of the keyring.
#[must_use]
pub fn keyring_copy(generation: u64) -> String {
    format!("keyring/{generation:016x}.copy")
}

/// Returns the name of a slot.
#[must_use]
pub fn slot(id: SlotId) -> String {
    with_hex("slot/", id.as_bytes())
}

/// Returns the name of journal entry `n`.
#[must_use]
pub fn journal(n: u64) -> String {
    format!("journal/{n:016x}")
}

/// Returns the name of the copy of journal entry `n`: of entry 0 there is one; of others only where what is at [`journal`] is not the entry.
#[must_use]
pub fn journal_copy(n: u64) -> String {
    format!("journal/{n:016x}.copy")
}

/// Returns the name of the bundle of the 64 entries before `n`.
#[must_use]
pub fn bundle(n: u64) -> String {
    format!("bundle/{n:016x}")
}

/// Returns the name of the checkpoint of the entries before `n`.
#[must_use]
pub fn checkpoint(n: u64) -> String {
    format!("checkpoint/{n:016x}")
}

/// Returns the name of a pack.
#[must_use]
pub fn pack(hash: &ObjectHash) -> String {
    let [first, ..] = hash.as_bytes();
    format!("pack/{first:02x}/{hash}")
}

/// Returns the name of an index segment.
#[must_use]
pub fn index(hash: &ObjectHash) -> String {
    with_hex("index/", hash.as_bytes())
}

/// Returns the name of the parity of a pack.
#[must_use]
pub fn parity(pack: &ObjectHash) -> String {
    with_hex("parity/", pack.as_bytes())
}

/// Returns the name of a session's beacon.
#[must_use]
pub fn session(id: &SessionId) -> String {
    with_hex("session/", id.as_bytes())
}

/// Recognises a name; `None` for everything that no version-1 writer would call an object.
///
/// ```
/// use strongroom_format::object_name::{self, ObjectName};
///
/// assert_eq!(object_name::parse("journal/000000000000002a"), Some(ObjectName::Journal(42)));
/// assert_eq!(object_name::parse("journal/2a"), None);
/// ```
#[must_use]
pub fn parse(name: &str) -> Option<ObjectName> {
    let Some((prefix, rest)) = name.split_once('/') else {
        return match name {
            "config" => Some(ObjectName::Config),
            "config.copy" => Some(ObjectName::ConfigCopy),
            _ => None,
        };
    };
    match prefix {
        "slot" => parse_hex(rest).map(|id| ObjectName::Slot(SlotId::from_bytes(id))),
        "keyring" => match rest.strip_suffix(".copy") {
            Some(number) => parse_number(number).map(ObjectName::KeyringCopy),
            None => parse_number(rest).map(ObjectName::Keyring),
        },
        "journal" => match rest.strip_suffix(".copy") {
            Some(number) => parse_number(number).map(ObjectName::JournalCopy),
            None => parse_number(rest).map(ObjectName::Journal),
        },
        "bundle" => parse_number(rest)
            .filter(is_bundle_number)
            .map(ObjectName::Bundle),
        "checkpoint" => parse_number(rest)
            .filter(is_bundle_number)
            .map(ObjectName::Checkpoint),
        "pack" => {
            let (first, hash) = rest.split_once('/')?;
            let parsed = ObjectHash::parse(hash)?;
            (hash.get(..2) == Some(first)).then_some(ObjectName::Pack(parsed))
        }
        "index" => ObjectHash::parse(rest).map(ObjectName::Index),
        "parity" => ObjectHash::parse(rest).map(ObjectName::Parity),
        "session" => parse_hex(rest).map(|id| ObjectName::Session(SessionId::from_bytes(id))),
        _ => None,
    }
}

/// The name of an object, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ObjectName {
    /// The configuration.
    Config,
    /// Its copy.
    ConfigCopy,
    /// A generation of the keyring.
    Keyring(u64),
    /// Its copy.
    KeyringCopy(u64),
    /// A slot.
    Slot(SlotId),
    /// A journal entry.
    Journal(u64),
    /// The copy of a journal entry.
    JournalCopy(u64),
    /// A bundle of the 64 entries before the number.
    Bundle(u64),
    /// A checkpoint of all entries before the number.
    Checkpoint(u64),
    /// A pack.
    Pack(ObjectHash),
    /// An index segment.
    Index(ObjectHash),
    /// The parity of a pack.
    Parity(ObjectHash),
    /// A beacon.
    Session(SessionId),
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&match self {
            Self::Config => config(),
            Self::ConfigCopy => config_copy(),
            Self::Keyring(generation) => keyring(*generation),
            Self::KeyringCopy(generation) => keyring_copy(*generation),
            Self::Slot(id) => slot(*id),
            Self::Journal(n) => journal(*n),
            Self::JournalCopy(n) => journal_copy(*n),
            Self::Bundle(n) => bundle(*n),
            Self::Checkpoint(n) => checkpoint(*n),
            Self::Pack(hash) => pack(hash),
            Self::Index(hash) => index(hash),
            Self::Parity(hash) => parity(hash),
            Self::Session(id) => session(id),
        })
    }
}

fn with_hex(prefix: &str, bytes: &[u8]) -> String {
    let mut name = String::with_capacity(prefix.len() + 2 * bytes.len());
    name.push_str(prefix);
    // Writing into a String cannot fail.
    let _: std::fmt::Result = write_hex(&mut name, bytes);
    name
}

fn parse_number(digits: &str) -> Option<u64> {
    parse_hex(digits).map(u64::from_be_bytes)
}

const fn is_bundle_number(n: &u64) -> bool {
    *n != 0 && n.is_multiple_of(crate::limits::BUNDLE_ENTRIES)
}
