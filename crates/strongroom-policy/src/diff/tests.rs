use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::arbitrary::two_values;
use crate::parse::Document;

const COMPANY: &str = include_str!("../../../../docs/process/policies/company.toml");

fn now() -> Moment {
    "2026-12-02T10:00:00+01:00".parse().unwrap()
}

fn policy(text: &str) -> Policy {
    static BASE: LazyLock<Policy> = LazyLock::new(|| parsed(COMPANY));
    if text == COMPANY {
        return BASE.clone();
    }
    parsed(text)
}

fn parsed(text: &str) -> Policy {
    let document = Document::parse(text).unwrap_or_else(|error| panic!("{:#?}", error.problems()));
    document.policy().clone()
}

fn edited(edits: &[(&str, &str)]) -> String {
    let mut text = COMPANY.to_owned();
    for (old, new) in edits {
        assert!(text.contains(old), "not there: {old}");
        text = text.replacen(old, new, 1);
    }
    text
}

fn between(old: &str, new: &str) -> Diff {
    diff(&policy(old), &policy(new), &[], now())
}

/// Edits the policy: the change is weaker in an aspect, and stronger when it is taken back.
#[track_caller]
fn weaker(aspect: &str, resource: Option<&str>, edits: &[(&str, &str)]) -> Change {
    let text = edited(edits);
    let there = between(COMPANY, &text);
    let is_it =
        |change: &&Change| change.aspect == aspect && change.resource.as_deref() == resource;
    let found = there
        .weaker()
        .find(is_it)
        .unwrap_or_else(|| panic!("no weaker {aspect}:\n{there}"));
    let back = between(&text, COMPANY);
    let same = back.changes.iter().find(is_it);
    assert!(
        same.is_none_or(|change| change.direction != Direction::Weaker),
        "and back:\n{back}"
    );
    found.clone()
}

#[test]
fn nothing_changes_nothing() {
    let same = between(
        COMPANY,
        &edited(&[(
            "Nightly backups, two places",
            "Backups each night, two places",
        )]),
    );
    assert!(
        same.is_empty() && !same.is_weaker(),
        "a better reason is no change of protection"
    );
    assert_eq!(same.to_string(), "nothing changes for any resource\n");
}

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
        &[("participants\"\nroles = [\"operator\"]", "participants\"")],
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

/// Returns a policy with two values of a setting, one in the layer of that number and one below.
fn layered(key: crate::Key, layer: usize, value: Option<&crate::Value>) -> Policy {
    let mut settings = crate::Settings::new();
    if let Some(value) = value {
        settings.set(key, value.clone()).unwrap();
    }
    let layer_of = |settings| crate::Layer::new("somebody", "for the test of layers", settings);
    let mut policy = Policy::new("layers");
    let mut resource = Resource::new("a", "files");
    resource.class = Some("c".into());
    policy.classes.insert("c".into(), crate::Class::default());
    match layer {
        0 => policy.defaults = layer_of(settings),
        1 => drop(
            policy
                .criticality
                .insert(crate::Criticality::Normal, layer_of(settings)),
        ),
        2 => drop(
            policy
                .classes
                .insert("c".into(), crate::Class::new(layer_of(settings))),
        ),
        3 => policy.rules.push(crate::Rule::new(
            "r",
            crate::Selector::all(),
            layer_of(settings),
        )),
        _ => resource.settings = settings,
    }
    policy.with_resource(resource)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is weakened, in whichever layer, is caught; and so is a layer that is gone.
    #[test]
    fn weakening_shows_through_every_layer(
        (key, old, new) in two_values(),
        layer in 0_usize..5,
        is_gone in any::<bool>(),
    ) {
        let new = new.filter(|_| !is_gone);
        let (before, after) = (layered(key, layer, old.as_ref()), layered(key, layer, new.as_ref()));
        let resource = before.resources.get("a").unwrap();
        let (was, is) = (before.resolve(resource), after.resolve(after.resources.get("a").unwrap()));
        let direction = crate::compare(key, was.get(key), is.get(key));
        let diff = diff(&before, &after, &[], now());
        let found = diff.changes.iter().find(|change| change.aspect == key.as_str());
        prop_assert_eq!(found.map(|change| change.direction), direction);
        if direction == Some(Direction::Weaker) {
            prop_assert!(diff.is_weaker());
        }
    }
}
