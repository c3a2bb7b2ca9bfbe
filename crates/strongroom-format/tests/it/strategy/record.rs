//! Records of the process, at random.

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use strongroom_format::Time;
use strongroom_format::record::*;

use super::{hash, id, number, time};

pub(crate) fn record() -> impl Strategy<Value = Record> {
    (head(), fact()).prop_map(|(head, fact)| Record::new(head, fact))
}

fn word() -> BoxedStrategy<String> {
    prop_oneof!["[a-z-]{0,8}", "\\PC{0,30}"].boxed()
}

fn person() -> BoxedStrategy<Person> {
    any::<[u8; 16]>().prop_map(Person::from_bytes).boxed()
}

fn record_id() -> BoxedStrategy<RecordId> {
    any::<[u8; 16]>().prop_map(RecordId::from_bytes).boxed()
}

fn counted() -> BoxedStrategy<Vec<(String, u64)>> {
    vec((word(), number()), 0..4).boxed()
}

fn small<T: std::fmt::Debug + 'static>(of: fn(u64) -> T) -> BoxedStrategy<T> {
    prop_oneof![4 => 0..10_u64, 1 => any::<u64>()]
        .prop_map(of)
        .boxed()
}

fn head() -> impl Strategy<Value = RecordHead> {
    let tool = (word(), word()).prop_map(|(name, version)| Tool {
        name,
        version,
        ..Tool::default()
    });
    (
        (record_id(), time(), of(any::<i64>())),
        (of(word()), of(hash()), of(person()), of(tool)),
        vec(record_id(), 0..3),
    )
        .prop_map(
            |((id, at, skew_ms), (resource, policy, actor, tool), answers)| RecordHead {
                id,
                at,
                skew_ms,
                resource,
                policy,
                actor,
                tool,
                answers,
            },
        )
}

fn fact() -> BoxedStrategy<Fact> {
    prop_oneof![
        run(),
        capacity(),
        inventory(),
        verified(),
        drill(),
        alert(),
        step(),
        obligation(),
        deleted(),
        disposal(),
        access(),
        suspect(),
        attested()
    ]
    .boxed()
}

fn run() -> BoxedStrategy<Fact> {
    let times = (of(time()), time(), time(), of(time()), of(time()));
    let error = (small(ErrorClass::from_number), word(), word(), number()).prop_map(
        |(class, code, phase, count)| ErrorCount {
            class,
            code,
            phase,
            count,
            ..ErrorCount::default()
        },
    );
    let transport = (word(), any::<bool>()).prop_map(|(protocol, peer_checked)| Transport {
        protocol,
        peer_checked,
        ..Transport::default()
    });
    let what = (word(), word(), of(word()), small(RunOutcome::from_number));
    let counters = btree_map(word(), number(), 0..30);
    let rest = (counted(), counters, vec(error, 0..3), of(transport));
    (what, any::<u32>(), times, of(id()), rest)
        .prop_map(|(what, attempt, times, snapshot, rest)| {
            let (job, repository, from, outcome) = what;
            let (due, started, ended, capture, durable) = times;
            let (phases, counters, errors, transport) = rest;
            Fact::Run(Run {
                job: Job::of(&job),
                repository,
                from,
                outcome,
                attempt,
                due,
                started,
                ended,
                capture,
                durable,
                snapshot,
                phases,
                counters,
                errors,
                transport,
                ..Run::default()
            })
        })
        .boxed()
}

fn capacity() -> BoxedStrategy<Fact> {
    let kind = small(CapacityKind::from_number);
    (
        word(),
        [number(), number(), number()],
        of(number()),
        kind,
        of(time()),
    )
        .prop_map(
            |(repository, [used, locked, reclaimable], total, kind, until)| {
                Fact::Capacity(Capacity {
                    repository,
                    used,
                    total,
                    kind,
                    locked,
                    locked_until: until,
                    reclaimable,
                    ..Capacity::default()
                })
            },
        )
        .boxed()
}

fn inventory() -> BoxedStrategy<Fact> {
    let tags = btree_map(word(), word(), 0..3);
    let item =
        (word(), word(), word(), tags).prop_map(|(id, kind, criticality, tags)| InventoryItem {
            id,
            kind,
            criticality,
            tags,
            ..InventoryItem::default()
        });
    (vec(item, 0..3), any::<bool>())
        .prop_map(|(resources, complete)| {
            Fact::Inventory(Inventory {
                resources,
                complete,
                ..Inventory::default()
            })
        })
        .boxed()
}

fn verified() -> BoxedStrategy<Fact> {
    let numbers = (any::<u8>(), [number(), number(), number(), number()]);
    (word(), numbers, of(id()), of(word()), of(number()))
        .prop_map(
            |(repository, (level, [read, all, damaged, unresolved]), snapshot, choice, entry)| {
                Fact::Verified(Verified {
                    repository,
                    level,
                    snapshot,
                    coverage: (read, all),
                    choice,
                    damaged,
                    unresolved,
                    entry,
                    ..Verified::default()
                })
            },
        )
        .boxed()
}

fn drill() -> BoxedStrategy<Fact> {
    let verdict = small(DrillVerdict::from_number);
    let validator = (word(), small(ValidatorVerdict::from_number), word());
    let lists = (counted(), vec(validator, 0..3));
    let times = [of(number()), of(number()), of(number())];
    (
        [word(), word(), word(), word()],
        of(id()),
        verdict,
        lists,
        [number(), number()],
        times,
        any::<bool>(),
    )
        .prop_map(
            |(words, snapshot, verdict, lists, [bytes, files], times, cleaned)| {
                let [scenario, repository, sandbox, choice] = words;
                let [rto_ms, rto_target_ms, people_ms] = times;
                Fact::Drill(Drill {
                    scenario,
                    snapshot,
                    repository,
                    verdict,
                    sandbox,
                    choice,
                    phases: lists.0,
                    validators: lists.1,
                    bytes,
                    files,
                    rto_ms,
                    rto_target_ms,
                    people_ms,
                    cleaned,
                    ..Drill::default()
                })
            },
        )
        .boxed()
}

fn alert() -> BoxedStrategy<Fact> {
    let outcome = small(AlertOutcome::from_number);
    (
        [word(), word()],
        any::<u8>(),
        any::<u32>(),
        outcome,
        any::<bool>(),
        of(word()),
    )
        .prop_map(|([class, route], severity, step, outcome, test, about)| {
            Fact::Alert(Alert {
                class,
                severity,
                route,
                step,
                outcome,
                test,
                about,
                ..Alert::default()
            })
        })
        .boxed()
}

fn step() -> BoxedStrategy<Fact> {
    let incident = (
        word(),
        small(IncidentState::from_number),
        of(small(ErrorClass::from_number)),
        any::<bool>(),
    )
        .prop_map(|(incident, step, cause, waiver)| {
            Fact::Incident(IncidentStep {
                incident,
                step,
                cause,
                waiver,
                ..IncidentStep::default()
            })
        });
    let action = (
        word(),
        word(),
        small(ActionState::from_number),
        of(word()),
        of(time()),
        of(word()),
    )
        .prop_map(|(action, finding, step, owner, due, kind)| {
            Fact::Action(ActionStep {
                action,
                finding,
                step,
                owner,
                due,
                kind,
                ..ActionStep::default()
            })
        });
    prop_oneof![incident, action].boxed()
}

fn obligation() -> BoxedStrategy<Fact> {
    let met = (word(), of(time()), word(), of(hash()), any::<u32>()).prop_map(
        |(obligation, due, outcome, attachment, pages)| {
            Fact::Obligation(ObligationMet {
                obligation,
                due,
                outcome,
                attachment,
                pages,
                ..ObligationMet::default()
            })
        },
    );
    let given =
        (hash(), word(), small(Decision::from_number)).prop_map(|(document, role, decision)| {
            Fact::SignOff(SignOffGiven {
                document,
                role,
                decision,
                ..SignOffGiven::default()
            })
        });
    prop_oneof![met, given].boxed()
}

fn deleted() -> BoxedStrategy<Fact> {
    (
        word(),
        [number(), number(), number(), number(), number()],
        of(time()),
    )
        .prop_map(
            |(repository, [entry, objects, bytes, missing, left], until): (_, _, Option<Time>)| {
                Fact::Deleted(Deleted {
                    entry,
                    repository,
                    objects,
                    bytes,
                    missing,
                    left,
                    left_until: until,
                    ..Deleted::default()
                })
            },
        )
        .boxed()
}

fn disposal() -> BoxedStrategy<Fact> {
    let method = small(DisposalMethod::from_number);
    let copy = (word(), word(), method, any::<bool>(), of(time())).prop_map(
        |(repository, location, method, verified, remains_until)| DisposedCopy {
            repository,
            location,
            method,
            verified,
            remains_until,
            ..DisposedCopy::default()
        },
    );
    let lists = (
        vec(any::<[u8; 16]>(), 0..3),
        vec(copy, 0..3),
        vec(person(), 0..3),
    );
    (word(), [number(), number(), number()], lists, word())
        .prop_map(
            |(subject, [snapshots, blobs, bytes], (keys, copies, operators), residual)| {
                Fact::Disposal(Disposal {
                    subject,
                    snapshots,
                    blobs,
                    bytes,
                    keys,
                    copies,
                    operators,
                    residual,
                    ..Disposal::default()
                })
            },
        )
        .boxed()
}

fn access() -> BoxedStrategy<Fact> {
    (
        word(),
        person(),
        word(),
        [number(), number()],
        [time(), time()],
    )
        .prop_map(
            |(repository, principal, what, [times, explained], [from, to])| {
                Fact::Access(Access {
                    repository,
                    principal,
                    what,
                    times,
                    explained,
                    from,
                    to,
                    ..Access::default()
                })
            },
        )
        .boxed()
}

fn suspect() -> BoxedStrategy<Fact> {
    let state = prop_oneof![
        Just(SuspectState::Raised),
        any::<[u8; 16]>().prop_map(|hold| SuspectState::HeldClean { hold }),
        any::<bool>().prop_map(|clean| SuspectState::Reviewed { clean }),
        (3..9_u64).prop_map(|state| SuspectState::Other {
            state,
            raw: vec![0x81, 0]
        }),
    ];
    (id(), vec(word(), 0..3), state)
        .prop_map(|(snapshot, signals, state)| {
            Fact::Suspect(Suspect {
                snapshot,
                signals,
                state,
                ..Suspect::default()
            })
        })
        .boxed()
}

fn attested() -> BoxedStrategy<Fact> {
    (
        word(),
        of(word()),
        any::<bool>(),
        btree_map(word(), word(), 0..3),
    )
        .prop_map(|(what, repository, holds, values)| {
            Fact::Attested(Attested {
                what,
                repository,
                holds,
                values,
                ..Attested::default()
            })
        })
        .boxed()
}
