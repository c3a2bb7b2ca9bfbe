//! A small journal, its bundle, and everything that somebody may do to it.

mod journal;
mod lies;
mod truth;

use strongroom_format::ObjectHash;

use self::journal::Journal;
use super::section::Parts;
use super::*;
use crate::testing::{log_key, log_signer, witness_signer};
use crate::{
    MemoryTree, Monitor, NoteSigner, Rotation, SignedHead, TreeHash, TreeHead, WitnessPolicy,
    prove_consistency,
};

/// The log, and one of two witnesses.
fn policy() -> WitnessPolicy {
    let witness = |number| witness_signer(number).public().to_string();
    let text = format!(
        "log {}\nwitness peer {}\nwitness auditor {}\ngroup any any peer auditor\nquorum any\n",
        log_key(),
        witness(1),
        witness(2)
    );
    WitnessPolicy::parse(text.as_bytes()).unwrap()
}

/// What a maker puts into a bundle; the tests change one thing of it.
struct Maker {
    journal: Journal,
    /// The hashes that the log has.
    logged: Vec<ObjectHash>,
    /// Numbers of entries whose objects are in the bundle; of those in neither list there is nothing.
    whole: Vec<u64>,
    absent: Vec<(u64, Option<Vec<u8>>)>,
    size: u64,
    audited: Option<u64>,
    rotations: Vec<Rotation>,
    signer: NoteSigner,
    sealer: NoteSigner,
    witnesses: Vec<u8>,
    /// Whether entries, and their sensitive parts, can be opened.
    discloses: (bool, bool),
    policies: Vec<Vec<u8>>,
}

impl Maker {
    fn of(journal: Journal) -> Self {
        let logged: Vec<_> = journal
            .objects
            .iter()
            .map(|object| ObjectHash::of(object))
            .collect();
        let size = logged.len() as u64;
        Self {
            whole: (0..size).collect(),
            absent: Vec::new(),
            size,
            audited: None,
            rotations: Vec::new(),
            signer: log_signer(),
            sealer: log_signer(),
            witnesses: vec![1],
            discloses: (true, true),
            policies: vec![journal::POLICY.to_vec()],
            logged,
            journal,
        }
    }

    fn new() -> Self {
        Self::of(Journal::new())
    }

    fn tree(&self) -> MemoryTree {
        tree_of(&self.logged)
    }

    fn head(&self, size: u64) -> SignedHead {
        let root = self.tree().root(size).unwrap();
        let head = TreeHead::new(crate::testing::ORIGIN, size, root).unwrap();
        let mut signed = head.sign(&self.signer);
        for witness in &self.witnesses {
            signed
                .note_mut()
                .sign(&witness_signer(*witness), 1_800_000_000);
        }
        signed
    }

    fn bytes(&self) -> Vec<u8> {
        let about = self.journal.about();
        let head = self.head(self.size);
        let mut builder =
            BundleBuilder::new(Vec::new(), &about, &policy(), &self.rotations, &head).unwrap();
        if let Some(audited) = self.audited {
            let proof = prove_consistency(&self.tree(), audited, self.size).unwrap();
            builder.audited(&self.head(audited), &proof).unwrap();
        }
        let keys = self.journal.audit_keys();
        if self.discloses.0 {
            builder.disclose_journal(&keys).unwrap();
        }
        if self.discloses.1 {
            builder.disclose_evidence(&keys).unwrap();
        }
        for n in 0..self.size {
            let place = usize::try_from(n).unwrap();
            if self.whole.contains(&n) {
                builder.entry(n, &self.journal.objects[place]).unwrap();
            } else if let Some((_, instead)) = self.absent.iter().find(|(absent, _)| *absent == n) {
                builder
                    .absent(n, &self.logged[place], instead.as_deref())
                    .unwrap();
            }
        }
        builder.prove(&self.tree()).unwrap().unwrap();
        for document in &self.policies {
            builder.policy(document).unwrap();
        }
        builder.report("report.json", b"{}").unwrap();
        builder.report("report.md", b"# Report\n").unwrap();
        builder.attachment("token.tsr", b"\x30\x00").unwrap();
        builder.seal(&self.sealer).unwrap()
    }
}

fn tree_of(logged: &[ObjectHash]) -> MemoryTree {
    let leaves = (0..)
        .zip(logged)
        .map(|(n, hash)| crate::Leaf { n, hash: *hash });
    leaves.map(|leaf| leaf.tree_hash()).collect()
}

/// Knows everything that can be known.
fn trust() -> TrustPolicy {
    let journal = Journal::new();
    TrustPolicy::new(policy())
        .with_repository(journal.repository)
        .with_genesis(ObjectHash::of(&journal.objects[0]))
        .with_memory(memory(&[3]))
        .with_complete()
}

/// Has seen heads of these sizes.
fn memory(sizes: &[u64]) -> Monitor {
    let maker = Maker::new();
    let mut monitor = Monitor::new(crate::testing::ORIGIN);
    for size in sizes {
        let last = monitor.last().map_or(0, |(last, _)| last);
        let proof = prove_consistency(&maker.tree(), last, *size).unwrap();
        monitor
            .observe(&maker.head(*size), &proof, &policy(), &[])
            .unwrap();
    }
    monitor
}

/// Takes a bundle apart, changes its sections, and seals it as its maker would: what somebody can do who has the maker's key.
fn resealed(bytes: &[u8], change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let parts = Parts::read(bytes).unwrap();
    let mut sections: Vec<_> = parts
        .sections
        .iter()
        .map(|section| (section.name.to_string(), section.bytes.to_vec()))
        .collect();
    change(&mut sections);
    let mut out = MAGIC.as_bytes().to_vec();
    for (name, bytes) in &sections {
        let hash = crate::hash::hex(&crate::hash::sha256(&[bytes]));
        out.extend_from_slice(format!("{name} {} {hash}\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.push(b'\n');
    }
    seal(out, &log_signer())
}

fn seal(mut sealed: Vec<u8>, signer: &NoteSigner) -> Vec<u8> {
    let hash = crate::hash::hex(&crate::hash::sha256(&[&sealed]));
    let text = format!(
        "{SEAL}{}\n{}\n{hash}\n",
        crate::testing::ORIGIN,
        sealed.len()
    );
    let mut note = crate::Note::new(text).unwrap();
    note.sign(signer, 0);
    let note = note.to_string();
    sealed.extend_from_slice(format!("seal {}\n{note}", note.len()).as_bytes());
    sealed
}

fn set<'s>(sections: &'s mut [(String, Vec<u8>)], name: &str) -> &'s mut Vec<u8> {
    &mut sections
        .iter_mut()
        .find(|(found, _)| found == name)
        .unwrap()
        .1
}

fn verify(bytes: &[u8]) -> Result<BundleReport<'_>, BundleError> {
    verify_bundle(bytes, &trust())
}

fn joined(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
