//! The places in which an entry can be: its object, its bundle, its copy.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::StructureKeys;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{decode_bundle, limits};

use super::candidate::{Candidate, Source, read};
use crate::Problem;
use crate::Result;
use crate::context::{Context, Fetched};
use crate::wholeness::{Flaw, Place, damage, judge};

/// Reads entries wherever they are.
#[derive(Debug)]
pub(super) struct Places {
    place: Place,
    keys: Option<Arc<StructureKeys>>,
    /// The bundle that was read last.
    bundle: Option<(u64, Vec<Bytes>)>,
}

/// What is in an entry's own object.
#[derive(Debug)]
pub(super) enum Slot {
    Whole(Box<Candidate>),
    Flawed(Flaw),
    Absent,
}

impl Places {
    pub(super) fn new(place: Place, keys: Option<Arc<StructureKeys>>) -> Self {
        Self {
            place,
            keys,
            bundle: None,
        }
    }

    /// Returns the entry as its bundle and its copy have it: what is whole of them.
    pub(super) async fn others(&mut self, cx: &Context, n: u64) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        let number = (n / limits::BUNDLE_ENTRIES + 1).saturating_mul(limits::BUNDLE_ENTRIES);
        let at = usize::try_from(n % limits::BUNDLE_ENTRIES).unwrap_or_default();
        let bundled = self.bundle(cx, number).await?.get(at).cloned();
        found.extend(bundled.map(|bytes| (Source::Bundle, bytes)));
        if let Fetched::Bytes(bytes) = cx.get(&ObjectName::JournalCopy(n)).await? {
            found.push((Source::Copy, bytes));
        }
        let read = |(source, bytes)| read(source, n, &bytes, &self.place, self.keys.as_ref()).ok();
        Ok(found.into_iter().filter_map(read).collect())
    }

    async fn bundle(&mut self, cx: &Context, number: u64) -> Result<&[Bytes]> {
        if self.bundle.as_ref().is_none_or(|(have, _)| *have != number) {
            let name = ObjectName::Bundle(number);
            let entries = match cx.get(&name).await? {
                Fetched::Bytes(bytes) if judge(&name, &bytes, &self.place).is_ok() => {
                    decode_bundle(&bytes).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            let entries = entries.into_iter().map(Bytes::from).collect();
            self.bundle = Some((number, entries));
        }
        let entries = self.bundle.as_ref().map(|(_, entries)| entries.as_slice());
        Ok(entries.unwrap_or_default())
    }
}

/// Reads the object of an entry.
///
/// # Errors
///
/// What kept it from looking.
pub(super) async fn fetch(
    cx: &Context,
    n: u64,
    place: Place,
    keys: Option<Arc<StructureKeys>>,
) -> Result<(u64, Slot)> {
    let name = ObjectName::Journal(n);
    let slot = match cx.get(&name).await? {
        Fetched::Absent => Slot::Absent,
        Fetched::Unreadable(error) => {
            Slot::Flawed(damage(&name, Problem::Unreadable, error.to_string()))
        }
        Fetched::Bytes(bytes) => {
            let read = move || read(Source::Slot, n, &bytes, &place, keys.as_ref());
            match cx.pool().run(read).await? {
                Ok(candidate) => Slot::Whole(Box::new(candidate)),
                Err(flaw) => Slot::Flawed(flaw),
            }
        }
    };
    Ok((n, slot))
}
