//! A journal on a store that decides races, and everything else on one that locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::executor::block_on;
use strongroom_crypt::Suite;
use strongroom_store::wrap::{Split, SplitRules};
use strongroom_store::{MemoryStore, ObjectLock as _, Prefix, StoreExt as _};

use super::support::{BEGIN, Hands, components, policy, tree, with};
use crate::testing::TreeSource;
use crate::{BackupOptions, CreateOptions, Credential, LockAuditOptions, LockOptions, Repository};

#[test]
fn everything_but_the_journal_is_locked() {
    let clock = Arc::new(Hands(AtomicI64::new(BEGIN)));
    let hands = Arc::clone(&clock);
    let home = Arc::new(MemoryStore::new());
    let locked = MemoryStore::with_object_lock(move || hands.0.load(Ordering::SeqCst));
    let data = Arc::new(locked);
    let journal = ["journal/", "session/"].map(|folder| Prefix::parse(folder).unwrap());
    let split = Split::new(home.clone(), data.clone(), SplitRules::all_but(journal));
    let builder = Repository::builder(Arc::new(split))
        .settings(with(Some(policy().without_entries())))
        .components(components(&clock));
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = block_on(builder.create(options, &Credential::None)).unwrap();
    assert!(!created.single_writer);
    let repository = created.repository;
    let back_up = |seed| {
        let source = Arc::new(TreeSource::new(tree(seed)));
        let options = BackupOptions::new("series");
        block_on(repository.backup(source, options, Arc::new(()))).unwrap();
    };
    back_up(1);
    // The entries say of themselves that they are not.
    let plan = |options| block_on(repository.plan_extend_locks(options)).unwrap();
    assert!(plan(LockOptions::default()).is_empty());
    let everything = plan(LockOptions::default().with_everything(true));
    let is_entry = |name: &str| name.starts_with("journal/");
    assert!(!everything.objects().iter().any(|one| is_entry(&one.object)));

    clock.0.fetch_add(8 * 86_400, Ordering::SeqCst);
    back_up(2);
    let report = block_on(repository.extend_locks(plan(LockOptions::default()), Arc::new(())));
    assert!(report.unwrap().problems.is_empty());
    assert!(plan(LockOptions::default()).is_empty());
    let audit = block_on(repository.audit_locks(LockAuditOptions::default(), Arc::new(())));
    let audit = audit.unwrap();
    assert!(audit.is_kept() && audit.asked > 8, "{audit}");

    let all = |store: &MemoryStore| block_on(store.list_all(&Prefix::root())).unwrap();
    assert!(
        all(&home)
            .iter()
            .all(|object| is_entry(object.key.as_str()))
    );
    for object in all(&data) {
        let name = object.key.as_str();
        assert!(!is_entry(name));
        if name.starts_with("pack/probe-") {
            // What a probe locks for a minute or two.
            continue;
        }
        let found = block_on(data.retention(&object.key)).unwrap();
        // What a probe puts is locked for some seconds at most.
        let loose = name.starts_with("parity/") || name.starts_with("pack/probe-");
        assert_eq!(found.is_none(), loose, "{name}");
    }
    // Entries that are to be locked fail, and are not put without.
    let strict = block_on(
        Repository::builder(Arc::new(Split::new(
            home.clone(),
            data,
            SplitRules::all_but(["journal/", "session/"].map(|one| Prefix::parse(one).unwrap())),
        )))
        .settings(with(Some(policy())))
        .components(components(&clock))
        .open(&Credential::None),
    )
    .unwrap();
    let before = all(&home).len();
    let source = Arc::new(TreeSource::new(tree(3)));
    block_on(strict.backup(source, BackupOptions::new("series"), Arc::new(()))).unwrap_err();
    assert_eq!(all(&home).len(), before);
}
