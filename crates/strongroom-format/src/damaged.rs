//! What whoever looks for damage hands to whoever repairs it.

use crate::object_name::ObjectName;

/// An object that is damaged or missing, or frames of a pack that are.
///
/// A hint, not an order: whoever repairs looks again first.
///
/// ```
/// use strongroom_format::DamagedObject;
/// use strongroom_format::object_name::ObjectName;
///
/// let damaged = DamagedObject { name: ObjectName::Config, frames: Vec::new() };
/// assert!(damaged.is_whole_object());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a name and positions are all there is to say"
)]
pub struct DamagedObject {
    /// Which object.
    pub name: ObjectName,
    /// Which frames, of a pack only, sorted; none means the whole object.
    pub frames: Vec<u32>,
}

impl DamagedObject {
    /// Whether the whole object is meant, not only some frames.
    #[must_use]
    pub const fn is_whole_object(&self) -> bool {
        self.frames.is_empty()
    }
}
