//! What of a restored copy was said to be different, and a passphrase for those who have none.

use std::collections::HashSet;

use strongroom::{BackupReport, RecoveryCode, RestoreReport, SystemRandom, target};

use crate::compare::Aspect;

/// What a backup and a restore themselves said that a copy is not.
#[derive(Debug)]
pub struct Announced {
    skipped: HashSet<Vec<u8>>,
    deviating: HashSet<(Vec<u8>, Aspect)>,
    gives_files_away: bool,
}

impl Announced {
    /// Collects what the two reports name.
    #[must_use]
    pub fn new(backup: &BackupReport, restore: &RestoreReport) -> Self {
        let skipped = backup.problems.iter().map(|skipped| skipped.path.clone());
        let lost = restore.lost.iter().map(|lost| lost.path.clone());
        let deviating = restore.deviations.iter().filter_map(|deviates| {
            let aspect = match deviates.deviation.what {
                target::Aspect::Owner => Aspect::Owner,
                target::Aspect::Mode => Aspect::Mode,
                target::Aspect::Times => Aspect::Mtime,
                target::Aspect::Xattr(_) => Aspect::Xattrs,
                target::Aspect::Link => Aspect::HardLinks,
                _ => return None,
            };
            Some((deviates.path.clone(), aspect))
        });
        Self {
            skipped: skipped.chain(lost).collect(),
            deviating: deviating.collect(),
            gives_files_away: rustix::process::geteuid().is_root(),
        }
    }

    /// Says whether the difference was announced.
    #[must_use]
    pub fn covers(&self, path: &[u8], aspect: Aspect) -> bool {
        // An ordinary user's copies are the user's own; a report names no more than ten thousand of them.
        (aspect == Aspect::Owner && !self.gives_files_away)
            || self.skipped.contains(path)
            || self.deviating.contains(&(path.to_vec(), aspect))
            || path.iter().enumerate().any(|(at, byte)| {
                *byte == b'/'
                    && path
                        .get(..at)
                        .is_some_and(|above| self.skipped.contains(above))
            })
    }
}

/// Makes a passphrase of 140 random bits.
///
/// # Errors
///
/// When the system has no random bytes.
pub(crate) fn generated_passphrase() -> anyhow::Result<String> {
    let code = RecoveryCode::generate(&SystemRandom)?;
    let text = code.to_text();
    // Four groups of seven characters of five bits.
    Ok(text.split('-').take(4).collect::<Vec<_>>().join("-"))
}
