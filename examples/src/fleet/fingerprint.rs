//! One hash of everything in a folder that a backup has to bring back.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Returns the hash, in hexadecimal, of the sorted list of what is below a folder: path, kind, mode, modification time, content.
///
/// The folder itself does not count: where it is restored to, another one takes its place.
///
/// # Errors
///
/// What the system said, and entries that are no file, directory or symbolic link.
pub(super) fn fingerprint(root: &Path) -> io::Result<String> {
    let mut paths = below(root)?;
    paths.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        add_entry(&mut hasher, root, &path)?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Returns all relative paths below a folder.
pub(super) fn below(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut pending) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                pending.push(path.clone());
            }
            found.push(path);
        }
    }
    Ok(found)
}

/// Every field has a fixed length or its length before it, so that no two lists are the same bytes.
fn add_entry(hasher: &mut blake3::Hasher, root: &Path, path: &Path) -> io::Result<()> {
    let full = root.join(path);
    let metadata = full.symlink_metadata()?;
    let kind = metadata.file_type();
    let (kind, content) = if kind.is_dir() {
        (1_u8, *blake3::hash(b"").as_bytes())
    } else if kind.is_symlink() {
        let target = fs::read_link(&full)?;
        (2, *blake3::hash(target.as_os_str().as_bytes()).as_bytes())
    } else if kind.is_file() {
        (0, hash_of_file(&full)?)
    } else {
        let what = format!("{} is of another kind", path.display());
        return Err(io::Error::other(what));
    };
    let bytes = path.as_os_str().as_bytes();
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
    hasher.update(&[kind]);
    hasher.update(&(metadata.mode() & 0o7777).to_le_bytes());
    hasher.update(&metadata.mtime().to_le_bytes());
    hasher.update(&metadata.mtime_nsec().to_le_bytes());
    hasher.update(&content);
    Ok(())
}

fn hash_of_file(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(path)?)?;
    Ok(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_counts_and_the_folder_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("a")).unwrap();
        fs::write(at("a/file"), "x").unwrap();
        let mut seen = vec![fingerprint(folder.path()).unwrap()];
        let mut changed = || {
            let now = fingerprint(folder.path()).unwrap();
            assert!(!seen.contains(&now));
            assert_eq!(now, fingerprint(folder.path()).unwrap());
            seen.push(now);
        };
        let hour = std::time::Duration::from_secs(3_600);
        let file = fs::File::options().append(true).open(at("a/file")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + hour).unwrap();
        changed();
        fs::rename(at("a/file"), at("a/other")).unwrap();
        changed();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(at("a/other"), mode).unwrap();
        changed();
        std::os::unix::fs::symlink("a", at("link")).unwrap();
        changed();
        fs::write(at("a/other"), "y").unwrap();
        changed();
    }
}
