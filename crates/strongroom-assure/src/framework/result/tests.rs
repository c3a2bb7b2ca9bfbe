use super::*;
use crate::framework::standard;
use crate::obligation::obligations;
use crate::testing_org::Org;

fn result(org: &Org, id: &str) -> FrameworkResult {
    let (history, policy) = (org.history(), org.policy());
    let case = Case::new(&history, &policy, &[], org.now());
    standard(id)
        .unwrap()
        .evaluate(&case, &Controls::standard(), &obligations(&case))
}

fn state(org: &Org, id: &str, item: &str) -> ItemState {
    let result = result(org, id);
    result
        .items
        .iter()
        .find(|one| one.id == item)
        .unwrap()
        .state
}

#[test]
fn the_worst_of_the_checks_is_the_state_of_an_item() {
    let item = "art. 32(1)(a)";
    assert_eq!(state(&Org::good(), "gdpr", item), ItemState::Pass);
    assert_eq!(
        state(&Org::good().without("escrow-test"), "gdpr", item),
        ItemState::Unknown
    );
    assert_eq!(
        state(&Org::good().plain_transport(), "gdpr", item),
        ItemState::Fail
    );
}

#[test]
fn what_people_must_do_is_never_green_by_itself() {
    // Nobody is asked for an audit.
    assert_eq!(
        state(&Org::good(), "gdpr", "art. 32(1)(d)"),
        ItemState::NeedsPeople
    );
    assert_eq!(
        state(&Org::good(), "soc2", "A1.3"),
        ItemState::Pass,
        "the game day is recorded"
    );
    assert_eq!(
        state(&Org::good().without("game-day"), "soc2", "A1.3"),
        ItemState::NeedsPeople
    );
    assert_eq!(
        state(&Org::good().at_later(800), "soc2", "A1.3"),
        ItemState::Fail
    );
}

#[test]
fn the_eleven_controls_of_aws_backup_are_judged() {
    let good = result(&Org::good(), "aws-backup");
    let tally = good.tally;
    assert!(
        tally.to_string().starts_with("controls evaluated: "),
        "{tally}"
    );
    let all = tally.pass + tally.fail + tally.unknown + tally.people + tally.not_applicable;
    assert_eq!(all, 11);
    // 14 daily points are less than 35 days.
    assert_eq!(good.items[4].state, ItemState::Fail, "{:#?}", good.items[4]);
}

#[test]
fn a_control_that_is_not_there_is_unknown() {
    let org = Org::good();
    let (history, policy) = (org.history(), org.policy());
    let case = Case::new(&history, &policy, &[], org.now());
    let result = standard("gdpr")
        .unwrap()
        .evaluate(&case, &Controls::none(), &[]);
    assert!(
        result
            .items
            .iter()
            .all(|one| one.state >= ItemState::NeedsPeople)
    );
    assert_eq!(result.tally.pass, 0);
}
