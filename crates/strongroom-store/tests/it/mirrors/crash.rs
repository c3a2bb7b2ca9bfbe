//! Whatever fails, each member can be used as it is.

use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_store::replica::Thoroughness;
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Operation, Recording, Rule, When, WritePolicy,
};
use strongroom_store::{ErrorKind, MemoryStore, Store as _, StoreExt as _};

use super::{Flaky, Mirror, content, handle, history, order};
use crate::{key, names};

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
