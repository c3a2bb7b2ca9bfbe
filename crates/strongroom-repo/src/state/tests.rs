//! The rules of format §8.2 to §8.4, one by one.

use std::sync::Arc;

use strongroom_crypt::{
    Id, RepositoryId, Roles, Sealer as _, Secret, SeededRandom, SessionId, SigningKey,
    StructureKeys, Suite,
};
use strongroom_format::{
    Abandon, Added, Body, Certificate, Commit, Condemn, Damaged, DamagedPack, Dropped, Entry,
    EpochState, Feature, Forget, Genesis, Hold, HoldAction, IndexChange, Keys, ObjectHash,
    PackClass, PackRef, Packs, Payload, Policy, SegmentRef, Snapshot, Takeover, Time, Tombstone,
    Unknown, entry_head,
};

use super::{Effect, State};
use crate::{ErrorKind, Result};

/// A journal in memory, and the keys that sign it.
struct World {
    state: State,
    structure: StructureKeys,
    admin: SigningKey,
    worker: SigningKey,
    stranger: SigningKey,
    attempt: u8,
}

const CONFIG: ObjectHash = ObjectHash::from_bytes([9; 32]);
const REPOSITORY: RepositoryId = RepositoryId::from_bytes([7; 16]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(Secret::from_bytes(&[seed; 32])).unwrap()
}

fn certificate(key: &SigningKey, roles: Roles) -> Certificate {
    Certificate {
        roles,
        public: *key.public().as_bytes(),
        label: String::new(),
        not_after: 0,
    }
}

impl World {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(single_writer: bool) -> Self {
        let mut world = Self::empty();
        let genesis = world.genesis(single_writer);
        assert_eq!(world.fold(genesis, &[1]), Effect::InForce);
        world
    }

    fn empty() -> Self {
        let random: Arc<dyn strongroom_crypt::Random> = SeededRandom::shared(1);
        let structure =
            StructureKeys::with_random(Suite::None, &Secret::from_bytes(&[5; 32]), &random);
        Self {
            state: State::before_genesis(CONFIG),
            structure,
            admin: key(1),
            worker: key(2),
            stranger: key(3),
            attempt: 0,
        }
    }

    fn genesis(&self, single_writer: bool) -> Body {
        Body::Genesis(Genesis {
            admin: *self.admin.public().as_bytes(),
            config: CONFIG,
            certificates: vec![certificate(&self.worker, Roles::WRITER | Roles::MAINTAINER)],
            single_writer,
            only_writer: single_writer.then(|| *self.worker.public().as_bytes()),
            probed: true,
            probe: None,
            unknown: Unknown::default(),
        })
    }

    /// Folds an entry signed by these keys: 1 admin, 2 worker, 3 stranger.
    fn fold(&mut self, body: Body, signers: &[u8]) -> Effect {
        self.fold_payload(&Payload::new(Time::default(), body), signers)
            .unwrap()
    }

    fn fold_payload(&mut self, payload: &Payload, signers: &[u8]) -> Result<Effect> {
        let entry = self.entry(payload, signers);
        self.state.fold(&entry, &self.structure)
    }

    fn entry(&mut self, payload: &Payload, signers: &[u8]) -> Entry {
        let signers: Vec<_> = signers
            .iter()
            .map(|number| match number {
                1 => &self.admin,
                2 => &self.worker,
                _ => &self.stranger,
            })
            .collect();
        self.attempt += 1;
        let bytes = Entry::seal(
            Suite::None,
            REPOSITORY,
            self.state.head,
            [self.attempt; 16],
            self.state.head_hash,
            payload,
            self.structure.journal(),
            &signers,
        );
        Entry::decode(&bytes.unwrap()).unwrap()
    }

    /// The next entry with this payload, which need not be one.
    fn raw_entry(&self, plain: &[u8], signer: u8) -> Entry {
        let State {
            head, head_hash, ..
        } = &self.state;
        let head = entry_head(Suite::None, REPOSITORY, *head, [99; 16], head_hash);
        let mut sealed = Vec::new();
        let journal = self.structure.journal();
        journal.seal(&head, plain, &mut sealed).unwrap();
        let hash = ObjectHash::of(&sealed);
        let message = [b"strongroom v1 journal".as_slice(), &head, hash.as_bytes()].concat();
        let signer = key(signer);
        let len = u32::try_from(sealed.len()).unwrap().to_le_bytes();
        let mut object = [head.as_slice(), &len, &sealed, &[1, 0, 1, 0, 32, 0, 64, 0]].concat();
        object.extend_from_slice(signer.public().as_bytes());
        object.extend_from_slice(&signer.sign(&message));
        let seal = ObjectHash::of(&object);
        object.extend_from_slice(seal.as_bytes());
        Entry::decode(&object).unwrap()
    }

    fn in_force(&mut self, body: Body) {
        assert_eq!(self.fold(body, &[1, 2]), Effect::InForce);
    }

    fn void(&mut self, body: Body) {
        let before = format!("{:?}", self.state.to_checkpoint().unwrap());
        let head = self.state.head;
        assert!(matches!(self.fold(body, &[1, 2]), Effect::Void(_)));
        assert_eq!(self.state.head, head + 1);
        assert_eq!(format!("{:?}", self.state.to_checkpoint().unwrap()), before);
    }

    fn commit(&mut self, number: u8) -> Id {
        self.in_force(commit(number));
        let (id, _) = self.state.snapshots.values().next_back().unwrap();
        *id
    }
}

fn name(number: u8) -> ObjectHash {
    ObjectHash::from_bytes([number; 32])
}

fn session(number: u8) -> SessionId {
    SessionId::from_bytes([number; 32])
}

fn pack(number: u8) -> PackRef {
    PackRef {
        name: name(number),
        len: 100,
        class: PackClass::Data,
    }
}

fn segment(number: u8) -> SegmentRef {
    SegmentRef {
        name: name(number),
        len: 100,
        entries: 1,
    }
}

fn commit(number: u8) -> Body {
    Body::Commit(Box::new(Commit {
        snapshot: Snapshot {
            random: [number; 16],
            series: format!("series {number}"),
            ..Snapshot::default()
        },
        packs: vec![pack(number)],
        segments: vec![segment(100 + number)],
        session: session(number),
        seen: None,
        unknown: Unknown::default(),
    }))
}

fn packs(number: u8, of: u8) -> Body {
    let (packs, segments) = (vec![pack(number)], Vec::new());
    Body::Packs(Packs {
        session: session(of),
        packs,
        segments,
        unknown: Unknown::default(),
    })
}

fn tombstone(packs: &[u8], sessions: &[u8], add: &[u8]) -> Body {
    Body::Tombstone(Tombstone {
        dropped: Dropped {
            packs: packs.iter().map(|number| name(*number)).collect(),
            sessions: sessions.iter().map(|number| session(*number)).collect(),
            ..Dropped::default()
        },
        added: Added {
            packs: add.iter().map(|number| pack(*number)).collect(),
            ..Added::default()
        },
        ..Tombstone::default()
    })
}

fn index(removed: &[u8], added: &[u8]) -> Body {
    Body::Index(IndexChange {
        removed: removed.iter().map(|number| name(*number)).collect(),
        added: added.iter().map(|number| segment(*number)).collect(),
        ..IndexChange::default()
    })
}

fn forget(snapshots: &[Id]) -> Body {
    Body::Forget(Forget {
        snapshots: snapshots.to_vec(),
        ..Forget::default()
    })
}

fn hold(action: HoldAction, snapshots: &[Id], series: Option<&str>) -> Body {
    Body::Hold(Hold {
        action,
        id: [1; 16],
        snapshots: snapshots.to_vec(),
        series: series.map(str::to_owned),
        ..Hold::default()
    })
}

#[test]
fn genesis_must_be_signed_by_the_admin_it_names_and_name_config() {
    let mut world = World::empty();
    let genesis = world.genesis(false);
    assert!(matches!(world.fold(genesis, &[3]), Effect::Void(_)));
    let mut world = World::empty();
    let Body::Genesis(genesis) = world.genesis(false) else {
        unreachable!()
    };
    let other = Genesis {
        config: name(1),
        ..genesis
    };
    assert!(matches!(
        world.fold(Body::Genesis(other), &[1]),
        Effect::Void(_)
    ));
    assert!(matches!(
        World::empty().fold(commit(1), &[1]),
        Effect::Void(_)
    ));
}

#[test]
fn a_second_genesis_is_void() {
    let mut world = World::new();
    let genesis = world.genesis(true);
    world.void(genesis);
}

#[test]
fn a_commit_adds_and_ends_its_session() {
    let mut world = World::new();
    world.in_force(packs(5, 1));
    assert_eq!(world.state.sessions.len(), 1);
    let id = world.commit(1);
    assert!(
        world.state.packs.contains(&name(1)).unwrap()
            && world.state.packs.contains(&name(5)).unwrap()
    );
    assert!(world.state.segments.contains_key(&name(101)));
    assert!(world.state.snapshot(&id).is_some());
    assert!(world.state.sessions.is_empty());
    assert!(!world.state.session_ended(&session(1)));
}

#[test]
fn who_is_not_certified_for_it_has_no_effect() {
    let mut world = World::new();
    assert!(matches!(world.fold(commit(1), &[3]), Effect::Void(_)));
    assert!(matches!(world.fold(commit(1), &[1]), Effect::Void(_)));
    let keys = Keys {
        epochs: vec![(0, EpochState::Closed)],
        ..Keys::default()
    };
    assert!(matches!(
        world.fold(Body::Keys(keys), &[2]),
        Effect::Void(_)
    ));
    assert_eq!(world.fold(commit(1), &[3, 2]), Effect::InForce);
}

#[test]
fn one_wrong_signature_makes_an_entry_void() {
    let mut world = World::new();
    let payload = Payload::new(Time::default(), commit(1));
    let mut entry = world.entry(&payload, &[2, 3]);
    entry.signatures[1].signature[0] ^= 1;
    let effect = world.state.fold(&entry, &world.structure).unwrap();
    assert!(matches!(effect, Effect::Void(_)));
    assert_eq!((world.state.head, world.state.head_hash), (2, entry.hash));
}

#[test]
fn certificates_begin_and_end() {
    let mut world = World::new();
    let added = certificate(&world.stranger, Roles::WRITER);
    let ended = *world.worker.public().as_bytes();
    world.in_force(Body::Keys(Keys {
        certificates: vec![added],
        ended: vec![ended],
        ..Keys::default()
    }));
    assert!(matches!(world.fold(commit(1), &[2]), Effect::Void(_)));
    assert_eq!(world.fold(commit(1), &[3]), Effect::InForce);
    let admin = *world.admin.public().as_bytes();
    world.in_force(Body::Keys(Keys {
        ended: vec![admin],
        ..Keys::default()
    }));
    assert!(matches!(
        world.fold(Body::Keys(Keys::default()), &[1]),
        Effect::Void(_)
    ));
}

#[test]
fn an_abandoned_or_dropped_session_adds_nothing() {
    let mut world = World::new();
    world.in_force(packs(5, 1));
    world.in_force(Body::Abandon(Abandon {
        sessions: vec![session(1)],
        ..Abandon::default()
    }));
    assert!(world.state.session_ended(&session(1)) && world.state.sessions.is_empty());
    // What it announced stays in force until a Tombstone.
    assert!(world.state.packs.contains(&name(5)).unwrap());
    world.void(commit(1));
    world.void(packs(6, 1));
    world.in_force(tombstone(&[], &[2], &[]));
    world.void(commit(2));
}

#[test]
fn what_was_dropped_never_comes_back() {
    let mut world = World::new();
    world.commit(1);
    assert!(world.state.dropped.is_empty());
    world.in_force(tombstone(&[1, 50], &[], &[2]));
    assert!(
        !world.state.packs.contains(&name(1)).unwrap()
            && world.state.packs.contains(&name(2)).unwrap()
    );
    assert_eq!(world.state.dropped.len(), 2);
    world.void(packs(1, 9));
    world.void(packs(50, 9));
    world.void(tombstone(&[2], &[], &[2]));
    world.void(tombstone(&[], &[], &[1]));
    assert!(world.state.packs.contains(&name(2)).unwrap());
}

#[test]
fn segments_are_replaced_by_index_entries() {
    let mut world = World::new();
    world.commit(1);
    world.void(index(&[101], &[101]));
    world.in_force(index(&[101], &[102]));
    assert!(
        !world.state.segments.contains_key(&name(101))
            && world.state.segments.contains_key(&name(102))
    );
    world.void(index(&[], &[101]));
}

#[test]
fn adding_what_is_in_force_changes_nothing() {
    let mut world = World::new();
    world.commit(1);
    let other = PackRef { len: 7, ..pack(1) };
    let again = Packs {
        session: session(3),
        packs: vec![other],
        segments: Vec::new(),
        unknown: Unknown::default(),
    };
    world.in_force(Body::Packs(again));
    assert_eq!(world.state.packs.get(&name(1)).unwrap(), Some(pack(1)));
}

#[test]
fn forget_removes_what_is_in_force_and_not_held() {
    let mut world = World::new();
    let (one, two) = (world.commit(1), world.commit(2));
    world.void(forget(&[one, Id::from_bytes([0; 32])]));
    world.in_force(forget(&[one]));
    world.void(forget(&[one]));
    assert!(world.state.snapshot(&one).is_none() && world.state.snapshot(&two).is_some());
    assert!(world.state.packs.contains(&name(1)).unwrap());
}

#[test]
fn a_hold_keeps_snapshots_until_it_is_released() {
    let mut world = World::new();
    let (one, two) = (world.commit(1), world.commit(2));
    world.in_force(hold(HoldAction::Place, &[one], None));
    world.void(forget(&[two, one]));
    world.in_force(hold(HoldAction::Release, &[], None));
    world.in_force(hold(HoldAction::Place, &[], Some("series 2")));
    world.void(forget(&[two]));
    world.in_force(forget(&[one]));
    world.in_force(hold(HoldAction::Release, &[], None));
    world.in_force(forget(&[two]));
}

#[test]
fn single_writer_mode_admits_one_key_until_a_takeover() {
    let mut world = World::with(true);
    let both = certificate(&world.stranger, Roles::WRITER);
    let keys = Keys {
        certificates: vec![both],
        ..Keys::default()
    };
    // What only an admin may write is excepted.
    assert_eq!(world.fold(Body::Keys(keys), &[1]), Effect::InForce);
    assert!(matches!(world.fold(commit(1), &[3]), Effect::Void(_)));
    assert_eq!(world.fold(commit(1), &[2]), Effect::InForce);
    for body in [
        hold(HoldAction::Place, &[], None),
        Body::Feature(Feature::default()),
        Body::Policy(Policy::default()),
    ] {
        assert_eq!(world.fold(body, &[1]), Effect::InForce);
    }
    // What others may write too is not, not even the admin's.
    let other = Body::Damaged(Damaged::default());
    let admin = certificate(&world.admin, Roles::WRITER);
    let keys = Keys {
        certificates: vec![admin],
        ..Keys::default()
    };
    assert_eq!(world.fold(Body::Keys(keys), &[1]), Effect::InForce);
    assert!(matches!(world.fold(other, &[1]), Effect::Void(_)));
    let only_writer = *world.stranger.public().as_bytes();
    let takeover = Takeover {
        only_writer,
        ..Takeover::default()
    };
    assert_eq!(world.fold(Body::Takeover(takeover), &[1]), Effect::InForce);
    assert!(matches!(world.fold(commit(2), &[2]), Effect::Void(_)));
    assert_eq!(world.fold(commit(2), &[3]), Effect::InForce);
}

#[test]
fn damage_adds_up_and_no_frames_means_all() {
    let mut world = World::new();
    world.commit(1);
    let damaged = |frames: &[u32]| {
        let packs = vec![DamagedPack {
            pack: name(1),
            frames: frames.to_vec(),
        }];
        Body::Damaged(Damaged {
            packs,
            ..Damaged::default()
        })
    };
    world.in_force(damaged(&[3]));
    world.in_force(damaged(&[1, 3]));
    assert!(world.state.damaged[&name(1)].iter().eq(&[1, 3]));
    world.in_force(damaged(&[]));
    world.in_force(damaged(&[5]));
    assert!(world.state.damaged[&name(1)].is_empty());
    world.in_force(tombstone(&[1], &[], &[]));
    assert!(world.state.damaged.is_empty());
}

#[test]
fn condemned_packs_are_those_in_force() {
    let mut world = World::new();
    world.commit(1);
    let packs = vec![name(1), name(40)];
    world.in_force(Body::Condemn(Condemn {
        packs,
        ..Condemn::default()
    }));
    assert!(world.state.condemned.iter().eq(&[name(1)]));
    world.in_force(tombstone(&[1], &[], &[]));
    assert!(world.state.condemned.is_empty());
}

#[test]
fn keys_features_and_policies_are_noted() {
    let mut world = World::new();
    world.in_force(Body::Keys(Keys {
        generation: Some(3),
        keyring: Some(name(3)),
        epochs: vec![(0, EpochState::Closed), (1, EpochState::Open)],
        ..Keys::default()
    }));
    world.in_force(Body::Feature(Feature {
        write: vec!["x".to_owned()],
        ..Feature::default()
    }));
    world.in_force(Body::Policy(Policy {
        hash: name(8),
        ..Policy::default()
    }));
    assert_eq!(world.state.keyring, Some((3, name(3))));
    assert_eq!(
        world.state.epochs.get(&0).copied(),
        Some(EpochState::Closed)
    );
    assert!(world.state.features.write.contains("x"));
    assert_eq!(world.state.policy, Some((3, name(8))));
}

#[test]
fn a_later_type_has_no_effect_but_may_forbid_to_write() {
    let mut world = World::new();
    let body = Body::Unknown {
        kind: 99,
        raw: vec![0xA0],
    };
    let mut payload = Payload::new(Time::default(), body);
    assert_eq!(world.fold_payload(&payload, &[2]).unwrap(), Effect::InForce);
    assert_eq!(world.state.must_understand, None);
    payload.must_understand = true;
    assert!(matches!(
        world.fold_payload(&payload, &[3]).unwrap(),
        Effect::Void(_)
    ));
    assert_eq!(world.state.must_understand, None);
    world.fold_payload(&payload, &[2]).unwrap();
    assert_eq!(world.state.must_understand, Some(3));
}

#[test]
fn a_payload_that_does_not_open_or_is_not_valid_is_void() {
    let mut world = World::new();
    let random: Arc<dyn strongroom_crypt::Random> = SeededRandom::shared(2);
    let other = StructureKeys::with_random(Suite::None, &Secret::from_bytes(&[6; 32]), &random);
    let payload = Payload::new(Time::default(), commit(1));
    let entry = world.entry(&payload, &[2]);
    assert!(matches!(
        world.state.fold(&entry, &other).unwrap(),
        Effect::Void(_)
    ));
    assert_eq!((world.state.head, world.state.head_hash), (2, entry.hash));
    assert!(world.state.snapshots.is_empty());
    // A Takeover without its two keys, and what is no map.
    for plain in [
        [0xA3, 0x00, 0x0E, 0x01, 0x82, 0, 0, 0x02, 0xA0].as_slice(),
        b"x",
    ] {
        let entry = world.raw_entry(plain, 1);
        let effect = world.state.fold(&entry, &world.structure).unwrap();
        assert!(matches!(effect, Effect::Void(_)));
    }
}

#[test]
fn a_value_of_a_later_version_is_understood_by_nobody_here() {
    let mut world = World::new();
    // A Hold whose action is 2.
    let mut plain = vec![
        0xA3, 0x00, 0x0B, 0x01, 0x82, 0, 0, 0x02, 0xA4, 0x00, 0x02, 0x01, 0x50,
    ];
    plain.extend_from_slice(&[1; 16]);
    plain.extend_from_slice(&[0x02, 0x80, 0x04, 0x60]);
    let entry = world.raw_entry(&plain, 1);
    let error = world.state.fold(&entry, &world.structure).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert_eq!(world.state.head, 1);
    // Of a stranger it is nothing.
    let entry = world.raw_entry(&plain, 3);
    let effect = world.state.fold(&entry, &world.structure).unwrap();
    assert!(matches!(effect, Effect::Void(_)));
}

#[test]
fn an_entry_without_a_signature_of_a_known_algorithm_is_void() {
    let mut world = World::new();
    let payload = Payload::new(Time::default(), commit(1));
    let mut entry = world.entry(&payload, &[2]);
    entry.signatures.clear();
    let effect = world.state.fold(&entry, &world.structure).unwrap();
    assert!(matches!(effect, Effect::Void(_)));
}

#[test]
fn a_committed_session_adds_and_announces_nothing() {
    let mut world = World::new();
    world.commit(1);
    world.in_force(packs(5, 1));
    assert!(world.state.packs.contains(&name(5)).unwrap() && world.state.sessions.is_empty());
    // It may even be ended, and then adds nothing any more.
    world.in_force(tombstone(&[], &[1], &[]));
    world.void(packs(6, 1));
    assert!(world.state.committed_sessions.is_empty());
}

#[test]
fn a_snapshot_committed_twice_stays_at_its_first_entry_until_it_is_forgotten() {
    let mut world = World::new();
    let id = world.commit(1);
    let Body::Commit(mut again) = commit(1) else {
        unreachable!()
    };
    again.packs = vec![pack(7)];
    world.in_force(Body::Commit(again.clone()));
    assert_eq!(world.state.snapshot(&id).unwrap().0, 1);
    assert!(world.state.packs.contains(&name(7)).unwrap());
    world.in_force(forget(&[id]));
    world.in_force(Body::Commit(again));
    assert_eq!(world.state.snapshot(&id).unwrap().0, 4);
}

#[test]
fn a_takeover_outside_single_writer_mode_is_void() {
    let mut world = World::new();
    let only_writer = *world.stranger.public().as_bytes();
    world.void(Body::Takeover(Takeover {
        only_writer,
        ..Takeover::default()
    }));
    assert_eq!(world.state.only_writer, None);
}

#[test]
fn a_hold_replaces_one_with_its_id_and_without_names_holds_nothing() {
    let mut world = World::new();
    let one = world.commit(1);
    world.in_force(hold(HoldAction::Place, &[one], None));
    world.void(forget(&[one]));
    world.in_force(hold(HoldAction::Place, &[], None));
    let unnamed = Body::Commit(Box::new(Commit {
        snapshot: Snapshot::default(),
        packs: Vec::new(),
        segments: Vec::new(),
        session: session(9),
        seen: None,
        unknown: Unknown::default(),
    }));
    world.in_force(unnamed);
    let (id, _) = *world.state.snapshots.values().next_back().unwrap();
    world.in_force(forget(&[one, id]));
}

#[test]
fn a_hold_is_in_force_after_its_end_and_a_key_after_its_last_day() {
    let mut world = World::new();
    let one = world.commit(1);
    let Body::Hold(placed) = hold(HoldAction::Place, &[one], None) else {
        unreachable!()
    };
    world.in_force(Body::Hold(Hold {
        end: Some(Time::new(-5, 0)),
        ..placed
    }));
    world.void(forget(&[one]));
    let expired = Certificate {
        not_after: 1,
        ..certificate(&world.stranger, Roles::WRITER)
    };
    world.in_force(Body::Keys(Keys {
        certificates: vec![expired],
        ..Keys::default()
    }));
    assert_eq!(world.fold(commit(2), &[3]), Effect::InForce);
}

#[test]
fn certificates_of_a_key_add_up_and_end_together() {
    let mut world = World::new();
    let keys = |roles: &[Roles], ended: &[&SigningKey], key: &SigningKey| {
        Body::Keys(Keys {
            certificates: roles.iter().map(|roles| certificate(key, *roles)).collect(),
            ended: ended.iter().map(|key| *key.public().as_bytes()).collect(),
            ..Keys::default()
        })
    };
    let stranger = key(3);
    world.in_force(keys(&[Roles::WRITER, Roles::MAINTAINER], &[], &stranger));
    assert_eq!(world.fold(commit(1), &[3]), Effect::InForce);
    assert_eq!(world.fold(index(&[], &[7]), &[3]), Effect::InForce);
    // Endings come first: what the same entry adds is in force.
    world.in_force(keys(&[Roles::WRITER], &[&stranger], &stranger));
    assert_eq!(world.fold(commit(2), &[3]), Effect::InForce);
    assert!(matches!(
        world.fold(index(&[], &[8]), &[3]),
        Effect::Void(_)
    ));
    world.in_force(keys(&[Roles::WRITER], &[], &stranger));
    assert_eq!(world.state.certificates.len(), 3);
    world.in_force(keys(&[], &[&stranger], &stranger));
    assert!(matches!(world.fold(commit(3), &[3]), Effect::Void(_)));
}

#[test]
fn a_checkpoint_brings_the_whole_state() {
    let mut world = World::with(true);
    let one = world.commit(1);
    world.commit(2);
    world.in_force(packs(5, 8));
    world.in_force(hold(HoldAction::Place, &[one], None));
    world.in_force(tombstone(&[2], &[3], &[6]));
    let packs = vec![DamagedPack {
        pack: name(1),
        frames: vec![2],
    }];
    world.in_force(Body::Damaged(Damaged {
        packs,
        ..Damaged::default()
    }));
    let checkpoint = world.state.to_checkpoint().unwrap();
    let decoded = strongroom_format::Checkpoint::decode(&checkpoint.encode().unwrap()).unwrap();
    let known = State::before_genesis(CONFIG);
    let State {
        head, head_hash, ..
    } = world.state;
    let state = State::of_checkpoint(decoded, head, head_hash, &known, &world.structure).unwrap();
    assert_eq!(
        format!("{:?}", state.to_checkpoint().unwrap()),
        format!("{checkpoint:?}")
    );
    assert!(state.snapshot(&one).is_some());
    assert_eq!(state.only_writer, world.state.only_writer);
    assert!(state.dropped.keys().eq(world.state.dropped.keys()));
}
