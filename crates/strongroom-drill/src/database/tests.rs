use std::path::PathBuf;

use super::*;

fn need() -> Need {
    Need {
        bytes: 1,
        entries: 1,
    }
}

#[test]
fn a_machine_without_the_programs_is_unavailable_and_nothing_is_left() {
    let root = tempfile::tempdir().unwrap();
    for sandbox in [
        DatabaseSandbox::postgresql(root.path()),
        DatabaseSandbox::mariadb(root.path()),
        DatabaseSandbox::sqlite(root.path()),
    ] {
        let mut sandbox = sandbox.with_programs_in([PathBuf::from("/nowhere")]);
        let failed = sandbox.prepare(&need(), &Stop::never()).unwrap_err();
        assert_eq!(failed.kind(), SandboxErrorKind::Unavailable);
        assert!(
            failed.to_string().starts_with("this machine has no "),
            "{failed}"
        );
        assert!(sandbox.remains().is_empty());
    }
}

#[test]
fn a_program_that_fails_to_set_up_is_unavailable_and_is_cleaned_up() {
    let root = tempfile::tempdir().unwrap();
    let programs = root.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    for name in ["initdb", "postgres", "psql"] {
        std::os::unix::fs::symlink("/bin/false", programs.join(name)).unwrap();
    }
    let mut sandbox =
        DatabaseSandbox::postgresql(root.path().join("r")).with_programs_in([programs]);
    let failed = sandbox.prepare(&need(), &Stop::never()).unwrap_err();
    assert_eq!(failed.kind(), SandboxErrorKind::Unavailable);
    sandbox.tear_down().unwrap();
    assert!(sandbox.remains().is_empty());
}

#[test]
fn what_needs_too_much_room_is_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let programs = root.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink("/bin/true", programs.join("sqlite3")).unwrap();
    let sandbox = DatabaseSandbox::sqlite(root.path().join("r")).with_programs_in([programs]);
    let mut sandbox = sandbox.with_max_bytes(1 << 20);
    let failed = sandbox.prepare(&need(), &Stop::never()).unwrap_err();
    assert_eq!(failed.kind(), SandboxErrorKind::NoRoom);
    assert!(!root.path().join("r").exists());
}

#[test]
fn a_custom_dump_without_its_program_is_told_from_a_bad_dump() {
    let place = Place {
        home: PathBuf::from("/home"),
        port: None,
        account: None,
        programs: BTreeMap::new(),
    };
    assert!(matches!(
        PostgreSql.load(&place, b"PGDMP\x01"),
        engine::Load::Missing("pg_restore")
    ));
    assert!(matches!(
        PostgreSql.load(&place, b"--\n-- Post"),
        engine::Load::Pipe(_)
    ));
    assert!(matches!(
        Sqlite.load(&place, b"SQLite format 3\0"),
        engine::Load::File(_)
    ));
    assert!(matches!(
        Sqlite.load(&place, b"PRAGMA foreign"),
        engine::Load::Pipe(_)
    ));
}

#[test]
fn no_engine_listens_on_a_network_unless_asked_to() {
    let arguments = |call: Call| {
        let texts = call
            .arguments
            .iter()
            .map(|one| one.to_string_lossy().into_owned());
        texts.collect::<Vec<_>>().join(" ")
    };
    let mut place = Place {
        home: PathBuf::from("/home"),
        port: None,
        account: None,
        programs: BTreeMap::new(),
    };
    let closed = arguments(PostgreSql.serve(&place).unwrap());
    assert!(closed.contains("-clisten_addresses= "), "{closed}");
    assert!(arguments(MariaDb.serve(&place).unwrap()).contains("--skip-networking"));
    place.port = Some(7);
    let open = arguments(PostgreSql.serve(&place).unwrap());
    assert!(open.contains("-clisten_addresses=127.0.0.1 "), "{open}");
    assert!(arguments(MariaDb.serve(&place).unwrap()).contains("--bind-address=127.0.0.1"));
}
