//! What a resource loses: each of its settings, made weaker.

use super::*;

#[test]
fn a_shorter_lock() {
    let change = weaker(
        "immutability.for",
        Some("db-orders"),
        &[("for = \"35d\"", "for = \"34d\"")],
    );
    assert_eq!(
        change.to_string(),
        "weaker immutability.for: 35d → 34d (defaults)"
    );
    weaker(
        "lock",
        Some("db-orders"),
        &[("for = \"35d\"", "for = \"34d\"")],
    );
    weaker(
        "immutability.lock",
        Some("db-orders"),
        &[("lock = \"compliance\"\nfor", "lock = \"governance\"\nfor")],
    );
    // Only the place changes, and no setting.
    let of_vault = (
        "lock = \"compliance\"\nappend_only = true\nencrypted = true\nseparate",
        "append_only = true\nencrypted = true\nseparate",
    );
    let change = weaker("lock", Some("db-orders"), &[of_vault]);
    assert_eq!(
        (change.old.as_str(), change.new.as_str()),
        ("compliance for 35d", "none for 0s")
    );
    weaker(
        "copies that nobody can change",
        Some("db-orders"),
        &[of_vault],
    );
}

#[test]
fn a_dropped_copy() {
    let edit = ("to = [\"nas\", \"vault\"]", "to = [\"nas\"]");
    weaker("copies.to", Some("ledger"), &[edit]);
    weaker("copies", Some("ledger"), &[edit]);
    weaker("copies at other sites", Some("ledger"), &[edit]);
    weaker("copies out of reach", Some("ledger"), &[edit]);
    // The copy is there still, and at the same site.
    weaker(
        "copies at other sites",
        Some("ledger"),
        &[("site = \"cloud-frankfurt\"", "site = \"hq\"")],
    );
    weaker(
        "copies on media",
        Some("ledger"),
        &[("provider = \"storage appliance\"\n", "")],
    );
    weaker(
        "copies.minimum",
        Some("ledger"),
        &[("within = \"12h\"\n", "within = \"12h\"\nminimum = 2\n")],
    );
    weaker(
        "copies.within",
        Some("ledger"),
        &[("within = \"12h\"", "within = \"13h\"")],
    );
    weaker(
        "copies not encrypted",
        Some("ledger"),
        &[(
            "append_only = true\nencrypted = true\ncapacity",
            "append_only = true\ncapacity",
        )],
    );
    weaker(
        "copies.regions",
        Some("ledger"),
        &[(
            "regions = [\"eu-central\"]",
            "regions = [\"eu-central\", \"us-east\"]",
        )],
    );
    weaker(
        "repository.nas.append_only",
        None,
        &[(
            "append_only = true\nencrypted = true\ncapacity",
            "encrypted = true\ncapacity",
        )],
    );
}

#[test]
fn a_lower_frequency() {
    weaker(
        "frequency",
        Some("ledger"),
        &[("when = \"daily 22:30\"", "when = \"weekly mon-sat 22:30\"")],
    );
    weaker(
        "frequency",
        Some("shop"),
        &[("when = \"every 1h\"", "when = \"every 2h\"")],
    );
    // The window leaves out a night, and the schedule stays.
    let change = weaker(
        "frequency",
        Some("ledger"),
        &[(
            "window = [\"22:00-06:30\"]",
            "window = [\"mon-fri 22:00-06:30\"]",
        )],
    );
    assert!(change.new.ends_with(", at most 3d1h"), "{}", change.new);
    weaker(
        "schedule.enabled",
        Some("ledger"),
        &[("jitter = \"30min\"\n", "enabled = false\n")],
    );
    weaker(
        "resource",
        Some("ledger"),
        &[("jitter = \"30min\"\n", "enabled = false\n")],
    );
    // As often at another time is different, and no more.
    let moved = between(
        COMPANY,
        &edited(&[("when = \"daily 22:30\"", "when = \"daily 22:45\"")]),
    );
    assert!(!moved.is_weaker() && !moved.is_empty(), "{moved}");
    // Clocks that are changed once a year are no other frequency.
    let utc = between(
        COMPANY,
        &edited(&[(
            "when = \"daily 22:30\"",
            "when = \"daily 22:30\"\ntimezone = \"UTC\"",
        )]),
    );
    assert!(
        utc.changes
            .iter()
            .all(|change| change.aspect != "frequency"),
        "{utc}"
    );
}

#[test]
fn a_wider_exclusion() {
    let change = weaker(
        "source.exclude",
        Some("laptops"),
        &[("\"*.iso\"", "\"*.is*\"")],
    );
    assert_eq!(change.meaning.as_deref(), Some("newly leaves out *.is*"));
    weaker(
        "source.exclude",
        Some("laptops"),
        &[("/home/*/.cache/", "/home/*/*/")],
    );
    weaker(
        "source.exclude",
        Some("ledger"),
        &[(
            "[defaults.copies]",
            "[defaults.source]\nexclude = [\"*.bak\"]\n[defaults.copies]",
        )],
    );
    weaker(
        "source.max_file_size",
        Some("ledger"),
        &[(
            "[defaults.copies]",
            "[defaults.source]\nmax_file_size = \"4 GiB\"\n[defaults.copies]",
        )],
    );
    weaker(
        "source.one_file_system",
        Some("ledger"),
        &[(
            "[defaults.copies]",
            "[defaults.source]\none_file_system = true\n[defaults.copies]",
        )],
    );
    weaker(
        "source.consistency",
        Some("shop"),
        &[("consistency = \"application\"", "consistency = \"file\"")],
    );
    let change = weaker(
        "paths",
        Some("shop"),
        &[(
            "paths = [\"/srv/shop\", \"/etc\"]",
            "paths = [\"/srv/shop\"]",
        )],
    );
    assert_eq!(change.meaning.as_deref(), Some("no longer /etc"));
    let wider = between(
        COMPANY,
        &edited(&[(
            "paths = [\"/srv/shop\", \"/etc\"]",
            "paths = [\"/srv\", \"/etc\"]",
        )]),
    );
    assert!(!wider.is_weaker(), "{wider}");
}

#[test]
fn a_verification_less() {
    weaker(
        "verification.ages",
        Some("ledger"),
        &[(", L4 = \"3mo\"", "")],
    );
    weaker(
        "verification.ages",
        Some("ledger"),
        &[("L2 = \"7d\"", "L2 = \"8d\"")],
    );
    weaker(
        "verification.ages",
        Some("ledger"),
        &[("L4 = \"3mo\"", "L4 = \"4mo\"")],
    );
    weaker(
        "verification.after_run",
        Some("ledger"),
        &[("after_run = \"L2\"", "after_run = \"L1\"")],
    );
    weaker(
        "verification.confidence",
        Some("ledger"),
        &[("confidence = \"99 %\"", "confidence = \"95 %\"")],
    );
    weaker(
        "verification.damage_below",
        Some("ledger"),
        &[("damage_below = \"0.1 %\"", "damage_below = \"1 %\"")],
    );
    weaker(
        "verification.full_every",
        Some("ledger"),
        &[("full_every = \"3mo\"\n", "")],
    );
}

#[test]
fn a_drill_an_alert_or_a_detector_less() {
    weaker(
        "drills.every",
        Some("ledger"),
        &[(
            "drills = { every = \"3mo\" }\nalerts",
            "drills = { every = \"4mo\" }\nalerts",
        )],
    );
    weaker(
        "drills.choose",
        Some("ledger"),
        &[("\"random\", \"oldest\"", "\"random\"")],
    );
    weaker(
        "drills.validators",
        Some("shop"),
        &[("\"sql-integrity\", \"sql-counts\"", "\"sql-counts\"")],
    );
    weaker(
        "drills.scenarios",
        Some("shop"),
        &[(", \"from-nothing\"]", "]")],
    );
    weaker(
        "drills.game_day_every",
        Some("shop"),
        &[(", game_day_every = \"6mo\"", "")],
    );
    weaker(
        "alerts.on",
        Some("ledger"),
        &[(
            "heartbeat = true\n",
            "heartbeat = true\non = [\"failed\", \"missed\"]\n",
        )],
    );
    weaker(
        "alerts.heartbeat",
        Some("ledger"),
        &[("heartbeat = true\n", "")],
    );
    weaker(
        "alerts.test_every",
        Some("ledger"),
        &[("test_every = \"3mo\"", "test_every = \"6mo\"")],
    );
    weaker(
        "anomaly.detectors",
        Some("ledger"),
        &[(
            "[defaults.software]",
            "[defaults.anomaly]\ndetectors = [\"notes\"]\n[defaults.software]",
        )],
    );
    weaker(
        "anomaly.hold",
        Some("ledger"),
        &[(
            "[defaults.software]",
            "[defaults.anomaly]\nhold = false\n[defaults.software]",
        )],
    );
}

#[test]
fn weaker_objectives() {
    weaker(
        "objectives.rpo",
        Some("ledger"),
        &[("rpo = \"30h\"", "rpo = \"31h\"")],
    );
    weaker(
        "objectives.rto",
        Some("shared-files"),
        &[("rto = \"8h\"", "rto = \"9h\"")],
    );
    weaker(
        "objectives.success_rate",
        Some("shop"),
        &[("success_rate = \"99 %\"", "success_rate = \"98.9 %\"")],
    );
    weaker(
        "objectives.partial_counts",
        Some("ledger"),
        &[("rto = \"8h\"\n", "rto = \"8h\"\npartial_counts = true\n")],
    );
    weaker(
        "schedule.retries",
        Some("ledger"),
        &[("jitter = \"30min\"\n", "jitter = \"30min\"\nretries = 0\n")],
    );
    weaker(
        "schedule.start_within",
        Some("ledger"),
        &[("start_within = \"1h\"", "start_within = \"2h\"")],
    );
    weaker(
        "capacity.plan_at",
        Some("ledger"),
        &[(
            "[defaults.software]",
            "[defaults.capacity]\nplan_at = \"90 %\"\n[defaults.software]",
        )],
    );
    weaker(
        "software.patch_within",
        Some("ledger"),
        &[("patch_within = \"14d\"", "patch_within = \"30d\"")],
    );
    weaker(
        "encryption.at_rest",
        Some("ledger"),
        &[(
            "key_max_age = \"2y\"\n",
            "key_max_age = \"2y\"\nat_rest = false\n",
        )],
    );
    weaker(
        "encryption.key_max_age",
        Some("ledger"),
        &[("key_max_age = \"2y\"", "key_max_age = \"3y\"")],
    );
}

#[test]
fn less_is_kept() {
    let change = weaker(
        "retention.keep",
        Some("shared-files"),
        &[(
            "keep = \"daily=14 weekly=8 monthly=12 yearly=3\"",
            "keep = \"daily=14 monthly=12 yearly=3\"",
        )],
    );
    assert_eq!(
        change.meaning.as_deref(),
        Some("nothing keeps all that weekly=8 kept")
    );
    weaker(
        "history",
        Some("shared-files"),
        &[(
            "keep = \"daily=14 weekly=8 monthly=12 yearly=3\"",
            "keep = \"daily=14 weekly=8 monthly=12\"",
        )],
    );
    weaker(
        "retention.minimum",
        Some("ledger"),
        &[(
            "minimum = \"10y\" }\n\n# ---",
            "minimum = \"9y\" }\n\n# ---",
        )],
    );
    weaker(
        "retention.maximum",
        Some("staff"),
        &[("maximum = \"18mo\"", "maximum = \"24mo\"")],
    );
    // What must be gone earlier takes history away: that is stronger for privacy and weaker for restores.
    let diff = between(
        COMPANY,
        &edited(&[("maximum = \"18mo\"", "maximum = \"6mo\"")]),
    );
    assert!(
        diff.weaker().any(|change| change.aspect == "history"),
        "{diff}"
    );
    weaker(
        "retention.grace",
        Some("ledger"),
        &[("grace = \"14d\"", "grace = \"7d\"")],
    );
    weaker(
        "retention.approvals",
        Some("ledger"),
        &[("approvals = 2\n", "")],
    );
}

#[test]
fn a_weaker_escalation() {
    let change = weaker(
        "escalation",
        Some("shop"),
        &[("{ after = \"30min\", notify", "{ after = \"45min\", notify")],
    );
    assert_eq!(
        change.meaning.as_deref(),
        Some("later or never told: it-lead")
    );
    weaker(
        "escalation",
        Some("shop"),
        &[("  { after = \"2h\", notify = [\"management\"] },\n", "")],
    );
    weaker(
        "escalation repeats",
        Some("shop"),
        &[("repeat = \"4h\"", "repeat = \"5h\"")],
    );
    weaker(
        "escalation repeats",
        Some("shop"),
        &[("repeat = \"4h\"\n", "")],
    );
    weaker(
        "escalation quiet hours",
        Some("shop"),
        &[(
            "repeat = \"4h\"\n",
            "repeat = \"4h\"\nquiet_hours = [\"22:00-06:00\"]\n",
        )],
    );
    // Another escalation that tells fewer people.
    weaker(
        "escalation",
        Some("shop"),
        &[(
            "escalation = \"on-call\", inform",
            "escalation = \"office-hours\", inform",
        )],
    );
    // The step is there still, and who it tells has no address any more.
    weaker(
        "escalation",
        Some("shop"),
        &[("address = \"tel:+49-555-0102\"\n", "")],
    );
    weaker(
        "alerts.inform",
        Some("shop"),
        &[(
            "inform = [\"backup-channel\", \"finance\"]",
            "inform = [\"finance\"]",
        )],
    );
}

#[test]
fn a_canary_less() {
    let with = |lines: &str| edited(&[("[defaults.software]", lines)]);
    let two = with("[defaults.anomaly]\ncanaries = [\"a.xlsx\", \"b.pdf\"]\n[defaults.software]");
    let one = with("[defaults.anomaly]\ncanaries = [\"a.xlsx\"]\n[defaults.software]");
    let is_weaker = |old: &str, new: &str| {
        let diff = between(old, new);
        diff.weaker().any(|one| {
            one.aspect == "anomaly.canaries" && one.resource.as_deref() == Some("ledger")
        })
    };
    assert!(is_weaker(&two, &one));
    assert!(is_weaker(&one, COMPANY));
    assert!(!is_weaker(&one, &two) && !is_weaker(COMPANY, &one));
}
