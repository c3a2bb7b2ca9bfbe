//! Is a restored tree what was backed up?

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use serde_json::{Value, json};

/// What differs, by kind.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    entries: u64,
    bytes: u64,
    found: BTreeMap<&'static str, Found>,
}

#[derive(Debug, Default)]
struct Found {
    count: u64,
    /// The first few.
    examples: Vec<String>,
}

/// Differences that lose what people want back; all others are of metadata.
const OF_DATA: [&str; 6] = ["missing", "extra", "kind", "size", "content", "link target"];

const EXAMPLES: usize = 5;

impl Difference {
    /// Says whether nothing differs at all.
    pub(crate) fn is_exact(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns what is recorded.
    pub(crate) fn record(&self) -> Value {
        let is_of_data = |kind: &&&str| OF_DATA.contains(*kind);
        let count = |(kind, found): (&&str, &Found)| ((*kind).to_owned(), found.count.into());
        let examples =
            |(kind, found): (&&str, &Found)| ((*kind).to_owned(), found.examples.clone().into());
        json!({
            "data_ok": !self.found.keys().any(|kind| is_of_data(&kind)),
            "meta_ok": self.found.keys().all(|kind| is_of_data(&kind)),
            "entries": self.entries, "bytes": self.bytes,
            "differences": self.found.iter().map(count).collect::<serde_json::Map<_, _>>(),
            "examples": self.found.iter().map(examples).collect::<serde_json::Map<_, _>>(),
        })
    }

    fn hit(&mut self, kind: &'static str, path: &Path) {
        let found = self.found.entry(kind).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES {
            found.examples.push(path.display().to_string());
        }
    }
}

/// Compares two trees: names, kinds, sizes, contents, targets of links, modes, owners, times to the nanosecond, extended attributes, and
/// which names are the same file.
pub(crate) fn compare(expected: &Path, found: &Path) -> anyhow::Result<Difference> {
    let mut walk = Walk::default();
    walk.folder(expected, found, Path::new(""))?;
    walk.links();
    let Walk {
        mut difference,
        same_size,
        ..
    } = walk;
    for path in contents(expected, found, &same_size)? {
        difference.hit("content", &path);
    }
    Ok(difference)
}

#[derive(Debug, Default)]
struct Walk {
    difference: Difference,
    /// Files whose contents must be looked at.
    same_size: Vec<PathBuf>,
    /// Names of files with several, by inode.
    expected_links: HashMap<u64, BTreeSet<PathBuf>>,
    found_links: HashMap<u64, BTreeSet<PathBuf>>,
}

impl Walk {
    fn folder(&mut self, expected: &Path, found: &Path, at: &Path) -> anyhow::Result<()> {
        let (left, right) = (names(&expected.join(at))?, names(&found.join(at))?);
        for name in left.symmetric_difference(&right) {
            let kind = if left.contains(name) {
                "missing"
            } else {
                "extra"
            };
            self.difference.hit(kind, &at.join(name));
        }
        for name in left.intersection(&right) {
            let path = at.join(name);
            let is_folder = self.entry(expected, found, &path)?;
            if is_folder {
                self.folder(expected, found, &path)?;
            }
        }
        Ok(())
    }

    /// Compares an entry without its content; says whether it is a folder on both sides.
    fn entry(&mut self, expected: &Path, found: &Path, path: &Path) -> anyhow::Result<bool> {
        let (left, right) = (expected.join(path), found.join(path));
        let seen =
            |path: &Path| fs::symlink_metadata(path).with_context(|| path.display().to_string());
        let (one, two) = (seen(&left)?, seen(&right)?);
        self.difference.entries += 1;
        if kind(&one) != kind(&two) {
            self.difference.hit("kind", path);
            return Ok(false);
        }
        for what in metadata(&one, &two) {
            self.difference.hit(what, path);
        }
        if attributes(&left) != attributes(&right) {
            self.difference.hit("xattr", path);
        }
        if one.is_symlink() && fs::read_link(&left)? != fs::read_link(&right)? {
            self.difference.hit("link target", path);
        }
        if one.is_file() {
            for (seen, links) in [
                (&one, &mut self.expected_links),
                (&two, &mut self.found_links),
            ] {
                if seen.nlink() > 1 {
                    links.entry(seen.ino()).or_default().insert(path.to_owned());
                }
            }
            if one.len() == two.len() {
                self.difference.bytes += one.len();
                self.same_size.push(path.to_owned());
            } else {
                self.difference.hit("size", path);
            }
        }
        Ok(one.is_dir())
    }

    /// Compares which names are the same file. Those of files with names elsewhere too are not, since nobody can restore that.
    fn links(&mut self) {
        let found: BTreeSet<_> = self.found_links.values().collect();
        for names in self.expected_links.values() {
            if names.len() > 1
                && !found.contains(names)
                && let Some(path) = names.first()
            {
                self.difference.hit("hard link", path);
            }
        }
    }
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

fn kind(seen: &Metadata) -> u8 {
    let kind = seen.file_type();
    let is = [
        kind.is_file(),
        kind.is_dir(),
        kind.is_symlink(),
        kind.is_fifo(),
        kind.is_socket(),
        kind.is_block_device(),
        kind.is_char_device(),
    ];
    (0..)
        .zip(is)
        .find(|(_, is)| *is)
        .map_or(u8::MAX, |(number, _)| number)
}

/// Returns which of mode, owner and times differ.
fn metadata(one: &Metadata, two: &Metadata) -> impl Iterator<Item = &'static str> {
    let of_seconds = if one.is_dir() {
        "time of a folder"
    } else {
        "time"
    };
    [
        (!one.is_symlink() && one.mode() != two.mode(), "mode"),
        ((one.uid(), one.gid()) != (two.uid(), two.gid()), "owner"),
        (one.mtime() != two.mtime(), of_seconds),
        (
            one.mtime() == two.mtime() && one.mtime_nsec() != two.mtime_nsec(),
            "nanoseconds",
        ),
        (one.rdev() != two.rdev(), "device number"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
}

/// Returns the extended attributes, but for those that a security module sets by itself.
fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut list = vec![0; 64 << 10];
    let Ok(len) = rustix::fs::llistxattr(path, list.as_mut_slice()) else {
        return BTreeMap::new();
    };
    let names = list.get(..len).unwrap_or_default().split(|byte| *byte == 0);
    let mut value = vec![0; 64 << 10];
    let own = names.filter(|name| !name.is_empty() && *name != b"security.selinux");
    own.map(|name| {
        let len = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).unwrap_or(0);
        (
            name.to_owned(),
            value.get(..len).unwrap_or_default().to_owned(),
        )
    })
    .collect()
}

/// Returns the files whose contents differ; reads on all cores.
fn contents(expected: &Path, found: &Path, paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let next = AtomicUsize::new(0);
    let different = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let open = |root: &Path| {
                File::open(root.join(path)).with_context(|| path.display().to_string())
            };
            if !is_same(open(expected)?, open(found)?, &mut left, &mut right)? {
                different
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(path.clone());
            }
        }
        Ok(())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))?;
        }
        Ok(())
    })?;
    let mut different = different
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    different.sort();
    Ok(different)
}

fn is_same(
    mut one: File,
    mut two: File,
    left: &mut [u8],
    right: &mut [u8],
) -> anyhow::Result<bool> {
    loop {
        let (have, same) = (fill(&mut one, left)?, fill(&mut two, right)?);
        if left.get(..have) != right.get(..same) {
            return Ok(false);
        }
        if have == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the end.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut have = 0;
    while let Some(room) = buffer.get_mut(have..).filter(|room| !room.is_empty()) {
        match file.read(room)? {
            0 => break,
            read => have += read,
        }
    }
    Ok(have)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folder: &Path) {
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::write(folder.join("a/file"), vec![7; 3 << 20]).unwrap();
        fs::hard_link(folder.join("a/file"), folder.join("a/same")).unwrap();
        std::os::unix::fs::symlink("file", folder.join("a/link")).unwrap();
    }

    fn copies() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        tree(&one);
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([&one, &two])
            .status();
        assert!(copied.unwrap().success());
        (folder, one, two)
    }

    fn kinds(one: &Path, two: &Path) -> Vec<&'static str> {
        compare(one, two).unwrap().found.into_keys().collect()
    }

    #[test]
    fn a_copy_is_exact() {
        let (_folder, one, two) = copies();
        let compared = compare(&one, &two).unwrap();
        assert!(compared.is_exact(), "{compared:?}");
        assert_eq!((compared.entries, compared.bytes), (4, 6 << 20));
    }

    #[test]
    fn every_difference_is_seen() {
        type Change = fn(&Path);
        let changes: [(Change, &[&str]); 7] = [
            (
                |at| fs::remove_file(at.join("a/link")).unwrap(),
                &["missing", "time of a folder"],
            ),
            (|at| fs::write(at.join("new"), []).unwrap(), &["extra"]),
            (
                |at| fs::write(at.join("a/file"), vec![0; 3 << 20]).unwrap(),
                &["content", "time"],
            ),
            (
                |at| {
                    File::options()
                        .write(true)
                        .open(at.join("a/file"))
                        .unwrap()
                        .set_len(5)
                        .unwrap();
                },
                &["size", "time"],
            ),
            (
                |at| {
                    let out = std::process::Command::new("chmod")
                        .arg("700")
                        .arg(at.join("a"))
                        .status();
                    assert!(out.unwrap().success());
                },
                &["mode"],
            ),
            (
                |at| {
                    fs::remove_file(at.join("a/same")).unwrap();
                    fs::copy(at.join("a/file"), at.join("a/same")).unwrap();
                },
                &["hard link", "time", "time of a folder"],
            ),
            (
                |at| {
                    fs::remove_file(at.join("a/link")).unwrap();
                    std::os::unix::fs::symlink("other", at.join("a/link")).unwrap();
                },
                &["link target", "time", "time of a folder"],
            ),
        ];
        for (change, expected) in changes {
            let (_folder, one, two) = copies();
            // Old, so that a change of any time is one of seconds.
            for tree in [&one, &two] {
                let touch = format!(
                    "find {} -depth -exec touch -h -d 2001-02-03 {{}} +",
                    tree.display()
                );
                let touched = std::process::Command::new("sh")
                    .args(["-c", &touch])
                    .status();
                assert!(touched.unwrap().success());
            }
            change(&two);
            assert_eq!(kinds(&one, &two), expected);
        }
    }
}
