//! Random damage, random sources.

use proptest::prelude::*;
use strongroom_store::{Key, Store as _};

use super::support::*;
use crate::RepairOptions;

#[derive(Debug, Clone, Copy)]
enum Harm {
    Delete,
    Cut,
    Flip(f64),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Delete),
        Just(Harm::Cut),
        (0.0..1.0).prop_map(Harm::Flip)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn nothing_gets_worse_and_what_has_a_source_comes_back(
        harms in proptest::collection::vec((any::<prop::sample::Index>(), harm(), any::<bool>()), 1..6),
    ) {
        let mut world = World::with_bundle();
        let mirror = world.mirror();
        let names: Vec<String> = objects(&world.store)
            .into_keys()
            // One object of what exists twice is enough to be opened; both, nobody opens.
            .filter(|name| !name.contains(".copy") && !name.starts_with("journal/") && !name.starts_with("bundle/"))
            .collect();
        let mut suspects = Vec::new();
        let mut all_mirrored = true;
        for (index, harm, mirrored) in &harms {
            let name = index.get(&names);
            match harm {
                _ if get(&world.store, name).is_none() => {}
                Harm::Delete => delete(&world.store, name),
                Harm::Cut => cut(&world.store, name),
                Harm::Flip(at) => flip(&world.store, name, *at),
            }
            suspects.push(suspect(name));
            if !mirrored && is_pack(name) {
                all_mirrored = false;
                wait(mirror.delete(&Key::parse(name).unwrap())).unwrap();
            }
        }
        world.reopen();
        let whole_before: Vec<bool> = (0..3).map(|at| world.is_whole(at)).collect();
        let options = RepairOptions::default().with_suspects(suspects).with_source(as_store(&mirror));
        let left = world.repair_all(&options);
        for (at, was_whole) in whole_before.into_iter().enumerate() {
            prop_assert!(world.is_whole(at) || !was_whole);
        }
        if all_mirrored {
            prop_assert!(left.is_empty(), "{left}");
            world.assert_whole();
        }
        for n in 0..3 {
            world.back_up(&tree(n));
        }
        world.assert_whole();
        let last = world.repair_all(&options);
        prop_assert!(last.is_empty(), "{last}");
        world.assert_whole();
    }
}
