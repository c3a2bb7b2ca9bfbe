//! A backup that is killed at any moment leaves a repository that opens, and the next one goes on from what was announced.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::compare::assert_identical;
use crate::generate::{Chance, tree};
use crate::objects::{bytes_of, objects};
use crate::program::{BACKUP, Program, RESTORE, SNAPSHOTS, init, kill, wait};

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
    chance: Chance,
}

impl Rounds<'_> {
    /// Kills `kills` backups of one new repository, then lets one finish and restores it. Returns how many were killed in time.
    fn run(&mut self, kills: u32) -> u32 {
        let work = tempfile::tempdir().unwrap();
        let repository = work.path().join("repository");
        init(&repository);
        let first_entry = bytes_before(&repository).1;
        let mut killed = 0;
        for _ in 0..kills {
            killed += u32::from(self.kill_once(&repository));
            Program::new(SNAPSHOTS, &repository).expect(0);
        }
        let (packs_before, entries) = bytes_before(&repository);
        let finished = backup(&repository, self.source).expect(0).result();
        assert_eq!(finished["outcome"], "complete", "{finished}");
        if killed == kills {
            // Every entry since the beginning announced at least that much; none of it may be uploaded again.
            let announced = (entries - first_entry) * ANNOUNCE_BYTES;
            let uploaded = bytes_before(&repository).0 - packs_before;
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

    /// Starts a backup and kills it at a random moment. Says whether it was still running.
    fn kill_once(&mut self, repository: &Path) -> bool {
        let most = u64::try_from(self.takes.as_micros()).unwrap();
        let moment = Duration::from_micros(self.chance.below(most));
        let begun = Instant::now();
        let child = backup(repository, self.source).spawn();
        let (killer, never) = std::sync::mpsc::channel::<()>();
        // Waits without sleeping for good: the channel says nothing.
        assert!(
            never
                .recv_timeout(moment.saturating_sub(begun.elapsed()))
                .is_err()
        );
        drop(killer);
        kill(child.id());
        wait(child, Duration::from_secs(60)).status.is_none()
    }
}

/// Returns the bytes of packs and the number of journal entries.
fn bytes_before(repository: &Path) -> (u64, u64) {
    let objects = objects(repository);
    let entries = objects
        .keys()
        .filter(|key| key.starts_with("journal/"))
        .count();
    (bytes_of(&objects, "pack"), entries.try_into().unwrap())
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
    let pack_bytes = bytes_before(&repository).0;

    let mut rounds = Rounds {
        source: &source,
        takes,
        pack_bytes,
        chance: Chance(20_261_121),
    };
    let killed: u32 = (0..repositories).map(|_| rounds.run(kills)).sum();
    assert!(
        killed * 2 >= repositories * kills,
        "only {killed} were killed in time"
    );
}
