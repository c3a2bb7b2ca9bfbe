//! Several stores as one: races, members that fail, lag, rot and come back.

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use futures::future::poll_immediate;
use futures::stream::BoxStream;
use proptest::prelude::*;
use strongroom_store::conformance::{self, assert_conforms};
use strongroom_store::replica::{
    CompareOptions, DifferenceKind, Differing, Surplus, SyncOptions, SyncOrder, SyncPlan,
    Thoroughness, compare, sync,
};
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Gate, Health, MirrorSettings, Mirrored, ObjectRules, Operation,
    RangeReads, Recording, Rule, When, Wholeness, WritePolicy,
};
use strongroom_store::{
    Capabilities, DirStore, ErrorKind, GetOptions, Key, MemoryStore, ObjectMeta, Prefix,
    PutOptions, Result, Store, StoreExt, probe_atomic_create,
};

use crate::{folder, key, kind, names};

/// A pack proves itself by beginning with its name; an entry is whole if it begins with `entry`, and follows the one before.
#[derive(Debug)]
struct Rules;

impl ObjectRules for Rules {
    fn can_check(&self, key: &Key) -> bool {
        key.as_str().starts_with("pack/") || key.as_str().starts_with("journal/")
    }

    fn check(&self, key: &Key, bytes: &Bytes) -> Wholeness {
        match key.as_str().split_once('/') {
            Some(("pack", name)) if bytes.starts_with(name.as_bytes()) => Wholeness::Proven,
            Some(("journal", _)) if bytes.starts_with(b"entry") => Wholeness::Plausible,
            Some(("pack" | "journal", _)) => Wholeness::Broken,
            _ => Wholeness::Unknown,
        }
    }

    fn predecessor(&self, key: &Key) -> Option<Key> {
        let number: u64 = key.as_str().strip_prefix("journal/")?.parse().ok()?;
        Key::parse(&format!("journal/{}", number.checked_sub(1)?)).ok()
    }
}

type Flaky = Faulty<Recording<MemoryStore>>;

/// A mirror, and its members as they can be made to fail.
struct Mirror {
    store: Mirrored,
    members: Vec<Flaky>,
}

impl Mirror {
    fn new(count: usize, policy: WritePolicy) -> Self {
        let member = |_| Faulty::new(Recording::new(MemoryStore::new()), FaultPlan::new());
        let members: Vec<_> = (0..count).map(member).collect();
        let store = handle(&members, policy);
        Self { store, members }
    }

    fn member(&self, number: usize) -> &Flaky {
        self.members.get(number).expect("a member")
    }

    fn put(&self, name: &str, data: &'static str) {
        block_on(self.store.put_new(&key(name), data.into())).expect("it works");
    }

    fn down(&self, member: usize) {
        self.member(member)
            .inject(Rule::new(Fault::FailBefore(ErrorKind::Unavailable)));
    }

    fn up(&self, member: usize) {
        self.member(member).heal();
    }

    fn health(&self, member: usize) -> Health {
        self.store
            .status()
            .members
            .get(member)
            .expect("a member")
            .health
    }

    /// What a member has, beside the mirror and its faults.
    fn names(&self, member: usize) -> Vec<String> {
        names(self.member(member).inner().inner(), "")
    }

    fn bytes(&self, member: usize, name: &str) -> Bytes {
        block_on(self.member(member).inner().inner().get_all(&key(name))).expect("it works")
    }

    fn spoil(&self, member: usize, name: &str) {
        let store = self.member(member).inner().inner();
        block_on(store.replace(&key(name), "rotten".into())).expect("it works");
    }

    fn lose(&self, member: usize, name: &str) {
        block_on(self.member(member).inner().inner().delete(&key(name))).expect("it works");
    }
}

fn handle(members: &[Flaky], policy: WritePolicy) -> Mirrored {
    let mut stores = members
        .iter()
        .map(|member| Arc::new(member.clone()) as Arc<dyn Store>);
    let settings = MirrorSettings::default()
        .with_policy(policy)
        .with_rules(Arc::new(Rules));
    Mirrored::new(stores.next().expect("it works"), stores.collect(), settings)
}

fn order() -> SyncOrder {
    SyncOrder::new()
        .object(key("config"))
        .folder(folder("pack/"))
        .folder(folder("journal/"))
}

#[test]
fn a_mirror_conforms() {
    assert_conforms(|| Arc::new(Mirror::new(3, WritePolicy::AtLeast(2)).store));
    assert_conforms(|| Arc::new(Mirror::new(1, WritePolicy::All).store));
}

#[test]
fn a_mirror_of_directories_conforms() {
    let scratch = tempfile::tempdir().unwrap();
    assert_conforms(|| {
        let [one, other] = ["one", "other"].map(|name| {
            let store = DirStore::create(scratch.path().join(name)).unwrap();
            Arc::new(store) as Arc<dyn Store>
        });
        Arc::new(Mirrored::new(one, vec![other], MirrorSettings::default()))
    });
}

#[test]
fn an_arbiter_that_decides_no_races_is_found_out() {
    #[derive(Debug)]
    struct Racy(MemoryStore);

    #[async_trait::async_trait]
    impl Store for Racy {
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        async fn put(&self, key: &Key, data: Bytes, _options: PutOptions) -> Result<()> {
            if self.0.exists(key).await? {
                return self.0.put_new(key, data).await;
            }
            let mut yielded = false;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                match std::mem::replace(&mut yielded, true) {
                    true => std::task::Poll::Ready(()),
                    false => std::task::Poll::Pending,
                }
            })
            .await;
            self.0.replace(key, data).await
        }
        async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
            self.0.get(key, options).await
        }
        async fn head(&self, key: &Key) -> Result<ObjectMeta> {
            self.0.head(key).await
        }
        async fn delete(&self, key: &Key) -> Result<()> {
            self.0.delete(key).await
        }
        fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }
    }

    impl std::fmt::Display for Racy {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("racy:")
        }
    }

    let probe = |arbiter: Arc<dyn Store>| {
        let follower: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let store = Mirrored::new(arbiter, vec![follower], MirrorSettings::default());
        block_on(probe_atomic_create(&store, &folder("session/probe/")))
    };
    assert!(probe(Arc::new(MemoryStore::new())).unwrap());
    assert!(!probe(Arc::new(Racy(MemoryStore::new()))).unwrap_or(false));
}

#[test]
fn the_laws_hold_with_a_follower_that_is_away_or_flaky() {
    let away = Rule::new(Fault::FailBefore(ErrorKind::Unavailable));
    let flaky = Rule::new(Fault::FailAfter(ErrorKind::Other)).with_when(When::OneIn(3));
    for rule in [away, flaky] {
        let make = || -> Arc<dyn Store> {
            let mirror = Mirror::new(3, WritePolicy::AtLeast(2));
            mirror.members[2].inject(rule.clone());
            Arc::new(mirror.store)
        };
        block_on(async {
            let driver: conformance::Driver<'_> = &|future| block_on(future);
            conformance::law_1_put_is_atomic(&make(), driver).await?;
            conformance::law_2_one_creator_wins(&make(), driver).await?;
            conformance::law_4_ranges_are_exact(&make()).await?;
            conformance::law_7_a_dropped_put_is_absent_or_whole(&make()).await?;
            conformance::law_8_errors_have_the_right_kind(&make()).await?;
            conformance::law_9_every_key_is_its_own(&make()).await
        })
        .unwrap();
    }
}

#[test]
fn without_the_arbiter_nothing_is_written_and_reads_go_on() {
    let mirror = Mirror::new(3, WritePolicy::All);
    mirror.put("pack/a", "a one");
    mirror.down(0);
    let refused = block_on(mirror.store.put_new(&key("pack/b"), "b".into()));
    assert_eq!(kind(refused), ErrorKind::Unavailable);
    assert_eq!(mirror.names(1), ["pack/a"]);
    let refused = block_on(mirror.store.delete(&key("pack/a")));
    assert_eq!(kind(refused), ErrorKind::Unavailable);
    assert_eq!(
        block_on(mirror.store.get_all(&key("pack/a"))).unwrap(),
        "a one"
    );
    assert_eq!(names(&mirror.store, ""), ["pack/a"]);
    // Each follower has whatever was acknowledged, so one is enough to know.
    let missing = block_on(mirror.store.get_all(&key("pack/c")));
    assert_eq!(kind(missing), ErrorKind::NotFound);
    // The arbiter may have stored this one.
    let unknown = block_on(mirror.store.get_all(&key("pack/b")));
    assert_eq!(kind(unknown), ErrorKind::Unavailable);
    assert!(mirror.store.status().degraded_answers >= 3);
    mirror.down(1);
    mirror.down(2);
    let unknown = block_on(mirror.store.get_all(&key("pack/b")));
    assert_eq!(kind(unknown), ErrorKind::Unavailable);
}

#[test]
fn a_follower_that_may_lag_is_not_believed_that_something_is_missing() {
    let mirror = Mirror::new(3, WritePolicy::AtLeast(2));
    mirror.down(2);
    mirror.put("pack/a", "a");
    let restarted = handle(&mirror.members, WritePolicy::AtLeast(2));
    mirror.up(2);
    mirror.down(0);
    let get = |name| block_on(restarted.get_all(&key(name)));
    assert_eq!(get("pack/a").unwrap(), "a");
    assert_eq!(
        kind(get("pack/b")),
        ErrorKind::NotFound,
        "two of three know"
    );
    mirror.down(1);
    assert_eq!(kind(get("pack/a")), ErrorKind::Unavailable, "it lags");
    let listed = block_on(restarted.list_all(&folder("")));
    assert_eq!(kind(listed), ErrorKind::Unavailable);
}

#[test]
fn what_a_follower_misses_is_given_in_order_when_it_is_back() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    mirror.down(1);
    mirror.put("pack/a", "a");
    mirror.put("journal/1", "entry 1");
    mirror.put("pack/b", "b");
    mirror.put("journal/2", "entry 2");
    assert_eq!(mirror.health(1), Health::Lagging);
    let status = mirror.store.status();
    assert_eq!(status.members[1].queued_objects, 4);
    assert!(status.to_string().contains("4 objects"), "{status}");
    assert_eq!(mirror.names(1), ["journal/0"]);
    mirror.up(1);
    mirror.members[1].inner().reset();
    let status = block_on(mirror.store.catch_up());
    assert!(status.is_healthy(), "{status}");
    let calls = mirror.members[1].inner().calls();
    let puts = calls.iter().filter(|call| call.operation == Operation::Put);
    let puts: Vec<_> = puts.map(|call| call.key.as_str()).collect();
    assert_eq!(puts, ["pack/a", "journal/1", "pack/b", "journal/2"]);
}

#[test]
fn an_arbiter_without_any_object_makes_nobody_forget_what_is_queued() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    mirror.down(1);
    mirror.put("pack/a", "a");
    mirror.put("pack/b", "b");
    mirror.up(1);
    // The disk of the arbiter is unmounted, and the empty folder below says that nothing is there.
    let gone: Vec<_> = mirror.names(0);
    let gone: Vec<_> = gone
        .iter()
        .map(|name| (name, mirror.bytes(0, name)))
        .collect();
    gone.iter().for_each(|(name, _)| mirror.lose(0, name));
    for _ in 0..2 {
        let status = block_on(mirror.store.catch_up());
        assert!(!status.is_healthy(), "{status}");
        assert_eq!(status.members[1].queued_objects, 2, "{status}");
        assert_eq!(mirror.names(1), ["journal/0"]);
    }
    // It is back, and what was deleted there meanwhile is not missed.
    let arbiter = mirror.member(0).inner().inner();
    for (name, bytes) in gone.iter().filter(|(name, _)| *name != "pack/b") {
        block_on(arbiter.put_new(&key(name), bytes.clone())).unwrap();
    }
    let status = block_on(mirror.store.catch_up());
    assert!(status.is_healthy(), "{status}");
    assert_eq!(mirror.names(1), ["journal/0", "pack/a"]);
}

#[test]
fn writes_bring_a_follower_up_by_and_by() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.down(1);
    for n in 0..40 {
        let data = Bytes::from(format!("entry {n}"));
        block_on(mirror.store.put_new(&key(&format!("journal/{n}")), data)).unwrap();
    }
    mirror.up(1);
    for n in 40..160 {
        let data = Bytes::from(format!("entry {n}"));
        block_on(mirror.store.put_new(&key(&format!("journal/{n}")), data)).unwrap();
    }
    assert_eq!(mirror.health(1), Health::Healthy);
    assert_eq!(mirror.names(1), mirror.names(0));
}

#[test]
fn all_means_all() {
    let mirror = Mirror::new(2, WritePolicy::All);
    mirror.down(1);
    let put = |name: &str| block_on(mirror.store.put_new(&key(name), "a b".into()));
    assert_eq!(kind(put("pack/a")), ErrorKind::Unavailable);
    // The next is refused before anything is stored.
    assert_eq!(kind(put("pack/b")), ErrorKind::Unavailable);
    assert_eq!(mirror.names(0), ["pack/a"]);
    mirror.up(1);
    put("pack/b").unwrap();
    assert_eq!(mirror.names(1), ["pack/a", "pack/b"]);
}

#[test]
fn nothing_is_deleted_while_somebody_lags() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("pack/a", "a");
    mirror.down(1);
    mirror.put("pack/b", "b");
    let held_back = block_on(mirror.store.delete(&key("pack/a")));
    assert_eq!(kind(held_back), ErrorKind::Unavailable);
    assert_eq!(mirror.names(0), ["pack/a", "pack/b"]);
    mirror.up(1);
    block_on(mirror.store.delete(&key("pack/a"))).unwrap();
    assert_eq!(mirror.names(0), ["pack/b"]);
    assert_eq!(mirror.names(1), ["pack/b"]);
}

#[test]
fn what_was_deleted_never_comes_back() {
    let mirror = Mirror::new(2, WritePolicy::All);
    mirror.put("pack/a", "a");
    let lost = Rule::new(Fault::FailBefore(ErrorKind::Unavailable))
        .with_operation(Operation::Delete)
        .with_when(When::Nth(1));
    mirror.members[1].inject(lost);
    let half = block_on(mirror.store.delete(&key("pack/a")));
    assert_eq!(kind(half), ErrorKind::Unavailable);
    assert_eq!(mirror.names(1), ["pack/a"]);
    // As far as this mirror knows it is deleted, though not everywhere yet.
    let gone = block_on(mirror.store.get_all(&key("pack/a")));
    assert_eq!(kind(gone), ErrorKind::NotFound);
    assert!(names(&mirror.store, "").is_empty());
    assert!(block_on(mirror.store.catch_up()).is_healthy());
    assert!(mirror.names(0).is_empty() && mirror.names(1).is_empty());
}

#[test]
fn a_restarted_mirror_does_not_skip_an_entry() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    mirror.down(1);
    mirror.put("pack/a", "a");
    mirror.put("journal/1", "entry 1");
    mirror.up(1);
    let restarted = handle(&mirror.members, WritePolicy::AtLeast(1));
    block_on(restarted.put_new(&key("pack/b"), "b".into())).unwrap();
    block_on(restarted.put_new(&key("journal/2"), "entry 2".into())).unwrap();
    assert_eq!(
        mirror.names(1),
        ["journal/0", "pack/b"],
        "no entry without the one before"
    );
    let status = restarted.status();
    assert_eq!(status.members[1].health, Health::Lagging);
    assert!(status.to_string().contains("journal/2 waits"), "{status}");

    let found = block_on(restarted.compare(&order(), Thoroughness::Lengths))
        .remove(0)
        .unwrap();
    assert_eq!((found.missing.objects, found.same.objects), (3, 2));
    let report = block_on(restarted.resync(&order(), Thoroughness::Lengths))
        .remove(0)
        .unwrap();
    assert!(report.is_complete() && report.copied.objects == 3);
    assert!(restarted.status().is_healthy(), "{}", restarted.status());
    assert_eq!(mirror.names(1), mirror.names(0));
}

#[test]
fn an_arbiter_that_went_back_takes_nothing_until_it_is_made_whole() {
    let mirror = Mirror::new(2, WritePolicy::All);
    for (name, data) in [
        ("journal/0", "entry 0"),
        ("pack/a", "a"),
        ("journal/1", "entry 1"),
    ] {
        mirror.put(name, data);
    }
    // Somebody mounted an older copy of it, or none.
    mirror.lose(0, "journal/1");
    mirror.lose(0, "pack/a");
    let restarted = handle(&mirror.members, WritePolicy::All);
    assert_eq!(
        block_on(restarted.get_all(&key("journal/1"))).unwrap(),
        "entry 1"
    );
    let refused = block_on(restarted.put_new(&key("journal/2"), "entry 2".into()));
    assert_eq!(kind(refused), ErrorKind::Unavailable);
    // Nobody but a person says that the follower is right.
    let [arbiter, follower] = [0, 1].map(|n| Arc::new(mirror.members[n].clone()) as Arc<dyn Store>);
    let options = CompareOptions::new(order()).with_rules(Arc::new(Rules));
    let found = block_on(compare(&follower, &arbiter, &options)).unwrap();
    let plan = SyncPlan::new(&found, SyncOptions::default());
    block_on(sync(&plan, &follower, &arbiter, &options)).unwrap();
    block_on(restarted.put_new(&key("journal/2"), "entry 2".into())).unwrap();
    assert_eq!(mirror.names(0), mirror.names(1));
}

#[test]
fn what_a_plan_leaves_out_stays_out() {
    let mirror = Mirror::new(2, WritePolicy::All);
    for (name, data) in [("pack/a", "a"), ("pack/b", "b"), ("pack/c", "c")] {
        mirror.put(name, data);
    }
    for name in ["pack/a", "pack/b"] {
        mirror.lose(0, name);
    }
    mirror.lose(1, "pack/c");
    let [arbiter, follower] = [0, 1].map(|n| Arc::new(mirror.members[n].clone()) as Arc<dyn Store>);
    let options = CompareOptions::new(order()).with_rules(Arc::new(Rules));
    let found = block_on(compare(&follower, &arbiter, &options)).unwrap();
    let is_left_out = |key: &Key| key.as_str() != "pack/a";
    let plan = SyncPlan::leaving_out(&found, SyncOptions::default(), is_left_out);
    // What only the arbiter has stays in any case.
    assert_eq!(plan.left_out, [key("pack/b")]);
    assert_eq!((plan.copies.objects, plan.is_partial), (1, false));
    assert!(plan.to_string().contains("leave out pack/b"), "{plan}");
    let report = block_on(sync(&plan, &follower, &arbiter, &options)).unwrap();
    assert!(report.is_complete(), "{report}");
    assert_eq!(mirror.names(0), ["pack/a", "pack/c"]);
}

#[test]
fn a_full_queue_asks_for_a_resync() {
    let members = Mirror::new(2, WritePolicy::AtLeast(1)).members;
    let stores = members
        .iter()
        .map(|one| Arc::new(one.clone()) as Arc<dyn Store>);
    let [one, other] = stores.collect::<Vec<_>>().try_into().unwrap();
    let settings = MirrorSettings::default()
        .with_policy(WritePolicy::AtLeast(1))
        .with_queue_max(3);
    let store = Mirrored::new(one, vec![other], settings);
    members[1].inject(Rule::new(Fault::FailBefore(ErrorKind::NoSpace)));
    for name in ["a", "b", "c", "d", "e"] {
        block_on(store.put_new(&key(name), "x".into())).unwrap();
    }
    assert_eq!(store.status().members[1].health, Health::NeedsResync);
    members[1].heal();
    block_on(store.put_new(&key("f"), "x".into())).unwrap();
    assert!(names(members[1].inner().inner(), "").is_empty());
    let report = block_on(store.resync(&SyncOrder::everything(), Thoroughness::Lengths)).remove(0);
    assert_eq!(report.unwrap().copied.objects, 6);
    assert!(store.status().is_healthy());
}

#[test]
fn a_rotten_copy_is_passed_over_and_repaired() {
    let mirror = Mirror::new(3, WritePolicy::All);
    mirror.put("pack/a", "a whole pack");
    mirror.put("pack/b", "b whole pack");
    mirror.put("journal/0", "entry");
    mirror.spoil(0, "pack/a");
    mirror.spoil(1, "pack/a");
    mirror.lose(0, "pack/b");
    mirror.spoil(0, "journal/0");
    let get = |name| block_on(mirror.store.get_all(&key(name))).unwrap();
    assert_eq!(get("pack/a"), "a whole pack");
    let part = block_on(mirror.store.get_range(&key("pack/a"), 2..7));
    assert_eq!(part.unwrap(), "whole", "parts are checked too");
    assert_eq!(get("pack/b"), "b whole pack");
    assert_eq!(get("journal/0"), "entry");
    let status = mirror.store.status();
    let flawed: Vec<_> = status
        .members
        .iter()
        .map(|one| one.flawed_objects)
        .collect();
    assert_eq!(flawed, [3, 1, 0]);
    assert_eq!(mirror.bytes(0, "pack/a"), "rotten", "a read never writes");

    let status = block_on(mirror.store.catch_up());
    assert_eq!(mirror.bytes(0, "pack/a"), "a whole pack");
    assert_eq!(mirror.bytes(1, "pack/a"), "a whole pack");
    // The arbiter decides what an entry is and what exists: nobody but a person speaks for it.
    assert_eq!(mirror.bytes(0, "journal/0"), "rotten");
    assert_eq!(mirror.names(0), ["journal/0", "pack/a"]);
    let [arbiter, follower, _] = &status.members[..] else {
        panic!("{status}");
    };
    assert_eq!((arbiter.repaired_objects, arbiter.flawed_objects), (1, 2));
    assert_eq!((follower.repaired_objects, follower.flawed_objects), (1, 0));
}

#[test]
fn damage_everywhere_is_served_as_it_is_and_is_not_copied() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("pack/a", "a");
    mirror.spoil(0, "pack/a");
    mirror.spoil(1, "pack/a");
    assert_eq!(
        block_on(mirror.store.get_all(&key("pack/a"))).unwrap(),
        "rotten"
    );
    mirror.down(1);
    mirror.put("pack/b", "b");
    mirror.spoil(0, "pack/b");
    mirror.up(1);
    block_on(mirror.store.catch_up());
    assert_eq!(mirror.names(1), ["pack/a"]);
}

#[test]
fn parts_can_be_trusted_on_request() {
    let mirror = Mirror::new(2, WritePolicy::All);
    let stores = mirror
        .members
        .iter()
        .map(|one| Arc::new(one.clone()) as Arc<dyn Store>);
    let [one, other] = stores.collect::<Vec<_>>().try_into().unwrap();
    let settings = MirrorSettings::default()
        .with_rules(Arc::new(Rules))
        .with_ranges(RangeReads::Trusted);
    let store = Mirrored::new(one, vec![other], settings);
    block_on(store.put_new(&key("pack/a"), "a long pack".into())).unwrap();
    mirror.spoil(0, "pack/a");
    let part = block_on(store.get_range(&key("pack/a"), 0..3)).unwrap();
    assert_eq!(part, "rot");
    // Beyond what the torn copy has, another one has it.
    let part = block_on(store.get_range(&key("pack/a"), 7..11)).unwrap();
    assert_eq!(part, "pack");
}

#[test]
fn a_member_with_another_history_is_left_alone() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    let there = mirror.members[1].inner().inner();
    block_on(there.put_new(&key("journal/1"), "entry of others".into())).unwrap();
    mirror.put("journal/1", "entry of ours");
    assert_eq!(mirror.health(1), Health::Diverged);
    mirror.put("journal/2", "entry 2");
    assert_eq!(mirror.names(1), ["journal/0", "journal/1"]);
    assert_eq!(mirror.bytes(1, "journal/1"), "entry of others");
    let report = block_on(mirror.store.resync(&order(), Thoroughness::Lengths))
        .remove(0)
        .unwrap();
    assert_eq!((report.conflicts.len(), report.held_back), (1, 1));
    assert_eq!(mirror.health(1), Health::Diverged);
    assert_eq!(mirror.names(1), ["journal/0", "journal/1"]);
}

#[test]
fn of_clients_that_race_one_wins_on_every_member() {
    let members = Mirror::new(3, WritePolicy::All).members;
    let clients: Vec<_> = (0..4).map(|_| handle(&members, WritePolicy::All)).collect();
    for round in 0..10 {
        let raced = key(&format!("slot/{round}"));
        let won: Vec<_> = std::thread::scope(|scope| {
            let race = |(number, client): (usize, &Mirrored)| {
                let (client, raced) = (client.clone(), raced.clone());
                scope.spawn(move || {
                    let data = Bytes::from(format!("client {number}"));
                    block_on(client.put_new(&raced, data.clone())).map(|()| data)
                })
            };
            let racers: Vec<_> = clients.iter().enumerate().map(race).collect();
            racers
                .into_iter()
                .filter_map(|racer| racer.join().unwrap().ok())
                .collect()
        });
        let [winner] = won.as_slice() else {
            panic!("{won:?}");
        };
        for member in &members {
            let there = block_on(member.inner().inner().get_all(&raced)).unwrap();
            assert_eq!(there, winner);
        }
    }
}

#[test]
fn many_writers_and_a_flaky_follower_end_alike() {
    let mirror = Mirror::new(3, WritePolicy::AtLeast(1));
    for (member, fault) in [
        (1, Fault::FailBefore(ErrorKind::Unavailable)),
        (2, Fault::FailAfter(ErrorKind::Other)),
    ] {
        mirror.members[member].inject(Rule::new(fault).with_when(When::OneIn(4)));
    }
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = mirror.store.clone();
            scope.spawn(move || {
                for n in 0..60 {
                    let name = key(&format!("pack/{writer}-{n}"));
                    let data = Bytes::from(format!("{writer}-{n} first"));
                    block_on(store.put_new(&name, data)).unwrap();
                    if n % 3 == 0 {
                        let data = Bytes::from(format!("{writer}-{n} second"));
                        block_on(store.replace(&name, data)).unwrap();
                    }
                    // It is held back as long as somebody lags.
                    if n % 5 == 0 && block_on(store.delete(&name)).is_ok() {
                        let gone = block_on(store.get_all(&name)).unwrap_err();
                        assert_eq!(gone.kind(), ErrorKind::NotFound);
                    }
                }
            });
        }
    });
    mirror.members.iter().for_each(Faulty::heal);
    let status = block_on(mirror.store.catch_up());
    assert!(status.is_healthy(), "{status}");
    for name in mirror.names(0) {
        assert_eq!(mirror.bytes(1, &name), mirror.bytes(0, &name), "{name}");
        assert_eq!(mirror.bytes(2, &name), mirror.bytes(0, &name), "{name}");
    }
    assert_eq!(mirror.names(1), mirror.names(0));
    assert_eq!(mirror.names(2), mirror.names(0));
}

#[test]
fn a_put_that_nobody_waited_for_is_given_later() {
    let mirror = Mirror::new(2, WritePolicy::All);
    let pause = Rule::new(Fault::PauseBefore(Gate::new())).with_operation(Operation::Put);
    mirror.members[1].inject(pause);
    let (name, options) = (key("pack/a"), PutOptions::default());
    let mut put = mirror.store.put(&name, "a".into(), options);
    block_on(async { assert!(poll_immediate(&mut put).await.is_none()) });
    drop(put);
    assert_eq!((mirror.names(0).len(), mirror.names(1).len()), (1, 0));
    assert_eq!(mirror.health(1), Health::Lagging);
    mirror.up(1);
    assert!(block_on(mirror.store.catch_up()).is_healthy());
    assert_eq!(mirror.names(1), ["pack/a"]);
}

/// The names that are put, in order: packs, and the entry that needs them.
fn history() -> Vec<String> {
    let round = |n: usize| {
        [
            format!("pack/{n}x"),
            format!("pack/{n}y"),
            format!("journal/{n}"),
        ]
    };
    (0..5).flat_map(round).collect()
}

fn content(name: &str) -> Bytes {
    match name.split_once('/') {
        Some(("pack", rest)) => Bytes::from(format!("{rest} content")),
        _ => Bytes::from(format!("entry {name}")),
    }
}

/// What a member holds must be usable as it is: no entry without its packs and the entries before.
fn assert_is_prefix(member: &Flaky, what: &str) {
    let there = names(member.inner().inner(), "");
    for n in 0..5 {
        if !there.contains(&format!("journal/{n}")) {
            continue;
        }
        for before in 0..=n {
            for name in [
                format!("pack/{before}x"),
                format!("pack/{before}y"),
                format!("journal/{before}"),
            ] {
                assert!(
                    there.contains(&name),
                    "{what}: {name} is missing of {there:?}"
                );
            }
        }
    }
}

#[test]
fn after_a_crash_at_any_call_every_member_is_a_prefix() {
    for crashing in 0..3_usize {
        for after in [false, true] {
            for nth in 1..=history().len() as u64 {
                let mirror = Mirror::new(3, WritePolicy::AtLeast(2));
                let fault = if after {
                    Fault::FailAfter(ErrorKind::Unavailable)
                } else {
                    Fault::FailBefore(ErrorKind::Unavailable)
                };
                let crash = Rule::new(fault)
                    .with_operation(Operation::Put)
                    .with_when(When::From(nth));
                mirror.members[crashing].inject(crash);
                for name in history() {
                    if block_on(mirror.store.put_new(&key(&name), content(&name))).is_err() {
                        break; // The program dies here.
                    }
                }
                let what = format!("member {crashing} from put {nth}");
                for member in &mirror.members {
                    assert_is_prefix(member, &what);
                    member.heal();
                }
                // Another one goes on where the arbiter is, and then all are made alike.
                let next = handle(&mirror.members, WritePolicy::AtLeast(2));
                for name in history() {
                    let put = block_on(next.put_new(&key(&name), content(&name)));
                    let there =
                        matches!(&put, Err(error) if error.kind() == ErrorKind::AlreadyExists);
                    assert!(put.is_ok() || there || crashing > 0, "{what}: {put:?}");
                    mirror
                        .members
                        .iter()
                        .for_each(|one| assert_is_prefix(one, &what));
                }
                for report in block_on(next.resync(&order(), Thoroughness::Lengths)) {
                    assert!(report.unwrap().is_complete());
                }
                assert!(next.status().is_healthy(), "{what}: {}", next.status());
                assert_eq!(mirror.names(1), mirror.names(0), "{what}");
                assert_eq!(mirror.names(2), mirror.names(0), "{what}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever fails, what was acknowledged is read back, and in the end all members are alike.
    #[test]
    fn nothing_acknowledged_is_lost_whatever_fails(
        seed in any::<u64>(),
        rates in prop::collection::vec(2_u64..12, 3),
        deletes in prop::collection::vec(any::<bool>(), 5),
    ) {
        let member = |rate: &u64| {
            let before = Rule::new(Fault::FailBefore(ErrorKind::Unavailable)).with_when(When::OneIn(*rate));
            let after = Rule::new(Fault::FailAfter(ErrorKind::Unavailable)).with_when(When::OneIn(*rate));
            let plan = FaultPlan::seeded(seed ^ rate).with_rule(before).with_rule(after);
            Faulty::new(Recording::new(MemoryStore::new()), plan)
        };
        let members: Vec<_> = rates.iter().map(member).collect();
        let store = handle(&members, WritePolicy::AtLeast(2));
        let mut expected = Vec::new();
        for name in history() {
            let (name, bytes) = (key(&name), content(&name));
            // As the engine does: again, until it is done, and a create that is taken is looked at.
            for _ in 0..40 {
                match block_on(store.put_new(&name, bytes.clone())) {
                    Ok(()) => break,
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => break,
                    Err(_) => {}
                }
            }
            if block_on(members[0].inner().inner().exists(&name)).unwrap() {
                expected.push(name);
            } else {
                // The rest of the history needs it.
                break;
            }
            for member in &members {
                assert_is_prefix(member, "meanwhile");
            }
        }
        for (n, delete) in deletes.iter().enumerate() {
            let name = key(&format!("pack/{n}x"));
            if *delete && block_on(store.delete(&name)).is_ok() {
                expected.retain(|known| *known != name);
                for member in &members {
                    prop_assert!(!block_on(member.inner().inner().exists(&name)).unwrap());
                }
            }
        }
        members.iter().for_each(Faulty::heal);
        block_on(store.catch_up());
        for report in block_on(store.resync(&order(), Thoroughness::Lengths)) {
            prop_assert!(report.unwrap().is_complete());
        }
        for member in &members {
            prop_assert_eq!(names(member.inner().inner(), ""), names(members[0].inner().inner(), ""));
        }
        for name in &expected {
            let deleted_here = !block_on(members[0].inner().inner().exists(name)).unwrap();
            // A delete that failed half-way is one all the same.
            if !deleted_here {
                prop_assert_eq!(block_on(store.get_all(name)).unwrap(), content(name.as_str()));
            } else {
                prop_assert!(name.as_str().ends_with('x'));
            }
        }
    }
}

#[test]
fn stores_are_compared_and_made_alike_by_a_plan() {
    let stores: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
    let [one, other] = &stores;
    let put = |store: &Arc<dyn Store>, name: &str, data: &'static str| {
        block_on(store.put_new(&key(name), data.into())).unwrap();
    };
    for store in &stores {
        put(store, "pack/same", "same");
    }
    put(one, "pack/new", "new");
    put(one, "journal/0", "entry");
    put(one, "pack/torn", "torn no more");
    put(other, "pack/torn", "to");
    put(one, "pack/here", "!!");
    put(other, "pack/here", "here");
    put(one, "config", "ours");
    put(other, "config", "abcd");
    put(other, "pack/old", "old");
    let by_length = CompareOptions::new(order()).with_rules(Arc::new(Rules));
    let by_bytes = by_length.clone().with_thoroughness(Thoroughness::Bytes);
    let quick = block_on(compare(one, other, &by_length)).unwrap();
    assert_eq!((quick.missing.objects, quick.differing.objects), (2, 2));
    let found = block_on(compare(one, other, &by_bytes)).unwrap();
    let kinds: Vec<_> = found
        .differences
        .iter()
        .map(|one| (one.key.as_str(), one.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("config", DifferenceKind::Differs),
            ("pack/here", DifferenceKind::ReferenceBroken),
            ("pack/new", DifferenceKind::Missing),
            ("pack/old", DifferenceKind::Surplus),
            ("pack/torn", DifferenceKind::CopyBroken),
            ("journal/0", DifferenceKind::Missing),
        ]
    );
    assert!(
        found
            .to_string()
            .contains("broken in the reference: pack/here"),
        "{found}"
    );

    let plan = SyncPlan::new(&found, SyncOptions::default());
    assert_eq!((plan.copies.objects, plan.replacements.objects), (2, 1));
    assert_eq!((plan.conflicts.objects, plan.broken.objects), (1, 1));
    assert_eq!(plan, SyncPlan::new(&found, SyncOptions::default()));
    let report = block_on(sync(&plan, one, other, &by_bytes)).unwrap();
    assert_eq!((report.copied.objects, report.conflicts.len()), (2, 1));
    assert!(block_on(other.exists(&key("pack/old"))).unwrap());
    // The same plan again finds everything done.
    let again = block_on(sync(&plan, one, other, &by_bytes)).unwrap();
    assert_eq!((again.copied.objects, again.settled), (0, 2));

    let options = {
        let mut options = SyncOptions::default();
        options.surplus = Surplus::Delete;
        options.differing = Differing::Replace;
        options
    };
    let found = block_on(compare(one, other, &by_bytes)).unwrap();
    let plan = SyncPlan::new(&found, options);
    let report = block_on(sync(&plan, one, other, &by_bytes)).unwrap();
    assert_eq!((report.deleted.objects, report.replaced.objects), (1, 1));
    // What only the copy has whole goes the other way.
    let found = block_on(compare(other, one, &by_bytes)).unwrap();
    let plan = SyncPlan::new(&found, SyncOptions::default());
    block_on(sync(&plan, other, one, &by_bytes)).unwrap();
    let found = block_on(compare(one, other, &by_bytes)).unwrap();
    assert!(found.is_same() && found.surplus.objects == 0, "{found}");
}

#[test]
fn a_plan_that_does_not_list_everything_begins_with_what_others_need() {
    let stores: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
    let [one, other] = &stores;
    for name in history() {
        block_on(one.put_new(&key(&name), content(&name))).unwrap();
    }
    let options = CompareOptions::new(order())
        .with_rules(Arc::new(Rules))
        .with_listed_max(6);
    let mut rounds = 0;
    loop {
        let found = block_on(compare(one, other, &options)).unwrap();
        let plan = SyncPlan::new(&found, SyncOptions::default());
        if plan.is_empty() {
            break;
        }
        block_on(sync(&plan, one, other, &options)).unwrap();
        rounds += 1;
        let there = names(other, "journal/");
        assert!(rounds > 1 || there.is_empty(), "packs come first");
    }
    assert_eq!(rounds, 3);
}
