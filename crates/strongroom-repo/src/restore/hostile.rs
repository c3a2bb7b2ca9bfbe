//! Snapshots that no backup makes, stores that fail, callers that go.

use std::sync::Arc;

use strongroom_format::{Leaf, Names, Node, NodeKind, PageType, Ref, RefKind};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, MemoryStore, Store};

use crate::blobs::DATA;
use crate::testing::{MemoryTarget, Shape, Tree, Writer, repository, settings};
use crate::{CreateOptions, Credential, ErrorKind, LostReason, Repository, RestoreOptions};

fn file(name: &str, size: u64, first_ref: u32, refs: u32) -> Node {
    Node {
        name: name.as_bytes().to_vec(),
        mode: 0o600,
        size,
        first_ref,
        refs,
        ..Node::default()
    }
}

fn dir(name: &str) -> Node {
    Node {
        kind: NodeKind::Directory,
        ..file(name, 0, 1, 1)
    }
}

fn leaf(entries: Vec<Node>) -> Names {
    Names::Leaf(Leaf {
        entries,
        ..Leaf::default()
    })
}

#[test]
fn files_whose_pieces_do_not_add_up_are_lost_alone() {
    let (_, repository) = repository();
    let mut writer = Writer::new(&repository, Shape::default());
    let id = writer.blob(DATA, b"12345");
    let data = |len| Ref {
        id,
        len,
        kind: RefKind::Data,
    };
    let recipe = writer.page(PageType::Recipe, 0, None, vec![data(5)]);
    let claims = Ref { len: 6, ..recipe };
    let refs = vec![
        data(5),
        data(4),
        data(0),
        claims,
        recipe,
        Ref::zeros(1 << 50),
    ];
    let entries = vec![
        file("a-good", 5, 1, 1),
        file("b-longer", 6, 1, 1),
        file("c-shorter", 4, 1, 1),
        file("d-other-length", 4, 2, 1),
        file("e-empty-piece", 5, 3, 1),
        file("f-recipe-claims", 6, 4, 1),
        file("g-recipe", 5, 5, 1),
        file("h-beyond", 5, 9, 2),
        file("i-names", 5, 0, 1),
        file("j-nothing", 5, 0, 0),
        file("k-two", 10, 4, 2),
        file("l-twice", 10, 1, 2),
    ];
    let root = writer.page(PageType::Leaf, 0, Some(&leaf(entries)), refs);
    let id = writer.commit(root.id, "s");
    let target = Arc::new(MemoryTarget::default());
    let restored = repository.restore(&id, target.clone(), RestoreOptions::default(), Arc::new(()));
    let report = futures::executor::block_on(restored).unwrap();
    let there: Vec<Vec<u8>> = target.flat().into_keys().collect();
    assert_eq!(there, [b"".as_slice(), b"a-good", b"g-recipe"]);
    assert_eq!(report.lost_total, 10);
    assert!(
        report
            .lost
            .iter()
            .all(|lost| lost.reason == LostReason::Damaged)
    );
}

#[test]
fn pages_out_of_order_end_the_list_and_nothing_is_removed_after() {
    let (_, repository) = repository();
    let mut writer = Writer::new(&repository, Shape::default());
    let id = writer.blob(DATA, b"12345");
    let data = Ref {
        id,
        len: 5,
        kind: RefKind::Data,
    };
    let one = writer.page(
        PageType::Leaf,
        0,
        Some(&leaf(vec![file("m", 5, 1, 1)])),
        vec![data],
    );
    let two = writer.page(
        PageType::Leaf,
        0,
        Some(&leaf(vec![file("k", 5, 1, 1)])),
        vec![data],
    );
    let children = vec![(b"m".to_vec(), 1), (b"n".to_vec(), 1)];
    let names = Names::Interior(strongroom_format::Interior {
        children,
        ..Default::default()
    });
    let root = writer.page(PageType::Interior, 1, Some(&names), vec![one, two]);
    let id = writer.commit(root.id, "s");
    let target = Arc::new(MemoryTarget::default());
    target.plant(
        "",
        Node {
            kind: NodeKind::Directory,
            ..Node::default()
        },
        b"",
    );
    target.plant("a", file("a", 1, 0, 0), b"x");
    target.plant("z", file("z", 1, 0, 0), b"x");
    let options = RestoreOptions::default().with_extra(crate::Extra::Remove);
    let restored = repository.restore(&id, target.clone(), options, Arc::new(()));
    let report = futures::executor::block_on(restored).unwrap();
    assert_eq!(report.lost_total, 1);
    assert_eq!(
        (report.lost[0].path.as_slice(), report.lost[0].reason),
        (b"".as_slice(), LostReason::Listing)
    );
    let there: Vec<Vec<u8>> = target.flat().into_keys().collect();
    assert_eq!(there, [b"".as_slice(), b"m", b"z"]);
}

#[test]
fn a_deep_chain_comes_back() {
    let (_, repository) = repository();
    let shape = Shape {
        frame_bytes: 100_000,
        pack_bytes: 4 << 20,
        ..Shape::default()
    };
    let mut writer = Writer::new(&repository, shape);
    let mut page = writer.page(
        PageType::Leaf,
        0,
        Some(&leaf(vec![file("end", 0, 0, 0)])),
        Vec::new(),
    );
    for _ in 0..1_500 {
        page = writer.page(PageType::Leaf, 0, Some(&leaf(vec![dir("d")])), vec![page]);
    }
    let id = writer.commit(page.id, "s");
    let target = Arc::new(MemoryTarget::default());
    let restored = repository.restore(&id, target.clone(), RestoreOptions::default(), Arc::new(()));
    let report = futures::executor::block_on(restored).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.items().len(), 1_502);
    // This root has no metadata of its own.
    assert!(
        target
            .items()
            .iter()
            .all(|(path, item)| item.finished || path.is_empty())
    );
}

#[test]
fn a_store_out_of_reach_ends_the_restore() {
    let (store, repository) = repository();
    let tree = Tree::dir([
        ("a", Tree::file(&[7; 2_000])),
        ("b", Tree::file(&[8; 2_000])),
    ]);
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    for nth in 1..12 {
        let rule = Rule::new(Fault::FailBefore(StoreKind::Unavailable))
            .with_operation(Operation::Get)
            .with_key_prefix("pack/")
            .with_when(When::Nth(nth));
        let faulty: Arc<dyn Store> =
            Arc::new(Faulty::new(store.clone(), FaultPlan::new().with_rule(rule)));
        let builder = Repository::builder(faulty).settings(settings(2));
        let opened = futures::executor::block_on(builder.open(&Credential::None)).unwrap();
        let target = Arc::new(MemoryTarget::default());
        let restored = opened.restore(&id, target.clone(), RestoreOptions::default(), Arc::new(()));
        match futures::executor::block_on(restored) {
            Ok(report) => {
                let stopped = report.stopped.as_ref().map(crate::Error::kind);
                assert!(stopped.is_none() || stopped == Some(ErrorKind::Unavailable));
                assert_eq!(report.is_complete(), stopped.is_none());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        let expected = tree.flat();
        assert!(
            target
                .flat()
                .iter()
                .all(|(path, item)| *item == expected[path])
        );
    }
}

#[test]
fn encrypted_content_comes_back() {
    let store = Arc::new(MemoryStore::new());
    let builder = Repository::builder(store as Arc<dyn Store>).settings(settings(2));
    let options = CreateOptions::default()
        .with_argon2(strongroom_crypt::Argon2Params::FASTEST)
        .with_recovery_code(false);
    let credential = Credential::passphrase("correct horse");
    let repository = futures::executor::block_on(builder.create(options, &credential))
        .unwrap()
        .repository;
    let tree = Tree::dir([
        ("a", Tree::file(b"secret")),
        ("b", Tree::dir([("c", Tree::file(&[1; 5_000]))])),
    ]);
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget::default());
    let restored = repository.restore(&id, target.clone(), RestoreOptions::default(), Arc::new(()));
    assert!(futures::executor::block_on(restored).unwrap().is_complete());
    assert_eq!(target.flat(), tree.flat());
}

#[test]
fn a_caller_that_goes_ends_every_thread() {
    let (_, repository) = repository();
    let tree = Tree::dir([
        ("a", Tree::file(&[7; 2_000])),
        ("b", Tree::file(&[8; 2_000])),
    ]);
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    for polls in 1..10 {
        let target = Arc::new(MemoryTarget::default());
        let restored =
            repository.restore(&id, target.clone(), RestoreOptions::default(), Arc::new(()));
        let mut restored = Box::pin(restored);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for _ in 0..polls {
            if restored.as_mut().poll(&mut context).is_ready() {
                break;
            }
            std::thread::yield_now();
        }
        drop(restored);
        // Every thread of the restore holds the target.
        while Arc::strong_count(&target) > 1 {
            std::thread::yield_now();
        }
        let expected = tree.flat();
        assert!(
            target
                .flat()
                .iter()
                .all(|(path, item)| *item == expected[path])
        );
    }
}
