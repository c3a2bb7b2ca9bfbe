//! Values of every type, at random.

mod body;
mod record;

use std::sync::Arc;

use body::{admin_body, data_body};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use strongroom_crypt::{
    Argon2Params, Id, PublicKey, RepositoryId, Roles, Secret, SessionId, SlotId, Suite,
};
use strongroom_format::*;

pub(crate) use self::record::record;

pub(crate) fn suite() -> impl Strategy<Value = Suite> {
    prop_oneof![
        Just(Suite::None),
        Just(Suite::Aes256Gcm),
        Just(Suite::ChaCha20Poly1305)
    ]
}

pub(crate) fn repository() -> impl Strategy<Value = RepositoryId> {
    any::<[u8; 16]>().prop_map(RepositoryId::from_bytes)
}

pub(crate) fn id() -> BoxedStrategy<Id> {
    any::<[u8; 32]>().prop_map(Id::from_bytes).boxed()
}

pub(crate) fn hash() -> BoxedStrategy<ObjectHash> {
    any::<[u8; 32]>().prop_map(ObjectHash::from_bytes).boxed()
}

pub(crate) fn session() -> BoxedStrategy<SessionId> {
    any::<[u8; 32]>().prop_map(SessionId::from_bytes).boxed()
}

pub(crate) fn time() -> BoxedStrategy<Time> {
    (
        number(),
        any::<bool>(),
        prop_oneof![Just(0), 0..1_000_000_000_u32],
    )
        .prop_map(|(seconds, before, nanos)| {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            Time::new(if before { !seconds } else { seconds }, nanos)
        })
        .boxed()
}

/// Numbers near the edges of their encodings.
pub(crate) fn number() -> BoxedStrategy<u64> {
    prop_oneof![
        3 => 0..30_u64,
        1 => 250..260_u64,
        1 => 65_530..65_540_u64,
        1 => 4_294_967_290..4_294_967_300_u64,
        1 => any::<u64>(),
    ]
    .boxed()
}

pub(crate) fn small() -> impl Strategy<Value = u32> {
    number().prop_map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

fn label() -> BoxedStrategy<String> {
    "[a-zäß/ ]{0,12}".boxed()
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..40).prop_map(|mut name| {
        for byte in &mut name {
            if matches!(*byte, 0 | b'/' | b'.') {
                *byte = b'x';
            }
        }
        name
    })
}

fn kind() -> impl Strategy<Value = NodeKind> {
    (0..8_u64).prop_map(|n| NodeKind::from_number(n).unwrap())
}

prop_compose! {
    fn node_basics()(
        name in name(), kind in kind(), mode in 0..=0o7777_u32, uid in small(), gid in small(),
        mtime in time(), ctime in of(time()), inode in number(), size in number(),
        first_ref in small(), refs in small(),
    ) -> Node {
        let (refs, size) = if kind == NodeKind::Directory { (1, 0) } else { (refs, size) };
        let first_ref = if refs == 0 { 0 } else { first_ref };
        Node { name, kind, mode, uid, gid, mtime, ctime, inode, size, first_ref, refs, ..Node::default() }
    }
}

prop_compose! {
    pub(crate) fn node()(
        node in node_basics(), target in of(vec(any::<u8>(), 0..40)), device in of((small(), small())),
        xattrs in btree_map(vec(any::<u8>(), 0..30), vec(any::<u8>(), 0..300), 0..3),
        link in of(number()), flags in small(), atime in of(time()), incomplete in 0..4_u32,
    ) -> Node {
        let xattrs = xattrs.into_iter().collect();
        Node { target, device, xattrs, link, flags, atime, incomplete, ..node }
    }
}

prop_compose! {
    fn leaf()(
        nodes in vec(node(), 0..30), owners in btree_map(small(), name(), 0..4),
        groups in btree_map(small(), name(), 0..4), root in of(node()),
    ) -> Leaf {
        let mut entries = nodes;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.dedup_by(|a, b| a.name == b.name);
        let root = root.map(|root| Box::new(Node {
            name: Vec::new(), kind: NodeKind::Directory, size: 0, refs: 0, first_ref: 0, ..root
        }));
        let (owners, groups) = (owners.into_iter().collect(), groups.into_iter().collect());
        Leaf { entries, owners, groups, root, ..Leaf::default() }
    }
}

pub(crate) fn names() -> impl Strategy<Value = Names> {
    let interior = btree_map(name(), number(), 1..20).prop_map(|children| {
        Names::Interior(Interior {
            children: children.into_iter().collect(),
            ..Interior::default()
        })
    });
    prop_oneof![2 => leaf().prop_map(Names::Leaf), 1 => interior]
}

fn reference(kind: RefKind) -> impl Strategy<Value = Ref> {
    (id(), 0..1_u64 << 56).prop_map(move |(id, len)| match kind {
        RefKind::Zeros => Ref::zeros(len),
        kind => Ref { id, len, kind },
    })
}

pub(crate) fn page() -> impl Strategy<Value = Page> {
    let content = || prop_oneof![reference(RefKind::Data), reference(RefKind::Zeros)];
    let any_content = || prop_oneof![content(), reference(RefKind::Page)];
    let leaf = (reference(RefKind::Names), vec(any_content(), 0..50)).prop_map(|(names, rest)| {
        let refs = std::iter::once(names).chain(rest).collect();
        Page {
            page_type: PageType::Leaf,
            height: 0,
            refs,
        }
    });
    let interior = (
        reference(RefKind::Names),
        vec(reference(RefKind::Page), 1..50),
        1..=16_u8,
    )
        .prop_map(|(names, rest, height)| {
            let refs = std::iter::once(names).chain(rest).collect();
            Page {
                page_type: PageType::Interior,
                height,
                refs,
            }
        });
    let recipe = (vec(any_content(), 0..50), 1..=16_u8).prop_map(|(refs, height)| {
        let has_pages = refs.iter().any(|r| r.kind == RefKind::Page);
        Page {
            page_type: PageType::Recipe,
            height: if has_pages { height } else { 0 },
            refs,
        }
    });
    prop_oneof![leaf, interior, recipe]
}

prop_compose! {
    pub(crate) fn header(class: PackClass)(
        keys in vec((session(), any::<u32>()), 1..4),
        frames in vec((vec((id(), 0..5_000_u32), 1..6), 0..3_u8, any::<bool>(), 0..9_u32), 0..12),
    ) -> PackHeader {
        let sessions: Vec<_> = keys.into_iter().map(|(session, epoch)| SessionKeyRecord {
            session, epoch, wrap_kind: SessionKeyRecord::BOX, wrapped: vec![7; 112],
        }).collect();
        let (mut records, mut blobs, mut offset) = (Vec::new(), Vec::new(), 64);
        for (ids, position, zstd, gap) in frames {
            let plain_len: u32 = ids.iter().map(|(_, len)| len).sum();
            let zstd = zstd && plain_len > 2;
            let stored_len = if zstd { 48 + plain_len / 2 } else { 48 + plain_len };
            let position = u16::from(position) % u16::try_from(sessions.len()).unwrap();
            records.push(FrameRecord {
                offset, stored_len, plain_len,
                blobs: u32::try_from(ids.len()).unwrap(),
                key: if class == PackClass::Pages { FrameKey::Refs } else { FrameKey::Session(position) },
                kind: class as u8,
                codec: if zstd { Codec::Zstd } else { Codec::Raw },
            });
            offset += stored_len + gap;
            blobs.extend(ids.into_iter().map(|(id, len)| BlobRecord { id, len }));
        }
        PackHeader::new(sessions, records, blobs).unwrap()
    }
}

fn features() -> BoxedStrategy<Vec<String>> {
    btree_set(label(), 0..3)
        .prop_map(|set| set.into_iter().collect())
        .boxed()
}

prop_compose! {
    pub(crate) fn config()(
        repository in repository(), suite in suite(), created in time(), read in features(),
        write in features(), maintain in features(),
    ) -> Config {
        Config {
            read_features: read, write_features: write, maintain_features: maintain,
            ..Config::new(repository, suite, created)
        }
    }
}

pub(crate) fn slot() -> impl Strategy<Value = Slot> {
    let boxed = || vec(any::<u8>(), 144).prop_map(|b| <[u8; 144]>::try_from(b).unwrap());
    let method = prop_oneof![
        (8..1_048_577_u32, 1..17_u32, any::<[u8; 16]>(), boxed()).prop_map(
            |(m, t, salt, boxed)| {
                let params = Argon2Params::new(m, t, 1).unwrap();
                SlotMethod::Passphrase {
                    params,
                    salt,
                    boxed,
                }
            }
        ),
        boxed().prop_map(|boxed| SlotMethod::RecoveryCode { boxed }),
        Just(SlotMethod::Recipient),
        (label(), vec(any::<u8>(), 0..99))
            .prop_map(|(name, wrapped)| SlotMethod::External { name, wrapped }),
        (5..99_u64).prop_map(SlotMethod::Unknown),
    ];
    (any::<[u8; 16]>(), any::<[u8; 32]>(), method).prop_map(|(id, public, method)| {
        Slot::new(
            SlotId::from_bytes(id),
            PublicKey::from_bytes(public),
            method,
        )
    })
}

pub(crate) fn keyring() -> impl Strategy<Value = Keyring> {
    let bundles = btree_map(0..9_u8, vec(any::<u8>(), 0..99), 0..4);
    let sealed = prop_oneof![
        (Just(1_u64), vec(any::<u8>(), 32), vec(any::<u8>(), 48)),
        (2..9_u64, vec(any::<u8>(), 0..99), vec(any::<u8>(), 0..99)),
    ];
    let grant =
        (any::<[u8; 16]>(), any::<u8>(), sealed).prop_map(|(slot, role, (kem, enc, ct))| Grant {
            slot: SlotId::from_bytes(slot),
            role,
            kem,
            enc,
            ct,
        });
    (number(), bundles, vec(grant, 0..5)).prop_map(|(generation, bundles, grants)| Keyring {
        generation,
        bundles: bundles.into_iter().collect(),
        grants,
        ..Keyring::default()
    })
}

pub(crate) fn key_bundle() -> impl Strategy<Value = KeyBundle> {
    let secret = || any::<[u8; 32]>();
    let slots = vec(
        (
            any::<[u8; 16]>(),
            number(),
            label(),
            time(),
            any::<[u8; 32]>(),
        ),
        0..4,
    );
    (
        secret(),
        secret(),
        vec((small(), secret()), 0..4),
        hash(),
        vec((any::<u8>(), secret()), 0..3),
        slots,
    )
        .prop_map(
            |(id_key, structure_key, epochs, genesis, signing, slots)| KeyBundle {
                id_key: Secret::from_bytes(&id_key),
                structure_key: Secret::from_bytes(&structure_key),
                epochs: epochs
                    .into_iter()
                    .map(|(number, key)| Epoch {
                        number,
                        kind: Epoch::SYMMETRIC,
                        state: EpochState::Closed,
                        key: Secret::from_bytes(&key),
                    })
                    .collect(),
                genesis,
                signing: signing
                    .into_iter()
                    .map(|(roles, seed)| SigningEntry {
                        roles: Roles::from_bits(roles),
                        public: seed,
                        seed: Secret::from_bytes(&seed),
                    })
                    .collect(),
                slots: slots
                    .into_iter()
                    .map(|(id, kind, label, added, public)| SlotEntry {
                        id: SlotId::from_bytes(id),
                        kind,
                        label,
                        added,
                        public: public.to_vec(),
                        role: 0,
                    })
                    .collect(),
                unknown: UnknownSecrets::default(),
            },
        )
}

fn packs() -> BoxedStrategy<Vec<PackRef>> {
    vec((hash(), small(), 0..3_u64), 0..4)
        .prop_map(|packs| {
            let pack = |(name, len, class)| PackRef {
                name,
                len,
                class: PackClass::from_number(class).unwrap(),
            };
            packs.into_iter().map(pack).collect()
        })
        .boxed()
}

fn segments() -> BoxedStrategy<Vec<SegmentRef>> {
    vec((hash(), small(), number()), 0..4)
        .prop_map(|segments| {
            segments
                .into_iter()
                .map(|(name, len, entries)| SegmentRef { name, len, entries })
                .collect()
        })
        .boxed()
}

fn sealed() -> impl Strategy<Value = Option<(u32, Vec<u8>)>> {
    of((small(), vec(any::<u8>(), 0..99)))
}

prop_compose! {
    fn summary()(n in proptest::array::uniform8(number())) -> Summary {
        let [files, directories, others, bytes, new_bytes, added_bytes, unchanged, skipped] = n;
        Summary {
            files, directories, others, bytes, new_bytes, added_bytes, unchanged, skipped, ..Summary::default()
        }
    }
}

prop_compose! {
    pub(crate) fn snapshot()(
        random in any::<[u8; 16]>(), began in time(), durable in time(), root in id(), texts in (label(), label()),
        tags in features(), labels in btree_map(label(), label(), 0..5), partial in any::<bool>(), summary in summary().boxed(),
        details in sealed().boxed(), parent in of(id()), chunker in proptest::array::uniform4(number()),
        utc_offset_seconds in of(any::<i32>()),
    ) -> Snapshot {
        let [id, min, target, max] = chunker;
        Snapshot {
            random, began, durable, root, series: texts.0, tags, labels: labels.into(),
            outcome: if partial { Outcome::Partial } else { Outcome::Complete },
            summary, details, parent, chunker: ChunkerRecord { id, min, target, max },
            utc_offset_seconds, program: texts.1, ..Snapshot::default()
        }
    }
}

pub(crate) fn details() -> impl Strategy<Value = Details> {
    let reason = prop_oneof![
        Just(SkipReason::Other),
        Just(SkipReason::PermissionDenied),
        Just(SkipReason::Vanished),
        Just(SkipReason::ChangedWhileRead),
        Just(SkipReason::Replaced),
        Just(SkipReason::ReadError),
        Just(SkipReason::NotSupported),
        (7..99_u64).prop_map(SkipReason::Unknown),
    ];
    let skipped = (name(), reason, label()).prop_map(|(path, reason, message)| Skipped {
        path,
        reason,
        message,
    });
    (
        vec(name(), 0..4),
        vec(label(), 0..4),
        of(label()),
        vec(skipped, 0..4),
        of(vec(label(), 1..4)),
    )
        .prop_map(|(paths, excludes, description, skipped, command)| Details {
            paths,
            excludes,
            description,
            skipped,
            command,
            ..Details::default()
        })
}

fn certificates() -> BoxedStrategy<Vec<Certificate>> {
    vec((any::<u8>(), any::<[u8; 32]>(), label(), number()), 0..4)
        .prop_map(|list| {
            let certificate = |(roles, public, label, not_after)| Certificate {
                roles: Roles::from_bits(roles),
                public,
                label,
                not_after,
            };
            list.into_iter().map(certificate).collect()
        })
        .boxed()
}

fn epochs() -> BoxedStrategy<Vec<(u32, EpochState)>> {
    let state = prop_oneof![
        Just(EpochState::Open),
        Just(EpochState::Closed),
        Just(EpochState::Retired)
    ];
    vec((small(), state), 0..4).boxed()
}

fn hold() -> BoxedStrategy<Hold> {
    (
        any::<bool>(),
        any::<[u8; 16]>(),
        vec(id(), 0..3),
        of(label()),
        label(),
        of(time()),
    )
        .prop_map(|(place, id, snapshots, series, reason, end)| Hold {
            action: if place {
                HoldAction::Place
            } else {
                HoldAction::Release
            },
            id,
            snapshots,
            series,
            reason,
            end,
            ..Hold::default()
        })
        .boxed()
}

fn damaged() -> BoxedStrategy<Vec<DamagedPack>> {
    vec((hash(), vec(small(), 0..4)), 0..4)
        .prop_map(|list| {
            list.into_iter()
                .map(|(pack, frames)| DamagedPack { pack, frames })
                .collect()
        })
        .boxed()
}

pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    (
        time(),
        prop_oneof![data_body(), admin_body()],
        any::<bool>(),
        of((any::<u64>(), any::<i64>())),
    )
        .prop_map(|(time, body, must_understand, locked)| Payload {
            must_understand,
            locked: locked.map(|(mode, until)| Locked { mode, until }),
            ..Payload::new(time, body)
        })
}

fn sorted<T: Ord + Copy>(items: Vec<T>) -> Vec<T> {
    sorted_by(items, |item| *item)
}

fn sorted_by<T, K: Ord>(mut items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    items.sort_by_key(&key);
    items.dedup_by_key(|item| key(item));
    items
}

prop_compose! {
    pub(crate) fn checkpoint()(
        lists in (packs(), segments(), vec((number(), snapshot().boxed()), 0..4).boxed(), certificates(), epochs()),
        sessions in vec((session(), vec(hash(), 0..3)), 0..3), keyring in (number(), hash()),
        features in (features(), features(), features()), holds in vec(hold(), 0..3), damaged in damaged(),
        hashes in (vec(hash(), 0..3), vec(hash(), 0..3), vec(session(), 0..3), vec(session(), 0..3)),
        policy in of((number(), hash())), only_writer in of(any::<[u8; 32]>()), genesis in hash(),
        admin in any::<[u8; 32]>(), must_understand in of(number()), bridges in vec((number(), hash(), hash()), 0..3),
    ) -> Checkpoint {
        let (packs, segments, snapshots, certificates, epochs) = lists;
        let (read_features, write_features, maintain_features) = features;
        let (condemned, dropped, ended, committed) = hashes;
        let sessions = sessions.into_iter().map(|(id, packs)| (id, sorted(packs))).collect();
        let damaged = damaged.into_iter().map(|one| DamagedPack { frames: sorted(one.frames), ..one }).collect();
        Checkpoint {
            packs: sorted_by(packs, |pack| pack.name),
            segments: sorted_by(segments, |segment| segment.name),
            snapshots: sorted_by(snapshots, |(n, _)| *n)
                .into_iter()
                .map(|(n, snapshot)| (n, Arc::new(snapshot)))
                .collect(),
            sessions: sorted_by(sessions, |(id, _)| *id),
            certificates: sorted_by(certificates, |one| (one.public, one.roles.bits())),
            epochs: sorted_by(epochs, |(number, _)| *number),
            holds: sorted_by(holds, |hold| hold.id),
            damaged: sorted_by(damaged, |one: &DamagedPack| one.pack),
            condemned: sorted(condemned),
            dropped: sorted(dropped),
            ended_sessions: sorted(ended),
            committed_sessions: sorted(committed),
            bridges: sorted_by(bridges, |(n, _, _)| *n).into_iter().map(|(n, hash, next)| BridgeRef { n, hash, next }).collect(),
            keyring, read_features, write_features, maintain_features, policy, only_writer, genesis, admin,
            must_understand, unknown: Unknown::default(),
        }
    }
}
