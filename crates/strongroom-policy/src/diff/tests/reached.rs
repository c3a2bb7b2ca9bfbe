//! How a change reaches resources, and what it changes beside them.

use super::*;

#[test]
fn weakened_by_a_default() {
    let change = weaker(
        "drills.every",
        Some("shared-files"),
        &[("every = \"6mo\"\nchoose", "every = \"1y\"\nchoose")],
    );
    assert_eq!(change.from.unwrap().source.to_string(), "defaults");
}

#[test]
fn weakened_by_what_is_built_in() {
    let change = weaker(
        "retention.approvals",
        Some("shop"),
        &[("approvals = 2\n", "")],
    );
    assert_eq!((change.old.as_str(), change.new.as_str()), ("2", "1"));
    assert_eq!(change.from.unwrap().source.to_string(), "built in");
}

#[test]
fn weakened_by_a_selector() {
    let edit = (
        "match = { kind = [\"workstation\"] }\nobjectives",
        "match = { kind = [\"workstation\", \"mariadb\"] }\nobjectives",
    );
    let change = weaker("objectives.rpo", Some("ledger"), &[edit]);
    assert_eq!(
        change.to_string(),
        "weaker objectives.rpo: 1d6h → 4d (rule workstations, before defaults)"
    );
}

#[test]
fn weakened_by_criticality() {
    let edit = (
        "criticality = \"critical\"\nhost = \"web1\"",
        "criticality = \"normal\"\nhost = \"web1\"",
    );
    weaker("criticality", Some("shop"), &[edit]);
    weaker("objectives.rpo", Some("shop"), &[edit]);
    weaker("frequency", Some("shop"), &[edit]);
}

#[test]
fn weakened_by_a_class() {
    weaker(
        "retention.minimum",
        Some("ledger"),
        &[("class = \"books\"\nhost", "host")],
    );
}

#[test]
fn weakened_by_a_rule_that_is_gone() {
    let rule = "[[rule]]\nname = \"nightly-twice\"\nowner = \"it-lead\"\nreason = \"For the test.\"\nmatch = { id = \"ledger\" }\nschedule = { when = \"daily 22:30,04:30\", complete_within = \"2h\" }\n";
    let with = format!("{COMPANY}\n{rule}");
    let diff = between(&with, COMPANY);
    let change = diff
        .weaker()
        .find(|change| change.aspect == "frequency")
        .unwrap();
    assert_eq!(change.resource.as_deref(), Some("ledger"));
    // A rule that was about nothing changes nothing.
    let idle = format!("{COMPANY}\n{}", rule.replace("\"ledger\"", "\"nobody\""));
    assert!(between(&idle, COMPANY).is_empty());
}

#[test]
fn weakened_by_the_order_of_rules() {
    let rule = |name: &str, rpo: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\nowner = \"it-lead\"\nreason = \"For the test.\"\nmatch = \"all\"\nobjectives = {{ rpo = \"{rpo}\" }}\n"
        )
    };
    let old = format!("{COMPANY}\n{}{}", rule("a", "40h"), rule("b", "30h"));
    let new = format!("{COMPANY}\n{}{}", rule("b", "30h"), rule("a", "40h"));
    assert!(
        between(&old, &new)
            .weaker()
            .any(|change| change.aspect == "objectives.rpo")
    );
}

#[test]
fn weakened_by_a_requirement_or_an_exemption() {
    let change = weaker(
        "requirement books of retention.minimum",
        Some("ledger"),
        &[(
            "match = { class = [\"books\"] }\nretention = { minimum = \"10y\" }",
            "match = { class = [\"books\"] }\nretention = { minimum = \"6y\" }",
        )],
    );
    assert_eq!(change.new, "6y");
    weaker(
        "requirement protected of immutability.for",
        Some("shop"),
        &[(
            "except = { kind = [\"workstation\"] }",
            "except = { kind = [\"workstation\", \"files\"] }",
        )],
    );
    // Another name for the same bound is the same bound.
    let renamed = between(
        COMPANY,
        &edited(&[("[requirement.books]", "[requirement.ledgers]")]),
    );
    assert!(!renamed.is_weaker(), "{renamed}");
    let exemption = "[exemption.crm]\nowner = \"finance\"\nreason = \"The service is replaced in spring.\"\nmatch = { id = \"crm\" }\nfrom = [\"drills\"]\nuntil = 2027-03-01\n# --- What people do";
    let change = weaker(
        "exemption",
        Some("crm"),
        &[("# --- What people do", exemption)],
    );
    assert_eq!(change.meaning.as_deref(), Some("from drills"));
}

#[test]
fn resources_that_go() {
    let start = COMPANY.find("[resource.crm]").unwrap();
    let end = COMPANY.find("[resource.laptops]").unwrap();
    let without = format!("{}{}", &COMPANY[..start], &COMPANY[end..]);
    let diff = between(COMPANY, &without);
    let change = diff
        .weaker()
        .find(|change| change.aspect == "resource")
        .unwrap();
    assert_eq!(
        (change.resource.as_deref(), change.new.as_str()),
        (Some("crm"), "not in the policy")
    );
    weaker(
        "retired",
        Some("crm"),
        &[("third_party", "retired = 2027-01-01\nthird_party")],
    );
}

#[test]
fn resources_that_only_the_inventory_knows() {
    let mut found = Resource::new("vm-17", "files");
    found.criticality = crate::Criticality::High;
    let (old, new) = (
        policy(COMPANY),
        policy(&edited(&[(
            "to = [\"nas\", \"vault\"]",
            "to = [\"vault\"]",
        )])),
    );
    let diff = diff(&old, &new, &[found], now());
    assert!(
        diff.weaker()
            .any(|change| change.resource.as_deref() == Some("vm-17") && change.aspect == "copies")
    );
}

#[test]
fn what_people_must_do() {
    weaker(
        "approval.quorum",
        None,
        &[("quorum = 2\nweak", "quorum = 1\nweak")],
    );
    weaker(
        "approval.weakening_quorum",
        None,
        &[("weakening_quorum = 3", "weakening_quorum = 2")],
    );
    weaker(
        "approval.roles",
        None,
        &[("roles = [\"data-owner\"]\nexpires", "expires")],
    );
    weaker("approval.expires", None, &[("expires = \"3mo\"\n", "")]);
    weaker(
        "obligation.audit.every",
        None,
        &[
            (
                "it-lead\"\nreason = \"Trends",
                "it-lead\"\nreason = \"Trends",
            ),
            (
                "every = \"3mo\"\nevidence = \"the signed report\"",
                "every = \"6mo\"\nevidence = \"the signed report\"",
            ),
        ],
    );
    weaker(
        "obligation.audit.evidence",
        None,
        &[(
            "every = \"3mo\"\nevidence = \"the signed report\"",
            "every = \"3mo\"",
        )],
    );
    weaker(
        "obligation.training.roles",
        None,
        &[("operator.md\"\nroles = [\"operator\"]", "operator.md\"")],
    );
    weaker(
        "obligation.training",
        None,
        &[("[obligation.training]", "[obligation.lessons]")],
    );
    weaker(
        "review_by",
        None,
        &[("review_by = 2027-06-01\ntimezone", "timezone")],
    );
    weaker(
        "defaults.review_by",
        None,
        &[("deserves.\"\nreview_by = 2027-06-01\n", "deserves.\"\n")],
    );
}

#[test]
fn the_same_for_many_is_one_line() {
    let diff = between(COMPANY, &edited(&[("grace = \"14d\"", "grace = \"7d\"")]));
    assert_eq!(diff.changes.len(), 8);
    assert_eq!(
        diff.to_string(),
        "weaker retention.grace: 14d → 7d (defaults) [crm, db-orders, identity, laptops, ledger and 3 more]\n"
    );
}
