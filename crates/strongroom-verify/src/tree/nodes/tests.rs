use strongroom_crypt::Id;
use strongroom_format::{Interior, Ref};

use super::*;

fn reference(kind: RefKind, len: u64) -> Ref {
    let id = match kind {
        RefKind::Zeros => 0,
        _ => 7,
    };
    Ref {
        id: Id::from_bytes([id; 32]),
        len,
        kind,
    }
}

/// A leaf with names, a chunk, a hole, and two pages.
fn page() -> Page {
    let kinds = [
        (RefKind::Names, 9),
        (RefKind::Data, 10),
        (RefKind::Zeros, 5),
        (RefKind::Page, 100),
        (RefKind::Page, 200),
    ];
    Page {
        page_type: PageType::Leaf,
        height: 0,
        refs: kinds.map(|(kind, len)| reference(kind, len)).to_vec(),
    }
}

fn flaws(node: Node) -> Vec<Flaw> {
    let below = [Below::Directory, Below::Recipe];
    let leaf = Leaf {
        entries: vec![node],
        ..Leaf::default()
    };
    look(&page(), &Names::Leaf(leaf), &below).flaws
}

fn node(kind: NodeKind, first_ref: u32, refs: u32, size: u64) -> Node {
    Node {
        name: b"n".to_vec(),
        kind,
        first_ref,
        refs,
        size,
        ..Node::default()
    }
}

#[test]
fn what_is_right_has_no_flaw() {
    for right in [
        node(NodeKind::File, 0, 0, 0),
        node(NodeKind::File, 1, 1, 10),
        node(NodeKind::File, 1, 2, 15),
        node(NodeKind::Stream, 4, 1, 200),
        node(NodeKind::Directory, 3, 1, 0),
        node(NodeKind::Fifo, 0, 0, 0),
        Node {
            target: Some(b"t".to_vec()),
            ..node(NodeKind::Symlink, 0, 0, 0)
        },
        Node {
            device: Some((1, 2)),
            ..node(NodeKind::BlockDevice, 0, 0, 0)
        },
    ] {
        assert_eq!(flaws(right.clone()), [], "{right:?}");
    }
}

#[test]
fn what_is_wrong_is_damage() {
    for wrong in [
        node(NodeKind::File, 1, 1, 9),
        node(NodeKind::File, 1, 2, 10),
        node(NodeKind::File, 0, 1, 9),
        node(NodeKind::File, 1, 9, 10),
        node(NodeKind::File, u32::MAX, u32::MAX, 10),
        node(NodeKind::File, 2, 2, 105),
        node(NodeKind::File, 3, 1, 100),
        node(NodeKind::File, 4, 1, 100),
        node(NodeKind::File, 0, 0, 1),
        node(NodeKind::Directory, 4, 1, 0),
        node(NodeKind::Directory, 1, 1, 0),
        node(NodeKind::Directory, 3, 2, 0),
        node(NodeKind::Symlink, 0, 0, 0),
        node(NodeKind::Fifo, 1, 1, 0),
    ] {
        let found = flaws(wrong.clone());
        assert!(found.iter().any(|flaw| flaw.is_damage), "{wrong:?}");
        assert!(found.iter().all(|flaw| flaw.name.as_deref() == Some(b"n")));
    }
}

#[test]
fn what_is_unusual_is_a_note() {
    let found = flaws(node(NodeKind::CharDevice, 0, 0, 0));
    assert!(!found.is_empty() && found.iter().all(|flaw| !flaw.is_damage));
}

#[test]
fn an_interior_page_has_a_name_for_each_page() {
    let mut page = page();
    page.page_type = PageType::Interior;
    page.height = 1;
    page.refs = vec![reference(RefKind::Names, 1), reference(RefKind::Page, 2)];
    let names = |count: u8| {
        let child = |n: u8| (vec![b'a' + n], 5);
        Names::Interior(Interior {
            children: (0..count).map(child).collect(),
            ..Interior::default()
        })
    };
    let seen = look(&page, &names(1), &[Below::Directory]);
    assert_eq!((seen.flaws.len(), seen.counts.entries), (0, 5));
    assert_eq!(look(&page, &names(2), &[Below::Directory]).flaws.len(), 1);
    let leaf = Names::Leaf(Leaf::default());
    assert_eq!(look(&page, &leaf, &[Below::Directory]).flaws.len(), 1);
}
