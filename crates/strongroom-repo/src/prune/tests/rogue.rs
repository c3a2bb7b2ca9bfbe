//! What others have written, wrong or dishonest, and what a store has lost: an honest prune must not make it worse.

use std::sync::Arc;
use std::time::Duration;

use strongroom_crypt::Id;
use strongroom_format::{Leaf, Names, PageType, Ref, RefKind};
use strongroom_store::wrap::Recording;
use strongroom_store::{MemoryStore, Store};

use super::support::*;
use crate::testing::{Shape, TestStore, Tree, Writer, repository};
use crate::{DeleteOptions, ErrorKind, Repository};

/// Removes the last entries of the journal.
fn roll_back(store: &Arc<TestStore>, entries: usize) {
    for key in keys_of(store, "journal/").iter().rev().take(entries) {
        wait(store.delete(key)).unwrap();
    }
}

#[test]
fn what_was_dropped_in_a_longer_journal_is_not_deleted_from_an_older_copy() {
    let (store, repository) = repository();
    let older = write(&repository, "a", &tree(1));
    let replica = Arc::new(Recording::new(MemoryStore::new()));
    wait(repository.replicate(replica.clone() as Arc<dyn Store>, Arc::new(()))).unwrap();
    let written = state(&repository).head;
    forget(&repository, older);
    prune(&repository, plan(&repository, everything()));
    let entries = usize::try_from(state(&repository).head - written).unwrap();
    let all = DeleteOptions::default().with_min_age(Duration::ZERO);
    let plan = delete_plan(&repository, all);
    assert!(!plan.is_empty());
    let behind = fresh(&replica);
    let error = wait(behind.delete_dropped(plan.clone(), Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error:?}");
    assert_restores(&replica, older, &tree(1));
    // The same store, after somebody has put an older copy in its place.
    roll_back(&store, entries);
    let error = wait(fresh(&store).delete_dropped(plan, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error:?}");
    assert_restores(&store, older, &tree(1));
}

fn root_of(repository: &Repository, id: Id) -> Id {
    state(repository).snapshot(&id).unwrap().1.root
}

/// Commits a snapshot that refers to the root of another as if it were content.
fn refer_to_as_content(repository: &Repository, root: Id) -> Id {
    let mut writer = Writer::new(repository, Shape::default());
    let kind = RefKind::Data;
    let names = Names::Leaf(Leaf {
        root: Some(Box::new(Tree::dir([]).node(b""))),
        ..Leaf::default()
    });
    let refs = vec![Ref {
        id: root,
        len: 1,
        kind,
    }];
    let page = writer.page(PageType::Leaf, 0, Some(&names), refs);
    writer.commit(page.id, "rogue")
}

#[test]
fn a_page_that_somebody_refers_to_as_content_is_followed_all_the_same() {
    let (store, repository) = repository();
    let kept = write(&repository, "victim", &apart());
    let rogue = refer_to_as_content(&repository, root_of(&repository, kept));
    let error = try_plan(&repository, everything()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}");
    assert!(error.to_string().contains(&rogue.to_string()), "{error}");
    forget(&repository, rogue);
    prune(&repository, plan(&repository, everything()));
    delete(&repository);
    assert_restores(&store, kept, &apart());
}
