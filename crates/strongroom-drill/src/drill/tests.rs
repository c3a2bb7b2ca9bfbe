use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, TryStreamExt as _};
use strongroom::store::{
    Capabilities, Error as StoreError, ErrorKind as StoreErrorKind, GetOptions, Key, ObjectMeta,
    Prefix, PutOptions,
};
use strongroom::{CreateOptions, Credential, MemoryStore, Store, Suite};
use strongroom_format::record::{DrillVerdict, Fact, Record, RecordHead};

use super::*;
use crate::DirectorySandbox;
use crate::captured::Kind;
use crate::clock::testing::Ticking;
use crate::sandbox::SandboxErrorKind;
use crate::stop::Stopped;
use crate::testing::{Fake, Fault, Says, back_up, back_up_stream, letters, repository};
use crate::validator::{Checksums, FileSet, Missing, SqlIntegrity};

fn of_letters(sandbox: Fake) -> Drill {
    let (_folder, repository, snapshot) = letters();
    Drill::new(&repository, Choice::named(snapshot), Box::new(sandbox))
        .require(Box::new(Says::Passed))
}

fn of_dump(sandbox: Fake) -> Drill {
    let (_, repository) = repository();
    let snapshot = back_up_stream(&repository, "create table t (n int);");
    Drill::new(&repository, Choice::named(snapshot), Box::new(sandbox))
        .require(Box::new(Says::Passed))
}

fn codes(report: &Report) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

#[test]
fn a_tree_is_proven_in_a_directory_and_nothing_is_left() {
    let (folder, repository, snapshot) = letters();
    let root = tempfile::tempdir().unwrap();
    let captured = Captured::new().with(
        Kind::Blake3,
        "sent/one",
        blake3::hash(b"Dear sir").to_hex().to_string(),
    );
    let sandbox = DirectorySandbox::new(root.path());
    let drill = Drill::new(&repository, Choice::named(snapshot), Box::new(sandbox))
        .with_resource("letters")
        .with_captured(captured)
        .with_rto_target(Duration::from_secs(600))
        .require(Box::new(FileSet::new()))
        .require(Box::new(Checksums::captured()));
    let report = drill.run(&Cancel::new());
    assert_eq!(report.verdict, Verdict::Proven, "{report}");
    assert!(report.is_flawless());
    assert_eq!((report.files, report.bytes), (2, 18));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    let phases: Vec<_> = report
        .phases_ms
        .iter()
        .map(|(phase, _)| phase.as_str())
        .collect();
    let expected = [
        "locate", "plan", "prepare", "restore", "start", "validate", "clean",
    ];
    assert_eq!(phases, expected);
    drop(folder);
}

#[test]
fn what_was_captured_otherwise_fails_the_drill() {
    let (_folder, repository, snapshot) = letters();
    let root = tempfile::tempdir().unwrap();
    let captured = Captured::new().with(Kind::Sha256, "two", "0".repeat(64));
    let sandbox = Box::new(DirectorySandbox::new(root.path()));
    let drill = Drill::new(&repository, Choice::named(snapshot), sandbox)
        .with_captured(captured)
        .require(Box::new(Checksums::captured()));
    let report = drill.run(&Cancel::new());
    assert_eq!(
        (report.verdict, codes(&report)),
        (
            Verdict::Failed,
            vec!["checksum-differs", "nothing-validated"]
        )
    );
}

#[test]
fn a_dump_is_loaded_as_it_was() {
    let sandbox = Fake::stream(Fault::None);
    let taken = Arc::clone(&sandbox.taken);
    let report = of_dump(sandbox).run(&Cancel::new());
    assert_eq!(report.verdict, Verdict::Proven, "{report}");
    assert_eq!(*taken.lock().unwrap(), b"create table t (n int);");
    assert!(
        report
            .phases_ms
            .iter()
            .any(|(phase, _)| *phase == Phase::Load)
    );
}

/// Whatever goes wrong where, the verdict is the right one, and it is cleaned up.
#[test]
fn each_step_that_fails_gives_the_right_verdict_and_is_cleaned_up() {
    use SandboxErrorKind::{NoRoom, Refused, Unavailable};
    use Verdict::{Failed, NotProven};
    let cases = [
        (
            Fault::Prepare(Unavailable),
            NotProven,
            "sandbox-unavailable",
        ),
        (Fault::Prepare(NoRoom), NotProven, "sandbox-no-room"),
        (Fault::PreparePanics, NotProven, "panicked"),
        (Fault::Start(Unavailable), NotProven, "sandbox-unavailable"),
        (Fault::Start(Refused), Failed, "content-refused"),
        (
            Fault::Start(SandboxErrorKind::Stopped(Stopped::TimedOut)),
            NotProven,
            "timed-out",
        ),
        (Fault::StartPanics, NotProven, "panicked"),
        (Fault::Loader(Unavailable), NotProven, "sandbox-unavailable"),
        (Fault::Write, Failed, "content-refused"),
        (Fault::Finish(Refused), Failed, "content-refused"),
        (Fault::Finish(Unavailable), NotProven, "sandbox-unavailable"),
    ];
    let (_, repository) = repository();
    let snapshot = back_up_stream(&repository, "create table t (n int);");
    for (fault, verdict, code) in cases {
        let sandbox = Fake::stream(fault);
        let torn = Arc::clone(&sandbox.torn);
        let drill = Drill::new(&repository, Choice::named(snapshot), Box::new(sandbox));
        let report = drill.require(Box::new(Says::Passed)).run(&Cancel::new());
        assert_eq!(
            (report.verdict, codes(&report)),
            (verdict, vec![code]),
            "{fault:?}"
        );
        assert_eq!(report.rto_ms, None, "{fault:?}");
        assert!(
            report.is_cleaned && torn.load(Ordering::Relaxed) == 1,
            "{fault:?}"
        );
    }
}

#[test]
fn a_sandbox_that_stays_is_seen_though_the_backup_is_proven() {
    for fault in [
        Fault::TearDown,
        Fault::TearDownPanics,
        Fault::Remains,
        Fault::RemainsPanics,
    ] {
        let report = of_letters(Fake::files(fault)).run(&Cancel::new());
        assert_eq!(report.verdict, Verdict::Proven, "{fault:?}");
        assert_eq!(codes(&report), ["sandbox-remains"], "{fault:?}");
        assert!(!report.is_cleaned && !report.is_flawless(), "{fault:?}");
    }
}

#[test]
fn a_required_validator_that_is_skipped_proves_nothing() {
    let drill = || of_letters(Fake::files(Fault::None));
    let verdict = |drill: Drill| drill.run(&Cancel::new()).verdict;
    assert_eq!(verdict(drill()), Verdict::Proven);
    assert_eq!(
        verdict(drill().require(Box::new(Says::Skipped))),
        Verdict::NotProven
    );
    assert_eq!(
        verdict(drill().welcome(Box::new(Says::Skipped))),
        Verdict::Proven
    );
    assert_eq!(
        verdict(drill().welcome(Box::new(Says::Failed))),
        Verdict::Failed
    );
    assert_eq!(
        verdict(drill().require(Box::new(Says::Failed))),
        Verdict::Failed
    );
    assert_eq!(
        verdict(drill().require(Box::new(Missing::new("screenshot")))),
        Verdict::NotProven
    );
    // There is no database to be asked.
    assert_eq!(
        verdict(drill().require(Box::new(SqlIntegrity::new()))),
        Verdict::NotProven
    );
    // What has failed is not covered by what could not be looked at.
    let both = drill()
        .require(Box::new(Says::Skipped))
        .require(Box::new(Says::Failed));
    assert_eq!(verdict(both), Verdict::Failed);
}

#[test]
fn without_a_validator_nothing_is_proven() {
    let (_folder, repository, snapshot) = letters();
    let sandbox = Box::new(Fake::files(Fault::None));
    let report = Drill::new(&repository, Choice::named(snapshot), sandbox).run(&Cancel::new());
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["nothing-validated"])
    );
}

#[test]
fn a_validator_that_panics_or_takes_too_long_is_not_passed() {
    let panics = of_letters(Fake::files(Fault::None)).require(Box::new(Says::Panics));
    let report = panics.run(&Cancel::new());
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["panicked"])
    );
    assert!(report.is_cleaned);
    let waits = of_letters(Fake::files(Fault::None)).require(Box::new(Says::Waits));
    let report = waits
        .with_validator_limit(Duration::ZERO)
        .run(&Cancel::new());
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(codes(&report).contains(&"validator-timed-out"), "{report}");
}

#[test]
fn a_drill_that_is_cancelled_or_out_of_time_is_cleaned_up_and_proves_nothing() {
    let cancel = Cancel::new();
    let drill =
        of_letters(Fake::files(Fault::None)).require(Box::new(Says::Cancels(cancel.clone())));
    let report = drill.run(&cancel);
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["cancelled"])
    );
    assert!(report.is_cleaned);

    let before = Cancel::new();
    before.cancel();
    let root = tempfile::tempdir().unwrap();
    let (_folder, repository, snapshot) = letters();
    let sandbox = Box::new(DirectorySandbox::new(root.path()));
    let report = Drill::new(&repository, Choice::named(snapshot), sandbox).run(&before);
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["cancelled"])
    );
    assert!(report.is_cleaned);

    let drill = of_letters(Fake::files(Fault::None)).require(Box::new(Says::Waits));
    let report = drill
        .with_limit(Duration::from_millis(200))
        .run(&Cancel::new());
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["timed-out"])
    );
    assert!(report.is_cleaned);
}

#[test]
fn late_is_proven_and_said() {
    let drill = of_letters(Fake::files(Fault::None));
    let drill = drill.with_clock(Arc::new(Ticking::default()));
    let report = drill
        .with_rto_target(Duration::from_secs(2))
        .run(&Cancel::new());
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::Proven, vec!["rto-missed"])
    );
    assert!(report.is_late() && !report.is_flawless());
}

#[test]
fn a_snapshot_that_was_forgotten_meanwhile_proves_nothing() {
    let (_folder, repository, _) = letters();
    let gone = Choice::named(strongroom::Id::from_bytes([7; 32]));
    let sandbox = Box::new(Fake::files(Fault::None));
    let report = Drill::new(&repository, gone, sandbox).run(&Cancel::new());
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["snapshot-gone"])
    );
}

#[test]
fn the_record_says_what_the_report_says_and_not_the_names_of_files() {
    let drill = of_letters(Fake::files(Fault::Remains)).require(Box::new(Says::Skipped));
    let report = drill.with_resource("letters").run(&Cancel::new());
    let record = report.to_record(RecordHead::default());
    let read = Record::of_evidence(&record.to_evidence().unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(read.head.resource.as_deref(), Some("letters"));
    let Fact::Drill(fact) = read.fact else {
        panic!("no drill: {read:?}");
    };
    assert_eq!(fact.verdict, DrillVerdict::NotProven);
    assert!(!fact.cleaned);
    assert_eq!(fact.rto_ms, report.rto_ms);
    assert_eq!(fact.validators.len(), 2);
    assert_eq!(fact.snapshot, Some(report.snapshot));
}

#[test]
fn drills_run_beside_one_another_and_are_reported_in_order() {
    let (_folder, repository, snapshot) = letters();
    let drill = |number: usize| {
        let sandbox = Box::new(Fake::files(Fault::None));
        let drill = Drill::new(&repository, Choice::named(snapshot), sandbox);
        drill
            .with_resource(number.to_string())
            .require(Box::new(Says::Passed))
    };
    for parallel in [0, 1, 3, 9] {
        let reports = run_all((0..5).map(drill).collect(), parallel, &Cancel::new());
        let order: Vec<_> = reports
            .iter()
            .filter_map(|report| report.resource.clone())
            .collect();
        assert_eq!(order, ["0", "1", "2", "3", "4"]);
        assert!(
            reports
                .iter()
                .all(|report| report.verdict == Verdict::Proven)
        );
    }
    assert!(run_all(Vec::new(), 2, &Cancel::new()).is_empty());
}

/// A store that can be taken away.
#[derive(Debug, Default)]
struct Unsteady {
    store: MemoryStore,
    is_away: AtomicBool,
}

impl Unsteady {
    fn check(&self, verb: &'static str) -> strongroom::store::Result<()> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, verb)),
            false => Ok(()),
        }
    }
}

impl std::fmt::Display for Unsteady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unsteady")
    }
}

#[async_trait]
impl Store for Unsteady {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn put(
        &self,
        key: &Key,
        data: Bytes,
        options: PutOptions,
    ) -> strongroom::store::Result<()> {
        self.check("put")?;
        self.store.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> strongroom::store::Result<Bytes> {
        self.check("get")?;
        self.store.get(key, options).await
    }

    async fn head(&self, key: &Key) -> strongroom::store::Result<ObjectMeta> {
        self.check("head")?;
        self.store.head(key).await
    }

    async fn delete(&self, key: &Key) -> strongroom::store::Result<()> {
        self.store.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, strongroom::store::Result<ObjectMeta>> {
        self.store.list(prefix)
    }
}

#[test]
fn damage_fails_the_drill_and_is_named_and_a_store_out_of_reach_proves_nothing() {
    let store = Arc::new(Unsteady::default());
    let stop = Stop::never();
    let options = CreateOptions::default().with_suite(Suite::None);
    let builder = || Repository::builder(Arc::clone(&store) as Arc<dyn Store>);
    let created = builder().create(options, &Credential::None);
    let created = stop.wait(created).unwrap().unwrap().repository;
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..100_000_u32)
        .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..4].to_vec())
        .collect();
    std::fs::write(folder.path().join("noise"), noise).unwrap();
    let snapshot = back_up(&created, folder.path(), "noise");
    let root = tempfile::tempdir().unwrap();
    let run = |repository: &Repository| {
        let sandbox = Box::new(DirectorySandbox::new(root.path()));
        let drill = Drill::new(repository, Choice::named(snapshot), sandbox);
        drill.require(Box::new(FileSet::new())).run(&Cancel::new())
    };
    assert_eq!(run(&created).verdict, Verdict::Proven);

    store.is_away.store(true, Ordering::Relaxed);
    let report = run(&created);
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::NotProven, vec!["store-unavailable"])
    );
    assert!(report.is_cleaned);
    store.is_away.store(false, Ordering::Relaxed);

    let packs = store.store.list(&Prefix::parse("pack/").unwrap());
    let packs: Vec<ObjectMeta> = stop.wait(packs.try_collect()).unwrap().unwrap();
    let largest = packs.into_iter().max_by_key(|meta| meta.len).unwrap();
    let bytes = stop
        .wait(store.get(&largest.key, GetOptions::default()))
        .unwrap()
        .unwrap();
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    stop.wait(store.delete(&largest.key)).unwrap().unwrap();
    let put = store.put(&largest.key, bytes.into(), PutOptions::default());
    stop.wait(put).unwrap().unwrap();
    // Nothing that was read before is remembered.
    let opened = stop
        .wait(builder().open(&Credential::None))
        .unwrap()
        .unwrap();
    let report = run(&opened);
    assert_eq!(report.verdict, Verdict::Failed, "{report}");
    let finding = &report.findings[0];
    assert_eq!(
        (finding.code.as_str(), finding.effect),
        ("entry-damaged", Effect::Failed)
    );
    assert_eq!(finding.object.as_deref(), Some(largest.key.as_str()));
    assert!(report.is_cleaned);
}
