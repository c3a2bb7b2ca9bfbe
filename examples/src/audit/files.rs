//! Keys, policies and other small files.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use strongroom_ledger::{NoteSigner, WitnessPolicy};

use crate::exit::Usage;

/// Longer is a mistake: some other file.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Reads a file of text.
///
/// # Errors
///
/// [`Usage`] above 64 MiB; otherwise what the system said.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let about = || path.display().to_string();
    let len = std::fs::metadata(path).with_context(about)?.len();
    if len > MAX_TEXT_BYTES {
        return Err(Usage(format!("{} is too long", path.display())).into());
    }
    std::fs::read_to_string(path).with_context(about)
}

/// Reads whom to believe.
///
/// # Errors
///
/// What is wrong in which line; otherwise what the system said.
pub fn read_policy(path: &Path) -> anyhow::Result<WitnessPolicy> {
    let text = read_text(path)?;
    let policy = WitnessPolicy::parse(text.as_bytes());
    policy.with_context(|| path.display().to_string())
}

/// Reads the private key of a log, a witness or a maker of bundles.
///
/// # Errors
///
/// When it is none; otherwise what the system said.
pub fn read_signer(path: &Path) -> anyhow::Result<NoteSigner> {
    let text = read_text(path)?;
    let signer = NoteSigner::parse(text.trim_end_matches('\n'));
    signer.with_context(|| format!("the key in {}", path.display()))
}

/// Writes a new file that only its owner may read.
///
/// # Errors
///
/// What the system said, also that there is a file of that name.
pub fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| path.display().to_string())?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

/// Waits until no other program has this file, and keeps others waiting as long as what is returned is there.
///
/// # Errors
///
/// What the system said.
pub fn lock(path: &Path) -> anyhow::Result<File> {
    let about = || format!("{} is not to be had", path.display());
    let file = File::create(path.with_added_extension("lock")).with_context(about)?;
    file.lock().with_context(about)?;
    Ok(file)
}

/// Replaces a file in one step, so that it is whole whenever it is there, and durable when this returns.
///
/// # Errors
///
/// What the system said.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder)?;
        let temporary = path.with_added_extension("new");
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| path.display().to_string())
}

/// Returns the seconds since 1970 by this machine's clock.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
