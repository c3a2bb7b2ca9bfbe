use super::*;
use crate::duty::Obligation;
use crate::people::Contact;

fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

fn policy() -> Policy {
    let mut policy = Policy::new("test");
    policy.approval.quorum = 1;
    policy.approval.weakening_quorum = 2;
    policy.approval.roles.insert("security-officer".into());
    policy.approval.expires = Some(Period::days(30));
    for name in ["ann", "bob", "eve"] {
        let mut contact = Contact::new("person", format!("mailto:{name}@example.com"));
        if name == "bob" {
            contact.roles.insert("security-officer".into());
        }
        policy.contacts.insert(name.into(), contact);
    }
    policy
}

#[test]
fn a_version_needs_its_quorum() {
    let policy = policy();
    let hash = DocumentHash::of(b"version 2");
    let other = DocumentHash::of(b"version 3");
    let now = moment("2026-11-22T12:00:00Z");
    let sign = |person: &str, act, at: &str| SignOff::new(hash, person, act, moment(at));
    let yes = |person| sign(person, Act::Approve, "2026-11-20T12:00:00Z");
    let check = |weaker, records: &[SignOff], state, missing| {
        let standing = policy.standing(hash, weaker, records, now);
        assert_eq!(
            (standing.state, standing.missing),
            (state, missing),
            "{records:?}"
        );
    };
    check(false, &[], State::Pending, 1);
    check(false, &[yes("bob")], State::Approved, 0);
    check(true, &[yes("bob")], State::Pending, 1);
    check(true, &[yes("bob"), yes("ann")], State::Approved, 0);
    check(true, &[yes("bob"), yes("bob")], State::Pending, 1);
    // The role is missing, though the number is there.
    check(true, &[yes("eve"), yes("ann")], State::Pending, 0);
    // Nobody approves what they proposed.
    let proposed = sign("bob", Act::Propose, "2026-11-19T12:00:00Z");
    check(false, &[proposed, yes("bob")], State::Pending, 1);
    // The last word counts, in whichever order the records come.
    let no = sign("bob", Act::Reject, "2026-11-21T12:00:00Z");
    check(false, &[no.clone(), yes("bob")], State::Rejected, 1);
    let again = sign("bob", Act::Approve, "2026-11-22T11:00:00Z");
    check(false, &[no, again, yes("bob")], State::Approved, 0);
    // Strangers, the future, another version and what is too old do not count.
    check(false, &[yes("mallory")], State::Pending, 1);
    check(
        false,
        &[sign("bob", Act::Approve, "2026-11-23T12:00:00Z")],
        State::Pending,
        1,
    );
    check(
        false,
        &[sign("bob", Act::Approve, "2026-10-20T12:00:00Z")],
        State::Pending,
        1,
    );
    let of_other = SignOff::new(other, "bob", Act::Approve, moment("2026-11-20T12:00:00Z"));
    check(false, &[of_other], State::Pending, 1);
}

#[test]
fn who_has_not_read_it_is_known() {
    let policy = policy();
    let hash = DocumentHash::of(b"version 2");
    let read = SignOff::new(
        hash,
        "ann",
        Act::Acknowledge,
        moment("2026-11-20T12:00:00Z"),
    );
    assert_eq!(policy.unread_by(hash, &[read]), ["bob", "eve"]);
}

#[test]
fn work_is_due_until_there_is_a_record_with_evidence() {
    let mut policy = policy();
    policy.effective = Some("2026-01-01".parse().unwrap());
    let mut review = Obligation::new("meeting", "ann", Period::months(1));
    review.evidence = Some("the minutes".into());
    policy.obligations.insert("monthly".into(), review);
    let now = moment("2026-02-10T12:00:00Z");
    let due = |done: &[Done]| {
        let duties = policy.duties(done, &[], now);
        let duty = duties.first().unwrap().clone();
        (duty.due.unwrap().to_string(), duty.is_overdue)
    };
    assert_eq!(due(&[]), ("2026-02-01".into(), true));
    let done = Done::new("monthly", "ann", moment("2026-02-03T10:00:00Z"));
    assert_eq!(
        due(std::slice::from_ref(&done)),
        ("2026-02-01".into(), true),
        "no minutes"
    );
    let done = done.with_evidence("minutes.md");
    assert_eq!(
        due(std::slice::from_ref(&done)),
        ("2026-03-03".into(), false)
    );
    let future = Done::new("monthly", "ann", moment("2026-02-11T10:00:00Z")).with_evidence("x");
    assert_eq!(due(&[future]), ("2026-02-01".into(), true));
    policy.effective = None;
    let duties = policy.duties(&[], &[], now);
    assert!(
        duties[0].is_overdue && duties[0].due.is_none(),
        "never done, and no day to count from"
    );
}

#[test]
fn a_review_that_keeps_a_part_moves_its_day() {
    let mut policy = policy();
    policy.review_by = Some("2026-02-01".parse().unwrap());
    let now = moment("2026-02-10T12:00:00Z");
    assert!(policy.duties(&[], &[], now)[0].is_overdue);
    let kept = Review::kept(
        "",
        "ann",
        moment("2026-02-05T12:00:00Z"),
        "2027-02-01".parse().unwrap(),
    );
    let duties = policy.duties(&[], std::slice::from_ref(&kept), now);
    assert_eq!(duties[0].due, Some("2027-02-01".parse().unwrap()));
    let changed = Review {
        outcome: ReviewOutcome::ToChange,
        ..kept
    };
    assert!(
        policy.duties(&[], &[changed], now)[0].is_overdue,
        "until there is another version"
    );
}
