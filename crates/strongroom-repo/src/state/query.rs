//! Questions that preconditions ask of a state.

use strongroom_crypt::{Id, Roles, SessionId, VerifyingKey};
use strongroom_format::Snapshot;

use super::State;

impl State {
    /// Says whether a session was abandoned or dropped: it can commit nothing any more.
    pub(crate) fn session_ended(&self, session: &SessionId) -> bool {
        self.ended_sessions.contains(session)
    }

    /// Returns a snapshot in force and the number of its entry.
    pub(crate) fn snapshot(&self, id: &Id) -> Option<(u64, &Snapshot)> {
        let n = *self.by_id.get(id)?;
        self.snapshots
            .get(&n)
            .map(|(_, snapshot)| (n, snapshot.as_ref()))
    }

    /// Says whether a hold keeps a snapshot from being forgotten.
    pub(crate) fn is_held(&self, id: &Id, snapshot: &Snapshot) -> bool {
        self.holds.values().any(|hold| {
            if hold.snapshots.is_empty() {
                hold.series.as_ref() == Some(&snapshot.series)
            } else {
                hold.snapshots.contains(id)
            }
        })
    }

    /// Says whether a certificate in force gives a key one of these roles.
    pub(crate) fn has_role(&self, key: &VerifyingKey, roles: Roles) -> bool {
        let of_key = (*key.as_bytes(), u8::MIN)..=(*key.as_bytes(), u8::MAX);
        self.certificates
            .range(of_key)
            .any(|(_, certificate)| certificate.roles.intersects(roles))
    }
}
