use super::*;
use crate::assess::assess;
use crate::testing_org::Org;

fn state(org: &Org, key: &str) -> ObligationState {
    let (history, policy) = (org.history(), org.policy());
    let case = Case::new(&history, &policy, &[], org.now());
    let all = obligations(&case);
    all.iter().find(|one| one.key == key).unwrap().state
}

#[test]
fn what_people_must_do_is_met_by_records_alone() {
    let key = "obligation.training";
    assert_eq!(state(&Org::good(), key), ObligationState::Met);
    assert_eq!(
        state(&Org::good().without("training"), key),
        ObligationState::Waiting
    );
    assert_eq!(
        state(&Org::good().nameless("training"), key),
        ObligationState::Waiting
    );
    assert_eq!(
        state(&Org::good().at_later(400), key),
        ObligationState::Overdue
    );
    assert_eq!(
        state(&Org::empty().at_later(400), key),
        ObligationState::Overdue
    );
}

#[test]
fn a_record_without_its_attachment_is_none_and_says_so() {
    let bare = ObligationMet {
        obligation: "training".to_owned(),
        outcome: "done".to_owned(),
        ..ObligationMet::default()
    };
    let org = Org::good().without("training").recorded(46, 9, bare);
    assert_eq!(state(&org, "obligation.training"), ObligationState::Waiting);
    let (history, policy) = (org.history(), org.policy());
    let case = Case::new(&history, &policy, &[], org.now());
    let all = obligations(&case);
    let one = all
        .iter()
        .find(|one| one.key == "obligation.training")
        .unwrap();
    assert_eq!(one.refused[0].why, "the list is not attached");
}

#[test]
fn a_review_moves_its_day_only_when_it_says_until_when() {
    let review = |outcome: &str| ObligationMet {
        obligation: "review_by".to_owned(),
        outcome: outcome.to_owned(),
        ..ObligationMet::default()
    };
    let late = || Org::good().edit("review_by = 2027-01-01", "review_by = 2026-02-01");
    assert_eq!(state(&late(), "review_by"), ObligationState::Overdue);
    let kept = late().recorded(50, 9, review("kept until 2027-06-01"));
    assert_eq!(state(&kept, "review_by"), ObligationState::Met);
    let vague = late().recorded(50, 9, review("kept"));
    assert_eq!(state(&vague, "review_by"), ObligationState::Overdue);
}

#[test]
fn overdue_work_is_a_finding() {
    let org = Org::good().at_later(400);
    let (history, policy) = (org.history(), org.policy());
    let found = assess(&history, &policy, &[], org.now());
    let finding = found
        .finding("obligation-overdue/fleet/obligation.training")
        .unwrap();
    assert!(
        finding.technical.contains("was due 2027-02-19"),
        "{finding}"
    );
    let org = Org::good();
    let (history, policy) = (org.history(), org.policy());
    let found = assess(&history, &policy, &[], org.now());
    assert!(
        found
            .findings
            .iter()
            .all(|one| !one.rule.starts_with("obligation"))
    );
}

#[test]
fn an_audit_is_frozen_by_its_hash_and_signed_by_people_alone() {
    let org = Org::good();
    let (history, policy) = (org.history(), org.policy());
    let found = assess(&history, &policy, &[], org.now());
    let freeze = |seed: &str| Audit::freeze(&found, "all", Moment::utc(0), seed, 10);
    let audit = freeze("head");
    assert_eq!(audit, freeze("head"));
    assert_ne!(
        audit.sample,
        freeze("other").sample,
        "the seed decides what is looked at"
    );
    assert_eq!(audit.sample.len(), 10);
    let case = Case::new(&history, &policy, &[], org.now());
    assert!(audit.signatures(&case).is_empty());
    let signed = Org::good().recorded(
        60,
        10,
        strongroom_format::record::SignOffGiven {
            document: audit.hash(),
            role: "auditor".to_owned(),
            decision: strongroom_format::record::Decision::Approved,
            ..Default::default()
        },
    );
    let history = signed.history();
    let case = Case::new(&history, &policy, &[], signed.now());
    assert_eq!(audit.signatures(&case)[0].role, "auditor");
}
