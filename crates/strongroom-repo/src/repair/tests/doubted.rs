//! Packs that are what was written, and of which all is bad or nobody can say.

use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    Added, Body, Damaged, DamagedPack, Dropped, EpochState, Keys, ObjectHash, PackHeader, PackRef,
    PackRow, PackTail, Preamble, SegmentBuilder, Tombstone, open_header, seal_header,
};
use strongroom_store::{Key, Store as _, StoreExt as _};

use super::support::*;
use crate::context::Context;
use crate::testing::Tree;
use crate::{ErrorKind, NoRemedy, Remedy, RepairOptions, Wrong};

/// Puts another pack in the place of a pack of content, as if it had been written like this.
fn rewritten(world: &mut World, change: impl FnOnce(&PackHeader, &mut [u8])) -> ObjectHash {
    let context = world.repository.context().clone();
    let keys = context.keys();
    let of_content = |pack: &&PackRef| pack.class as u16 == 0;
    let (old, header, tail, mut bytes) = state(&world.repository)
        .packs
        .all()
        .values()
        .filter(of_content)
        .map(|old| {
            let bytes = get(&world.store, &pack(&old.name)).unwrap();
            let tail = bytes.last_chunk::<{ PackTail::LEN }>().unwrap();
            let tail = PackTail::decode(tail, bytes.len() as u64).unwrap();
            let preamble = Preamble::decode(&bytes).unwrap();
            let start = usize::try_from(tail.header_offset).unwrap();
            let sealed = &bytes[start..start + tail.header_len as usize];
            let opener = keys.structure.header();
            let header = open_header(opener, &preamble, tail.header_offset, sealed).unwrap();
            (*old, header, tail, bytes.to_vec())
        })
        .find(|(_, header, ..)| header.frames.len() > 1)
        .unwrap();
    change(&header, &mut bytes);
    let name = ObjectHash::of(&bytes);
    put(&world.store, &pack(&name), bytes.into());
    let mut builder = SegmentBuilder::new();
    let row = builder.push_pack(PackRow {
        name,
        len: old.len,
        header_offset: u32::try_from(tail.header_offset).unwrap(),
        header_len: tail.header_len,
        class: old.class,
    });
    for (position, frame) in (0_u32..).zip(&header.frames) {
        let at = builder.push_frame(row, frame.offset, frame.stored_len, position);
        for blob in header.frame_blobs(position as usize) {
            builder.push_entry(&blob.id, at);
        }
    }
    let this = world.repository.clone();
    let segment = crate::edge::run(world.repository.store(), "test", move |remote| {
        let nobody = strongroom_crypt::SessionId::from_bytes([0; 32]);
        crate::pack_writer::put_segment(remote, this.context(), nobody, builder)
    });
    let body = Body::Tombstone(Tombstone {
        dropped: Dropped {
            packs: vec![old.name],
            ..Dropped::default()
        },
        added: Added {
            packs: vec![PackRef { name, ..old }],
            segments: vec![wait(segment).unwrap().0],
            ..Added::default()
        },
        ..Tombstone::default()
    });
    append(&world.repository, body);
    delete(&world.store, &pack(&old.name));
    world.reopen();
    name
}

fn with_bad_frames(header: &PackHeader, bytes: &mut [u8]) {
    for frame in &header.frames {
        bytes[frame.offset as usize + 1] ^= 1;
    }
}

fn with_a_bad_header(header: &PackHeader, bytes: &mut [u8]) {
    assert!(!header.frames.is_empty());
    let at = bytes.len() - PackTail::LEN - 5;
    bytes[at] ^= 1;
}

fn of_a_later_version(header: &PackHeader, bytes: &mut [u8]) {
    assert!(!header.frames.is_empty());
    bytes[8] = 2;
}

fn is_of(name: &ObjectHash) -> impl Fn(&&crate::RepairItem) -> bool {
    let object = ObjectName::Pack(*name);
    move |item| item.object == object
}

#[test]
fn a_pack_named_as_a_whole_is_doubted_as_a_whole() {
    let harms: [fn(&PackHeader, &mut [u8]); 2] = [with_bad_frames, with_a_bad_header];
    for harm in harms {
        let mut world = World::new();
        let name = rewritten(&mut world, harm);
        assert!((0..3).any(|at| !world.is_whole(at)));
        // A listing shows nothing.
        let cheap = plan(&world.repository, RepairOptions::default());
        assert!(cheap.items().iter().all(|item| !is_of(&name)(&item)));
        let mirror = world.mirror();
        let options = RepairOptions::default()
            .with_suspects([suspect(&pack(&name))])
            .with_source(as_store(&mirror));
        let made = plan(&world.repository, options.clone());
        let [item] = made.items() else {
            panic!("{made}")
        };
        assert!(
            matches!(item.wrong, Wrong::Frames(_) | Wrong::Header),
            "{made}"
        );
        assert_eq!(item.remedy, Remedy::Quarantine(Vec::new()), "{made}");
        assert!(!made.lost().snapshots.is_empty(), "{made}");
        let report = repair(&world.repository, made);
        assert_eq!((report.quarantined, report.entries), (1, 1), "{report}");
        let twin = world.twin();
        for n in 0..3 {
            let id = back_up(&world.repository, &tree(n));
            world.snapshots.push((id, tree(n)));
        }
        world.assert_whole();
        let last = world.repair_all(&options);
        assert!(last.is_empty() && last.lost().is_empty(), "{last}");
        world.assert_whole();
        assert!(state(&world.repository).damaged.is_empty());
        let again = quarantine(&twin.repository, [suspect(&pack(&name))]);
        assert_eq!(again.already, [name], "{again:?}");
    }
}

#[test]
fn whoever_quarantines_a_whole_pack_is_believed_when_all_of_it_is_bad() {
    let harms: [fn(&PackHeader, &mut [u8]); 2] = [with_bad_frames, with_a_bad_header];
    for harm in harms {
        let mut world = World::new();
        let name = rewritten(&mut world, harm);
        let whole = world.packs();
        let named = whole.iter().map(|name| suspect(&pack(name)));
        let report = quarantine(&world.repository, named);
        let [one] = report.quarantined.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!((one.pack, one.frames.as_slice()), (name, &[][..]));
        assert_eq!(report.intact.len(), whole.len() - 1);
    }
}

#[test]
fn a_pack_of_a_later_version_is_never_dropped() {
    for (is_there, has_mirror) in [(true, false), (false, true), (true, true)] {
        let mut world = World::new();
        let name = rewritten(&mut world, of_a_later_version);
        let report = quarantine(&world.repository, [suspect(&pack(&name))]);
        assert_eq!(report.unknown, [name], "{report:?}");
        let mirror = world.mirror();
        // The later version said that it is damaged.
        let one = DamagedPack {
            pack: name,
            frames: Vec::new(),
        };
        let body = Body::Damaged(Damaged {
            packs: vec![one],
            ..Damaged::default()
        });
        append(&world.repository, body);
        if !is_there {
            delete(&world.store, &pack(&name));
        }
        let mut options = RepairOptions::default();
        if has_mirror {
            options = options.with_source(as_store(&mirror));
        }
        world.reopen();
        let made = plan(&world.repository, options);
        let item = made.items().iter().find(is_of(&name));
        let item = item.unwrap_or_else(|| panic!("{made}"));
        assert!(
            matches!(item.remedy, Remedy::None(NoRemedy::Newer(_))),
            "{made}"
        );
        repair(&world.repository, made);
        let state = state(&world.repository);
        assert!(state.packs.contains(&name).unwrap() && state.damaged.contains_key(&name));
    }
}

/// Seals the header once more, with its sessions under an epoch that nobody has a key of.
fn under_an_unknown_epoch(context: &Context, header: &PackHeader, bytes: &mut [u8]) {
    let tail = PackTail::decode(bytes.last_chunk().unwrap(), bytes.len() as u64).unwrap();
    let mut sessions = header.sessions.clone();
    sessions.iter_mut().for_each(|session| session.epoch = 77);
    let header = PackHeader::new(sessions, header.frames.clone(), header.blobs.clone()).unwrap();
    let preamble = Preamble::decode(bytes).unwrap();
    let mut sealed = Vec::new();
    let (at, keys) = (tail.header_offset, context.keys());
    seal_header(keys.structure.header(), &preamble, at, &header, &mut sealed).unwrap();
    let at = usize::try_from(at).unwrap();
    bytes[at..at + sealed.len()].copy_from_slice(&sealed);
}

#[test]
fn whoever_lacks_a_key_puts_nothing_in_quarantine() {
    let mut world = World::new();
    let context = world.repository.context().clone();
    let change = |header: &PackHeader, bytes: &mut [u8]| {
        under_an_unknown_epoch(&context, header, bytes);
    };
    let name = rewritten(&mut world, change);
    // No other pack is looked at: one of the same session would give its secret away.
    let named = [suspect(&pack(&name))];
    let report = quarantine(&world.repository, named.clone());
    assert_eq!(report.unknown, [name], "{report:?}");
    assert_eq!((report.quarantined.len(), report.entries.len()), (0, 0));
    let made = plan(
        &world.repository,
        RepairOptions::default().with_suspects(named),
    );
    assert!(
        made.items().iter().all(|item| !is_of(&name)(&item)),
        "{made}"
    );
    assert!(state(&world.repository).damaged.is_empty());
    // What can be seen without that key counts all the same.
    flip(&world.store, &pack(&name), 0.2);
    let report = quarantine(&world.repository, [suspect(&pack(&name))]);
    assert_eq!(report.quarantined.len(), 1, "{report:?}");
}

#[test]
fn a_pack_that_a_mirror_has_again_is_put_back_and_not_dropped() {
    let mut world = World::new();
    let mirror = world.mirror();
    let before = world.packs();
    let apart = Tree::dir([("apart", Tree::file(&noise(77_777, 12_000)))]);
    let id = back_up(&world.repository, &apart);
    let new: Vec<_> = world
        .packs()
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    let bytes: Vec<_> = new
        .iter()
        .map(|name| get(&world.store, &pack(name)).unwrap())
        .collect();
    forget(&world.repository, id);
    new.iter()
        .for_each(|name| delete(&world.store, &pack(name)));
    let options = RepairOptions::default().with_source(as_store(&mirror));
    let made = plan(&world.repository, options.clone());
    assert!(
        made.items()
            .iter()
            .all(|item| matches!(item.remedy, Remedy::Move { frames: 0, .. })),
        "{made}"
    );
    // Meanwhile a snapshot needs them, and the mirror has them.
    world.back_up(&apart);
    for (name, bytes) in new.iter().zip(bytes) {
        let key = Key::parse(&object_name::pack(name)).unwrap();
        wait(mirror.put_new(&key, bytes)).unwrap();
        assert!(wait(mirror.head(&key)).is_ok());
    }
    let error = try_repair(&world.repository, made).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    let left = world.repair_all(&options);
    assert!(left.is_empty(), "{left}");
    world.assert_whole();
}

#[test]
fn what_is_under_a_retired_epoch_is_not_left_behind_while_snapshots_need_it() {
    for is_there in [true, false] {
        let mut world = World::new();
        let before = state(&world.repository);
        let all = before.packs.all();
        let of_content = all.values().find(|pack| pack.class as u16 == 0);
        let name = of_content.unwrap().name;
        let mirror = world.mirror();
        let one = DamagedPack {
            pack: name,
            frames: Vec::new(),
        };
        let body = Body::Damaged(Damaged {
            packs: vec![one],
            ..Damaged::default()
        });
        append(&world.repository, body);
        let body = Body::Keys(Keys {
            epochs: vec![(0, EpochState::Retired)],
            ..Keys::default()
        });
        append(&world.repository, body);
        if !is_there {
            delete(&world.store, &pack(&name));
        }
        let options = RepairOptions::default().with_source(as_store(&mirror));
        world.reopen();
        let made = plan(&world.repository, options);
        let item = made.items().iter().find(is_of(&name));
        let item = item.unwrap_or_else(|| panic!("{made}"));
        let waits = Remedy::None(NoRemedy::WaitsForBackup);
        assert_eq!(item.remedy, waits, "{made}");
        repair(&world.repository, made);
        assert!(state(&world.repository).packs.contains(&name).unwrap());
    }
}
