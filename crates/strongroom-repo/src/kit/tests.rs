use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_crypt::{Argon2Params, SeededRandom};
use strongroom_store::{MemoryStore, Store};

use super::parse::{CODE, LOCATION, PIN, REPOSITORY, SUITE};
use super::*;
use crate::testing::{MemoryTarget, Shape, Tree, Writer};
use crate::{CreateOptions, RestoreOptions, SnapshotFilter};

fn kit() -> RecoveryKit {
    let id = RepositoryId::from_bytes(*b"0123456789abcdef");
    let pin = GenesisPin::from_bytes([0xA5; 32]);
    let now = Time::new(1_795_331_000, 0);
    RecoveryKit::new(
        "file:///srv/backup: old",
        id,
        Suite::ChaCha20Poly1305,
        pin,
        now,
    )
}

fn code(seed: u64) -> RecoveryCode {
    RecoveryCode::generate(SeededRandom::shared(seed).as_ref()).unwrap()
}

/// Everything of it, for comparison.
fn all(kit: &RecoveryKit) -> (String, Option<String>) {
    let code = kit.code.as_ref().map(|code| code.to_text().to_string());
    (format!("{kit:?}"), code)
}

#[test]
fn the_page_alone_restores_byte_for_byte() {
    let store = Arc::new(MemoryStore::new());
    let builder = || Repository::builder(store.clone() as Arc<dyn Store>);
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let passphrase = Credential::passphrase("forgotten by then");
    let created = block_on(builder().create(options, &passphrase)).unwrap();
    let tree = Tree::dir([("a", Tree::file(&[7; 5_000])), ("b", Tree::file(b"b"))]);
    Writer::new(&created.repository, Shape::default()).snapshot(&tree, "home");
    let page = created
        .repository
        .recovery_kit("memory")
        .with_code(created.recovery_code.unwrap())
        .to_text();
    drop(created.repository);

    let kit = RecoveryKit::parse(&page).unwrap();
    let credential = kit.credential().unwrap();
    let repository = block_on(builder().pin(kit.pin()).open(&credential)).unwrap();
    assert_eq!(repository.id(), kit.repository());
    let latest = repository.find_snapshot("latest", SnapshotFilter::default());
    let latest = block_on(latest).unwrap();
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let report =
        block_on(repository.restore(&latest, target.clone(), options, Arc::new(()))).unwrap();
    assert!(report.is_complete());
    assert!(target.flat() == tree.flat());
}

#[test]
fn it_never_shows_the_code_by_accident() {
    let kit = kit().with_code(code(1));
    let code = code(1).to_text();
    assert!(!format!("{kit:?}").contains(&*code));
    assert!(kit.to_text().contains(&*code));
}

#[test]
fn without_a_code_it_has_a_blank_to_fill() {
    let page = kit().to_text();
    assert!(page.contains(BLANK));
    let read = RecoveryKit::parse(&page).unwrap();
    assert!(read.credential().is_none());
    let filled = page.replace(BLANK, &code(2).to_text());
    assert!(RecoveryKit::parse(&filled).unwrap().credential().is_some());
}

#[test]
fn html_is_the_same_page() {
    let html = kit().with_code(code(3)).to_html();
    assert!(html.contains(&*code(3).to_text()) && html.starts_with("<!DOCTYPE html>"));
    let escaped = RecoveryKit {
        location: "a<b&c".to_owned(),
        ..kit()
    }
    .to_html();
    assert!(escaped.contains("a&lt;b&amp;c"));
}

#[test]
fn what_is_mistyped_is_named() {
    let page = kit().with_code(code(4)).to_text().to_string();
    let wrong = |from: &str, to: &str| {
        RecoveryKit::parse(&page.replace(from, to))
            .unwrap_err()
            .line
    };
    assert_eq!(wrong("a5a5", "a5b5"), PIN);
    assert_eq!(wrong("3031", "3041"), REPOSITORY);
    assert_eq!(wrong("3031", "30z1"), REPOSITORY);
    assert_eq!(wrong("Suite: 2", "Suite: 9"), SUITE);
    assert_eq!(wrong("Location", "Place"), LOCATION);
    let first: String = code(4).to_text().chars().take(7).collect();
    assert_eq!(wrong(&first, "0000000"), CODE);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn typing_again_loses_nothing(
        seed in any::<u64>(), upper in any::<bool>(), width in 30_usize..200, noise in "[a-z .]{0,40}",
    ) {
        let kit = kit().with_code(code(seed));
        let page = kit.to_text().to_string();
        let location = page.lines().find(|line| line.starts_with("Location")).unwrap().to_owned();
        let typed: Vec<String> = page
            .lines()
            .take_while(|line| !line.starts_with("TO RESTORE"))
            .flat_map(|line| {
                let line = if upper && line != location { line.to_uppercase() } else { line.to_owned() };
                if line.starts_with("Location") {
                    return vec![line];
                }
                // Lines break at spaces where the paper ends.
                let mut lines = vec![String::new()];
                for word in line.split(' ') {
                    let last = lines.last_mut().unwrap();
                    if !last.is_empty() && last.len() + word.len() > width {
                        lines.push(format!("    {word}"));
                    } else {
                        last.push_str(word);
                        last.push(' ');
                    }
                }
                lines
            })
            .collect();
        let typed = format!("{noise}\n\n{}\n\n{noise}\n", typed.join("\r\n"));
        let read = RecoveryKit::parse(&typed).unwrap();
        prop_assert_eq!(all(&read), all(&kit));
    }

    #[test]
    fn nothing_that_is_typed_panics(text in "\\PC{0,300}", at in 0_usize..900) {
        let page = kit().to_text().to_string();
        let at = page.char_indices().map(|(at, _)| at).nth(at).unwrap_or(0);
        let (before, behind) = page.split_at(at);
        drop(RecoveryKit::parse(&format!("{before}{text}{behind}")));
        drop(RecoveryKit::parse(&text));
    }
}
