use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use strongroom_format::{Entry, Evidence, ObjectHash, object_name};
use strongroom_store::{Key, StoreExt as _};

use super::JournalObject;
use crate::testing::repository;
use crate::{ErrorKind, Repository};

fn read(repository: &Repository, from: u64, at_most: usize) -> (Vec<JournalObject>, u64) {
    let objects = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&objects);
    let each = move |object| {
        let mut objects = to.lock().unwrap();
        objects.push(object);
        match objects.len() < at_most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    let next = block_on(repository.journal_objects(from, each)).unwrap();
    let objects = std::mem::take(&mut *objects.lock().unwrap());
    (objects, next)
}

fn record(repository: &Repository, count: u64) {
    for schema in 0..count {
        let evidence = Evidence {
            kind: "example".to_owned(),
            schema,
            record: vec![0xA0],
            ..Evidence::default()
        };
        block_on(repository.record_evidence(evidence)).unwrap();
    }
}

#[test]
fn every_entry_comes_as_it_is_stored_and_is_linked_to_the_next() {
    let (store, repository) = repository();
    record(&repository, 70);
    let (objects, next) = read(&repository, 0, usize::MAX);
    assert_eq!((objects.len(), next), (71, 71));
    for (n, object) in (0..).zip(&objects) {
        let key = Key::parse(&object_name::journal(n)).unwrap();
        assert_eq!(block_on(store.get_all(&key)).unwrap(), object.bytes);
        assert_eq!((object.n, object.link), (n, ObjectHash::of(&object.bytes)));
        let entry = Entry::decode(&object.bytes).unwrap();
        let before = n
            .checked_sub(1)
            .and_then(|n| objects.get(usize::try_from(n).unwrap()));
        assert!(before.is_none_or(|before| before.link == entry.previous));
    }
}

#[test]
fn it_begins_and_ends_where_it_is_told() {
    let (_, repository) = repository();
    record(&repository, 5);
    let (objects, next) = read(&repository, 2, 2);
    assert_eq!(objects.iter().map(|one| one.n).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(next, 4);
    assert_eq!(read(&repository, 6, 1), (Vec::new(), 6));
    let each = |_| ControlFlow::Continue(());
    let beyond = block_on(repository.journal_objects(7, each));
    assert_eq!(beyond.unwrap_err().kind(), ErrorKind::Invalid);
}
