//! Taking damage back.

use std::fmt;

use super::{Inspection, Parity, code};
use crate::ObjectHash;

impl Parity<'_> {
    /// Returns the pack as it was written, given what is left of it.
    ///
    /// The result has the hash that is the pack's name. Takes memory for the pack once more and 16 MiB.
    ///
    /// # Errors
    ///
    /// [`Unhealable`] with kind `TooMuchDamage` when more data shards are damaged than good parity shards are there;
    /// `WrongResult` when what comes out is not the pack, because the hashes in the parity are not those of its shards.
    pub fn heal(&self, pack: &[u8]) -> Result<Vec<u8>, Unhealable> {
        let inspection = self.inspect(pack);
        if !inspection.can_heal() {
            return Err(Unhealable::new(UnhealableKind::TooMuchDamage, inspection));
        }
        // The geometry was compared with the limit of objects when the parity was read.
        let len = usize::try_from(self.geometry().pack_len()).unwrap_or(usize::MAX);
        let mut healed = pack.get(..len).unwrap_or(pack).to_vec();
        healed.resize(len, 0);
        let restored = self.restore(&mut healed, &inspection);
        if restored.is_err() || ObjectHash::of(&healed) != *self.pack() {
            return Err(Unhealable::new(UnhealableKind::WrongResult, inspection));
        }
        Ok(healed)
    }

    fn restore(
        &self,
        pack: &mut [u8],
        inspection: &Inspection,
    ) -> Result<(), reed_solomon_simd::Error> {
        let missing = inspection.damaged_data();
        if missing.is_empty() {
            return Ok(());
        }
        let damaged = inspection.damaged_parity();
        let good: Vec<(usize, &[u8])> = (0..self.geometry().parity_shards())
            .filter(|shard| damaged.binary_search(shard).is_err())
            .filter_map(|shard| Some((shard as usize, self.parity_shard(shard)?)))
            .collect();
        code::restore(self.geometry(), pack, missing, &good)
    }
}

/// Why a pack could not be healed, and what is damaged of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealable(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: UnhealableKind,
    inspection: Inspection,
}

impl Unhealable {
    fn new(kind: UnhealableKind, inspection: Inspection) -> Self {
        Self(Box::new(Inner { kind, inspection }))
    }

    /// Returns what a caller decides by.
    #[must_use]
    pub fn kind(&self) -> UnhealableKind {
        self.0.kind
    }

    /// Returns what was found; with kind `TooMuchDamage` its ranges are what is lost, unless another copy has it.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.0.inspection
    }
}

impl fmt::Display for Unhealable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inspection = self.inspection();
        match self.kind() {
            UnhealableKind::TooMuchDamage => write!(
                f,
                "{} of {} shards are damaged, and {} of {} parity shards are good",
                inspection.damaged_data().len(),
                inspection.geometry().data_shards(),
                inspection.good_parity(),
                inspection.geometry().parity_shards()
            ),
            UnhealableKind::WrongResult => f.write_str("the parity gives something else"),
        }
    }
}

impl std::error::Error for Unhealable {}

/// What a caller can do about an [`Unhealable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnhealableKind {
    /// More shards are damaged than there are good parity shards. Another copy has to help.
    TooMuchDamage,
    /// The parity is not that of this pack, whatever it says: it is of no use.
    WrongResult,
}
