//! The folder that is backed up: the same for all programs of a round.

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
    let Pieces { folders, mut whole } = pieces(tree, cores)?;
    whole.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    for (weight, piece) in whole {
        if let Some(least) = parts.iter_mut().min_by_key(|(weight, _)| *weight) {
            least.0 += weight;
            least.1.push(piece);
        }
    }
    let list = |name: &str, paths: &[PathBuf]| -> anyhow::Result<String> {
        let list = lists.join(name);
        let names = paths.iter().map(|path| path.as_os_str().as_encoded_bytes());
        std::fs::write(&list, names.collect::<Vec<_>>().join(&0))?;
        Ok(format!("xargs -0 -r -a {}", list.display()))
    };
    // Those that several copy into are there before: `cp` takes it for an error if another one makes them meanwhile.
    let mut command = format!(
        "cd {{out}} && {} mkdir && cd {{src}} && pids=()\n",
        list("folders", &folders)?
    );
    for (number, (_, part)) in parts.iter().enumerate() {
        let list = list(&format!("part-{number}"), part)?;
        command += &format!("{list} cp -a --parents -t {{out}} & pids+=($!)\n");
    }
    Ok(command + "for pid in ${pids[@]}; do wait $pid || exit 1; done")
}

/// Parts of a tree, relative to it.
#[derive(Debug, Default)]
struct Pieces {
    /// Folders that were taken apart, those above first.
    folders: Vec<PathBuf>,
    /// What is copied whole, and what it weighs.
    whole: Vec<(u64, PathBuf)>,
}

/// Takes a tree apart until no piece is much more than a thirty-second of a core's share.
fn pieces(tree: &Path, cores: usize) -> anyhow::Result<Pieces> {
    let most = weight(tree) / (cores.max(1) as u64 * 32) + 1;
    let mut pieces = Pieces::default();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let at = tree.join(&folder);
        for entry in std::fs::read_dir(&at).with_context(|| at.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let weight = weight(&entry.path());
            let is_folder = entry.file_type()?.is_dir() && weight > most;
            if is_folder && std::fs::read_dir(entry.path())?.next().is_some() {
                pieces.folders.push(path.clone());
                open.push(path);
            } else {
                pieces.whole.push((weight, path));
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
        let Pieces { folders, whole } = pieces(folder.path(), 2).unwrap();
        assert_eq!(folders, ["a", "a/b", "a/b/c"].map(PathBuf::from));
        let mut pieces: Vec<_> = whole.into_iter().map(|(_, path)| path).collect();
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
    }

    #[test]
    fn a_copy_in_parts_is_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for n in 0..40 {
            std::fs::create_dir_all(path(&format!("tree/a/b{}/c", n % 7))).unwrap();
            std::fs::write(path(&format!("tree/a/b{}/c/{n}", n % 7)), vec![1; n]).unwrap();
        }
        std::fs::create_dir(path("out")).unwrap();
        let command = parallel_copy(&path("tree"), 3, folder.path()).unwrap();
        let (tree, out) = (
            path("tree").display().to_string(),
            path("out").display().to_string(),
        );
        let command = command.replace("{src}", &tree).replace("{out}", &out);
        let run = Command::new("bash")
            .args(["-c", &command])
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let (tree, out) = (
            crate::size::size(&path("tree")),
            crate::size::size(&path("out")),
        );
        assert_eq!((tree.entries, tree.bytes), (out.entries, out.bytes));
    }
}
