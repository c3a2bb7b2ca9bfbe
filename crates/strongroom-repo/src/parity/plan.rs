//! What is to be done about parity.

use std::collections::BTreeMap;
use std::fmt;

use strongroom_crypt::RepositoryId;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::parity::{Geometry, Overhead};
use strongroom_format::{ObjectHash, PackRef};
use strongroom_store::Prefix;

use super::ParityOptions;
use crate::edge::Remote;
use crate::error::Result;
use crate::prune::Requests;
use crate::state::State;

/// What will be done about parity. Made by [`Repository::plan_parity`](crate::Repository::plan_parity) and carried out by
/// [`Repository::add_parity`](crate::Repository::add_parity).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParityPlan {
    pub(super) repository: RepositoryId,
    pub(super) overhead: Option<Overhead>,
    pub(super) make: Vec<ToMake>,
    pub(super) remove: Vec<(ObjectHash, u64)>,
    protected: u64,
    absent: Vec<ObjectHash>,
}

/// A pack that is to get parity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ToMake {
    pub(super) pack: PackRef,
    /// There is other parity, which makes way.
    pub(super) replaces: bool,
}

/// Packs and parity that are in the store, with their lengths.
#[derive(Debug, Default)]
pub(super) struct Found {
    packs: BTreeMap<ObjectHash, u64>,
    parity: BTreeMap<ObjectHash, u64>,
}

impl Found {
    /// Lists them, parity first: a pack that is there beside it is then seen.
    pub(super) fn list(remote: &Remote) -> Result<Self> {
        let mut found = Self::default();
        for prefix in ["parity/", "pack/"] {
            for meta in remote.list(&Prefix::parse(prefix)?)? {
                match object_name::parse(meta.key.as_str()) {
                    Some(ObjectName::Pack(name)) => found.packs.insert(name, meta.len),
                    Some(ObjectName::Parity(name)) => found.parity.insert(name, meta.len),
                    _ => None,
                };
            }
        }
        Ok(found)
    }
}

/// Compares what is there with what is wished.
///
/// # Errors
///
/// As [`Packs::get`](crate::state::Packs::get).
pub(super) fn make(
    repository: RepositoryId,
    state: &State,
    found: &Found,
    options: ParityOptions,
) -> Result<ParityPlan> {
    let mut plan = ParityPlan {
        repository,
        overhead: options.overhead,
        make: Vec::new(),
        remove: Vec::new(),
        protected: 0,
        absent: Vec::new(),
    };
    if let Some(overhead) = options.overhead {
        for pack in state.packs.iter() {
            let pack = pack?;
            let len = u64::from(pack.len);
            let there = found.parity.get(&pack.name);
            let wished = Geometry::plan(len, overhead).object_len();
            if there == Some(&wished) && !options.renew.contains(&pack.name) {
                plan.protected += 1;
            } else if found.packs.get(&pack.name) == Some(&len) {
                plan.make.push(ToMake {
                    pack,
                    replaces: there.is_some(),
                });
            } else {
                plan.absent.push(pack.name);
            }
        }
    }
    for (name, len) in &found.parity {
        let is_wanted = options.overhead.is_some()
            && (found.packs.contains_key(name) || state.packs.contains(name)?);
        if !is_wanted {
            plan.remove.push((*name, *len));
        }
    }
    Ok(plan)
}

impl ParityPlan {
    /// Returns the packs that will get parity, or other parity than they have.
    pub fn packs(&self) -> impl ExactSizeIterator<Item = &PackRef> {
        self.make.iter().map(|one| &one.pack)
    }

    /// Returns the packs whose parity will be removed.
    pub fn removed(&self) -> impl ExactSizeIterator<Item = &ObjectHash> {
        self.remove.iter().map(|(name, _)| name)
    }

    /// Returns how many packs have the parity that is wished.
    #[must_use]
    pub fn protected(&self) -> u64 {
        self.protected
    }

    /// Returns the packs in force that are not there, or with another length: they need repair, not parity.
    #[must_use]
    pub fn absent(&self) -> &[ObjectHash] {
        &self.absent
    }

    /// Returns the bytes that will be read.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.packs().map(|pack| u64::from(pack.len)).sum()
    }

    /// Returns the bytes that will be written.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        let len = |overhead| {
            let len = move |pack: &PackRef| Geometry::plan(pack.len.into(), overhead).object_len();
            self.packs().map(len).sum()
        };
        self.overhead.map_or(0, len)
    }

    /// Returns the bytes that are removed without another parity in their place.
    #[must_use]
    pub fn removed_bytes(&self) -> u64 {
        self.remove.iter().map(|(_, len)| len).sum()
    }

    /// Returns what it costs.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests {
            gets: self.make.len() as u64,
            puts: self.make.len() as u64,
            deletes: self.remove.len() as u64,
            ..Requests::default()
        }
    }

    /// Says whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.make.is_empty() && self.remove.is_empty()
    }
}

impl fmt::Display for ParityPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.overhead {
            Some(overhead) => writeln!(
                f,
                "parity of {overhead}: {} packs have it, {} will get it: reads {} bytes, writes {} bytes",
                self.protected,
                self.make.len(),
                self.read_bytes(),
                self.written_bytes()
            )?,
            None => writeln!(f, "no parity")?,
        }
        let (count, bytes) = (self.remove.len(), self.removed_bytes());
        writeln!(f, "removes {count} parity objects, {bytes} bytes")?;
        for name in &self.absent {
            writeln!(f, "not there, or torn: {}", object_name::pack(name))?;
        }
        write!(f, "costs {}", self.requests())
    }
}
