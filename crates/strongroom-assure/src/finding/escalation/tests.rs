use super::*;
use crate::assess::assess;
use crate::testing_org::Org;

fn waiting(org: &Org) -> Vec<Escalated> {
    let (history, policy) = (org.history(), org.policy());
    let case = Case::new(&history, &policy, &[], org.now());
    escalated(&case)
}

#[test]
fn an_alert_that_nobody_answers_is_late_at_its_next_step() {
    let all = waiting(&Org::good().alerted(true, false));
    let [one] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert!(one.is_late);
    assert_eq!(one.escalation.as_deref(), Some("on-call"));
    assert_eq!(
        one.waiting,
        Waiting::Step {
            step: 1,
            notify: vec!["boss".to_owned()]
        }
    );
    let found = assess(
        &Org::good().alerted(true, false).history(),
        &Org::good().policy(),
        &[],
        Org::good().now(),
    );
    assert!(
        found
            .findings
            .iter()
            .any(|one| one.rule == "escalation-overdue")
    );
}

#[test]
fn an_answer_ends_it_and_a_test_never_begins_it() {
    assert!(waiting(&Org::good().alerted(true, true)).is_empty());
    assert!(waiting(&Org::good()).is_empty());
}
