use super::*;
use crate::testing_org::Org;

fn incident(org: &Org) -> Incident {
    let (history, policy) = (org.history(), org.policy());
    let case = Case::new(&history, &policy, &[], org.now());
    incidents(&case).remove(0)
}

#[test]
fn an_incident_goes_from_open_to_closed_and_is_timed() {
    let steps = [
        "open",
        "acknowledged",
        "mitigated",
        "resolved",
        "reviewed",
        "closed",
    ];
    let one = incident(&Org::good().incident(&steps));
    assert_eq!(one.state, IncidentState::Closed);
    assert_eq!(one.acknowledge_seconds(), Some(6 * 3_600));
    assert_eq!(one.resolve_seconds(), Some(18 * 3_600));
    assert!(one.refused.is_empty() && !one.is_waived);
    assert!(
        one.timeline
            .iter()
            .any(|told| told.what.contains("backup to nas"))
    );
    assert!(one.timeline.is_sorted_by_key(|told| told.at));
}

#[test]
fn it_is_not_closed_without_a_review_unless_somebody_takes_that_on_themselves() {
    let one = incident(&Org::good().incident(&["open", "resolved", "closed"]));
    assert_eq!(one.state, IncidentState::Resolved);
    assert!(
        one.refused[0].contains("without a review"),
        "{:?}",
        one.refused
    );
    let one = incident(&Org::good().incident(&["open", "resolved", "waived"]));
    assert_eq!((one.state, one.is_waived), (IncidentState::Closed, true));
    let one = incident(&Org::good().incident(&["open", "closed"]));
    assert_eq!(one.state, IncidentState::Open, "nothing is resolved");
    let one = incident(&Org::good().incident(&["open", "reviewed"]));
    assert_eq!(one.state, IncidentState::Open);
}

#[test]
fn what_begins_anew_must_be_reviewed_anew() {
    let steps = ["open", "resolved", "reviewed", "open", "resolved", "closed"];
    let one = incident(&Org::good().incident(&steps));
    assert_eq!(one.state, IncidentState::Resolved);
    assert!(one.reviewed.is_none());
}
