//! What the engine of this build writes is what it should be. With a bug patched into the engine (`mutants/`), this test fails, and
//! says who noticed: the engine's own reader, a comparison with the source, or the checker.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Id, Suite};
use strongroom_repo::testing::{Flat, Tree, TreeSource};
use strongroom_repo::{
    AuditScope, BackupOptions, CreateOptions, Depth, ForgetOptions, NewSlot, PruneOptions,
    Repository, Unused,
};
use strongroom_store::MemoryStore;
use strongroom_verify::{Level, Severity};

use crate::insider::wait;
use crate::lab::{check, differing};
use crate::museum::{builder, credential, noise, open};

/// Who noticed what.
#[derive(Debug, Default)]
struct Noticed {
    engine: Vec<String>,
    compared: Vec<String>,
    checker: Vec<String>,
}

fn tree(version: u64) -> Tree {
    let file = |seed, len| Tree::file(&noise(seed, len));
    let many: Vec<(String, Tree)> = (0..1_100_u64)
        .map(|i| {
            (
                format!("n{i:04}"),
                Tree::file(if i % 50 == version { b"new" } else { b"" }),
            )
        })
        .collect();
    let many = many
        .iter()
        .map(|(name, tree)| (name.as_str(), tree.clone()));
    Tree::dir([
        ("a", file(version + 1, 400)),
        ("b", file(version + 2, 400)),
        (
            "c",
            Tree::dir([("d", file(3, 3_000)), ("e", Tree::dir([]))]),
        ),
        ("large", file(version / 2 + 4, 60_000)),
        ("link", Tree::Symlink(b"large".to_vec())),
        ("many", Tree::dir(many)),
        ("medium", file(version + 5, 9_000)),
    ])
}

/// What users do in a year: backups, keys that change, snapshots that are forgotten, prunes.
fn live(
    suite: Suite,
    noticed: &mut Noticed,
) -> Result<(Arc<MemoryStore>, BTreeMap<Id, Flat>), String> {
    let said = |error: strongroom_repo::Error| error.to_string();
    let store = Arc::new(MemoryStore::new());
    let options = CreateOptions::default()
        .with_suite(suite)
        .with_argon2(Argon2Params::FASTEST);
    let created = wait(builder(&store, 1, 1_750_000_000).create(options, &credential(suite)));
    let repository = created.map_err(said)?.repository;
    let mut snapshots = BTreeMap::new();
    for version in 0..6 {
        if version == 3 && suite != Suite::None {
            let slot = NewSlot::Passphrase(Arc::new("another".into()), Argon2Params::FASTEST);
            let slot = wait(repository.add_slot("second", slot)).map_err(said)?;
            wait(repository.revoke_slot(slot.id)).map_err(said)?;
        }
        let mut source = TreeSource::new(tree(version));
        for (path, stamp) in [
            ("a", version),
            ("b", version),
            ("large", version / 2),
            ("medium", version),
        ] {
            let stamp = 1_600_000_000 + i64::try_from(stamp).unwrap();
            source.stamps.insert(path.to_owned(), stamp);
        }
        let options = BackupOptions::new("home");
        let done =
            wait(repository.backup(Arc::new(source), options, Arc::new(()))).map_err(said)?;
        snapshots.insert(done.snapshot, tree(version).flat());
        if version == 1 {
            let plan = wait(repository.plan_forget(ForgetOptions::of([done.snapshot])));
            wait(repository.forget(plan.map_err(said)?)).map_err(said)?;
            snapshots.remove(&done.snapshot);
        }
        if version == 4 {
            noticed.engine.extend(prune(&repository).err().map(said));
        }
    }
    Ok((store, snapshots))
}

fn prune(repository: &Repository) -> Result<(), strongroom_repo::Error> {
    let options = PruneOptions::default().with_max_unused(Unused::Bytes(0));
    let plan = wait(repository.plan_prune(options, Arc::new(())))?;
    wait(repository.prune(plan, Arc::new(()))).map(drop)
}

fn look(suite: Suite) -> Noticed {
    let mut noticed = Noticed::default();
    let (store, snapshots) = match live(suite, &mut noticed) {
        Ok(lived) => lived,
        Err(error) => {
            noticed.engine.push(error);
            return noticed;
        }
    };
    let repository = match open(&store, suite, 2) {
        Ok(repository) => repository,
        Err(error) => {
            noticed.engine.push(error.to_string());
            return noticed;
        }
    };
    let listed = wait(repository.snapshots()).map(|all| all.len());
    if listed.as_ref().ok() != Some(&snapshots.len()) {
        noticed.engine.push(format!("lists {listed:?} snapshots"));
    }
    for (id, flat) in &snapshots {
        read(&repository, id, flat, &mut noticed);
    }
    let keys = repository.audit_keys(AuditScope::Content).unwrap();
    let report = check(&store, Some(keys), Level::Rebuilt);
    let bad = report
        .findings()
        .iter()
        .filter(|one| one.severity > Severity::Note);
    noticed.checker = bad.map(ToString::to_string).collect();
    noticed
}

fn read(repository: &Repository, id: &Id, flat: &Flat, noticed: &mut Noticed) {
    let each = |_: &[u8], _: &_| std::ops::ControlFlow::Continue(());
    let listed = wait(repository.list(id, b"", Depth::All, each));
    if let Err(error) = listed {
        noticed.engine.push(format!("list: {error}"));
    }
    let (differing, complaint) = differing(repository, id, flat);
    noticed.engine.extend(complaint);
    let show = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
    noticed.compared.extend(differing.iter().map(show));
}

#[test]
fn what_the_engine_writes_is_intact() {
    let mut all = Noticed::default();
    for suite in [Suite::None, Suite::Aes256Gcm] {
        let noticed = look(suite);
        all.engine.extend(noticed.engine);
        all.compared.extend(noticed.compared);
        all.checker.extend(noticed.checker);
    }
    for (who, what) in [
        ("engine", &all.engine),
        ("compared", &all.compared),
        ("checker", &all.checker),
    ] {
        let first = what.first().map_or("nothing", String::as_str);
        println!("noticed by {who}: {} times, {first}", what.len());
    }
    assert!(all.engine.is_empty() && all.compared.is_empty() && all.checker.is_empty());
}
