//! Writes an audit bundle of a repository.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use strongroom::ObjectHash;
use strongroom::blocking::Repository;
use strongroom::verify::AuditScope;
use strongroom_ledger::{
    About, BuildError, BundleBuilder, NoteSigner, SignedHead, TileTree, WitnessPolicy,
    prove_consistency, read_leaves,
};

use super::files::now;
use super::place::LedgerDir;

/// What goes into a bundle beside the entries.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "options of a program")]
pub struct BundleParts {
    /// Entries are sealed, and nobody can read what they say.
    pub sealed: bool,
    /// Sensitive parts of evidence can be read, too.
    pub sensitive: bool,
    /// The head of the last audit.
    pub last: Option<SignedHead>,
    /// Only entries from this number on.
    pub from: u64,
    /// Policy documents that entries name and do not hold.
    pub policies: Vec<Vec<u8>>,
    /// Reports: name and content.
    pub reports: Vec<(String, Vec<u8>)>,
    /// Whatever belongs to it.
    pub attachments: Vec<(String, Vec<u8>)>,
}

/// Writes a bundle of the entries under the last head of the log, and returns how many there are.
///
/// # Errors
///
/// What the repository or the system said.
pub fn write_bundle(
    repository: &Repository,
    place: &LedgerDir,
    signer: &NoteSigner,
    policy: &WitnessPolicy,
    mut parts: BundleParts,
    path: PathBuf,
) -> anyhow::Result<u64> {
    let head = place.head()?.context("the log has no head yet")?;
    let size = head.head().size();
    let tree = TileTree::new(place, size);
    let about = About {
        origin: head.head().origin().to_owned(),
        repository: repository.id(),
        suite: repository.suite(),
        made: now(),
        tool: concat!("sr-audit ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let temporary = path.with_extension("part");
    let file = BufWriter::new(File::create(&temporary)?);
    let mut builder = BundleBuilder::new(file, &about, policy, &place.rotations()?, &head)?;
    if let Some(last) = &parts.last {
        let proof = prove_consistency(&tree, last.head().size().min(size), size)?;
        builder.audited(last, &proof)?;
    }
    if !parts.sealed {
        let scope = match parts.sensitive {
            true => AuditScope::Content,
            false => AuditScope::Structure,
        };
        let keys = repository.audit_keys(scope)?;
        builder.disclose_journal(&keys)?;
        if parts.sensitive {
            builder.disclose_evidence(&keys)?;
        }
    }
    let mut builder = entries(repository, builder, logged(place, size)?, parts.from)?;
    builder.prove(&tree)??;
    // In the order in which bundles have them.
    parts
        .policies
        .sort_by_key(|document| ObjectHash::of(document));
    parts.reports.sort();
    parts.attachments.sort();
    parts
        .policies
        .iter()
        .try_for_each(|document| builder.policy(document))?;
    parts
        .reports
        .iter()
        .try_for_each(|(name, bytes)| builder.report(name, bytes))?;
    parts
        .attachments
        .iter()
        .try_for_each(|(name, bytes)| builder.attachment(name, bytes))?;
    let file = builder
        .seal(signer)?
        .into_inner()
        .map_err(|error| error.into_error())?;
    file.sync_all()?;
    std::fs::rename(&temporary, &path)?;
    Ok(size.saturating_sub(parts.from))
}

/// The hashes that the log has.
fn logged(place: &LedgerDir, size: u64) -> anyhow::Result<Vec<ObjectHash>> {
    let mut logged = Vec::new();
    while (logged.len() as u64) < size {
        let before = logged.len();
        let leaves = read_leaves(place, before as u64, size)?;
        logged.extend(leaves.iter().map(|leaf| leaf.hash));
        anyhow::ensure!(
            logged.len() > before,
            "the log has fewer entries than its head says"
        );
    }
    Ok(logged)
}

/// Copies the entries from the journal into the bundle.
fn entries<W: Write + Send + 'static>(
    repository: &Repository,
    builder: BundleBuilder<W>,
    logged: Vec<ObjectHash>,
    from: u64,
) -> anyhow::Result<BundleBuilder<W>> {
    let state = Arc::new(Mutex::new((Some(builder), None::<BuildError>)));
    let to = Arc::clone(&state);
    repository.journal_objects(from, move |object| {
        let mut state = to.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(object.n).ok();
        let (Some(logged), (Some(builder), failed)) =
            (place.and_then(|n| logged.get(n)), &mut *state)
        else {
            return ControlFlow::Break(());
        };
        let is_logged = ObjectHash::of(&object.bytes) == *logged;
        let written = match is_logged {
            true => builder.entry(object.n, &object.bytes),
            false => builder.absent(object.n, logged, Some(&object.bytes)),
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                *failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    match (state.0.take(), state.1.take()) {
        (_, Some(error)) => Err(error.into()),
        (builder, None) => builder.context("the entries were not written"),
    }
}
