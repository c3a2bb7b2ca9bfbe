//! The one function that believes a bundle, or does not.

use std::collections::BTreeSet;

use strongroom_format::ObjectHash;

use super::SEAL;
use super::about::About;
use super::error::BundleError;
use super::report::{AuditedEntry, BundleReport, Content, File, Premise};
use super::section::{Name, Parts, Section};
use super::trust::TrustPolicy;
use crate::consistency::verify_consistency;
use crate::hash::{hex, sha256};
use crate::head::SignedHead;
use crate::key::VerifierKey;
use crate::monitor::{Alarm, Monitor};
use crate::note::{Note, NoteError};
use crate::policy::{EndorsementError, WitnessPolicy};
use crate::rotation::{KeyChain, Rotation};
use crate::{Frontier, Leaf, TreeHash, verify_cover};

mod open;
mod rows;

use open::Opener;
use rows::Rows;

/// Verifies a bundle, by what it contains and what is trusted beforehand, and by nothing else.
///
/// What holds then: the maker sealed these bytes; the log and enough witnesses signed the head, which continues everything that is remembered of the log; every entry is in the tree
/// of that head at its place, and follows the one before it; whoever is named as a signer signed it, and where it is [in force](super::Standing::InForce) was certified to do so; and an opened entry
/// says what its author sealed. What does not hold by itself is in [`BundleReport::premises`].
///
/// The time is that of reading and hashing the bytes and of one signature for each entry; memory is a small multiple of the bytes.
///
/// # Errors
///
/// [`BundleError`]: the first thing that is wrong. Nothing of such a bundle is to be believed.
pub fn verify_bundle<'a>(
    bytes: &'a [u8],
    trust: &TrustPolicy,
) -> Result<BundleReport<'a>, BundleError> {
    let parts = Parts::read(bytes)?;
    let found = Found::new(&parts.sections);
    let about = About::parse(found.need(&Name::About, "about")?)?;
    check_identity(&about, trust)?;
    let pinned =
        WitnessPolicy::parse(found.need(&Name::Trust, "trust")?).map_err(|_| wrong("trust"))?;
    let rotations = found.rotations()?;
    let keys = KeyChain::new(&trust.witnesses, &rotations);
    let head = found.need(&Name::Checkpoint, "checkpoint")?;
    let head = SignedHead::parse(head).map_err(|_| wrong("checkpoint"))?;
    if head.head().origin() != about.origin {
        return Err(wrong("origin of the checkpoint"));
    }
    let makers = check_seal(
        &parts,
        &about,
        trust,
        &keys.at(&about.origin, head.head().size()),
    )?;
    let endorsed = keys
        .verify(&head)
        .map_err(|error| BundleError::Head(Alarm::NotEndorsed(error)));
    let endorsement = endorsed?;

    let rows = Rows::read(&parts.sections, &about)?;
    let tree = check_tree(&found, &rows, &head)?;
    let audited = check_audited(&found, &keys, &head)?;
    let root_at = |size| match &audited {
        Some(earlier) if earlier.head().size() == size => Some(*earlier.head().root()),
        _ => tree.root_at(size),
    };
    check_rotations(&rotations, &head, root_at)?;
    let memory = trust.memory.clone();
    let mut memory = memory.unwrap_or_else(|| Monitor::new(&about.origin));
    memory
        .take_up(head.head(), root_at)
        .map_err(BundleError::Head)?;
    if trust.complete && tree.left_out > 0 {
        let size = head.head().size();
        return Err(BundleError::Incomplete {
            missing: tree.left_out,
            size,
        });
    }
    rows.check_chain(trust.genesis.as_ref())?;
    let entries = Opener::new(&about, &parts.sections)?.open(rows)?;
    let mut report = BundleReport {
        trust: pinned,
        about,
        head: head.head().clone(),
        memory,
        endorsement,
        makers,
        audited: audited.map(|earlier| earlier.head().size()),
        left_out: tree.left_out,
        policies: found.policies(&entries)?,
        reports: found.files(|name| match name {
            Name::Report(name) => Some(name),
            _ => None,
        }),
        attachments: found.files(|name| match name {
            Name::Attachment(name) => Some(name),
            _ => None,
        }),
        entries,
        premises: Vec::new(),
    };
    report.premises = premises(&report, trust);
    Ok(report)
}

/// The log and the repository are those that are asked for.
fn check_identity(about: &About, trust: &TrustPolicy) -> Result<(), BundleError> {
    if let Some(memory) = trust
        .memory
        .as_ref()
        .filter(|memory| memory.origin() != about.origin)
    {
        return Err(BundleError::Head(Alarm::WrongOrigin {
            expected: memory.origin().to_owned(),
            found: about.origin.clone(),
        }));
    }
    if trust
        .witnesses
        .logs()
        .iter()
        .all(|key| key.name() != about.origin)
    {
        let unknown = EndorsementError::UnknownLog(about.origin.clone());
        return Err(BundleError::Head(Alarm::NotEndorsed(unknown)));
    }
    match trust
        .repository
        .is_none_or(|known| known == about.repository)
    {
        true => Ok(()),
        false => Err(BundleError::WrongRepository {
            found: about.repository.to_string(),
        }),
    }
}

/// Somebody who is trusted sealed these bytes, and nobody else has signed the seal.
fn check_seal(
    parts: &Parts<'_>,
    about: &About,
    trust: &TrustPolicy,
    log: &[&VerifierKey],
) -> Result<Vec<String>, BundleError> {
    let seal = Note::parse(parts.seal).map_err(|_| wrong("seal"))?;
    let hash = hex(&sha256(&[parts.sealed]));
    let stated = format!("{SEAL}{}\n{}\n{hash}\n", about.origin, parts.sealed.len());
    if seal.text() != stated {
        return Err(BundleError::Altered {
            section: "seal".to_owned(),
        });
    }
    let keys: Vec<&VerifierKey> = log.iter().copied().chain(&trust.makers).collect();
    let is_known = |line| keys.iter().any(|key| key.is_claimed_by(line));
    if !seal.signatures().iter().all(is_known) {
        return Err(BundleError::Seal(NoteError::UnknownSigner));
    }
    let verified = seal.verify(&keys).map_err(BundleError::Seal)?;
    Ok(verified
        .iter()
        .map(|one| one.key.name().to_owned())
        .collect())
}

/// The leaves of a bundle, which lead to the root.
struct Tree {
    leaves: Vec<(u64, TreeHash)>,
    left_out: u64,
}

impl Tree {
    /// The root that the log had at a size, which is known if all entries up to there are in the bundle.
    fn root_at(&self, size: u64) -> Option<TreeHash> {
        let count = usize::try_from(size).ok()?;
        let leaves = self.leaves.get(..count)?;
        let is_dense = leaves.last().is_none_or(|(last, _)| last + 1 == size);
        is_dense.then(|| {
            leaves
                .iter()
                .map(|(_, hash)| *hash)
                .collect::<Frontier>()
                .root()
        })
    }
}

fn check_tree(found: &Found<'_, '_>, rows: &Rows, head: &SignedHead) -> Result<Tree, BundleError> {
    let proof = hashes(found.need(&Name::Tree, "tree")?)?;
    let rows = rows.iter().map(|row| Leaf {
        n: row.n,
        hash: row.logged,
    });
    let leaves: Vec<_> = rows.map(|leaf| (leaf.n, leaf.tree_hash())).collect();
    let (size, root) = (head.head().size(), head.head().root());
    verify_cover(&leaves, size, root, &proof).map_err(|_| BundleError::NotInTree)?;
    let left_out = size.saturating_sub(leaves.len() as u64);
    Ok(Tree { leaves, left_out })
}

/// The head of the last audit, if there is one: endorsed, and continued.
fn check_audited(
    found: &Found<'_, '_>,
    keys: &KeyChain<'_>,
    head: &SignedHead,
) -> Result<Option<SignedHead>, BundleError> {
    let (earlier, proof) = match (found.get(&Name::Audited), found.get(&Name::Consistency)) {
        (Some(earlier), Some(proof)) => (earlier, hashes(proof)?),
        (None, None) => return Ok(None),
        _ => {
            return Err(BundleError::Missing {
                section: "consistency",
            });
        }
    };
    let earlier = SignedHead::parse(earlier).map_err(|_| wrong("audited"))?;
    keys.verify(&earlier).map_err(BundleError::Audited)?;
    let (old, new) = (earlier.head(), head.head());
    let is_same_log = old.origin() == new.origin();
    let is_continued =
        verify_consistency((old.size(), old.root()), (new.size(), new.root()), &proof);
    match is_same_log && is_continued.is_ok() {
        true => Ok(Some(earlier)),
        false => Err(BundleError::Inconsistent {
            audited: old.size(),
            shown: new.size(),
        }),
    }
}

/// Every change of the log's key is signed by both keys, and at a head that the log had, where that is known.
fn check_rotations(
    rotations: &[Rotation],
    head: &SignedHead,
    root_at: impl Fn(u64) -> Option<TreeHash>,
) -> Result<(), BundleError> {
    for (index, rotation) in (0..).zip(rotations) {
        let at = rotation.head();
        let is_own = at.origin() == head.head().origin() && at.size() <= head.head().size();
        let is_root = root_at(at.size()).is_none_or(|root| root == *at.root());
        if !is_own || !is_root || rotation.verify().is_err() {
            return Err(BundleError::Rotation { index });
        }
    }
    Ok(())
}

fn premises(report: &BundleReport<'_>, trust: &TrustPolicy) -> Vec<Premise> {
    let any = |is: fn(&AuditedEntry) -> bool| report.entries.iter().any(is);
    let has_genesis =
        trust.genesis.is_some() && report.entries.first().is_some_and(|entry| entry.n == 0);
    let remembers = trust
        .memory
        .as_ref()
        .is_some_and(|memory| memory.last().is_some());
    let all = [
        (Premise::Truth, true),
        (Premise::Maker, true),
        (Premise::NoWitness, !trust.witnesses.has_quorum()),
        (Premise::NoMemory, !remembers),
        (
            Premise::Identity,
            trust.repository.is_none() && !has_genesis,
        ),
        (
            Premise::Sealed,
            any(|entry| entry.content == Content::Sealed),
        ),
        (Premise::Sensitive, any(AuditedEntry::has_sealed_part)),
        (
            Premise::LeftOut,
            report.left_out > 0 || any(|entry| matches!(entry.content, Content::Absent { .. })),
        ),
        (
            Premise::Effect,
            any(|entry| entry.standing == super::Standing::Signed),
        ),
    ];
    let held = all.into_iter().filter(|(_, holds)| *holds);
    held.map(|(premise, _)| premise).collect()
}

/// The parts by their names.
struct Found<'s, 'a> {
    sections: &'s [Section<'a>],
}

impl<'s, 'a> Found<'s, 'a> {
    const fn new(sections: &'s [Section<'a>]) -> Self {
        Self { sections }
    }

    fn get(&self, name: &Name) -> Option<&'a [u8]> {
        // Sections are in order.
        let place = self
            .sections
            .binary_search_by(|section| section.name.cmp(name))
            .ok()?;
        self.sections.get(place).map(|section| section.bytes)
    }

    fn need(&self, name: &Name, section: &'static str) -> Result<&'a [u8], BundleError> {
        self.get(name).ok_or(BundleError::Missing { section })
    }

    fn rotations(&self) -> Result<Vec<Rotation>, BundleError> {
        let mut rotations = Vec::new();
        for section in self.sections {
            if let Name::Rotation(index) = section.name {
                if index != rotations.len() as u64 {
                    return Err(BundleError::Rotation { index });
                }
                let rotation = Rotation::parse(section.bytes);
                rotations.push(rotation.map_err(|_| BundleError::Rotation { index })?);
            }
        }
        Ok(rotations)
    }

    /// Documents have the hashes that they are named by, and entries name them, as far as entries can be read.
    fn policies(
        &self,
        entries: &[AuditedEntry],
    ) -> Result<Vec<(ObjectHash, &'a [u8])>, BundleError> {
        let mut policies = Vec::new();
        let are_opened = entries.iter().any(|entry| entry.payload().is_some());
        let named: BTreeSet<_> = entries.iter().filter_map(AuditedEntry::policy).collect();
        for section in self.sections {
            let Name::Policy(name) = &section.name else {
                continue;
            };
            let hash = ObjectHash::parse(name).ok_or(wrong("policy"))?;
            if ObjectHash::of(section.bytes) != hash || (are_opened && !named.contains(&hash)) {
                return Err(BundleError::UnknownPolicy { hash });
            }
            policies.push((hash, section.bytes));
        }
        Ok(policies)
    }

    fn files(&self, name_of: fn(&Name) -> Option<&String>) -> Vec<File<'a>> {
        let files = self.sections.iter().filter_map(|section| {
            name_of(&section.name).map(|name| File {
                name: name.clone(),
                bytes: section.bytes,
            })
        });
        files.collect()
    }
}

fn hashes(bytes: &[u8]) -> Result<Vec<TreeHash>, BundleError> {
    let (hashes, rest) = bytes.as_chunks::<{ TreeHash::LEN }>();
    match rest.is_empty() {
        true => Ok(hashes
            .iter()
            .map(|hash| TreeHash::from_bytes(*hash))
            .collect()),
        false => Err(wrong("hashes")),
    }
}

const fn wrong(what: &'static str) -> BundleError {
    BundleError::Malformed { what, at: 0 }
}
