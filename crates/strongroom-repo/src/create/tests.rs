//! Repositories of later versions, as far as this one may go with them.

use std::sync::Arc;

use strongroom_crypt::{Id, RepositoryId, Roles, Suite};
use strongroom_format::{Body, Condemn, Config, Feature, Forget, IndexChange, ObjectHash, Time};
use strongroom_store::{MemoryStore, Store};

use super::draft::Draft;
use crate::edge::{self, Access};
use crate::open::Opening;
use crate::probe::StoreProbe;
use crate::testing::{Tree, TreeSource, append_as};
use crate::{
    BackupOptions, Components, CreateOptions, Credential, DeleteOptions, ErrorKind, ForgetOptions,
    Repository, Result, Settings,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// A repository whose config names these features.
fn with_features(write: &[&str], maintain: &[&str]) -> Repository {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let id = RepositoryId::from_bytes([3; 16]);
    let config = Config {
        write_features: list(write),
        maintain_features: list(maintain),
        ..Config::new(id, Suite::None, Time::new(0, 0))
    };
    let opening = Opening {
        store: store.clone(),
        settings: Settings::default(),
        components: Components::default(),
        pin: None,
        credential: Credential::None,
        on_lost: crate::LostEntries::Refuse,
    };
    let options = CreateOptions::default().with_suite(Suite::None);
    let access = Access::new(store.clone(), opening.components.execution);
    wait(edge::run(access, "test", move |remote| {
        let (probe, _) = StoreProbe::make(remote, &opening.components)?;
        Draft::of_config(&config, &opening, &options, &probe)?.put(remote)
    }))
    .unwrap();
    wait(Repository::builder(store).open(&Credential::None)).unwrap()
}

fn backup(repository: &Repository) -> Result<Id> {
    let source = TreeSource::new(Tree::dir([("a", Tree::file(b"a"))]));
    let options = BackupOptions::new("s");
    wait(repository.backup(Arc::new(source), options, Arc::new(()))).map(|report| report.snapshot)
}

fn assert_incompatible<T>(result: Result<T>) {
    let error = result.err().expect("a feature is not known");
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    assert!(error.to_string().contains("moebius"), "{error}");
}

/// Makes sure that all that maintenance does is refused.
fn assert_unmaintained(repository: &Repository, snapshot: Id) {
    let plan = wait(repository.plan_forget(ForgetOptions::of([snapshot])));
    assert_incompatible(plan.and_then(|plan| wait(repository.forget(plan))));
    assert_incompatible(wait(repository.plan_delete(DeleteOptions::default())));
    let bodies = [
        Body::Forget(Forget {
            snapshots: vec![snapshot],
            ..Default::default()
        }),
        Body::Condemn(Condemn {
            packs: vec![ObjectHash::of(b"pack")],
            ..Default::default()
        }),
        Body::Index(IndexChange::default()),
    ];
    for body in bodies {
        assert_incompatible(append_as(repository, Roles::MAINTAINER, body));
    }
    assert_eq!(wait(repository.snapshots()).unwrap().len(), 2);
}

#[test]
fn a_write_feature_of_config_is_read_and_not_written() {
    let repository = with_features(&["moebius"], &[]);
    assert!(wait(repository.snapshots()).unwrap().is_empty());
    assert_incompatible(backup(&repository));
    assert_eq!(repository.journal().state().head, 1);
}

#[test]
fn a_maintain_feature_of_config_is_written_and_not_maintained() {
    let repository = with_features(&[], &["moebius"]);
    let snapshot = backup(&repository).unwrap();
    backup(&repository).unwrap();
    assert_unmaintained(&repository, snapshot);
}

#[test]
fn a_maintain_feature_of_an_entry_forbids_maintenance_from_there_on() {
    let repository = with_features(&[], &[]);
    let snapshot = backup(&repository).unwrap();
    backup(&repository).unwrap();
    let plan = wait(repository.plan_delete(DeleteOptions::default())).unwrap();
    let feature = Body::Feature(Feature {
        maintain: vec!["moebius".to_owned()],
        ..Default::default()
    });
    append_as(&repository, Roles::ADMIN, feature).unwrap();
    assert_unmaintained(&repository, snapshot);
    assert_incompatible(wait(repository.delete_dropped(plan, Arc::new(()))));
    backup(&repository).unwrap();
}
