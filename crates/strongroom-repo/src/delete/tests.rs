use std::sync::Arc;

use futures::executor::block_on;
use strongroom_format::object_name;
use strongroom_store::StoreExt as _;

use crate::context::object_key;
use crate::testing::{Shape, Tree, Writer, repository};
use crate::{DeleteOptions, DeleteReason, DoomedObject, ErrorKind};

#[test]
fn what_is_in_force_again_is_not_deleted() {
    let (store, repository) = repository();
    let tree = Tree::dir([("a", Tree::file(b"content"))]);
    Writer::new(&repository, Shape::default()).snapshot(&tree, "series");
    let mut plan = block_on(repository.plan_delete(DeleteOptions::default())).unwrap();
    let state = repository.journal().state();
    let name = object_name::pack(state.packs.all().keys().next().unwrap());
    plan.objects.push(DoomedObject {
        object: name.clone(),
        len: 1,
        reason: DeleteReason::Dropped(0),
    });
    let error = block_on(repository.delete_dropped(plan, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert!(block_on(store.exists(&object_key(&name).unwrap())).unwrap());
}
