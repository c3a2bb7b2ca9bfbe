//! Each validator passing, failing, and not able to look.
#![cfg(unix)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::captured::Kind;
use crate::sql::{Sql, SqlError};
use crate::testing::{back_up, repository};

/// A restored tree, and what to ask of it.
struct World {
    repository: Repository,
    snapshot: SnapshotInfo,
    connection: Connection,
    captured: Captured,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/one"), "abc").unwrap();
        fs::write(folder.path().join("two"), "").unwrap();
        symlink("two", folder.path().join("link")).unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        fs::write(folder.path().join("sub/SUMS"), format!("{sum}  one\n")).unwrap();
        let (_, repository) = repository();
        back_up(&repository, folder.path(), "tree");
        let snapshot = Stop::never()
            .wait(repository.snapshots())
            .unwrap()
            .unwrap()
            .remove(0);
        Self {
            repository,
            snapshot,
            connection: Connection::new().with_directory(folder.path()),
            captured: Captured::new(),
            folder,
        }
    }

    fn with(connection: Connection) -> Self {
        Self {
            connection,
            ..Self::new()
        }
    }

    fn ask(&self, validator: &dyn Validator) -> Outcome {
        let scene = Scene {
            snapshot: &self.snapshot,
            repository: &self.repository,
            connection: &self.connection,
            captured: &self.captured,
        };
        validator.validate(&scene, &Stop::never())
    }

    /// What the file set says after something was done to the tree.
    fn after(change: impl FnOnce(&Path)) -> String {
        let world = Self::new();
        change(world.folder.path());
        // What changes in a directory changes its time: that is not what is asked here.
        for folder in ["", "sub"] {
            let path = world.folder.path().join(folder);
            let then = world.times(folder);
            if let Ok(file) = fs::File::open(&path) {
                file.set_modified(then).unwrap();
            }
        }
        world.ask(&FileSet::new()).code().to_owned()
    }

    fn times(&self, folder: &str) -> std::time::SystemTime {
        let found = Arc::new(std::sync::Mutex::new(None));
        let (into, wanted) = (Arc::clone(&found), folder.as_bytes().to_vec());
        let each = move |path: &[u8], node: &strongroom::Node| {
            if path == wanted {
                *into.lock().unwrap() = Some(node.mtime);
            }
            std::ops::ControlFlow::Continue(())
        };
        let listing = self
            .repository
            .list(&self.snapshot.id, b"", strongroom::Depth::All, each);
        Stop::never().wait(listing).unwrap().unwrap();
        let time = found.lock().unwrap().unwrap_or_default();
        let seconds = u64::try_from(time.seconds).unwrap();
        std::time::UNIX_EPOCH + Duration::new(seconds, time.nanos)
    }
}

#[test]
fn the_file_set_finds_every_difference() {
    assert_eq!(World::after(|_| {}), "ok");
    assert_eq!(
        World::after(|at| fs::remove_file(at.join("sub/one")).unwrap()),
        "file-missing"
    );
    assert_eq!(
        World::after(|at| fs::write(at.join("sub/new"), "").unwrap()),
        "file-surplus"
    );
    assert_eq!(
        World::after(|at| fs::write(at.join("sub/one"), "abcd").unwrap()),
        "file-size"
    );
    assert_eq!(
        World::after(|at| fs::write(at.join("sub/one"), "abd").unwrap()),
        "file-time"
    );
    let relink = |at: &Path| {
        fs::remove_file(at.join("link")).unwrap();
        symlink("sub", at.join("link")).unwrap();
    };
    assert_eq!(World::after(relink), "file-link");
    let other = |at: &Path| {
        fs::remove_file(at.join("two")).unwrap();
        fs::create_dir(at.join("two")).unwrap();
    };
    assert_eq!(World::after(other), "file-kind");
    let open = |at: &Path| {
        fs::set_permissions(at.join("two"), fs::Permissions::from_mode(0o777)).unwrap();
    };
    assert_eq!(World::after(open), "file-mode");
    assert!(matches!(
        World::with(Connection::new()).ask(&FileSet::new()),
        Outcome::Skipped { .. }
    ));
}

#[test]
fn checksums_are_compared_with_what_was_captured_or_is_listed() {
    let mut world = World::new();
    assert_eq!(world.ask(&Checksums::captured()).code(), "nothing-captured");
    assert_eq!(world.ask(&Checksums::listed_in("sub/SUMS")).code(), "ok");
    assert_eq!(
        world.ask(&Checksums::listed_in("sub/NONE")).code(),
        "list-missing"
    );
    assert_eq!(
        world.ask(&Checksums::listed_in("../SUMS")).code(),
        "list-outside"
    );
    assert_eq!(
        world.ask(&Checksums::listed_in("sub/one")).code(),
        "list-damaged"
    );
    world.captured = Captured::new().with(Kind::Sha256, "two", "0".repeat(64));
    assert_eq!(world.ask(&Checksums::captured()).code(), "checksum-differs");
    world.captured = Captured::new().with(Kind::Sha256, "three", "0".repeat(64));
    assert_eq!(world.ask(&Checksums::captured()).code(), "checksum-unread");
    world.captured = Captured::new().with(Kind::Blake3, "../x", "0".repeat(64));
    assert_eq!(world.ask(&Checksums::captured()).code(), "checksum-outside");
    fs::write(world.folder.path().join("sub/one"), "abd").unwrap();
    assert_eq!(
        world.ask(&Checksums::listed_in("sub/SUMS")).code(),
        "checksum-differs"
    );
}

/// A database that answers what it is told to.
#[derive(Debug, Clone)]
struct Told(Result<String, SqlError>, Result<Vec<String>, SqlError>);

impl Sql for Told {
    fn query(&self, _sql: &str, _stop: &Stop) -> Result<String, SqlError> {
        self.0.clone()
    }

    fn check(&self, _stop: &Stop) -> Result<Vec<String>, SqlError> {
        self.1.clone()
    }
}

fn told(answer: Result<&str, SqlError>, check: Result<&[&str], SqlError>) -> World {
    let check = check.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
    let sql = Told(answer.map(str::to_owned), check);
    World::with(Connection::new().with_sql(Arc::new(sql)))
}

#[test]
fn answers_are_compared_with_what_was_captured() {
    let ask = |answer| {
        let mut world = told(answer, Ok(&[]));
        world.captured = Captured::new().with(Kind::Sql, "select count(*) from t", "7");
        world.ask(&SqlValues::new()).code().to_owned()
    };
    assert_eq!(ask(Ok("7")), "ok");
    assert_eq!(ask(Ok("6")), "sql-differs");
    assert_eq!(
        ask(Err(SqlError::Refused("no such table".to_owned()))),
        "sql-refused"
    );
    assert_eq!(
        ask(Err(SqlError::Missing("no client".to_owned()))),
        "sql-missing"
    );
    assert_eq!(
        told(Ok("7"), Ok(&[])).ask(&SqlValues::new()).code(),
        "nothing-captured"
    );
    assert_eq!(World::new().ask(&SqlValues::new()).code(), "no-database");
}

#[test]
fn what_was_asked_at_backup_is_captured() {
    let sql = Told(Ok("1\t2".to_owned()), Ok(Vec::new()));
    let captured = Captured::ask(&sql, ["select a, b from t"], &Stop::never()).unwrap();
    assert_eq!(
        captured.value(Kind::Sql, "select a, b from t"),
        Some("1\t2")
    );
    let broken = Told(Err(SqlError::Refused("x".to_owned())), Ok(Vec::new()));
    assert!(Captured::ask(&broken, ["select 1"], &Stop::never()).is_err());
}

#[test]
fn the_database_judges_itself_and_a_missing_program_is_no_judgement() {
    let ask = |check| {
        let outcome = told(Ok(""), check).ask(&SqlIntegrity::new());
        let is_skipped = matches!(outcome, Outcome::Skipped { .. });
        (outcome.code().to_owned(), is_skipped)
    };
    assert_eq!(ask(Ok(&[])), ("ok".to_owned(), false));
    assert_eq!(
        ask(Ok(&["page 7 is bad"])),
        ("sql-damaged".to_owned(), false)
    );
    assert_eq!(
        ask(Err(SqlError::Missing("pg_amcheck".to_owned()))),
        ("sql-missing".to_owned(), true)
    );
    assert_eq!(
        ask(Err(SqlError::Refused("gone".to_owned()))),
        ("sql-refused".to_owned(), false)
    );
    assert_eq!(World::new().ask(&SqlIntegrity::new()).code(), "no-database");
}

fn moment() -> Duration {
    Duration::from_millis(50)
}

#[test]
fn a_port_answers_or_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::with(Connection::new().with_address(address));
    assert_eq!(world.ask(&PortProbe::new(None)).code(), "ok");
    assert_eq!(
        World::new()
            .ask(&PortProbe::new(Some(address.port())))
            .code(),
        "ok"
    );
    assert_eq!(World::new().ask(&PortProbe::new(None)).code(), "no-address");
    drop(listener);
    let closed = PortProbe::new(None).with_limit(moment());
    assert_eq!(world.ask(&closed).code(), "port-closed");
}

#[test]
fn a_service_answers_by_http_or_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for status in ["503 Starting", "200 OK"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 512];
            let count = stream.read(&mut asked).unwrap();
            assert!(asked[..count].starts_with(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:"));
            write!(
                stream,
                "HTTP/1.1 {status}\r\nConnection: close\r\n\r\nready"
            )
            .unwrap();
        }
    });
    let world = World::with(Connection::new().with_address(address));
    // It is asked again while it says that it is starting.
    let probe = HttpProbe::new(None, "/health").with_text("ready");
    assert_eq!(world.ask(&probe).code(), "ok");
    server.join().unwrap();
    assert_eq!(world.ask(&probe.with_limit(moment())).code(), "http-closed");
    assert_eq!(
        World::new().ask(&HttpProbe::new(None, "/health")).code(),
        "no-address"
    );
    assert_eq!(
        world.ask(&HttpProbe::new(None, "/a\r\nb")).code(),
        "http-path"
    );
}

#[test]
fn a_program_decides() {
    let world = World::new();
    let shell = |script: &str| {
        CommandValidator::new("program", "/bin/sh")
            .arg("-c")
            .arg(script)
    };
    let says = |script: &str| world.ask(&shell(script));
    assert_eq!(
        says("test -e sub/one && test \"$DRILL_SNAPSHOT\"").code(),
        "ok"
    );
    assert_eq!(
        says("echo no; exit 1"),
        Outcome::failed("command-failed", "exit status: 1: no")
    );
    assert_eq!(says("exit 77").code(), "command-skipped");
    assert!(matches!(says("exit 77"), Outcome::Skipped { .. }));
    let slow = shell("sleep 600").with_limit(moment());
    assert_eq!(world.ask(&slow).code(), "command-timed-out");
    let missing = world.ask(&CommandValidator::new("x", "/nowhere/program"));
    assert_eq!(missing.code(), "command-missing");
    assert!(matches!(missing, Outcome::Skipped { .. }));
}
