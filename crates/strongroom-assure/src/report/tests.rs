use super::*;
use crate::framework::standard;
use crate::testing_org::Org;

fn report(org: &Org, kind: ReportKind) -> Report {
    let (history, policy) = (org.history(), org.policy());
    let assessor = Assessor::default();
    let case = assessor.case(&history, &policy, &[], org.now());
    let found = assessor.assess(&case);
    let then = assessor.case(
        &history,
        &policy,
        &[],
        Moment::utc(org.now().unix_seconds - 20 * 86_400),
    );
    let before = assessor.assess(&then);
    let framework = standard("gdpr").unwrap();
    Material::new(&assessor, &case, &found)
        .with_before(&before)
        .with_framework(&framework)
        .report(kind)
}

#[test]
fn every_report_says_what_it_does_not_prove_and_never_that_something_is_compliant() {
    let org = Org::good()
        .failing(5)
        .disposed(&["nas"], false)
        .incident(&["open", "resolved"])
        .alerted(true, false);
    for kind in ReportKind::ALL {
        let report = report(&org, kind);
        let text = report.to_markdown();
        assert!(text.starts_with("# "), "{text}");
        assert!(text.contains("controls evaluated: "), "{kind}");
        assert!(text.contains("## What this does not prove"), "{kind}");
        assert!(text.contains("## Evidence"), "{kind}");
        assert!(report.does_not_prove.len() > 1, "{kind}");
        assert!(!report.sections.is_empty(), "{kind}");
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["kind"], kind.as_str());
        for shown in [&text, &report.to_json()] {
            assert!(!shown.to_lowercase().contains("compliant"), "{kind}");
        }
        if kind != ReportKind::Paged {
            assert!(!report.evidence.is_empty(), "{kind}");
        }
    }
}

#[test]
fn rows_are_maps_by_stable_names() {
    let report = report(&Org::good().stopped_backups(5), ReportKind::Status);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let sections = json["sections"].as_array().unwrap();
    let findings = sections.iter().find(|one| one["id"] == "findings").unwrap();
    let rows = findings["table"]["rows"].as_array().unwrap();
    assert!(
        rows.iter().any(|row| row["key"] == "C-02/resource:db"),
        "{rows:#?}"
    );
}

#[test]
fn names_of_others_cannot_become_markup() {
    let org = Org::good().edit("department = \"sales\"", "department = \"a|b <script>\"");
    let text = report(&org, ReportKind::Awareness).to_markdown();
    assert!(text.contains("a\\|b \\<script\\>"), "{text}");
}

#[test]
fn the_gap_report_counts_items_and_names_the_work_of_people() {
    let report = report(&Org::good(), ReportKind::Gap);
    assert!(report.statement.starts_with("controls evaluated: "));
    let people = report.table("people").unwrap();
    assert!(
        people
            .rows
            .iter()
            .any(|row| row.contains(&Cell::from("audit")))
    );
}

#[test]
fn the_trend_names_what_became_worse() {
    let report = report(&Org::good().stopped_backups(10), ReportKind::Trend);
    let verdicts = report.table("verdicts").unwrap();
    let worse = verdicts
        .rows
        .iter()
        .filter(|row| row.contains(&Cell::from("worse")));
    assert!(
        worse.clone().any(|row| row[0] == Cell::from("C-02")),
        "{verdicts:#?}"
    );
}

#[test]
fn a_report_for_the_business_has_its_words() {
    let org = Org::good().stopped_backups(10);
    let (history, policy) = (org.history(), org.policy());
    let assessor = Assessor::default();
    let case = assessor.case(&history, &policy, &[], org.now());
    let found = assessor.assess(&case);
    let material = Material::new(&assessor, &case, &found).with_audience(Audience::Business);
    let text = material.report(ReportKind::Status).to_markdown();
    assert!(
        text.contains("more work would be gone than was agreed"),
        "{text}"
    );
}

#[test]
fn reports_are_named() {
    for kind in ReportKind::ALL {
        assert_eq!(kind.as_str().parse::<ReportKind>().unwrap(), kind);
    }
    let error = "statsu".parse::<ReportKind>().unwrap_err();
    assert!(error.to_string().contains("status"));
}
