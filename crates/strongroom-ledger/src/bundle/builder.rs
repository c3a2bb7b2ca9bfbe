//! Writes a bundle, part by part.

use std::io::{self, Write};

use ring::digest::{Context, SHA256};
use strongroom_crypt::{RepositoryId, derive};
use strongroom_format::{AuditKeys, ObjectHash};

use super::about::About;
use super::section::{Item, Name, header, is_file_name};
use super::{MAGIC, SEAL};
use crate::hash::hex;
use crate::head::SignedHead;
use crate::key::{KeyKind, NoteSigner};
use crate::note::Note;
use crate::policy::WitnessPolicy;
use crate::rotation::Rotation;
use crate::subtree::Subtrees;
use crate::{TreeHash, prove_cover};

/// Why a bundle cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Its parts come in another order, or one comes twice.
    #[error("{section} is out of order")]
    Order {
        /// The part.
        section: String,
    },
    /// A part is larger than bundles may have it.
    #[error("{section} is above the limit")]
    TooLarge {
        /// The part.
        section: String,
    },
    /// A name, or a key for the seal, is not one that bundles have.
    #[error("{0}")]
    Invalid(&'static str),
    /// What it is written to failed.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes a bundle as its parts come, and keeps nothing but the numbers of its entries: a bundle may be larger than memory.
///
/// The methods are called in the order in which they stand here. The same parts give the same bytes.
pub struct BundleBuilder<W> {
    sink: W,
    digest: Context,
    written: u64,
    origin: String,
    repository: RepositoryId,
    size: u64,
    last: Option<Name>,
    entries: Vec<u64>,
}

impl<W: Write> BundleBuilder<W> {
    /// Begins a bundle about the entries under `head`. `trust` is what its maker goes by: keys and quorum, for people and for comparison; verifiers bring their own.
    /// `rotations` are those of the log's key, in order.
    ///
    /// # Errors
    ///
    /// `Invalid` when `about` is of another log than `head`, or has a line that is none; otherwise as for every part.
    pub fn new(
        sink: W,
        about: &About,
        trust: &WitnessPolicy,
        rotations: &[Rotation],
        head: &SignedHead,
    ) -> Result<Self, BuildError> {
        if !about.is_valid() || about.origin != head.head().origin() {
            return Err(BuildError::Invalid(
                "a bundle is about the log whose head it has",
            ));
        }
        let mut builder = Self {
            sink,
            digest: Context::new(&SHA256),
            written: 0,
            origin: about.origin.clone(),
            repository: about.repository,
            size: head.head().size(),
            last: None,
            entries: Vec::new(),
        };
        builder.write(MAGIC.as_bytes())?;
        builder.section(Name::About, about.to_string().as_bytes())?;
        builder.section(Name::Trust, trust.to_string().as_bytes())?;
        for (index, rotation) in (0_u64..).zip(rotations) {
            builder.section(Name::Rotation(index), rotation.to_string().as_bytes())?;
        }
        builder.section(Name::Checkpoint, head.to_string().as_bytes())?;
        Ok(builder)
    }

    /// Adds the head of the last audit, and the proof that the head of this bundle continues it.
    ///
    /// # Errors
    ///
    /// As for every part.
    pub fn audited(&mut self, head: &SignedHead, proof: &[TreeHash]) -> Result<(), BuildError> {
        self.section(Name::Audited, head.to_string().as_bytes())?;
        self.section(Name::Consistency, &joined(proof))
    }

    /// Discloses the key of journal payloads, `K_journal` of `docs/format.md`, §3.2: whoever reads the bundle opens its entries, and is certain that they say what they say.
    ///
    /// # Errors
    ///
    /// `Invalid` for the keys of another repository; otherwise as for every part.
    ///
    /// # Security
    ///
    /// It opens every entry of this journal, those that are written later too, for who has them. It opens nothing else, and signs nothing.
    pub fn disclose_journal(&mut self, keys: &AuditKeys) -> Result<(), BuildError> {
        self.check_keys(keys)?;
        let key = derive(&keys.structure_key, "journal");
        self.section(Name::JournalKey, key.expose())
    }

    /// Discloses the keys of the sensitive parts of evidence, `derive(E_x, "evidence")` of every epoch that is among these keys.
    ///
    /// # Errors
    ///
    /// `Invalid` for the keys of another repository, and for keys without those of content; otherwise as for every part.
    ///
    /// # Security
    ///
    /// They open these parts and nothing else: names of persons and whatever else applications recorded there.
    pub fn disclose_evidence(&mut self, keys: &AuditKeys) -> Result<(), BuildError> {
        self.check_keys(keys)?;
        let content = keys.content.as_ref();
        let content = content.ok_or(BuildError::Invalid("keys that open no sensitive parts"))?;
        for (epoch, key) in &content.epochs {
            let key = derive(key, "evidence");
            self.section(Name::EvidenceKey(*epoch), key.expose())?;
        }
        Ok(())
    }

    fn check_keys(&self, keys: &AuditKeys) -> Result<(), BuildError> {
        match keys.repository == self.repository {
            true => Ok(()),
            false => Err(BuildError::Invalid("the keys of another repository")),
        }
    }

    /// Adds entry `n`: its object, byte for byte. Entries come in order.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is not under the head; otherwise as for every part.
    pub fn entry(&mut self, n: u64, object: &[u8]) -> Result<(), BuildError> {
        self.item(n, Item::Entry, object)
    }

    /// Adds the hash of entry `n`, as the log has it, in the place of an entry that is erased or lost, and the Bridge that stands there now.
    ///
    /// # Errors
    ///
    /// As [`entry`](Self::entry).
    pub fn absent(
        &mut self,
        n: u64,
        hash: &ObjectHash,
        instead: Option<&[u8]>,
    ) -> Result<(), BuildError> {
        self.item(n, Item::Absent, hash.as_bytes())?;
        match instead {
            Some(object) => self.section(Name::Item(n, Item::Instead), object),
            None => Ok(()),
        }
    }

    fn item(&mut self, n: u64, item: Item, bytes: &[u8]) -> Result<(), BuildError> {
        if n >= self.size {
            return Err(BuildError::Invalid("an entry that is not under the head"));
        }
        self.section(Name::Item(n, item), bytes)?;
        self.entries.push(n);
        Ok(())
    }

    /// Ends the entries: proves that they are in the tree of the head, which `tree` has.
    ///
    /// # Errors
    ///
    /// As for every part; the outer error is that of reading `tree`.
    pub fn prove<T: Subtrees + ?Sized>(
        &mut self,
        tree: &T,
    ) -> Result<Result<(), BuildError>, T::Error> {
        let proof = prove_cover(tree, &self.entries, self.size)?;
        Ok(self.section(Name::Tree, &joined(&proof)))
    }

    /// Adds a policy document. Documents come in the order of their hashes.
    ///
    /// # Errors
    ///
    /// As for every part.
    pub fn policy(&mut self, document: &[u8]) -> Result<(), BuildError> {
        self.section(Name::Policy(ObjectHash::of(document).to_string()), document)
    }

    /// Adds a report that the maker computed. Reports come in the order of their names.
    ///
    /// # Errors
    ///
    /// `Invalid` unless the name has 1 to 255 letters, digits, dots, hyphens and underscores; otherwise as for every part.
    pub fn report(&mut self, name: &str, bytes: &[u8]) -> Result<(), BuildError> {
        self.section(Name::Report(file_name(name)?), bytes)
    }

    /// Adds whatever belongs to it, for example a time stamp of RFC 3161 over the head. Attachments come in the order of their names.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report).
    pub fn attachment(&mut self, name: &str, bytes: &[u8]) -> Result<(), BuildError> {
        self.section(Name::Attachment(file_name(name)?), bytes)
    }

    /// Seals the bundle with the log's key or another that verifiers trust to make bundles, and returns what it was written to.
    ///
    /// # Errors
    ///
    /// `Invalid` for the key of a cosigner, and before [`prove`](Self::prove); `Write`.
    pub fn seal(mut self, signer: &NoteSigner) -> Result<W, BuildError> {
        if signer.public().kind() != KeyKind::Note {
            return Err(BuildError::Invalid(
                "a bundle is sealed with a key that signs notes",
            ));
        }
        if self.last.as_ref().is_none_or(|last| *last < Name::Tree) {
            return Err(BuildError::Invalid(
                "a bundle is sealed when its entries are proven",
            ));
        }
        let hash = hex(self.digest.clone().finish().as_ref());
        let text = format!("{SEAL}{}\n{}\n{hash}\n", self.origin, self.written);
        let mut note = Note::new(text).map_err(|_| BuildError::Invalid("the name of the log"))?;
        note.sign(signer, 0);
        let note = note.to_string();
        write!(self.sink, "seal {}\n{note}", note.len())?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn section(&mut self, name: Name, bytes: &[u8]) -> Result<(), BuildError> {
        if self.last.as_ref().is_some_and(|last| *last >= name) {
            return Err(BuildError::Order {
                section: name.to_string(),
            });
        }
        let header = header(&name, bytes);
        let header = header.ok_or_else(|| BuildError::TooLarge {
            section: name.to_string(),
        })?;
        for part in [header.as_bytes(), bytes, b"\n"] {
            self.write(part)?;
        }
        self.last = Some(name);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        self.sink.write_all(bytes)?;
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}

impl<W> std::fmt::Debug for BundleBuilder<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "BundleBuilder({}, {} bytes, ..)",
            self.origin, self.written
        )
    }
}

fn file_name(name: &str) -> Result<String, BuildError> {
    match is_file_name(name) {
        true => Ok(name.to_owned()),
        false => Err(BuildError::Invalid("the name of a file in a bundle")),
    }
}

fn joined(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
