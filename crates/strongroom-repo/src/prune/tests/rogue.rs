//! What others have written, wrong or dishonest, and what a store has lost: an honest prune must not make it worse.

use strongroom_crypt::Id;
use strongroom_format::{Leaf, Names, PageType, Ref, RefKind};

use super::support::*;
use crate::testing::{Shape, Tree, Writer, repository};
use crate::{ErrorKind, Repository};

fn root_of(repository: &Repository, id: Id) -> Id {
    state(repository).snapshot(&id).unwrap().1.root
}

/// Commits a snapshot that refers to the root of another as if it were content.
fn refer_to_as_content(repository: &Repository, root: Id) -> Id {
    let mut writer = Writer::new(repository, Shape::default());
    let kind = RefKind::Data;
    let names = Names::Leaf(Leaf {
        root: Some(Box::new(Tree::dir([]).node(b""))),
        ..Leaf::default()
    });
    let refs = vec![Ref {
        id: root,
        len: 1,
        kind,
    }];
    let page = writer.page(PageType::Leaf, 0, Some(&names), refs);
    writer.commit(page.id, "rogue")
}

#[test]
fn a_page_that_somebody_refers_to_as_content_is_followed_all_the_same() {
    let (store, repository) = repository();
    let kept = write(&repository, "victim", &apart());
    let rogue = refer_to_as_content(&repository, root_of(&repository, kept));
    let error = try_plan(&repository, everything()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}");
    assert!(error.to_string().contains(&rogue.to_string()), "{error}");
    forget(&repository, rogue);
    prune(&repository, plan(&repository, everything()));
    delete(&repository);
    assert_restores(&store, kept, &apart());
}
