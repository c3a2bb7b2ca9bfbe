//! A repository in a mirror: members that fail, rot and are lost, with the engine at work.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom::mirror::{
    CompareOptions, MirrorSettings, Mirrored, RepositoryRules, Revoked, SyncOptions, SyncPlan,
    Thoroughness, WritePolicy, compare, repository_order, sync,
};
use strongroom::store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
use strongroom::store::{ErrorKind as StoreErrorKind, Key, Prefix, StoreExt as _};
use strongroom::{
    Argon2Params, BackupOptions, CreateOptions, Credential, DirStore, DirectoryTarget,
    DirectoryTargetOptions, ErrorKind, FileTree, MemoryStore, NewSlot, Repository, RestoreOptions,
    Settings, Store, mirror_at,
};

type Flaky = Faulty<Arc<dyn Store>>;

fn mirror(members: &[Flaky], policy: WritePolicy) -> Mirrored {
    let mut stores = members
        .iter()
        .map(|one| Arc::new(one.clone()) as Arc<dyn Store>);
    let settings = MirrorSettings::default()
        .with_policy(policy)
        .with_rules(Arc::new(RepositoryRules::new()));
    Mirrored::new(
        stores.next().expect("an arbiter"),
        stores.collect(),
        settings,
    )
}

fn in_memory(count: usize) -> Vec<Flaky> {
    let member = |_| {
        Faulty::new(
            Arc::new(MemoryStore::new()) as Arc<dyn Store>,
            FaultPlan::new(),
        )
    };
    (0..count).map(member).collect()
}

fn credential() -> Credential {
    Credential::passphrase("a mirror has two sides")
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.threads = 2;
    settings
}

fn create(store: Arc<dyn Store>) -> strongroom::Result<Repository> {
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let builder = Repository::builder(store).settings(settings());
    block_on(builder.create(options, &credential())).map(|created| created.repository)
}

fn open(store: Arc<dyn Store>) -> strongroom::Result<Repository> {
    block_on(
        Repository::builder(store)
            .settings(settings())
            .open(&credential()),
    )
}

fn back_up(repository: &Repository, from: &Path) -> strongroom::Result<()> {
    let source = FileTree::builder(from).build().expect("it is there");
    let backup = repository.backup(Arc::new(source), BackupOptions::new("tree"), Arc::new(()));
    block_on(backup).map(drop)
}

/// Restores the latest snapshot and compares it with what was backed up.
#[track_caller]
fn assert_restores(store: Arc<dyn Store>, expected: &Path) {
    let repository = open(store).expect("it opens");
    let latest = block_on(repository.find_snapshot("latest", Default::default()));
    let latest = latest.expect("a snapshot");
    let scratch = tempfile::tempdir().expect("a directory");
    let target = DirectoryTarget::create(scratch.path(), DirectoryTargetOptions::new());
    let restore = repository.restore(
        &latest,
        Arc::new(target.expect("a target")),
        RestoreOptions::default(),
        Arc::new(()),
    );
    let report = block_on(restore).expect("it restores");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(contents(scratch.path()), contents(expected));
}

fn contents(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            let below = contents(&path).into_iter();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            found.extend(below.map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            found.push((name, fs::read(&path).expect("a file")));
        }
    }
    found.sort();
    found
}

/// A tree of small and large files that do not compress away.
fn grow(root: &Path, round: u8) {
    for (name, len) in [
        ("small", 700_usize),
        ("deep/er/large", 900_000),
        ("other", 40_000),
    ] {
        let path = root.join(format!("{name}-{round}"));
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        let mut state = u64::from(round) + len as u64;
        let byte = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        fs::write(path, (0..len).map(byte).collect::<Vec<u8>>()).expect("a file");
    }
}

/// A repository in three directories, of two rounds of a growing tree.
struct Place {
    scratch: tempfile::TempDir,
}

const MEMBERS: [&str; 3] = ["one", "two", "three"];
const TWO_OF_THREE: WritePolicy = WritePolicy::AtLeast(2);

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        Self { scratch }
    }

    fn source(&self) -> std::path::PathBuf {
        self.scratch.path().join("source")
    }

    fn at(&self, member: &str) -> std::path::PathBuf {
        self.scratch.path().join(member)
    }

    fn store(&self, member: &str) -> Arc<dyn Store> {
        Arc::new(DirStore::create(self.at(member)).unwrap())
    }

    fn stores(&self) -> Vec<Flaky> {
        let flaky = |member: &&str| Faulty::new(self.store(member), FaultPlan::new());
        MEMBERS.iter().map(flaky).collect()
    }

    /// Makes it, with a member that is away for the second round and catches up.
    fn filled() -> Self {
        let place = Self::new();
        let stores = place.stores();
        let repository = create(Arc::new(mirror(&stores, TWO_OF_THREE))).unwrap();
        grow(&place.source(), 1);
        back_up(&repository, &place.source()).unwrap();
        stores[2].inject(Rule::new(Fault::FailBefore(StoreErrorKind::Unavailable)));
        grow(&place.source(), 2);
        let store = mirror(&stores, TWO_OF_THREE);
        back_up(&open(Arc::new(store.clone())).unwrap(), &place.source()).unwrap();
        assert!(!store.status().is_healthy());
        stores[2].heal();
        let status = block_on(store.catch_up());
        assert!(status.is_healthy(), "{status}");
        place
    }
}

fn names(store: &Arc<dyn Store>) -> Vec<String> {
    let listed = block_on(store.list_all(&Prefix::root())).unwrap();
    listed
        .into_iter()
        .map(|meta| meta.key.to_string())
        .collect()
}

fn options() -> CompareOptions {
    CompareOptions::new(repository_order()).with_rules(Arc::new(RepositoryRules::new()))
}

/// Makes one member like another, as somebody who knows that this one is right.
fn make_alike(good: &Arc<dyn Store>, bad: &Arc<dyn Store>, options: &CompareOptions) {
    let found = block_on(compare(good, bad, options)).unwrap();
    let plan = SyncPlan::new(&found, SyncOptions::default());
    let report = block_on(sync(&plan, good, bad, options)).unwrap();
    assert!(report.is_complete(), "{report}");
    assert!(block_on(compare(good, bad, options)).unwrap().is_same());
}

#[test]
fn any_member_can_rot_and_becomes_whole_again() {
    let place = Place::filled();
    let thorough = options().with_thoroughness(Thoroughness::Bytes);
    for (number, member) in MEMBERS.iter().enumerate() {
        assert_restores(place.store(member), &place.source());
        for (name, mut bytes) in contents(&place.at(member)) {
            let path = place.at(member).join(name);
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        let store = mirror(&place.stores(), TWO_OF_THREE);
        assert_restores(Arc::new(store.clone()), &place.source());
        let status = block_on(store.catch_up());
        if number == 0 {
            assert!(status.members[0].repaired_objects > 0, "{status}");
        }
        let good = MEMBERS[(number + 1) % MEMBERS.len()];
        make_alike(&place.store(good), &place.store(member), &thorough);
        assert_restores(place.store(member), &place.source());
    }
}

#[test]
fn what_was_revoked_while_a_member_was_away_is_not_taken_from_it() {
    let [arbiter, follower]: [Arc<dyn Store>; 2] =
        [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
    let repository = create(arbiter.clone()).unwrap();
    let other = NewSlot::Passphrase(
        Arc::new("somebody who leaves".to_owned().into()),
        Argon2Params::FASTEST,
    );
    let slot = block_on(repository.add_slot("other", other)).unwrap();
    make_alike(&arbiter, &follower, &options());
    block_on(repository.revoke_slot(slot.id)).unwrap();
    let members = [arbiter.clone(), follower.clone()];
    let before = names(&arbiter);
    let gone: Vec<String> = names(&follower)
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    assert!(
        gone.iter().any(|name| name.starts_with("slot/")),
        "{gone:?}"
    );
    assert!(
        gone.iter().any(|name| name.starts_with("keyring/")),
        "{gone:?}"
    );

    let revoked = block_on(Revoked::look(&members)).unwrap();
    let found = block_on(compare(&follower, &arbiter, &options())).unwrap();
    let is_left_out = |key: &Key| revoked.has(key);
    let plan = SyncPlan::leaving_out(&found, SyncOptions::default(), is_left_out);
    let mut left_out: Vec<String> = plan.left_out.iter().map(ToString::to_string).collect();
    left_out.sort();
    assert_eq!(left_out, gone);
    block_on(sync(&plan, &follower, &arbiter, &options())).unwrap();
    assert_eq!(names(&arbiter), before);

    // An arbiter that has lost everything gets the newest keyring that is left, and every slot that it grants something.
    let empty: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let revoked = block_on(Revoked::look(&[empty, follower.clone()])).unwrap();
    let left: Vec<String> = names(&follower)
        .into_iter()
        .filter(|name| revoked.has(&Key::parse(name).unwrap()))
        .collect();
    let superseded = "keyring/0000000000000000";
    assert_eq!(left, [superseded.to_owned(), format!("{superseded}.copy")]);
    // A name proves no keyring.
    let newest = Key::parse("keyring/ffffffffffffffff").unwrap();
    block_on(arbiter.put_new(&newest, "rubbish".into())).unwrap();
    assert_eq!(
        block_on(Revoked::look(&members)).unwrap(),
        block_on(Revoked::look(&[arbiter])).unwrap()
    );
}

#[test]
fn any_member_can_be_lost_and_is_filled_again() {
    let place = Place::filled();
    for (number, member) in MEMBERS.iter().enumerate() {
        fs::remove_dir_all(place.at(member)).unwrap();
        let store = mirror(&place.stores(), TWO_OF_THREE);
        assert_restores(Arc::new(store.clone()), &place.source());
        if number == 0 {
            // An arbiter that lacks the journal takes nothing, and nobody speaks for it: it is filled from another by name.
            let refused = back_up(&open(Arc::new(store)).unwrap(), &place.source()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unavailable);
            make_alike(&place.store("two"), &place.store("one"), &options());
        } else {
            for report in block_on(store.resync(&repository_order(), Thoroughness::Lengths)) {
                assert!(report.unwrap().is_complete());
            }
        }
        assert_restores(place.store(member), &place.source());
    }
    let store = mirror(&place.stores(), WritePolicy::All);
    back_up(&open(Arc::new(store)).unwrap(), &place.source()).unwrap();
}

#[test]
fn after_a_crash_at_any_put_every_member_is_a_repository() {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("source");
    grow(&source, 1);
    for crashing in 0..2 {
        for nth in 1.. {
            let members = in_memory(2);
            create(Arc::new(mirror(&members, WritePolicy::All))).unwrap();
            let dead = Rule::new(Fault::FailAfter(StoreErrorKind::Unavailable))
                .with_operation(Operation::Put)
                .with_when(When::From(nth));
            members[crashing].inject(dead);
            let done = open(Arc::new(mirror(&members, WritePolicy::All)))
                .and_then(|repository| back_up(&repository, &source));
            let fired = members[crashing].fired() > 0;
            members.iter().for_each(Faulty::heal);
            for member in &members {
                let repository = open(Arc::new(member.clone())).expect("each is a repository");
                let latest = block_on(repository.find_snapshot("latest", Default::default()));
                if latest.is_ok() {
                    assert_restores(Arc::new(member.clone()), &source);
                }
            }
            // Life goes on with the mirror, and its members become alike.
            let store = mirror(&members, WritePolicy::All);
            for report in block_on(store.resync(&repository_order(), Thoroughness::Lengths)) {
                assert!(report.unwrap().is_complete());
            }
            back_up(&open(Arc::new(store)).unwrap(), &source).unwrap();
            for member in &members {
                assert_restores(Arc::new(member.clone()), &source);
            }
            if !fired {
                done.unwrap();
                break;
            }
        }
    }
}

#[test]
fn a_mirror_is_a_location() {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("source");
    grow(&source, 1);
    let at = |name: &str| scratch.path().join(name).display().to_string();
    let location = format!("mirror:{},{}", at("one"), at("two"));
    let repository = create(strongroom::create_store_at(&location).unwrap()).unwrap();
    back_up(&repository, &source).unwrap();
    for name in ["one", "two"] {
        assert_restores(strongroom::store_at(at(name)).unwrap(), &source);
    }
    // A disk that is not plugged in.
    fs::rename(at("two"), at("elsewhere")).unwrap();
    let store = mirror_at(&location).unwrap();
    assert_restores(Arc::new(store.clone()), &source);
    let key = Key::parse("session/x").unwrap();
    let refused = block_on(store.put_new(&key, "x".into())).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    // Nor is the arbiter: reads go on.
    fs::rename(at("elsewhere"), at("two")).unwrap();
    fs::rename(at("one"), at("elsewhere")).unwrap();
    assert_restores(strongroom::store_at(&location).unwrap(), &source);
    fs::rename(at("two"), at("nowhere")).unwrap();
    assert!(mirror_at(&location).is_err());
}
