use std::sync::LazyLock;

use super::*;

const COMPANY: &str = include_str!("../../../../docs/process/policies/company.toml");

fn now() -> Moment {
    "2026-12-02T10:00:00+01:00".parse().unwrap()
}

fn lint(text: &str) -> Vec<Finding> {
    let document = Document::parse(text).unwrap_or_else(|error| panic!("{:#?}", error.problems()));
    document.lint(now())
}

/// Edits the starter policy of a company, which is without fault, and wants one finding for it.
#[track_caller]
fn check(code: &str, edits: &[(&str, &str)]) -> Finding {
    let mut text = COMPANY.to_owned();
    for (old, new) in edits {
        assert!(text.contains(old), "not there: {old}");
        text = text.replacen(old, new, 1);
    }
    let findings = lint(&text);
    let found = findings.iter().find(|finding| finding.code == code);
    let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let found = found
        .unwrap_or_else(|| panic!("no {code} in {all:#?}"))
        .clone();
    static WITHOUT: LazyLock<Vec<Finding>> = LazyLock::new(|| lint(COMPANY));
    assert!(
        WITHOUT.iter().all(|finding| finding.code != code),
        "{code} without the edit"
    );
    found
}

#[test]
fn owners_reasons_and_reviews() {
    let reason = "reason = \"Nightly backups, two places and a quarterly restore are what every system deserves.\"\n";
    let finding = check("reason-missing", &[(reason, "")]);
    assert_eq!(
        (finding.severity, &*finding.path),
        (Severity::Error, "defaults")
    );
    assert_eq!(
        finding.position.unwrap().line,
        COMPANY
            .lines()
            .position(|line| line == "[defaults]")
            .unwrap()
            + 1
    );
    check("reason-thin", &[(reason, "reason = \"TODO: say why\"\n")]);
    check("reason-thin", &[(reason, "reason = \"because\"\n")]);
    check(
        "owner-missing",
        &[("[defaults]\nowner = \"it-lead\"\n", "[defaults]\n")],
    );
    check(
        "owner-unknown",
        &[(
            "[defaults]\nowner = \"it-lead\"\n",
            "[defaults]\nowner = \"bob\"\n",
        )],
    );
    check(
        "review-missing",
        &[("review_by = 2027-06-01\ntimezone", "timezone")],
    );
    check(
        "review-overdue",
        &[(
            "review_by = 2027-06-01\ntimezone",
            "review_by = 2026-12-01\ntimezone",
        )],
    );
    check(
        "review-far",
        &[(
            "review_by = 2027-06-01\ntimezone",
            "review_by = 2036-12-01\ntimezone",
        )],
    );
    check("basis-missing", &[("basis = \"§ 147 AO\"\n", "")]);
}

#[test]
fn people_are_reached_and_decide() {
    check(
        "contact-unreachable",
        &[("address = \"tel:+49-555-0102\"\n", "")],
    );
    check(
        "deputy-self",
        &[("deputy = \"management\"", "deputy = \"finance\"")],
    );
    check(
        "deputy-missing",
        &[(
            "address = \"mailto:it-lead@example.com\"\ndeputy = \"operator\"\n",
            "address = \"mailto:it-lead@example.com\"\n",
        )],
    );
    let finding = check("escalation-dead-end", &[("repeat = \"4h\"\n", "")]);
    assert!(finding.message.contains("ends after its last step"));
    let finding = check(
        "escalation-dead-end",
        &[(
            "{ after = \"2h\", notify = [\"operator\"] }",
            "{ after = \"2h\", notify = [\"backup-channel\"] }",
        )],
    );
    assert!(finding.message.contains("reaches nobody"));
    check(
        "escalation-last-step",
        &[(
            "{ after = \"2h\", notify = [\"management\"] }",
            "{ after = \"2h\", notify = [\"backup-channel\"] }",
        )],
    );
    check(
        "escalation-order",
        &[("{ after = \"30min\"", "{ after = \"3h\"")],
    );
    check(
        "escalation-repeat",
        &[("repeat = \"4h\"", "repeat = \"1h\"")],
    );
    check(
        "escalation-empty-step",
        &[("notify = [\"it-lead\"]", "notify = []")],
    );
    check(
        "escalation-unused",
        &[(
            "[repository.nas]",
            "[escalation.other]\nowner = \"it-lead\"\nreason = \"For the test of a lint.\"\nsteps = [{ after = \"0s\", notify = [\"operator\"] }]\nrepeat = \"1h\"\n\n[repository.nas]",
        )],
    );
    check(
        "approval-missing",
        &[("quorum = 2\nweakening_quorum = 3\n", "")],
    );
    check(
        "quorum-impossible",
        &[("weakening_quorum = 3", "weakening_quorum = 30")],
    );
    check(
        "role-vacant",
        &[(
            "roles = [\"data-owner\"]\nexpires",
            "roles = [\"king\"]\nexpires",
        )],
    );
    check(
        "one-person",
        &[("quorum = 2\nweakening_quorum = 3\n", "quorum = 1\n")],
    );
}

#[test]
fn an_rpo_must_be_longer_than_the_interval_and_a_run() {
    let finding = check("rpo-impossible", &[("rpo = \"30h\"", "rpo = \"24h\"")]);
    assert!(
        finding.message.contains("loses up to 1d3h"),
        "{}",
        finding.message
    );
    assert_eq!(finding.path, "defaults.objectives.rpo");
    assert_eq!(
        finding.resources,
        ["crm", "ledger", "shared-files", "staff"],
        "those with another RPO are not among them"
    );
    // 26 hours are enough but for the night on which the clock is put back.
    let finding = check("rpo-tight", &[("rpo = \"30h\"", "rpo = \"26h\"")]);
    assert!(
        finding.message.contains("2027-10-30"),
        "{}",
        finding.message
    );
    check("rpo-allowed", &[("rpo = \"30h\"", "rpo = \"27h\"")]);
    check("rpo-missing", &[("rpo = \"30h\"\n", "")]);
    check("rto-missing", &[("rto = \"8h\"\n", "")]);
    check(
        "rto-over-downtime",
        &[(
            "rto = \"3h\", max_downtime = \"4h\"",
            "rto = \"5h\", max_downtime = \"4h\"",
        )],
    );
    check("downtime-unknown", &[(", max_downtime = \"4h\"", "")]);
}

#[test]
fn schedules_fit_their_windows() {
    check(
        "no-schedule",
        &[("when = \"daily 22:30\"\nwindow = [\"22:00-06:30\"]\n", "")],
    );
    check(
        "schedule-disabled",
        &[(
            "when = \"daily 22:30\"\n",
            "when = \"daily 22:30\"\nenabled = false\n",
        )],
    );
    check(
        "schedule-never",
        &[("when = \"daily 22:30\"", "when = \"daily 12:00\"")],
    );
    check(
        "schedule-outside-window",
        &[("when = \"daily 22:30\"", "when = \"daily 12:30,22:30\"")],
    );
    check(
        "window-too-short",
        &[("expected_duration = \"2h\"", "expected_duration = \"6h\"")],
    );
    check(
        "window-tight",
        &[("expected_duration = \"2h\"", "expected_duration = \"4h\"")],
    );
    check(
        "run-overlaps",
        &[(
            "expected_duration = \"15min\"",
            "expected_duration = \"90min\"",
        )],
    );
    check("duration-unknown", &[("expected_duration = \"2h\"\n", "")]);
    check(
        "cron-either-day",
        &[("when = \"daily 22:30\"", "when = \"cron 30 22 1-7 * mon\"")],
    );
    let finding = check(
        "clock-change",
        &[("when = \"daily 22:30\"", "when = \"daily 02:30\"")],
    );
    assert!(
        finding.message.contains("2027-03-28"),
        "{}",
        finding.message
    );
    let many: String = (0..30)
        .map(|n| format!("[resource.x{n}]\nkind = \"files\"\nowner = \"operator\"\n"))
        .collect();
    check(
        "load-peak",
        &[
            ("jitter = \"30min\"\n", ""),
            ("[resource.laptops]", &format!("{many}[resource.laptops]")),
        ],
    );
}

#[test]
fn what_is_kept_agrees_with_law_and_locks() {
    let finding = check(
        "requirement-unmet",
        &[(
            "keep = \"daily=30 monthly=24 yearly=10\", minimum = \"10y\"",
            "keep = \"daily=30 monthly=24 yearly=10\", minimum = \"6y\"",
        )],
    );
    assert_eq!(
        finding.message,
        "retention.minimum is 6y, and the requirement books (§ 147 AO) wants 10y"
    );
    assert_eq!(
        (finding.path.as_str(), finding.resources.as_slice()),
        ("class.books.retention.minimum", &["ledger".to_owned()][..])
    );
    check(
        "minimum-over-maximum",
        &[(
            "minimum = \"10y\" }\n\n# ---",
            "minimum = \"10y\", maximum = \"5y\" }\n\n# ---",
        )],
    );
    check("personal-without-end", &[(", maximum = \"18mo\"", "")]);
    check(
        "retention-missing",
        &[("keep = \"daily=14 weekly=8 monthly=12 yearly=3\"\n", "")],
    );
    check(
        "rules-over-maximum",
        &[("maximum = \"18mo\"", "maximum = \"6mo\"")],
    );
    check(
        "history-shallow",
        &[(
            "keep = \"hourly=72 daily=30 weekly=12 monthly=24 yearly=5\"",
            "keep = \"daily=7\"",
        )],
    );
    check(
        "lock-off",
        &[("lock = \"compliance\"\nfor = \"35d\"", "for = \"35d\"")],
    );
    check("lock-without-time", &[("for = \"35d\"\n", "")]);
    check(
        "lock-unsupported",
        &[(
            "lock = \"compliance\"\nappend_only = true\nencrypted = true\nseparate",
            "lock = \"governance\"\nappend_only = true\nencrypted = true\nseparate",
        )],
    );
    check("lock-over-maximum", &[("for = \"35d\"", "for = \"2y\"")]);
    check(
        "lock-outlives-history",
        &[("keep = \"daily=14 weekly=8\"", "keep = \"daily=3\"")],
    );
    check(
        "credentials-shared",
        &[("separate_credentials = true\n", "")],
    );
}

#[test]
fn copies_are_enough_and_elsewhere() {
    check("no-copy", &[("to = [\"nas\", \"vault\"]\n", "")]);
    check(
        "copies-too-few",
        &[("to = [\"nas\", \"vault\"]", "to = [\"vault\"]")],
    );
    check(
        "no-offsite-copy",
        &[("to = [\"nas\", \"vault\"]", "to = [\"nas\"]")],
    );
    check(
        "no-offsite-copy",
        &[("site = \"cloud-frankfurt\"", "site = \"hq\"")],
    );
    check(
        "no-immutable-copy",
        &[("to = [\"nas\", \"vault\"]", "to = [\"nas\"]")],
    );
    check(
        "media-too-few",
        &[("within = \"12h\"\n", "within = \"12h\"\nmedia = 4\n")],
    );
    check(
        "region-forbidden",
        &[(
            "region = \"eu-central\"\nlock",
            "region = \"us-east\"\nlock",
        )],
    );
    check(
        "repository-unencrypted",
        &[(
            "append_only = true\nencrypted = true\ncapacity",
            "append_only = true\ncapacity",
        )],
    );
    check(
        "not-append-only",
        &[(
            "append_only = true\nencrypted = true\ncapacity",
            "encrypted = true\ncapacity",
        )],
    );
    check(
        "repository-too-small",
        &[("capacity = \"60 TB\"", "capacity = \"2 TB\"")],
    );
    check(
        "repository-unused",
        &[("to = [\"nas\", \"vault\"]", "to = [\"nas\"]")],
    );
    check("copies-late", &[("within = \"12h\"", "within = \"3d\"")]);
}

#[test]
fn checks_are_made_and_told() {
    check(
        "no-verification",
        &[("ages = { L2 = \"7d\", L3 = \"1mo\", L4 = \"3mo\" }\n", "")],
    );
    check(
        "verification-shallow",
        &[(
            "ages = { L2 = \"7d\", L3 = \"1mo\", L4 = \"3mo\" }",
            "ages = { L1 = \"7d\" }",
        )],
    );
    check("verification-redundant", &[("L3 = \"1mo\"", "L3 = \"1d\"")]);
    check("sample-incomplete", &[("damage_below = \"0.1 %\"\n", "")]);
    check("no-full-read", &[("full_every = \"3mo\"\n", "")]);
    check(
        "detectors-off",
        &[(
            "[defaults.software]",
            "[defaults.anomaly]\ndetectors = []\n[defaults.software]",
        )],
    );
    let anomaly = |lines: &str| format!("[defaults.anomaly]\n{lines}\n[defaults.software]");
    check(
        "canaries-unwatched",
        &[("[defaults.software]", &anomaly("canaries = [\"a.xlsx\"]"))],
    );
    let found = check(
        "canaries-missing",
        &[("[defaults.software]", &anomaly("detectors = [\"canary\"]"))],
    );
    assert!(found.hint.is_some());
    check("no-drill", &[("every = \"6mo\"\nchoose", "choose")]);
    check(
        "drill-rare",
        &[(
            "drills = { every = \"3mo\" }",
            "drills = { every = \"7mo\" }",
        )],
    );
    check("validators-missing", &[("validators = [\"files\"]\n", "")]);
    check("no-escalation", &[("escalation = \"office-hours\"\n", "")]);
    check(
        "alert-off",
        &[(
            "heartbeat = true\n",
            "heartbeat = true\non = [\"failed\"]\n",
        )],
    );
    check("no-heartbeat", &[("heartbeat = true\n", "")]);
    check("no-test-alert", &[("test_every = \"3mo\"\n", "")]);
    check(
        "told-too-late",
        &[(
            "{ after = \"0s\", notify = [\"backup-channel\"] },\n  { after = \"2h\"",
            "{ after = \"0s\", notify = [\"backup-channel\"] },\n  { after = \"20h\"",
        )],
    );
}

#[test]
fn rules_and_exemptions_are_about_something() {
    check(
        "rule-matches-nothing",
        &[(
            "match = { kind = [\"workstation\"] }\nobjectives",
            "match = { kind = [\"workstatoin\"] }\nobjectives",
        )],
    );
    let more = "[[rule]]\nname = \"later\"\nowner = \"it-lead\"\nreason = \"For the test of a lint.\"\nmatch = \"all\"\n";
    let before = "[[rule]]\nname = \"workstations\"";
    let all = format!(
        "{before}\nowner = \"operator\"\nreason = \"Laptops are seldom on at night, and hold copies of what is on servers.\"\nmatch = {{ kind = [\"workstation\"] }}\nobjectives = {{ rpo = \"4d\", rto = \"2d\" }}\n"
    );
    assert!(COMPANY.contains(&all));
    check(
        "rule-overruled",
        &[(
            "# --- What must hold",
            &format!(
                "{more}objectives = {{ rpo = \"30h\" }}\n[[rule]]\nname = \"last\"\nowner = \"it-lead\"\nreason = \"For the test of a lint.\"\nmatch = \"all\"\nobjectives = {{ rpo = \"30h\" }}\n# --- What must hold"
            ),
        )],
    );
    check(
        "rule-empty",
        &[(
            "# --- What must hold",
            &format!("{more}# --- What must hold"),
        )],
    );
    check(
        "requirement-matches-nothing",
        &[(
            "match = { class = [\"books\"] }",
            "match = { class = [\"bokos\"] }",
        )],
    );
    check(
        "bound-without-order",
        &[(
            "match = { class = [\"books\"] }\n",
            "match = { class = [\"books\"] }\nschedule = { when = \"daily 01:00\" }\n",
        )],
    );
    check(
        "requirement-empty",
        &[(
            "# --- What people do",
            "[requirement.none]\nowner = \"finance\"\nreason = \"For the test of a lint.\"\nmatch = \"all\"\n# --- What people do",
        )],
    );
}

#[test]
fn exemptions_end_and_duties_are_there() {
    let exemption = |from: &str, until: &str| {
        format!(
            "[exemption.crm]\nowner = \"finance\"\nreason = \"The service is replaced in spring.\"\nmatch = {{ id = \"crm\" }}\nfrom = [\"{from}\"]\nuntil = {until}\n# --- What people do"
        )
    };
    check(
        "exemption-over",
        &[("# --- What people do", &exemption("drills", "2026-12-01"))],
    );
    check(
        "exemption-long",
        &[("# --- What people do", &exemption("drills", "2028-12-01"))],
    );
    check(
        "exemption-unknown",
        &[("# --- What people do", &exemption("drlils", "2027-01-01"))],
    );
    check(
        "exemption-unused",
        &[(
            "# --- What people do",
            &exemption("drills", "2027-01-01").replace("\"crm\" }", "\"crn\" }"),
        )],
    );
    check(
        "obligation-missing",
        &[("kind = \"audit\"", "kind = \"other\"")],
    );
    check(
        "obligation-never",
        &[("every = \"1mo\"\nevidence", "every = \"0s\"\nevidence")],
    );
}

#[test]
fn an_exemption_silences_until_its_day() {
    let exempt = COMPANY.replacen("every = \"6mo\"\nchoose", "choose", 1);
    let with = |until: &str| {
        let exemption = format!(
            "[exemption.no-drills]\nowner = \"it-lead\"\nreason = \"The sandbox is built until spring.\"\nmatch = \"all\"\nfrom = [\"drills\"]\nuntil = {until}\n"
        );
        let findings = lint(&format!("{exempt}\n{exemption}"));
        findings.iter().any(|finding| finding.code == "no-drill")
    };
    assert!(!with("2027-03-01"));
    assert!(with("2026-12-02"), "over on that day");
}

#[test]
fn resources_that_depend_on_others() {
    check(
        "dependency-rto",
        &[(
            "[resource.identity]\nkind = \"files\"\n",
            "[resource.identity]\nkind = \"files\"\nreason = \"For the test of a lint.\"\nobjectives = { rto = \"4h\" }\n",
        )],
    );
    check(
        "dependency-criticality",
        &[(
            "depends_on = [\"db-orders\", \"identity\"]",
            "depends_on = [\"shared-files\"]",
        )],
    );
    check(
        "dependency-cycle",
        &[(
            "[resource.identity]\nkind = \"files\"\n",
            "[resource.identity]\nkind = \"files\"\ndepends_on = [\"shop\"]\n",
        )],
    );
    check(
        "dependency-unprotected",
        &[(
            "[resource.identity]\nkind = \"files\"\n",
            "[resource.identity]\nkind = \"files\"\nretired = 2026-12-01\n",
        )],
    );
    check(
        "group-differs",
        &[
            ("host = \"web1\"\n", "host = \"web1\"\ngroup = \"orders\"\n"),
            ("host = \"db2\"\n", "host = \"db2\"\ngroup = \"orders\"\n"),
        ],
    );
}

#[test]
fn what_is_made_by_a_program_is_checked_too() {
    let mut policy = Policy::new("made");
    let mut resource = Resource::new("a", "files");
    resource.class = Some("none".into());
    policy.resources.insert("a".into(), resource);
    policy.rules = vec![crate::Rule::new("x", crate::Selector::all(), crate::Layer::default()); 2];
    let codes: Vec<&str> = policy
        .lint(now())
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert!(
        codes.contains(&"undefined") && codes.contains(&"rule-twice"),
        "{codes:?}"
    );
    assert_eq!(
        policy.lint(now())[0].severity,
        Severity::Error,
        "the worst first"
    );
}

#[test]
fn a_finding_reads_as_one_of_a_compiler() {
    let finding = check("rpo-impossible", &[("rpo = \"30h\"", "rpo = \"24h\"")]);
    let line = COMPANY
        .lines()
        .position(|line| line == "rpo = \"30h\"")
        .unwrap()
        + 1;
    let text = finding.to_string();
    assert!(
        text.starts_with(&format!(
            "{line}:1: error [rpo-impossible] defaults.objectives.rpo: the RPO is 1d, and"
        )),
        "{text}"
    );
    assert!(
        text.contains("(4 resources: crm, ledger, shared-files, staff)"),
        "{text}"
    );
}
