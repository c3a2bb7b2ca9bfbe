//! The fold against what §8.4 defines, on entries of any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use strongroom_crypt::{Id, Secret, Suite};
use strongroom_format::{
    Abandon, Condemn, DamagedPack, Dropped, Hold, PackClass, Policy, Snapshot, Takeover, Unknown,
};

use super::*;

const ADMIN: [u8; 32] = [0xAD; 32];
const WRITER: [u8; 32] = [0x33; 32];
const MAINTAINER: [u8; 32] = [0x44; 32];
const STRANGER: [u8; 32] = [0x99; 32];

fn keys() -> StructureKeys {
    StructureKeys::new(Suite::None, &Secret::from_bytes(&[1; 32]))
}

fn certificate(public: [u8; 32], roles: Roles) -> Certificate {
    Certificate {
        roles,
        public,
        label: String::new(),
        not_after: 0,
    }
}

fn genesis(only_writer: Option<[u8; 32]>) -> Body {
    Body::Genesis(Genesis {
        admin: ADMIN,
        config: ObjectHash::of(b"config"),
        certificates: vec![
            certificate(WRITER, Roles::WRITER),
            certificate(MAINTAINER, Roles::MAINTAINER),
        ],
        single_writer: only_writer.is_some(),
        only_writer,
        probed: true,
        probe: None,
        unknown: Unknown::default(),
    })
}

/// A journal that is being folded.
struct Journal {
    state: State,
    n: u64,
}

impl Journal {
    fn new(only_writer: Option<[u8; 32]>) -> Self {
        let payload = Payload::new(Time::default(), genesis(only_writer));
        let entry = Signed {
            n: 0,
            hash: ObjectHash::of(b"genesis"),
            signers: &[ADMIN],
            payload: &payload,
        };
        Self {
            state: State::begin(&entry).unwrap(),
            n: 1,
        }
    }

    fn add(&mut self, signer: [u8; 32], body: Body) -> Effect {
        let payload = Payload::new(Time::default(), body);
        let entry = Signed {
            n: self.n,
            hash: ObjectHash::of(&self.n.to_le_bytes()),
            signers: &[signer],
            payload: &payload,
        };
        self.n += 1;
        self.state.apply(&entry, &keys())
    }
}

fn hash(name: u8) -> ObjectHash {
    ObjectHash::from_bytes([name; 32])
}

fn session(name: u8) -> SessionId {
    SessionId::from_bytes([name; 32])
}

fn packs(names: &[u8]) -> Vec<PackRef> {
    let pack = |name: &u8| PackRef {
        name: hash(*name),
        len: 100,
        class: PackClass::Data,
    };
    names.iter().map(pack).collect()
}

fn hashes(names: &[u8]) -> Vec<ObjectHash> {
    names.iter().map(|name| hash(*name)).collect()
}

fn snapshot(series: &str) -> Snapshot {
    Snapshot {
        series: series.to_owned(),
        ..Snapshot::default()
    }
}

fn commit(of: u8, series: &str, names: &[u8]) -> Body {
    Body::Commit(Box::new(Commit {
        snapshot: snapshot(series),
        packs: packs(names),
        segments: Vec::new(),
        session: session(of),
        seen: None,
        unknown: Unknown::default(),
    }))
}

fn announce(of: u8, names: &[u8]) -> Body {
    Body::Packs(Packs {
        session: session(of),
        packs: packs(names),
        segments: Vec::new(),
        unknown: Unknown::default(),
    })
}

fn tombstone(drop: &[u8], sessions: &[u8], add: &[u8]) -> Body {
    Body::Tombstone(Tombstone {
        dropped: Dropped {
            packs: hashes(drop),
            sessions: sessions.iter().map(|name| session(*name)).collect(),
            ..Dropped::default()
        },
        added: Added {
            packs: packs(add),
            ..Added::default()
        },
        unknown: Unknown::default(),
    })
}

fn id_of(series: &str) -> Id {
    snapshot(series).id(&keys()).unwrap()
}

const VOID: fn(Void) -> Effect = Effect::Void;

#[test]
fn who_may_write_what_follows_from_certificates() {
    let mut journal = Journal::new(None);
    let condemn = || Body::Condemn(Condemn::default());
    assert_eq!(journal.add(WRITER, announce(1, &[1])), Effect::Applied);
    assert_eq!(journal.add(MAINTAINER, announce(1, &[2])), VOID(Void::Role));
    assert_eq!(journal.add(WRITER, condemn()), VOID(Void::Role));
    assert_eq!(journal.add(STRANGER, condemn()), VOID(Void::Role));
    // An admin is no writer unless certified as one.
    assert_eq!(journal.add(ADMIN, announce(1, &[3])), VOID(Void::Role));
    let swap = Body::Keys(Keys {
        certificates: vec![certificate(STRANGER, Roles::WRITER)],
        ended: vec![WRITER, STRANGER],
        ..Keys::default()
    });
    assert_eq!(journal.add(WRITER, swap.clone()), VOID(Void::Role));
    assert_eq!(journal.add(ADMIN, swap), Effect::Applied);
    assert_eq!(journal.add(WRITER, announce(1, &[4])), VOID(Void::Role));
    // Endings come first.
    assert_eq!(journal.add(STRANGER, announce(1, &[4])), Effect::Applied);
    assert_eq!(journal.state.packs.len(), 2);
    let unknown = || Body::Unknown {
        kind: 99,
        raw: vec![0xA0],
    };
    assert_eq!(journal.add(WRITER, unknown()), VOID(Void::Role));
    assert_eq!(journal.add(MAINTAINER, unknown()), Effect::Unknown);
}

#[test]
fn a_genesis_counts_only_as_the_first_entry_and_by_its_own_admin() {
    let mut journal = Journal::new(None);
    assert_eq!(journal.add(ADMIN, genesis(None)), VOID(Void::SecondGenesis));
    let payload = Payload::new(Time::default(), genesis(None));
    let by = |signers: &[[u8; 32]]| {
        let hash = ObjectHash::default();
        let (n, payload) = (0, &payload);
        State::begin(&Signed {
            n,
            hash,
            signers,
            payload,
        })
        .is_some()
    };
    assert!(by(&[WRITER, ADMIN]) && !by(&[WRITER]) && !by(&[]));
}

#[test]
fn in_single_writer_mode_only_one_key_writes() {
    let mut journal = Journal::new(Some(WRITER));
    let takeover = |key| {
        Body::Takeover(Takeover {
            only_writer: key,
            ..Takeover::default()
        })
    };
    let abandon = || Body::Abandon(Abandon::default());
    assert_eq!(journal.add(WRITER, announce(1, &[1])), Effect::Applied);
    assert_eq!(
        journal.add(MAINTAINER, abandon()),
        VOID(Void::NotOnlyWriter)
    );
    assert_eq!(
        journal.add(ADMIN, Body::Policy(Policy::default())),
        Effect::Applied
    );
    assert_eq!(journal.add(ADMIN, takeover(MAINTAINER)), Effect::Applied);
    assert_eq!(journal.add(MAINTAINER, abandon()), Effect::Applied);
    assert_eq!(journal.add(WRITER, abandon()), VOID(Void::NotOnlyWriter));
    let mut many = Journal::new(None);
    assert_eq!(
        many.add(ADMIN, takeover(WRITER)),
        VOID(Void::NotSingleWriter)
    );
}

#[test]
fn what_is_held_is_not_forgotten() {
    let mut journal = Journal::new(None);
    journal.add(WRITER, commit(1, "a", &[]));
    journal.add(WRITER, commit(2, "b", &[]));
    let hold = |action, snapshots: Vec<Id>, series: Option<&str>| {
        Body::Hold(Hold {
            action,
            id: [1; 16],
            snapshots,
            series: series.map(str::to_owned),
            ..Hold::default()
        })
    };
    let forget = |series| {
        Body::Forget(Forget {
            snapshots: vec![id_of(series)],
            ..Forget::default()
        })
    };
    journal.add(ADMIN, hold(HoldAction::Place, vec![], Some("a")));
    assert_eq!(
        journal.add(MAINTAINER, forget("a")),
        VOID(Void::ForgetsHeld)
    );
    assert_eq!(
        journal.add(MAINTAINER, forget("c")),
        VOID(Void::ForgetsUnknown)
    );
    // Another hold of the same id takes its place. One that names snapshots does not hold by series.
    journal.add(ADMIN, hold(HoldAction::Place, vec![id_of("b")], Some("a")));
    assert_eq!(journal.add(MAINTAINER, forget("a")), Effect::Applied);
    assert_eq!(
        journal.add(MAINTAINER, forget("b")),
        VOID(Void::ForgetsHeld)
    );
    journal.add(ADMIN, hold(HoldAction::Release, vec![], None));
    assert_eq!(journal.add(MAINTAINER, forget("b")), Effect::Applied);
    assert!(journal.state.snapshots.is_empty());
    // What was forgotten may be committed anew.
    assert_eq!(journal.add(WRITER, commit(3, "a", &[])), Effect::Applied);
    assert_eq!(journal.state.snapshots.len(), 1);
}

#[test]
fn a_bridge_takes_effect_without_the_roles_of_its_effects() {
    let mut journal = Journal::new(Some(WRITER));
    journal.add(WRITER, announce(1, &[1, 2]));
    journal.add(WRITER, announce(1, &[9]));
    let bridge = Bridge {
        stated: Some(hash(7)),
        effects: vec![
            commit(4, "a", &[3]),
            tombstone(&[1], &[], &[]),
            // Void on its own; the others stand.
            announce(5, &[1]),
        ],
        ..Bridge::default()
    };
    let body = || Body::Bridge(Box::new(bridge.clone()));
    assert_eq!(journal.add(WRITER, body()), VOID(Void::Role));
    assert_eq!(journal.add(ADMIN, body()), Effect::Applied);
    let state = &journal.state;
    let packs: Vec<_> = state.packs.keys().copied().collect();
    assert_eq!(packs, hashes(&[2, 3, 9]));
    assert_eq!(state.snapshots.len(), 1);
    assert_eq!(state.bridges[&4].next, hash(7));
    let confirmed = Bridge {
        confirmed: vec![(4, hash(8))],
        ..Bridge::default()
    };
    journal.add(ADMIN, Body::Bridge(Box::new(confirmed)));
    assert_eq!(journal.state.bridges.len(), 1);
    assert_eq!(journal.state.confirmed[&4], hash(8));
}

/// What an entry of the property test says, in numbers.
#[derive(Debug, Clone)]
enum Step {
    Commit(u8, Vec<u8>),
    Packs(u8, Vec<u8>),
    Abandon(Vec<u8>),
    Condemn(Vec<u8>),
    Tombstone(Vec<u8>, Vec<u8>, Vec<u8>),
    Damaged(u8, Vec<u8>),
}

impl Step {
    fn body(&self) -> Body {
        match self {
            Self::Commit(of, add) => commit(*of, "s", add),
            Self::Packs(of, add) => announce(*of, add),
            Self::Abandon(sessions) => Body::Abandon(Abandon {
                sessions: sessions.iter().map(|name| session(*name)).collect(),
                ..Abandon::default()
            }),
            Self::Condemn(packs) => Body::Condemn(Condemn {
                packs: hashes(packs),
                ..Condemn::default()
            }),
            Self::Tombstone(drop, sessions, add) => tombstone(drop, sessions, add),
            Self::Damaged(pack, frames) => Body::Damaged(Damaged {
                packs: vec![DamagedPack {
                    pack: hash(*pack),
                    frames: frames.iter().map(|frame| u32::from(*frame)).collect(),
                }],
                ..Damaged::default()
            }),
        }
    }

    fn added(&self) -> &[u8] {
        match self {
            Self::Commit(_, add) | Self::Packs(_, add) | Self::Tombstone(_, _, add) => add,
            _ => &[],
        }
    }

    fn dropped(&self) -> &[u8] {
        match self {
            Self::Tombstone(drop, ..) => drop,
            _ => &[],
        }
    }

    fn ended(&self) -> &[u8] {
        match self {
            Self::Abandon(sessions) | Self::Tombstone(_, sessions, _) => sessions,
            _ => &[],
        }
    }

    fn session(&self) -> Option<u8> {
        match self {
            Self::Commit(of, _) | Self::Packs(of, _) => Some(*of),
            _ => None,
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let names = || proptest::collection::vec(0_u8..6, 0..3);
    let sessions = || proptest::collection::vec(0_u8..3, 0..2);
    let step = prop_oneof![
        (0_u8..3, names()).prop_map(|(of, add)| Step::Commit(of, add)),
        (0_u8..3, names()).prop_map(|(of, add)| Step::Packs(of, add)),
        sessions().prop_map(Step::Abandon),
        names().prop_map(Step::Condemn),
        (names(), sessions(), names()).prop_map(|(a, b, c)| Step::Tombstone(a, b, c)),
        (0_u8..6, names()).prop_map(|(pack, frames)| Step::Damaged(pack, frames)),
    ];
    proptest::collection::vec(step, 0..24)
}

/// The definitions of §8.4, over all entries that had effect: nothing is kept from one entry to the next.
struct Defined<'a>(Vec<&'a Step>);

impl Defined<'_> {
    fn was_dropped(&self, pack: u8) -> bool {
        self.0.iter().any(|step| step.dropped().contains(&pack))
    }

    fn is_in_force(&self, pack: u8) -> bool {
        self.0.iter().any(|step| step.added().contains(&pack)) && !self.was_dropped(pack)
    }

    fn has_ended(&self, session: u8) -> bool {
        self.0.iter().any(|step| step.ended().contains(&session))
    }

    fn last_end(&self, session: u8) -> Option<usize> {
        let ends = |step: &&Step| step.ended().contains(&session);
        self.0.iter().rposition(ends)
    }

    fn last_commit(&self, session: u8) -> Option<usize> {
        let commits = |step: &&Step| matches!(step, Step::Commit(of, _) if *of == session);
        self.0.iter().rposition(commits)
    }

    fn is_void(&self, step: &Step) -> bool {
        let ended = step
            .session()
            .is_some_and(|session| self.has_ended(session));
        let own = step.dropped();
        let gone = |pack: &u8| self.was_dropped(*pack) || own.contains(pack);
        ended || step.added().iter().any(gone)
    }

    fn damaged(&self, pack: u8) -> Option<Vec<u8>> {
        let drops = |step: &&Step| step.dropped().contains(&pack);
        let since = self.0.iter().rposition(drops).map_or(0, |at| at + 1);
        let mut frames = None;
        for step in self.0.iter().skip(since) {
            if let Step::Damaged(of, more) = step
                && *of == pack
            {
                frames = match frames.take() {
                    Some(Some(_)) | None if more.is_empty() => Some(None),
                    Some(None) => Some(None),
                    Some(Some(known)) => Some(Some([known, more.clone()].concat())),
                    None => Some(Some(more.clone())),
                };
            }
        }
        let mut frames = frames?.unwrap_or_default();
        frames.sort_unstable();
        frames.dedup();
        Some(frames)
    }

    fn is_condemned(&self, pack: u8) -> bool {
        let condemned = |(at, step): (usize, &&Step)| match step {
            Step::Condemn(packs) => {
                packs.contains(&pack) && Defined(self.0[..at].to_vec()).is_in_force(pack)
            }
            _ => false,
        };
        !self.was_dropped(pack) && self.0.iter().enumerate().any(condemned)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_prefix_leaves_what_the_definitions_say(steps in steps()) {
        let mut journal = Journal::new(None);
        let mut defined = Defined(Vec::new());
        for step in &steps {
            let signer = match step {
                Step::Tombstone(..) | Step::Condemn(_) => MAINTAINER,
                _ => WRITER,
            };
            let effect = journal.add(signer, step.body());
            prop_assert_eq!(effect == Effect::Applied, !defined.is_void(step), "{:?}", step);
            if effect == Effect::Applied {
                defined.0.push(step);
            }
            for pack in 0..6 {
                let state = &journal.state;
                let name = hash(pack);
                prop_assert_eq!(state.packs.contains_key(&name), defined.is_in_force(pack));
                prop_assert_eq!(state.dropped.contains(&name), defined.was_dropped(pack));
                prop_assert_eq!(state.condemned.contains(&name), defined.is_condemned(pack));
                let damaged = defined.damaged(pack);
                let damaged = damaged.map(|frames| frames.into_iter().map(u32::from).collect());
                prop_assert_eq!(state.damaged.get(&name).cloned(), damaged);
            }
            for one in 0..3 {
                let id = session(one);
                let (end, commit) = (defined.last_end(one), defined.last_commit(one));
                prop_assert_eq!(journal.state.ended_sessions.contains(&id), end.is_some());
                let committed = commit.is_some() && commit > end;
                prop_assert_eq!(journal.state.committed_sessions.contains(&id), committed);
            }
        }
        // Announced packs are those of sessions that neither committed nor ended.
        let mut announced: BTreeMap<SessionId, BTreeSet<ObjectHash>> = BTreeMap::new();
        for step in &defined.0 {
            if let Step::Packs(of, names) = step
                && !defined.has_ended(*of)
                && defined.last_commit(*of).is_none()
            {
                announced.entry(session(*of)).or_default().extend(hashes(names));
            }
        }
        prop_assert_eq!(&journal.state.announced, &announced);
    }
}
