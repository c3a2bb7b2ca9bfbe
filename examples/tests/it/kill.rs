//! A backup that is killed at any moment leaves a repository that opens, and the next one goes on from what was announced.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::compare::assert_identical;
use crate::generate::{Chance, tree};
use crate::objects::{bytes_of, objects};
use crate::program::{BACKUP, Program, RESTORE, SNAPSHOTS, init, wait};

const PACK_BYTES: u64 = 1 << 20;
const ANNOUNCE_BYTES: u64 = 4 << 20;

/// What packing may cost again where a run begins anew: the packs of content, names and pages that its end cut short, and pages of
/// directories that an interrupted run had not come to the end of.
const SLACK_BYTES: u64 = 4 * PACK_BYTES;

fn backup(repository: &Path, source: &Path) -> Program {
    let program = Program::new(BACKUP, repository).arg("--json");
    let program = program.arg("--pack-bytes").arg(PACK_BYTES.to_string());
    program
        .arg("--announce-bytes")
        .arg(ANNOUNCE_BYTES.to_string())
        .arg(source)
}

/// What one repository goes through.
struct Rounds<'a> {
    source: &'a Path,
    /// How long an undisturbed backup takes, and the bytes of its packs.
    takes: Duration,
    pack_bytes: u64,
    /// Entries of a repository that was just made.
    first_entry: u64,
    chance: Chance,
}

impl Rounds<'_> {
    /// Kills `kills` backups of one new repository, then lets one finish and restores it. Returns how many were killed in time.
    fn run(&mut self, kills: u32) -> u32 {
        let work = tempfile::tempdir().unwrap();
        let repository = work.path().join("repository");
        init(&repository);
        self.first_entry = before(&repository).1;
        let mut killed = 0;
        for _ in 0..kills {
            killed += u32::from(self.kill_once(&repository));
            Program::new(SNAPSHOTS, &repository).expect(0);
        }
        let (stored, entries) = before(&repository);
        let finished = backup(&repository, self.source).expect(0).result();
        assert_eq!(finished["outcome"], "complete", "{finished}");
        if killed == kills {
            // Every entry since the beginning announced at least that much; none of it may be uploaded again.
            let announced = (entries - self.first_entry) * ANNOUNCE_BYTES;
            let uploaded = before(&repository).0.bytes - stored.bytes;
            let most = self.pack_bytes.saturating_sub(announced) + SLACK_BYTES;
            assert!(
                uploaded <= most,
                "{uploaded} bytes uploaded; {announced} of {} were announced",
                self.pack_bytes
            );
        }
        let target = work.path().join("restored");
        Program::new(RESTORE, &repository)
            .arg("latest")
            .arg("--target")
            .arg(&target)
            .expect(0);
        assert_identical(self.source, &target);
        killed
    }

    /// Starts a backup and kills it at a random moment of its work. Says whether it was still running.
    ///
    /// The moment is a number of packs, and a while after that: how fast the machine is, which changes while other tests run, says
    /// nothing about how far a backup has come.
    fn kill_once(&mut self, repository: &Path) -> bool {
        let (stored, entries) = before(repository);
        let announced = (entries - self.first_entry) * ANNOUNCE_BYTES;
        let to_come = self.pack_bytes.saturating_sub(announced) / PACK_BYTES;
        let packs = stored.packs + self.chance.below((to_come * 2 / 3).max(1));
        let a_pack = self.takes / u32::try_from(self.pack_bytes / PACK_BYTES).unwrap();
        let after = self
            .chance
            .below(u64::try_from(a_pack.as_micros()).unwrap().max(1));
        let mut child = backup(repository, self.source).spawn();
        while before(repository).0.packs < packs && child.try_wait().unwrap().is_none() {
            pause(Duration::from_millis(1));
        }
        pause(Duration::from_micros(after));
        child.kill().unwrap();
        wait(child, Duration::from_secs(60)).status.is_none()
    }
}

/// Waits without sleeping for good: the channel says nothing.
fn pause(duration: Duration) {
    let (_silent, never) = std::sync::mpsc::channel::<()>();
    assert!(never.recv_timeout(duration).is_err());
}

/// The packs of a repository.
struct Stored {
    packs: u64,
    bytes: u64,
}

/// Returns the packs and the number of journal entries.
fn before(repository: &Path) -> (Stored, u64) {
    let objects = objects(repository);
    let count = |folder: &str| {
        let of = objects.keys().filter(|key| key.starts_with(folder));
        u64::try_from(of.count()).unwrap()
    };
    let stored = Stored {
        packs: count("pack/"),
        bytes: bytes_of(&objects, "pack"),
    };
    (stored, count("journal/"))
}

#[test]
fn a_killed_backup_is_resumed_and_loses_nothing() {
    let slow = std::env::var_os("STRONGROOM_SLOW").is_some();
    // Kills in all: 12, or 200. In the short run three in a row hit each repository.
    let (repositories, kills, large) = if slow { (200, 1, 45) } else { (4, 3, 15) };
    let work = tempfile::tempdir().unwrap();
    let source = work.path().join("source");
    tree(&source, 1, if slow { 4000 } else { 2000 }, large);

    let repository = work.path().join("undisturbed");
    init(&repository);
    let begun = Instant::now();
    let result = backup(&repository, &source).expect(0).result();
    let takes = begun.elapsed();
    assert!(result["announcements"].as_u64().unwrap() >= 3, "{result}");
    let pack_bytes = before(&repository).0.bytes;

    let mut rounds = Rounds {
        source: &source,
        takes,
        pack_bytes,
        first_entry: 0,
        chance: Chance(20_261_121),
    };
    let killed: u32 = (0..repositories).map(|_| rounds.run(kills)).sum();
    assert!(
        killed * 2 >= repositories * kills,
        "only {killed} were killed in time"
    );
}
