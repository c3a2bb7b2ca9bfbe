//! Bodies of journal entries, at random.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use strongroom_format::*;

use super::{
    certificates, damaged, epochs, features, hash, hold, id, label, number, packs, sealed,
    segments, session, snapshot,
};

pub(super) fn data_body() -> BoxedStrategy<Body> {
    prop_oneof![
        (
            snapshot().boxed(),
            packs(),
            segments(),
            session(),
            of((number(), hash()))
        )
            .prop_map(
                |(snapshot, packs, segments, session, seen)| Body::Commit(Box::new(Commit {
                    snapshot,
                    packs,
                    segments,
                    session,
                    seen,
                    unknown: Unknown::default(),
                }))
            ),
        (session(), packs(), segments()).prop_map(|(session, packs, segments)| Body::Packs(
            Packs {
                session,
                packs,
                segments,
                unknown: Unknown::default(),
            }
        )),
        vec(session(), 0..4).prop_map(|sessions| Body::Abandon(Abandon {
            sessions,
            ..Abandon::default()
        })),
        (vec(id(), 0..4), vec(label(), 0..3)).prop_map(|(snapshots, emptied)| Body::Forget(
            Forget {
                snapshots,
                emptied,
                ..Forget::default()
            }
        )),
        vec(hash(), 0..4).prop_map(|packs| Body::Condemn(Condemn {
            packs,
            ..Condemn::default()
        })),
        tombstone(),
        (vec(hash(), 0..3), segments()).prop_map(|(removed, added)| Body::Index(IndexChange {
            removed,
            added,
            ..IndexChange::default()
        })),
        damaged().prop_map(|packs| Body::Damaged(Damaged {
            packs,
            ..Damaged::default()
        })),
    ]
    .boxed()
}

fn tombstone() -> BoxedStrategy<Body> {
    (
        vec(hash(), 0..3),
        vec(hash(), 0..3),
        vec(session(), 0..3),
        packs(),
        segments(),
    )
        .prop_map(|(drop_packs, drop_segments, sessions, packs, segments)| {
            let dropped = Dropped {
                packs: drop_packs,
                segments: drop_segments,
                sessions,
                ..Dropped::default()
            };
            let added = Added {
                packs,
                segments,
                ..Added::default()
            };
            Body::Tombstone(Tombstone {
                dropped,
                added,
                ..Tombstone::default()
            })
        })
        .boxed()
}

fn genesis() -> BoxedStrategy<Body> {
    (
        any::<[u8; 32]>(),
        hash(),
        certificates(),
        of(any::<[u8; 32]>()),
        any::<bool>(),
        of(Just(vec![0xA1, 0x61, b'k', 0x01])),
    )
        .prop_map(
            |(admin, config, certificates, only_writer, probed, probe)| {
                Body::Genesis(Genesis {
                    admin,
                    config,
                    certificates,
                    single_writer: only_writer.is_some(),
                    only_writer,
                    probed,
                    probe,
                    unknown: Unknown::default(),
                })
            },
        )
        .boxed()
}

pub(super) fn admin_body() -> BoxedStrategy<Body> {
    let record = prop_oneof![
        Just(vec![0xA0]),
        Just(vec![0xA2, 0x01, 0x82, 0x20, 0xF5, 0x61, b'k', 0x41, 0xFF]),
    ];
    prop_oneof![
        genesis(),
        (
            of((number(), hash())),
            certificates(),
            vec(any::<[u8; 32]>(), 0..3),
            epochs()
        )
            .prop_map(|(announced, certificates, ended, epochs)| Body::Keys(Keys {
                generation: announced.map(|(generation, _)| generation),
                keyring: announced.map(|(_, hash)| hash),
                certificates,
                ended,
                epochs,
                ..Keys::default()
            })),
        (features(), features(), features()).prop_map(|(read, write, maintain)| Body::Feature(
            Feature {
                read,
                write,
                maintain,
                ..Feature::default()
            }
        )),
        hold().prop_map(Body::Hold),
        (hash(), of(vec(any::<u8>(), 0..99)), of(hash()), label()).prop_map(
            |(hash, document, previous, media_type)| Body::Policy(Policy {
                hash,
                document,
                previous,
                media_type,
                ..Policy::default()
            })
        ),
        (label(), number(), record.clone(), sealed()).prop_map(
            |(kind, schema, record, sensitive)| Body::Evidence(Evidence {
                kind,
                schema,
                record,
                sensitive,
                ..Evidence::default()
            })
        ),
        (any::<[u8; 32]>(), label()).prop_map(|(only_writer, reason)| Body::Takeover(Takeover {
            only_writer,
            reason,
            ..Takeover::default()
        })),
        bridge(),
        (16..99_u64, record).prop_map(|(kind, raw)| Body::Unknown { kind, raw }),
    ]
    .boxed()
}

/// The effects of a bridge, which are no bridges themselves.
fn bridge() -> BoxedStrategy<Body> {
    let effect = data_body().prop_filter("one commit is enough", |body| {
        !matches!(body, Body::Commit(_) | Body::Unknown { .. })
    });
    let in_place =
        (of(hash()), vec(effect, 0..3), label()).prop_map(|(stated, effects, reason)| {
            Body::Bridge(Box::new(Bridge {
                stated,
                effects,
                reason,
                ..Bridge::default()
            }))
        });
    let confirming = (vec((number(), hash()), 1..3), label()).prop_map(|(confirmed, reason)| {
        Body::Bridge(Box::new(Bridge {
            confirmed,
            reason,
            ..Bridge::default()
        }))
    });
    prop_oneof![in_place, confirming].boxed()
}
