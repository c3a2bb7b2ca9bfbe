//! Operations between two stores.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_store::MemoryStore;
use strongroom_store::wrap::{Call, Recording};

use super::{backup, create, restore, tree};
use crate::threads::started;
use crate::{CopyOptions, Execution};

/// Copies a snapshot into another repository and replicates its own; returns the requests to the two stores.
fn copy_and_replicate() -> [Vec<Call>; 2] {
    let store = || Arc::new(Recording::new(MemoryStore::new()));
    let (other, replica) = (store(), store());
    let source = create(Arc::new(MemoryStore::new()), 1, Execution::Inline);
    let target = create(other.clone(), 2, Execution::Inline);
    backup(&source, 0);
    block_on(source.copy_to(&target, CopyOptions::default(), Arc::new(()))).unwrap();
    let copied = block_on(target.snapshots()).unwrap().remove(0);
    let (_, restored) = restore(&target, &copied.id, &Arc::default());
    assert!(restored == tree(0).flat());
    block_on(source.replicate(replica.clone(), Arc::new(()))).unwrap();
    [other.calls(), replica.calls()]
}

#[test]
fn what_goes_from_store_to_store_is_repeated() {
    let before = started::by_this_thread();
    let (one, other) = (copy_and_replicate(), copy_and_replicate());
    assert_eq!(started::by_this_thread(), before);
    assert!(one == other);
}
