use super::*;
use crate::assess::{Assessment, assess};
use crate::testing_org::Org;

fn assessed(org: &Org) -> Assessment {
    assess(&org.history(), &org.policy(), &[], org.now())
}

#[test]
fn a_rule_that_fires_proposes_an_action_with_an_owner_and_a_day() {
    let found = assessed(&Org::good().full(85));
    let finding = found.finding("C-19/repository:nas").unwrap();
    let key = finding.action.clone().unwrap();
    let action = found.actions.iter().find(|one| one.key == key).unwrap();
    assert_eq!(action.state, ActionState::Proposed);
    assert_eq!(action.kind, ActionKind::Capacity);
    assert_eq!(action.owner.as_deref(), Some("ops"));
    assert!(action.due.is_some());
    let again = assessed(&Org::good().full(85));
    assert_eq!(
        found.actions, again.actions,
        "the same evidence gives the same key"
    );
}

#[test]
fn an_action_that_the_engine_can_do_has_a_change_of_the_policy() {
    let found = assessed(&Org::good().stopped_backups(10));
    let action = found
        .actions
        .iter()
        .find(|one| one.finding == "C-02/resource:db")
        .unwrap();
    assert_eq!(action.kind.patch().unwrap().setting, "schedule.when");
}

#[test]
fn an_open_action_takes_the_place_of_a_proposed_one() {
    let found = assessed(&Org::good().failing(5).action_for("C-20/resource:db"));
    assert!(
        found.finding("C-20/resource:db").is_none(),
        "somebody works on it"
    );
    let action = found.actions.iter().find(|one| one.key == "a-2").unwrap();
    assert_eq!(action.state, ActionState::Open);
    assert!(!action.is_overdue);
}

#[test]
fn what_is_overdue_is_a_finding_and_stays_open() {
    let found = assessed(&Org::good().action(5, false));
    assert!(found.finding("action-overdue/fleet/a-1").is_some());
    assert!(found.finding("C-21/fleet").is_some());
}

#[test]
fn nothing_is_effective_because_somebody_says_so() {
    let effective = |day| {
        let step = |state| ActionStep {
            action: "a-1".to_owned(),
            finding: "C-02/resource:db".to_owned(),
            step: state,
            ..Default::default()
        };
        Org::good()
            .recorded(10, 9, step(Step::Opened))
            .recorded(15, 9, step(Step::Done))
            .recorded(day, 9, step(Step::Effective))
    };
    let state = |org: &Org| {
        assessed(org)
            .actions
            .iter()
            .find(|one| one.key == "a-1")
            .unwrap()
            .state
    };
    assert_eq!(
        state(&effective(50)),
        ActionState::Effective,
        "45 days without the finding"
    );
    assert_eq!(
        state(&effective(50).stopped_backups(5)),
        ActionState::NotEffective
    );
    let early = Org::good().action(90, true);
    assert_eq!(state(&early), ActionState::Done, "15 days are too few");
    assert_eq!(
        state(&Org::good().action(90, true).at_later(20)),
        ActionState::Provable
    );
}
