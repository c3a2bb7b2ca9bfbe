//! Opens the entries of a bundle with the keys that are in it, and judges them.

use std::collections::BTreeMap;

use strongroom_crypt::{BoxSealer, RepositoryId, Sealer as _, Secret};
use strongroom_format::{Body, DecodeErrorKind, Entry, Evidence, Payload, evidence_aad};

use super::rows::{Object, Row, Rows};
use crate::bundle::about::About;
use crate::bundle::authority::{Authority, Standing};
use crate::bundle::error::BundleError;
use crate::bundle::report::{AuditedEntry, Content};
use crate::bundle::section::{Name, Section};

/// The keys of a bundle, and what the entries so far say.
pub(super) struct Opener {
    journal: Option<BoxSealer>,
    evidence: BTreeMap<u32, BoxSealer>,
    repository: RepositoryId,
    authority: Authority,
    /// The next number, as long as every entry was judged.
    next: Option<u64>,
    /// Whether any entry has opened, and the first that did not.
    opened: bool,
    closed: Option<u64>,
    /// The first entry in whose place stands what is no Bridge.
    replaced: Option<u64>,
}

impl Opener {
    pub(super) fn new(about: &About, sections: &[Section<'_>]) -> Result<Self, BundleError> {
        let (mut journal, mut evidence) = (None, BTreeMap::new());
        for section in sections {
            let sealer = || {
                let wrong = BundleError::Malformed { what: "key", at: 0 };
                let key: &[u8; 32] = section.bytes.try_into().map_err(|_| wrong)?;
                Ok(BoxSealer::new(about.suite, &Secret::from_bytes(key)))
            };
            match section.name {
                Name::JournalKey => journal = Some(sealer()?),
                Name::EvidenceKey(epoch) => {
                    evidence.insert(epoch, sealer()?);
                }
                _ => {}
            }
        }
        Ok(Self {
            journal,
            evidence,
            repository: about.repository,
            authority: Authority::default(),
            next: Some(0),
            opened: false,
            closed: None,
            replaced: None,
        })
    }

    pub(super) fn open(mut self, rows: Rows) -> Result<Vec<AuditedEntry>, BundleError> {
        let entries = rows.into_iter().map(|row| self.row(row)).collect();
        if let Some(n) = self.replaced {
            let what = "what stands in its place is no Bridge";
            return Err(BundleError::Entry { n, what });
        }
        match self.closed.filter(|n| !self.opened || *n == 0) {
            Some(n) => Err(BundleError::WrongKey { n }),
            None => Ok(entries),
        }
    }

    fn row(&mut self, row: Row) -> AuditedEntry {
        if self.next != Some(row.n) {
            self.next = None;
        }
        let mut audited = AuditedEntry {
            n: row.n,
            hash: row.logged,
            content: Content::Absent { instead: None },
            standing: Standing::Absent,
            signers: Vec::new(),
            labels: Vec::new(),
        };
        match row.object {
            Object::Logged(entry) => {
                (audited.content, audited.standing) = self.entry(&entry);
                self.sign(&mut audited, &entry);
            }
            Object::Instead(bridge) => {
                // What it says takes effect; the entry that it stands for stays absent.
                let (content, standing) = self.entry(&bridge);
                if !is_bridge(&content, standing) {
                    self.replaced = self.replaced.or(Some(row.n));
                }
                audited.content = Content::Absent {
                    instead: Some(bridge.hash),
                };
                self.sign(&mut audited, &bridge);
            }
            Object::Absent => self.next = None,
        }
        self.next = self.next.and_then(|n| n.checked_add(1));
        audited
    }

    fn sign(&self, audited: &mut AuditedEntry, entry: &Entry) {
        if !entry.verify_signatures() {
            return;
        }
        let signers = entry.signatures.iter().map(|signature| signature.public);
        audited.signers = signers.collect();
        let labels = audited
            .signers
            .iter()
            .flat_map(|key| self.authority.labels(key));
        audited.labels = labels.map(str::to_owned).collect();
    }

    fn entry(&mut self, entry: &Entry) -> (Content, Standing) {
        let is_signed = entry.verify_signatures();
        let payload = self.journal.as_ref().map(|sealer| entry.open(sealer));
        let (content, standing) = match payload {
            None => (Content::Sealed, Standing::Unjudged),
            Some(Ok(payload)) => {
                self.opened = true;
                let standing = match self.next {
                    Some(_) if is_signed => self.authority.judge(entry, &payload),
                    _ => Standing::Unjudged,
                };
                let sensitive = self.sensitive(entry, &payload);
                (
                    Content::Opened {
                        payload: payload.into(),
                        sensitive,
                    },
                    standing,
                )
            }
            Some(Err(error)) if error.kind() == DecodeErrorKind::Unsupported => {
                self.opened = true;
                (Content::Sealed, Standing::Unjudged)
            }
            Some(Err(_)) => {
                self.closed = self.closed.or(Some(entry.n));
                (
                    Content::Sealed,
                    Standing::Void("its payload does not open or is not valid"),
                )
            }
        };
        match is_signed {
            true => {
                if standing == Standing::Unjudged {
                    self.next = None;
                }
                (content, standing)
            }
            false => (content, Standing::Void("a signature does not verify")),
        }
    }

    fn sensitive(&self, entry: &Entry, payload: &Payload) -> Option<Vec<u8>> {
        let Body::Evidence(Evidence {
            sensitive: Some((epoch, sealed)),
            ..
        }) = &payload.body
        else {
            return None;
        };
        let aad = evidence_aad(&self.repository, &entry.head());
        let mut plain = Vec::new();
        self.evidence
            .get(epoch)?
            .open(&aad, sealed, &mut plain)
            .ok()?;
        Some(plain)
    }
}

/// Whether it is a Bridge, or may be one: sealed, or with earlier entries unknown.
fn is_bridge(content: &Content, standing: Standing) -> bool {
    let is_void = matches!(standing, Standing::Void(_));
    match content {
        Content::Opened { payload, .. } => !is_void && matches!(payload.body, Body::Bridge(_)),
        _ => !is_void,
    }
}
