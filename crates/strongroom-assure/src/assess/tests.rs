use super::*;
use crate::testing_org::Org;

fn assessed(org: &Org) -> Assessment {
    assess(&org.history(), &org.policy(), &[], org.now())
}

#[test]
fn a_good_organisation_has_nothing_serious() {
    let found = assessed(&Org::good());
    let bad: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
    assert!(
        found.worst().is_none_or(|worst| worst < Severity::Warning),
        "{bad:#?}"
    );
    assert_eq!(found.tally.fail + found.tally.unknown, 0, "{}", found.tally);
    assert_eq!(found.scorecard.len(), 3);
    assert_eq!(found.coverage.get("sales").unwrap().covered, 1);
}

#[test]
fn the_same_evidence_gives_the_same_assessment_and_json() {
    let (one, two) = (assessed(&Org::good()), assessed(&Org::good()));
    assert_eq!(one, two);
    let json = serde_json::to_string(&one).unwrap();
    assert!(json.contains("\"schema\":1"));
    assert!(!json.to_lowercase().contains("compliant"));
}

#[test]
fn a_finding_keeps_its_key_and_its_first_day() {
    let days = [1, 2, 5].map(|days| {
        let found = assessed(&Org::good().at_later(days).stopped_backups(3));
        let finding = found.finding("C-02/resource:db").unwrap();
        (finding.key.clone(), finding.first_seen)
    });
    assert!(days.iter().all(|one| *one == days[0]), "{days:?}");
}

#[test]
fn an_exemption_silences_a_finding_until_it_ends() {
    let text = "[resource.db]";
    let exempt = |until: &str| {
        let exemption = format!(
            "[exemption.move]\nowner = \"ops\"\nreason = \"It moves.\"\nmatch = \"all\"\nfrom = [\"objectives\"]\nuntil = {until}\n{text}"
        );
        assessed(&Org::good().stopped_backups(5).edit(text, &exemption))
    };
    let finding = |found: &Assessment| found.finding("C-02/resource:db").unwrap().exempted.clone();
    assert_eq!(finding(&exempt("2026-12-01")).unwrap().by, "move");
    assert!(finding(&exempt("2026-02-01")).is_none());
}

#[test]
fn a_day_of_the_past_is_judged_as_it_was_seen_then() {
    let org = Org::good().stopped_backups(10);
    let (history, policy) = (org.history(), org.policy());
    let then = Moment::utc(org.now().unix_seconds - 11 * 86_400);
    let before = assess(&history, &policy, &[], then);
    assert!(before.finding("C-02/resource:db").is_none());
    let after = assess(&history, &policy, &[], org.now());
    assert!(after.finding("C-02/resource:db").is_some());
}

#[test]
fn a_point_has_two_verdicts() {
    let newest = |org: &Org| assessed(org).resources[0].newest.clone().unwrap();
    let good = newest(&Org::good());
    assert_eq!(good.protected.verdict, Verdict::Pass, "{good:?}");
    assert_eq!(
        good.recoverable.verdict,
        Verdict::Unknown,
        "nobody reconstructed this one"
    );
    assert_eq!(good.copies.len(), 2);
    let alone = newest(&Org::good().without("copy"));
    assert_eq!(
        alone.protected.verdict,
        Verdict::Fail,
        "one copy is missing"
    );
}
