//! A backup sleeps before its commit, and meanwhile what it has uploaded and what it counts on are forgotten, pruned and deleted.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::compare::assert_identical;
use crate::generate::tree;
use crate::objects::{kind, objects};
use crate::program::{BACKUP, FORGET, PRUNE, Program, RESTORE, SNAPSHOTS, init, wait};

const PACK_BYTES: &str = "1048576";

struct Place {
    folder: tempfile::TempDir,
    /// The snapshot that is forgotten while the backup sleeps.
    old: String,
}

impl Place {
    /// A repository with one snapshot of a part of the source, which can be forgotten because a later one of its series is there.
    fn new() -> Self {
        let mut place = Self {
            folder: tempfile::tempdir().unwrap(),
            old: String::new(),
        };
        init(&place.at("repository"));
        tree(&place.at("source/old"), 1, 200, 3);
        fs::create_dir(place.at("small")).unwrap();
        fs::write(place.at("small/file"), "small").unwrap();
        let back_up = |name: &str| {
            let backup = place.run(BACKUP).args(&["--series", "x"]);
            let done = backup.arg(place.at(name)).expect(0).result();
            done["snapshot"].as_str().unwrap().to_owned()
        };
        let old = back_up("source");
        back_up("small");
        place.old = old;
        tree(&place.at("source/new"), 2, 200, 12);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str) -> Program {
        Program::new(program, &self.at("repository")).arg("--json")
    }

    fn keys_of(&self, wanted: &str) -> BTreeSet<String> {
        let keys = objects(&self.at("repository")).into_keys();
        keys.filter(|key| kind(key) == wanted).collect()
    }

    fn backup(&self, announce_bytes: &str) -> Program {
        self.run(BACKUP)
            .args(&["--series", "sleeper", "--threads", "1"])
            .args(&[
                "--pack-bytes",
                PACK_BYTES,
                "--announce-bytes",
                announce_bytes,
            ])
            .arg(self.at("source"))
    }

    /// Starts a backup and stops it once it has uploaded something and has written so many journal entries. Returns its packs.
    fn asleep(&self, announce_bytes: &str, entries: usize) -> (Child, BTreeSet<String>) {
        let (packs, journal) = (self.keys_of("pack"), self.keys_of("journal").len());
        let child = self.backup(announce_bytes).spawn();
        until("something is uploaded", || {
            self.keys_of("pack").len() > packs.len()
                && self.keys_of("journal").len() >= journal + entries
        });
        signal(&child, Signal::STOP);
        until("it sleeps", || is_asleep(&child));
        let found = self.keys_of("pack");
        (child, found.difference(&packs).cloned().collect())
    }

    fn snapshots(&self) -> usize {
        self.run(SNAPSHOTS).expect(0).of_type("snapshot").len()
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn is_asleep(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    // The program's name stands in parentheses and may hold anything.
    status
        .rsplit(')')
        .next()
        .unwrap()
        .trim_start()
        .starts_with('T')
}

/// Looks again and again, without keeping the processor busy: the channel says nothing.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let (_sender, never) = mpsc::channel::<()>();
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        assert!(never.recv_timeout(Duration::from_millis(1)).is_err());
    }
}

/// What others do while the backup sleeps: everything that is not part of a snapshot goes, without any delay.
fn forget_prune_delete(place: &Place) {
    place.run(FORGET).arg(&place.old).expect(0);
    place
        .run(PRUNE)
        .args(&["--max-unused", "0%", "--delete-after", "0"])
        .args(&["--orphans-older-than", "0", "--sessions-older-than", "0"])
        .expect(0);
}

fn sleeps_and_commits(announce_bytes: &str, entries: usize) {
    let place = Place::new();
    let old_packs = place.keys_of("pack");
    let (child, uploaded) = place.asleep(announce_bytes, entries);
    assert_eq!(place.snapshots(), 2, "it had committed already");
    forget_prune_delete(&place);
    let left = place.keys_of("pack");
    assert!(
        left.is_disjoint(&uploaded),
        "what the sleeper uploaded was not reclaimed"
    );
    assert!(
        !left.is_superset(&old_packs),
        "what was forgotten was not freed"
    );
    signal(&child, Signal::CONT);
    let ended = wait(child, Duration::from_secs(120));
    assert_eq!(ended.status, Some(0), "{}", ended.said());
    let target = place.at("restored");
    let latest = ["latest", "--series", "sleeper", "--target"];
    place.run(RESTORE).args(&latest).arg(&target).expect(0);
    assert_identical(&place.at("source"), &target);
    let target = place.at("restored-small");
    let latest = ["latest", "--series", "x", "--target"];
    place.run(RESTORE).args(&latest).arg(&target).expect(0);
    assert_identical(&place.at("small"), &target);
}

#[test]
fn a_sleeper_whose_uploads_are_deleted_uploads_again_and_commits() {
    sleeps_and_commits("1000000000", 0);
}

#[test]
fn a_sleeper_whose_announced_packs_are_deleted_uploads_again_and_commits() {
    sleeps_and_commits("2000000", 1);
}
