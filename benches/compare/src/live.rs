//! The folder that is backed up: the same for all programs of a round.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::measure::pause;

/// Longer than any clock's granule: what was written is older than what a backup sees next.
const GRANULE: Duration = Duration::from_millis(1_500);

/// Makes the folder the same as a version of a corpus and touches nothing that is the same already, as life does from night to night.
pub(crate) fn lay(version: &Path, live: &Path) -> anyhow::Result<()> {
    if !live.exists() {
        if let Some(above) = live.parent() {
            std::fs::create_dir_all(above)?;
        }
        ok(Command::new("cp")
            .args(["-a", "--sparse=always"])
            .args([version, live])
            .output()?)?;
    }
    let slashed = |path: &Path| path.join("");
    let rsync = |more: &[&str]| -> anyhow::Result<Output> {
        let mut command = Command::new("rsync");
        command
            .args(["-aHAX", "--numeric-ids", "--delete"])
            .args(more);
        ok(command.args([slashed(version), slashed(live)]).output()?)
    };
    rsync(&["--inplace", "--no-whole-file"])?;
    let left = rsync(&["-ni"])?.stdout;
    if !left.trim_ascii().is_empty() {
        bail!(
            "{} is still not {}: {}",
            live.display(),
            version.display(),
            String::from_utf8_lossy(&left)
        );
    }
    rustix::fs::sync();
    pause(GRANULE);
    Ok(())
}

fn ok(output: Output) -> anyhow::Result<Output> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output)
}

/// Returns a command that copies a tree with one `cp -a` a core, each about the same share of files and bytes.
pub(crate) fn parallel_copy(tree: &Path, cores: usize, lists: &Path) -> anyhow::Result<String> {
    let mut parts: Vec<(u64, Vec<PathBuf>)> = vec![(0, Vec::new()); cores.max(1)];
    let mut pieces = pieces(tree, cores)?;
    pieces.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    for (weight, piece) in pieces {
        if let Some(least) = parts.iter_mut().min_by_key(|(weight, _)| *weight) {
            least.0 += weight;
            least.1.push(piece);
        }
    }
    let mut commands = Vec::new();
    for (number, (_, part)) in parts
        .iter()
        .enumerate()
        .filter(|(_, (_, part))| !part.is_empty())
    {
        let list = lists.join(format!("copy-{number}"));
        let names: Vec<&[u8]> = part
            .iter()
            .map(|path| path.as_os_str().as_encoded_bytes())
            .collect();
        std::fs::write(&list, names.join(&0))?;
        commands.push(format!(
            "xargs -0 -a {} cp -a --sparse=auto --parents -t {{out}} & pids+=($!)",
            list.display()
        ));
    }
    let (tree, commands) = (tree.display(), commands.join("\n"));
    Ok(format!(
        "cd {tree}\npids=()\n{commands}\nfor pid in ${{pids[@]}}; do wait $pid || exit 1; done"
    ))
}

/// Returns parts of a tree, relative to it, none much more than a thirty-second of a core's share, with what each weighs.
fn pieces(tree: &Path, cores: usize) -> anyhow::Result<Vec<(u64, PathBuf)>> {
    let whole = weight(tree);
    let most = whole / (cores.max(1) as u64 * 32) + 1;
    let (mut pieces, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = open.pop() {
        let at = tree.join(&folder);
        for entry in std::fs::read_dir(&at).with_context(|| at.display().to_string())? {
            let entry = entry?;
            let name: &OsStr = &entry.file_name();
            let path = folder.join(name);
            let weight = weight(&entry.path());
            let is_open = entry.file_type()?.is_dir() && weight > most;
            if is_open && std::fs::read_dir(entry.path())?.next().is_some() {
                open.push(path);
            } else {
                pieces.push((weight, path));
            }
        }
    }
    Ok(pieces)
}

/// An entry costs about as much as so many bytes.
const ENTRY: u64 = 64 << 10;

fn weight(path: &Path) -> u64 {
    let own = std::fs::symlink_metadata(path)
        .map_or(0, |seen| if seen.is_file() { seen.len() } else { 0 });
    let below = crate::size::size(path);
    own + below.bytes + ENTRY * (1 + below.entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_tree_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/b/c", "a/d", "e", "empty", "f/g"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("a/b/c/large"), vec![0; 20 << 20]).unwrap();
        std::fs::write(folder.path().join("a/b/small"), [0; 10]).unwrap();
        let mut pieces: Vec<_> = pieces(folder.path(), 2)
            .unwrap()
            .into_iter()
            .map(|(_, path)| path)
            .collect();
        pieces.sort();
        let expected = ["a/b/c/large", "a/b/small", "a/d", "e", "empty", "f"];
        assert_eq!(pieces, expected.map(PathBuf::from));
    }

    #[test]
    fn a_version_is_laid_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (version, text) in [("v1", "one"), ("v2", "two!")] {
            std::fs::create_dir(path(version)).unwrap();
            std::fs::write(path(version).join("file"), text).unwrap();
        }
        lay(&path("v1"), &path("live")).unwrap();
        lay(&path("v2"), &path("live")).unwrap();
        assert_eq!(std::fs::read_to_string(path("live/file")).unwrap(), "two!");
        let command = parallel_copy(&path("live"), 2, folder.path()).unwrap();
        assert!(
            command.contains("cp -a") && command.matches("xargs").count() == 1,
            "{command}"
        );
    }
}
