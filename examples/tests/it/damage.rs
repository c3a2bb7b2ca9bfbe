//! Any one damaged object: all comes back, or the error names the object, or exactly the lost files are named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::compare::differences;
use crate::generate::{Chance, tree};
use crate::objects::{kind, objects, replace};
use crate::program::{BACKUP, Ended, Program, RESTORE, init, path_of};

/// One way to damage an object.
#[derive(Debug, Clone)]
enum Damage {
    Deleted,
    Emptied,
    /// Cut to that many thousandths of its length.
    Truncated(usize),
    /// One bit turned at that many thousandths of its length.
    Flipped(usize),
    /// The bytes of another object of its kind.
    Replaced(String),
}

impl Damage {
    /// All the ways for one object.
    fn all(key: &str, objects: &BTreeMap<String, u64>) -> Vec<Self> {
        let mut all = vec![
            Self::Deleted,
            Self::Emptied,
            Self::Truncated(500),
            Self::Truncated(999),
        ];
        all.extend([0, 10, 300, 500, 700, 990, 999].map(Self::Flipped));
        let other = objects
            .keys()
            .find(|other| kind(other) == kind(key) && *other != key);
        all.extend(other.cloned().map(Self::Replaced));
        all
    }

    /// Returns what is left of the object.
    fn apply(&self, repository: &Path, bytes: &[u8]) -> Option<Vec<u8>> {
        let at = |thousandths: usize| (bytes.len() * thousandths / 1000).min(bytes.len() - 1);
        match self {
            Self::Deleted => None,
            Self::Emptied => Some(Vec::new()),
            Self::Truncated(to) => Some(bytes[..at(*to)].to_vec()),
            Self::Flipped(place) => {
                let mut bytes = bytes.to_vec();
                bytes[at(*place)] ^= 0x10;
                Some(bytes)
            }
            Self::Replaced(other) => Some(fs::read(repository.join(other)).unwrap()),
        }
    }
}

/// A repository with two snapshots in several packs, its source, and the id of the second snapshot.
struct Subject {
    work: tempfile::TempDir,
    snapshot: String,
    /// The newest journal entry.
    newest: String,
}

impl Subject {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let (source, repository) = (work.path().join("source"), work.path().join("repository"));
        tree(&source, 7, 120, 2);
        init(&repository);
        let backup = || {
            Program::new(BACKUP, &repository)
                .args(&["--json", "--pack-bytes", "1048576"])
                .arg(&source)
        };
        backup().expect(0);
        fs::write(source.join("large/new"), Chance(8).noise(1_200_000)).unwrap();
        fs::write(source.join("dir 0/new"), "a new small file").unwrap();
        let result = backup().expect(0).result();
        let objects = objects(&repository);
        let packs = objects.keys().filter(|key| kind(key) == "pack").count();
        assert!(packs >= 6, "several packs of each class: {packs}");
        let newest = objects
            .keys()
            .rev()
            .find(|key| kind(key) == "journal")
            .unwrap()
            .clone();
        Self {
            snapshot: result["snapshot"].as_str().unwrap().to_owned(),
            newest,
            work,
        }
    }

    /// Copies the repository, for one thread.
    fn copy(&self, name: &str) -> PathBuf {
        let (from, to) = (
            self.work.path().join("repository"),
            self.work.path().join(name),
        );
        for key in objects(&from).keys() {
            fs::create_dir_all(to.join(key).parent().unwrap()).unwrap();
            fs::copy(from.join(key), to.join(key)).unwrap();
        }
        to
    }

    /// Restores and returns what is wrong with how that ended, if something is.
    fn check(&self, repository: &Path, key: &str, damage: &Damage) -> Result<&'static str, String> {
        let target = repository.with_extension("restored");
        let ended = Program::new(RESTORE, repository)
            .args(&["--json", &self.snapshot, "--target"])
            .arg(&target)
            .run();
        let different = differences(&self.work.path().join("source"), &target);
        let verdict = judge(&ended, key, &different);
        if target.exists() {
            fs::remove_dir_all(target).unwrap();
        }
        // Without its newest entry a journal is an earlier journal, and this client remembers none: see the test below.
        let older =
            key == self.newest && matches!(damage, Damage::Deleted) && ended.status == Some(1);
        if older { Ok("older") } else { verdict }
    }
}

/// Holds what a restore said against what it did.
fn judge(ended: &Ended, key: &str, different: &BTreeSet<PathBuf>) -> Result<&'static str, String> {
    match ended.status {
        Some(0) if different.is_empty() => Ok("restored"),
        Some(0) => Err(format!(
            "says complete, and {} paths differ: {:?}",
            different.len(),
            different.first()
        )),
        Some(1) if ended.said().contains(key) => Ok("refused"),
        Some(1) => Err(format!(
            "the error does not name the object: {}",
            ended.said().trim()
        )),
        Some(3) => partial(ended, different),
        other => Err(format!("exit status {other:?}: {}", ended.said().trim())),
    }
}

/// Every path that differs is named as lost, or is in a directory whose listing is; and what is named did not come back.
fn partial(ended: &Ended, different: &BTreeSet<PathBuf>) -> Result<&'static str, String> {
    let result = ended.result();
    let lost = result["lost"].as_array().unwrap();
    let lost: BTreeMap<PathBuf, String> = lost
        .iter()
        .map(|one| (path_of(one), one["reason"].to_string()))
        .collect();
    if lost.is_empty() {
        return Err(format!(
            "partial, and nothing is named as lost: {}",
            ended.said().trim()
        ));
    }
    let directory_lost = |path: &Path| path.ancestors().any(|above| lost.contains_key(above));
    if let Some(unnamed) = different.iter().find(|path| !directory_lost(path)) {
        return Err(format!(
            "{} of {} lost paths are named, not {unnamed:?}",
            lost.len(),
            different.len()
        ));
    }
    let came_back = |path: &Path| !different.iter().any(|other| other.starts_with(path));
    match lost.iter().find(|(path, _)| came_back(path)) {
        Some((path, reason)) => Err(format!(
            "{path:?} is named as lost ({reason}), and is there"
        )),
        None => Ok("partial"),
    }
}

/// What the cases so far have come to.
#[derive(Default)]
struct Tally {
    wrong: Vec<String>,
    verdicts: BTreeMap<(String, &'static str), u32>,
}

/// Damages, restores and repairs until the queue is empty.
fn work_through(
    subject: &Subject,
    repository: &Path,
    queue: &Mutex<Vec<(String, Damage)>>,
    tally: &Mutex<Tally>,
) {
    loop {
        let next = queue.lock().unwrap().pop();
        let Some((key, damage)) = next else { return };
        let whole = fs::read(repository.join(&key)).unwrap();
        replace(
            repository,
            &key,
            damage.apply(repository, &whole).as_deref(),
        );
        let verdict = subject.check(repository, &key, &damage);
        replace(repository, &key, Some(&whole));
        let mut tally = tally.lock().unwrap();
        match verdict {
            Ok(verdict) => {
                let cases = tally
                    .verdicts
                    .entry((kind(&key).to_owned(), verdict))
                    .or_default();
                *cases += 1;
            }
            Err(what) => tally.wrong.push(format!("{key} {damage:?}: {what}")),
        }
    }
}

#[test]
fn one_damaged_object_costs_only_what_it_held() {
    let subject = Subject::new();
    let objects = objects(&subject.work.path().join("repository"));
    let cases = |key: &String| {
        Damage::all(key, &objects)
            .into_iter()
            .map(|damage| (key.clone(), damage))
            .collect::<Vec<_>>()
    };
    let queue: Vec<_> = objects.keys().flat_map(cases).collect();
    let count = queue.len();
    let (queue, tally) = (Mutex::new(queue), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let repository = subject.copy(&format!("copy-{worker}"));
            let (subject, queue, tally) = (&subject, &queue, &tally);
            scope.spawn(move || work_through(subject, &repository, queue, tally));
        }
    });
    let Tally { wrong, verdicts } = tally.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {count} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let came = |of: &str, verdict| verdicts.contains_key(&(of.to_owned(), verdict));
    assert!(
        came("pack", "partial") && came("config", "restored"),
        "{verdicts:?}"
    );
}

/// Without a memory of its own a client cannot miss the newest entry; with one it does.
#[test]
fn a_store_that_lost_its_newest_entry_is_noticed() {
    let subject = Subject::new();
    let repository = subject.work.path().join("repository");
    let cache = subject.work.path().join("cache");
    let backup = || {
        let program = Program::bare(BACKUP)
            .arg("--repo")
            .arg(&repository)
            .arg("--cache")
            .arg(&cache);
        program.arg(subject.work.path().join("source"))
    };
    backup().expect(0);
    let newest = objects(&repository)
        .into_keys()
        .rev()
        .find(|key| kind(key) == "journal")
        .unwrap();
    replace(&repository, &newest, None);
    let ended = backup().arg("--json").expect(1);
    assert_eq!(ended.of_type("error")[0]["kind"], "Rollback");
}
