use futures::executor::block_on;
use strongroom_crypt::Id;
use strongroom_format::Time;

use super::HoldRequest;
use crate::ErrorKind;
use crate::testing::{Shape, Tree, Writer, reopen, repository, settings};

fn snapshot(repository: &crate::Repository, series: &str) -> Id {
    Writer::new(repository, Shape::default()).snapshot(&Tree::dir([]), series)
}

#[test]
fn a_hold_is_listed_until_it_is_released() {
    let (store, repository) = repository();
    let id = snapshot(&repository, "mail");
    let request = HoldRequest::on_snapshots([id, id], "a case").with_due(Time::new(9, 0));
    let hold = block_on(repository.place_hold(request)).unwrap();
    let other = reopen(&store, settings(1));
    let listed = block_on(other.holds()).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id, listed[0].snapshots.as_slice()),
        (hold, &[id][..])
    );
    assert_eq!(
        (listed[0].reason.as_str(), listed[0].due),
        ("a case", Some(Time::new(9, 0)))
    );
    assert!(block_on(other.snapshots()).unwrap()[0].held);
    block_on(other.release_hold(hold)).unwrap();
    assert!(block_on(repository.holds()).unwrap().is_empty());
    assert!(!block_on(repository.snapshots()).unwrap()[0].held);
}

#[test]
fn a_series_is_held_with_what_comes_later() {
    let (_, repository) = repository();
    snapshot(&repository, "mail");
    snapshot(&repository, "home");
    block_on(repository.place_hold(HoldRequest::on_series("mail", "a case"))).unwrap();
    snapshot(&repository, "mail");
    let held: Vec<_> = block_on(repository.snapshots())
        .unwrap()
        .into_iter()
        .map(|one| (one.snapshot.series.clone(), one.held))
        .collect();
    let expected = [("mail", true), ("home", false), ("mail", true)];
    assert_eq!(
        held,
        expected.map(|(series, held)| (series.to_owned(), held))
    );
}

#[test]
fn what_would_hold_nothing_is_refused() {
    let (store, repository) = repository();
    let id = snapshot(&repository, "mail");
    let check = |request: HoldRequest, kind: ErrorKind| {
        let error = block_on(repository.place_hold(request)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    };
    check(HoldRequest::on_snapshots([id], " "), ErrorKind::Invalid);
    check(HoldRequest::on_snapshots([], "a case"), ErrorKind::Invalid);
    let mut both = HoldRequest::on_series("mail", "a case");
    both.snapshots.push(id);
    check(both, ErrorKind::Invalid);
    let unknown = Id::from_bytes([3; 32]);
    check(
        HoldRequest::on_snapshots([id, unknown], "a case"),
        ErrorKind::NotFound,
    );
    check(
        HoldRequest::on_series("Mail", "a case"),
        ErrorKind::NotFound,
    );
    assert!(
        block_on(reopen(&store, settings(1)).holds())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn of_two_who_release_a_hold_one_is_told_that_it_is_gone() {
    let (store, repository) = repository();
    let id = snapshot(&repository, "mail");
    let other = reopen(&store, settings(1));
    let hold = block_on(repository.place_hold(HoldRequest::on_snapshots([id], "a case"))).unwrap();
    block_on(other.release_hold(hold)).unwrap();
    let error = block_on(repository.release_hold(hold)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
