//! The entries of a bundle, before anything is opened.

use strongroom_format::{Entry, ObjectHash, ObjectKind};

use crate::bundle::about::About;
use crate::bundle::error::BundleError;
use crate::bundle::section::{Item, Name, Section};

/// What a bundle has of one entry.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) n: u64,
    /// Its hash, as the log has it.
    pub(super) logged: ObjectHash,
    pub(super) object: Object,
}

/// The object in the place of an entry.
#[derive(Debug)]
pub(super) enum Object {
    /// The entry that was logged.
    Logged(Box<Entry>),
    /// Nothing.
    Absent,
    /// A Bridge, as it must turn out.
    Instead(Box<Entry>),
}

impl Object {
    pub(super) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Logged(entry) | Self::Instead(entry) => Some(entry),
            Self::Absent => None,
        }
    }
}

/// All of them, by number.
#[derive(Debug)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    pub(super) fn read(sections: &[Section<'_>], about: &About) -> Result<Self, BundleError> {
        let mut rows: Vec<Row> = Vec::new();
        for section in sections {
            let Name::Item(n, item) = section.name else {
                continue;
            };
            let wrong = |what| BundleError::Entry { n, what };
            let same = rows.last_mut().filter(|last| last.n == n);
            match (item, same) {
                (Item::Entry, None) => {
                    let entry = decode(n, section.bytes, about)?;
                    rows.push(Row {
                        n,
                        logged: entry.hash,
                        object: Object::Logged(entry.into()),
                    });
                }
                (Item::Absent, None) => {
                    let hash = section.bytes.try_into().map_err(|_| wrong("no hash"))?;
                    let logged = ObjectHash::from_bytes(hash);
                    rows.push(Row {
                        n,
                        logged,
                        object: Object::Absent,
                    });
                }
                (Item::Instead, Some(row)) if matches!(row.object, Object::Absent) => {
                    row.object = Object::Instead(decode(n, section.bytes, about)?.into());
                }
                _ => {
                    return Err(wrong(
                        "it is there twice, or stands in the place of nothing",
                    ));
                }
            }
        }
        Ok(Self(rows))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.0.iter()
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Row> {
        self.0.into_iter()
    }

    /// Every entry follows the one before it, or what stands in its place; and the first is the one that is known.
    pub(super) fn check_chain(&self, genesis: Option<&ObjectHash>) -> Result<(), BundleError> {
        let first = self.0.first().filter(|row| row.n == 0);
        if first.is_some_and(|row| genesis.is_some_and(|known| *known != row.logged)) {
            return Err(BundleError::WrongGenesis);
        }
        for pair in self.0.windows(2) {
            let [before, row] = pair else { continue };
            let Some(entry) = row
                .object
                .entry()
                .filter(|_| before.n.checked_add(1) == Some(row.n))
            else {
                continue;
            };
            let stands = before.object.entry().map(|one| one.hash);
            if entry.previous != before.logged && Some(entry.previous) != stands {
                return Err(BundleError::BrokenChain { n: row.n });
            }
        }
        Ok(())
    }
}

fn decode(n: u64, object: &[u8], about: &About) -> Result<Entry, BundleError> {
    let wrong = |what| BundleError::Entry { n, what };
    let entry = Entry::decode(object).map_err(|_| wrong("it is no entry of a journal"))?;
    let checked = entry
        .preamble
        .check(ObjectKind::Journal, about.suite, &about.repository);
    checked.map_err(|_| wrong("it is of another repository"))?;
    match entry.n == n {
        true => Ok(entry),
        false => Err(wrong("it has the number of another")),
    }
}
