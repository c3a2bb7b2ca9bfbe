//! Random sequences of backups, forgets, prunes and deletes, against a map.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use strongroom_crypt::Id;

use super::support::*;
use crate::testing::{Shape, TestStore, Tree, repository};
use crate::{PruneOptions, Reframe, Repository, Unused};

#[derive(Debug, Clone)]
enum Step {
    /// Builds on what is there.
    BackUp(u64),
    /// Stores everything anew, so often: the same blobs are in several packs.
    Write(u64, usize),
    /// Of those in force, counted around.
    Forget(usize),
    Prune(Kind),
    Delete,
    /// Everybody forgets what they know.
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Dead,
    Everything,
    WithoutKeys,
    Some,
    Condemn,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        Just(Kind::Dead),
        Just(Kind::Everything),
        Just(Kind::WithoutKeys),
        Just(Kind::Some),
        Just(Kind::Condemn),
    ];
    prop_oneof![
        3 => (0..5_u64).prop_map(Step::BackUp),
        2 => (0..5_u64, 1..3_usize).prop_map(|(n, copies)| Step::Write(n, copies)),
        3 => (0..8_usize).prop_map(Step::Forget),
        4 => kind.prop_map(Step::Prune),
        1 => Just(Step::Delete),
        1 => Just(Step::Reopen),
    ]
}

fn options(kind: Kind) -> PruneOptions {
    match kind {
        Kind::Dead => only_dead(),
        Kind::Everything => everything(),
        Kind::WithoutKeys => everything().with_reframe(Reframe::Never),
        Kind::Some => everything()
            .with_max_unused(Unused::Share(0.3))
            .with_max_repack_bytes(2_000),
        Kind::Condemn => everything().with_condemn(true),
    }
}

struct World {
    store: Arc<TestStore>,
    repository: Repository,
    trees: BTreeMap<Id, Tree>,
}

impl World {
    fn take(&mut self, step: &Step) {
        match step {
            Step::BackUp(n) => {
                let id = back_up(&self.repository, "a", &mixed(*n));
                self.trees.insert(id, mixed(*n));
            }
            Step::Write(n, copies) => {
                let shape = Shape {
                    copies: *copies,
                    ..Shape::default()
                };
                let id = write_as(&self.repository, "b", &tree(*n), &shape);
                self.trees.insert(id, tree(*n));
            }
            Step::Forget(at) => {
                let id = self.trees.keys().nth(at % self.trees.len().max(1)).copied();
                if let Some(id) = id {
                    forget(&self.repository, id);
                    self.trees.remove(&id);
                }
            }
            Step::Prune(kind) => {
                let report = prune(&self.repository, plan(&self.repository, options(*kind)));
                assert!(report.is_complete(), "{report:?}");
            }
            Step::Delete => {
                delete(&self.repository);
            }
            Step::Reopen => self.repository = fresh(&self.store),
        }
        for (id, tree) in &self.trees {
            assert_restores_with(&self.repository, *id, tree);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_not_forgotten_is_restored_and_what_was_is_freed(steps in prop::collection::vec(step(), 1..12)) {
        let (store, repository) = repository();
        let mut world = World { store, repository, trees: BTreeMap::new() };
        for step in &steps {
            world.take(step);
        }
        // In the end nothing is left but what is needed.
        world.take(&Step::Prune(Kind::Everything));
        world.take(&Step::Delete);
        assert_clean(&world.store, &world.repository);
        for (id, tree) in &world.trees {
            assert_restores(&world.store, *id, tree);
        }
    }
}
