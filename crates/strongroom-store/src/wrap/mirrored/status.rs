//! How the members of a mirror are.

use std::fmt;

use super::WritePolicy;

/// How a mirror is, as far as this handle knows: what another process noticed, and what was noticed before this one began, a
/// [comparison](crate::replica::compare) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorStatus {
    /// When a write counts as done.
    pub policy: WritePolicy,
    /// The members; the first is the arbiter.
    pub members: Vec<MemberStatus>,
    /// Answers that were given without the arbiter, because it could not be reached.
    pub degraded_answers: u64,
}

/// How one member is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStatus {
    /// What the store calls itself.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Objects that it has yet to be given, or to delete.
    pub queued_objects: usize,
    /// Bytes of these.
    pub queued_bytes: u64,
    /// Objects that reads found missing or broken on it, and that wait to be repaired.
    pub flawed_objects: usize,
    /// Objects that were repaired on it.
    pub repaired_objects: u64,
    /// Calls that failed since the last that did not.
    pub failures: u32,
    /// What the last call that failed said.
    pub last_error: Option<String>,
}

/// How a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Health {
    /// It has everything, as far as is known.
    Healthy,
    /// Calls to it fail.
    Failing,
    /// It has yet to be given what is queued for it; until then it gets nothing else.
    Lagging,
    /// More was to be queued for it than there is room: only a [resync](super::Mirrored::resync) helps.
    NeedsResync,
    /// It holds another object under a name that the arbiter has given away: it is not written to any more. Somebody has to look.
    Diverged,
}

impl MirrorStatus {
    /// Says whether every member has everything, as far as is known.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let whole =
            |member: &MemberStatus| member.health == Health::Healthy && member.flawed_objects == 0;
        self.members.iter().all(whole)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Failing => "failing",
            Self::Lagging => "lagging",
            Self::NeedsResync => "needs a resync",
            Self::Diverged => "diverged",
        })
    }
}

impl fmt::Display for MemberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.health)?;
        if self.queued_objects > 0 {
            let (objects, bytes) = (self.queued_objects, self.queued_bytes);
            write!(f, ", {objects} objects ({bytes} bytes) behind")?;
        }
        if self.flawed_objects > 0 {
            write!(f, ", {} objects to repair", self.flawed_objects)?;
        }
        if self.repaired_objects > 0 {
            write!(f, ", {} objects repaired", self.repaired_objects)?;
        }
        match &self.last_error {
            Some(error) if self.health != Health::Healthy => write!(f, ": {error}"),
            _ => Ok(()),
        }
    }
}

/// One line for each member.
impl fmt::Display for MirrorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = std::iter::once("arbiter ").chain(std::iter::repeat("follower"));
        for (role, member) in roles.zip(&self.members) {
            writeln!(f, "{role} {member}")?;
        }
        if self.degraded_answers > 0 {
            writeln!(f, "{} answers without the arbiter", self.degraded_answers)?;
        }
        Ok(())
    }
}
