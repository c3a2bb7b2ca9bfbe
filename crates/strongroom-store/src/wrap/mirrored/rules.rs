//! What a mirror is told of the objects in it, by somebody who knows them.

use std::fmt::Debug;

use bytes::Bytes;

use crate::key::Key;

/// What is known of the objects in a store. The store itself knows nothing: whoever embeds it does.
///
/// # Contract
///
/// 1. The answers depend on the arguments alone: two callers never disagree.
/// 2. [`check`](Self::check) never calls an object [`Broken`](Wholeness::Broken) that its writer put: what it does not know, a later
///    version's for example, is [`Unknown`](Wholeness::Unknown).
/// 3. [`predecessor`](Self::predecessor) leads to an end: no key follows itself, however far one goes.
pub trait ObjectRules: Debug + Send + Sync + 'static {
    /// Returns whether [`check`](Self::check) can say anything of the object of this name but `Unknown`.
    fn can_check(&self, key: &Key) -> bool;

    /// Judges the bytes of an object by its name and by themselves.
    fn check(&self, key: &Key, bytes: &Bytes) -> Wholeness;

    /// Returns the object without which this one means nothing, if there is such a one: a copy that lacks it is not given this one.
    /// Of a numbered chain, the number before.
    fn predecessor(&self, key: &Key) -> Option<Key>;
}

/// What bytes prove of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a mirror must act on every answer; a fifth would be a new contract"
)]
pub enum Wholeness {
    /// They are the bytes that the name names, and no others are.
    Proven,
    /// They are whole, though others could be whole under this name too.
    Plausible,
    /// They are not what was put.
    Broken,
    /// Nothing can be said.
    Unknown,
}

/// Rules for objects of which nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRules;

impl ObjectRules for NoRules {
    fn can_check(&self, _key: &Key) -> bool {
        false
    }

    fn check(&self, _key: &Key, _bytes: &Bytes) -> Wholeness {
        Wholeness::Unknown
    }

    fn predecessor(&self, _key: &Key) -> Option<Key> {
        None
    }
}
