//! Each control on one small organisation, with what is missing, stale or wrong.

use super::*;
use crate::testing_org::deeds::verified;
use crate::testing_org::{DAYS, Org};

#[track_caller]
fn check(org: &Org, id: &str, scope: &str, wanted: Verdict) -> Judgement {
    check_with(org, id, &Parameters::new(), scope, wanted)
}

#[track_caller]
fn check_with(org: &Org, id: &str, given: &Parameters, scope: &str, wanted: Verdict) -> Judgement {
    let history = org.history();
    let policy = org.policy();
    let case = Case::new(&history, &policy, &[], org.now());
    let result = Controls::standard().judge(id, &case, given).unwrap();
    let found = result
        .judgements
        .iter()
        .find(|one| one.scope.key() == scope);
    let found = found.unwrap_or_else(|| panic!("{id}: nothing about {scope}: {result:#?}"));
    assert_eq!(found.verdict, wanted, "{id} {scope}: {}", found.reason);
    assert!(!found.reason.is_empty());
    found.clone()
}

use Verdict::{Fail, NotApplicable, Pass, Unknown};

#[test]
fn everything_passes_in_a_good_organisation_and_decays_by_itself() {
    let org = Org::good();
    let history = org.history();
    let policy = org.policy();
    let case = Case::new(&history, &policy, &[], org.now());
    for control in Controls::standard().iter() {
        let result = judge(control, &case, &Parameters::new());
        assert!(
            matches!(result.verdict, Pass | NotApplicable),
            "{}: {:#?}",
            control.spec().id,
            result.judgements
        );
        for one in result.judgements.iter().filter(|one| one.verdict == Pass) {
            let is_of_settings = ["C-01", "C-17", "C-20", "C-31"].contains(&result.spec.id);
            assert!(
                !one.because.is_empty() || is_of_settings,
                "{}: {one:?}",
                result.spec.id
            );
        }
    }
    // Two years later nothing was recorded: nothing that rests on evidence of a time still passes.
    let later = Moment::utc(org.now().unix_seconds + 2 * 366 * 86_400);
    let case = Case::new(&history, &policy, &[], later);
    let stays = [
        "C-03", "C-04", "C-15", "C-16", "C-18", "C-21", "C-22", "C-23", "C-24", "C-32",
    ];
    for control in Controls::standard().iter() {
        let result = judge(control, &case, &Parameters::new());
        let id = control.spec().id;
        let is_old = matches!(result.verdict, Unknown | Fail);
        assert!(
            is_old || stays.contains(&id),
            "{id}: {:#?}",
            result.judgements
        );
    }
}

use strongroom_retain::Moment;

#[test]
fn without_evidence_nothing_passes() {
    let org = Org::empty();
    let history = org.history();
    let policy = org.policy();
    let case = Case::new(&history, &policy, &[], org.now());
    for control in Controls::standard().iter() {
        let result = judge(control, &case, &Parameters::new());
        // What the policy says is no evidence, but for being covered by it.
        let passes = result.judgements.iter().filter(|one| one.verdict == Pass);
        let passes: Vec<_> = passes.collect();
        assert!(passes.is_empty() || result.spec.id == "C-01", "{passes:#?}");
        assert_ne!(result.verdict, Pass, "{}", result.spec.id);
    }
}

#[test]
fn c_01_inventory() {
    check(&Org::good(), "C-01", "resource:db", Pass);
    check(&Org::good().without("inventory"), "C-01", "fleet", Unknown);
    check(&Org::good().with_stranger(), "C-01", "fleet", Fail);
    check(
        &Org::good().with_stranger(),
        "C-01",
        "resource:stranger",
        Fail,
    );
    check(
        &Org::good().edit("[resource.db]", "[resource.db]\nretired = 2026-02-01"),
        "C-01",
        "resource:db",
        NotApplicable,
    );
}

#[test]
fn c_02_exposure() {
    let good = check(&Org::good(), "C-02", "resource:db", Pass);
    assert!(good.valid_until.is_some());
    check(
        &Org::good().stopped_backups(10),
        "C-02",
        "resource:db",
        Fail,
    );
    let silent = Org::good().at_later(20);
    let unknown = check(&silent, "C-02", "resource:db", Unknown);
    assert_eq!(
        unknown.since, good.valid_until,
        "it decayed when it was no longer valid"
    );
    check(
        &Org::good().edit("rpo = \"36h\", ", ""),
        "C-02",
        "resource:db",
        NotApplicable,
    );
    let strict = Parameters::new().with(
        "rpo",
        ParameterValue::Period(strongroom_policy::Period::hours(1)),
    );
    check_with(&Org::good(), "C-02", &strict, "resource:db", Fail);
}

#[test]
fn c_03_and_c_04_retention() {
    check(&Org::good(), "C-03", "resource:db", Pass);
    check(&Org::good().forgot_early(), "C-03", "resource:db", Fail);
    check(&Org::empty(), "C-03", "resource:db", Unknown);
    check(&Org::good(), "C-04", "resource:db", Pass);
    check(
        &Org::good().edit("maximum = \"1y\"", "maximum = \"16d\""),
        "C-04",
        "resource:db",
        Fail,
    );
    check(&Org::empty(), "C-04", "resource:db", Unknown);
    let without = Org::good().edit(", maximum = \"1y\"", "");
    check(&without, "C-04", "resource:db", Fail);
    check(
        &without.edit("personal = true", "personal = false"),
        "C-04",
        "resource:db",
        NotApplicable,
    );
}

#[test]
fn c_05_and_c_06_encryption() {
    check(&Org::good(), "C-05", "repository:nas", Pass);
    check(
        &Org::good().edit("encrypted = true # nas", "encrypted = false"),
        "C-05",
        "repository:nas",
        Fail,
    );
    check(
        &Org::good().without("verified"),
        "C-05",
        "repository:nas",
        Unknown,
    );
    check(&Org::good(), "C-06", "repository:vault", Pass);
    check(&Org::good(), "C-06", "repository:nas", NotApplicable);
    check(
        &Org::good().plain_transport(),
        "C-06",
        "repository:vault",
        Fail,
    );
    check(
        &Org::good().at_later(40),
        "C-06",
        "repository:vault",
        Unknown,
    );
}

#[test]
fn c_07_keys() {
    check(&Org::good(), "C-07", "fleet", Pass);
    check(
        &Org::good().without("escrow-test"),
        "C-07",
        "fleet",
        Unknown,
    );
    check(
        &Org::good().denied("escrow-test", None),
        "C-07",
        "fleet",
        Fail,
    );
    check(
        &Org::good().edit("key_max_age = \"1y\"", "key_max_age = \"10d\""),
        "C-07",
        "fleet",
        Fail,
    );
}

#[test]
fn c_08_verification() {
    check(&Org::good(), "C-08", "repository:vault", Pass);
    check(
        &Org::good().without("verified"),
        "C-08",
        "repository:vault",
        Unknown,
    );
    check(
        &Org::good().at_later(8),
        "C-08",
        "repository:vault",
        Unknown,
    );
    check(
        &Org::good().damaged("vault"),
        "C-08",
        "repository:vault",
        Fail,
    );
    let deeper = Parameters::new().with("level", ParameterValue::Count(4));
    check_with(&Org::good(), "C-08", &deeper, "repository:vault", Unknown);
}

#[test]
fn c_08_damage_stays_until_it_is_seen_to_be_gone() {
    let then = |level: u8, read: u64, choice: &str, entry: Option<u64>| {
        let mut fact = verified("vault");
        (fact.level, fact.coverage) = (level, (read, 1_000));
        (fact.choice, fact.entry) = (Some(choice.to_owned()), entry);
        Org::good().damaged("vault").recorded(DAYS, 8, fact)
    };
    for (org, wanted) in [
        (then(0, 1_000, "all", None), Fail),
        (then(2, 1_000, "all", None), Fail),
        (then(3, 10, "sample 0.99/0.001", None), Fail),
        (then(3, 10, "older", Some(7)), Fail),
        (then(3, 1_000, "older", Some(7)), Fail),
        (then(3, 500, "round", None), Fail),
        (then(3, 1_000, "round", None), Pass),
        (then(3, 1_000, "all", None), Pass),
    ] {
        check(&org, "C-08", "repository:vault", wanted);
    }
    let mut found = verified("vault");
    (found.unresolved, found.entry) = (1, Some(5));
    let mut again = verified("vault");
    (again.coverage, again.entry) = ((10, 1_000), Some(7));
    again.choice = Some("older".to_owned());
    // It reads all packs that were not found good, and walks the newest snapshot: what is damaged may be in the tree of another one.
    let org = Org::good().recorded(DAYS, 7, found);
    let org = org.recorded(DAYS, 8, again);
    check(&org, "C-08", "repository:vault", Fail);
}

#[test]
fn c_08_of_two_damages_each_has_to_be_seen_gone() {
    let of = |snapshot: u8, unresolved: u64| {
        let mut fact = verified("vault");
        (fact.level, fact.unresolved, fact.damaged) = (4, unresolved, unresolved);
        fact.snapshot = Some(strongroom_crypt::Id::from_bytes([snapshot; 32]));
        fact
    };
    let found = Org::good()
        .recorded(DAYS, 5, of(1, 3))
        .recorded(DAYS, 6, of(2, 1));
    let one_gone = found.recorded(DAYS, 7, of(2, 0));
    check(&one_gone, "C-08", "repository:vault", Fail);
    let both_gone = one_gone.recorded(DAYS, 8, of(1, 0));
    check(&both_gone, "C-08", "repository:vault", Pass);
}

#[test]
fn c_08_what_is_new_and_one_snapshot_are_not_the_repository() {
    let mut new = verified("vault");
    (new.coverage, new.choice) = ((10, 1_000), Some("older".to_owned()));
    let mut one = verified("vault");
    (one.level, one.snapshot) = (4, Some(strongroom_crypt::Id::from_bytes([7; 32])));
    for fact in [new, one] {
        let org = Org::good().without("verified").recorded(DAYS, 7, fact);
        check(&org, "C-08", "repository:vault", Unknown);
    }
}

#[test]
fn c_09_and_c_29_drills() {
    check(&Org::good(), "C-09", "resource:db", Pass);
    check(
        &Org::good().without("drill"),
        "C-09",
        "resource:db",
        Unknown,
    );
    check(
        &Org::good().drilled(DrillVerdict::Failed, "lost-server"),
        "C-09",
        "resource:db",
        Fail,
    );
    let skipped = Org::good()
        .without("drill")
        .drilled(DrillVerdict::NotProven, "lost-server");
    check(&skipped, "C-09", "resource:db", Unknown);
    check(
        &Org::good().edit("rto = \"4h\"", "rto = \"1min\""),
        "C-09",
        "resource:db",
        Fail,
    );
    check(&Org::good(), "C-29", "fleet", Pass);
    check(
        &Org::good().without("from-nothing"),
        "C-29",
        "fleet",
        Unknown,
    );
    check(
        &Org::good().drilled(DrillVerdict::Failed, "from-nothing"),
        "C-29",
        "fleet",
        Fail,
    );
}

use strongroom_format::record::DrillVerdict;

#[test]
fn c_10_and_c_11_copies_and_locks() {
    check(&Org::good(), "C-10", "resource:db", Pass);
    check(&Org::good().without("copy"), "C-10", "resource:db", Unknown);
    check(&Org::good().damaged("vault"), "C-10", "resource:db", Fail);
    check(
        &Org::good().edit("minimum = 3", "minimum = 5"),
        "C-10",
        "resource:db",
        Fail,
    );
    check(&Org::good(), "C-11", "repository:vault", Pass);
    check(&Org::good(), "C-11", "repository:nas", NotApplicable);
    check(
        &Org::good().without("lock"),
        "C-11",
        "repository:vault",
        Unknown,
    );
    check(
        &Org::good().denied("lock", Some("vault")),
        "C-11",
        "repository:vault",
        Fail,
    );
    check(
        &Org::good().edit("for = \"14d\"", "for = \"1y\""),
        "C-11",
        "repository:vault",
        Fail,
    );
    let bare = Org::good().edit("lock = \"compliance\" # vault", "");
    check(&bare, "C-11", "resource:db", Fail);
}

#[test]
fn c_12_deletions() {
    check(&Org::good(), "C-12", "fleet", Pass);
    check(&Org::good().without("access"), "C-12", "fleet", Unknown);
    check(&Org::good().accessed("delete", 3, 1), "C-12", "fleet", Fail);
    let alone = Org::good()
        .without("prune")
        .edit("approvals = 1", "approvals = 2");
    check(&alone, "C-12", "fleet", Fail);
}

#[test]
fn c_13_c_14_and_c_32_access() {
    check(&Org::good(), "C-13", "repository:vault", Pass);
    check(
        &Org::good().without("permissions"),
        "C-13",
        "repository:vault",
        Unknown,
    );
    check(
        &Org::good().denied("permissions", Some("vault")),
        "C-13",
        "repository:vault",
        Fail,
    );
    check(&Org::good(), "C-14", "fleet", Pass);
    check(&Org::good().without("access"), "C-14", "fleet", Unknown);
    check(&Org::good().accessed("read", 2, 0), "C-14", "fleet", Fail);
    check(&Org::good(), "C-32", "fleet", Pass);
    check(&Org::good().one_key(), "C-32", "fleet", Fail);
    check(
        &Org::good().without("forget").without("tombstone"),
        "C-32",
        "fleet",
        Unknown,
    );
}

#[test]
fn c_15_and_c_16_the_journal() {
    check(&Org::good(), "C-15", "fleet", Pass);
    check(&Org::good().without("log"), "C-15", "fleet", Unknown);
    check(&Org::good().denied("log", None), "C-15", "fleet", Fail);
    check(&Org::good().with_gap(), "C-15", "fleet", Fail);
    let many = Parameters::new().with("witnesses", ParameterValue::Count(5));
    check_with(&Org::good(), "C-15", &many, "fleet", Fail);
    check(&Org::good(), "C-16", "fleet", Pass);
    check(&Org::good().truncated(), "C-16", "fleet", Fail);
    check(&Org::empty(), "C-16", "fleet", Unknown);
}

#[test]
fn c_17_monitoring() {
    check(&Org::good(), "C-17", "fleet", Pass);
    check(&Org::good().without("test-ack"), "C-17", "fleet", Unknown);
    check(&Org::good().alerted(false, false), "C-17", "fleet", Fail);
    check(&Org::good().alerted(true, false), "C-17", "fleet", Fail);
    check(&Org::good().alerted(true, true), "C-17", "fleet", Pass);
}

#[test]
fn c_18_and_c_21_incidents_and_actions() {
    check(&Org::good(), "C-18", "fleet", NotApplicable);
    check(&Org::good().incident(&["open"]), "C-18", "fleet", Fail);
    check(
        &Org::good().incident(&["open", "acknowledged", "resolved", "reviewed", "closed"]),
        "C-18",
        "fleet",
        Pass,
    );
    check(&Org::good(), "C-21", "fleet", NotApplicable);
    check(&Org::good().action(5, false), "C-21", "fleet", Fail);
    check(&Org::good().action(90, false), "C-21", "fleet", Pass);
    check(
        &Org::good().action(90, true).at_later(90),
        "C-21",
        "fleet",
        Unknown,
    );
}

#[test]
fn c_19_and_c_20_room_and_success() {
    check(&Org::good(), "C-19", "repository:nas", Pass);
    check(&Org::good().full(85), "C-19", "repository:nas", Fail);
    check(
        &Org::good().full(85).action_for("C-19/repository:nas"),
        "C-19",
        "repository:nas",
        Pass,
    );
    check(
        &Org::good().without("capacity"),
        "C-19",
        "repository:nas",
        Unknown,
    );
    check(&Org::good(), "C-20", "resource:db", Pass);
    // One failure of many proves nothing and can wait for the morning; several in a row cannot.
    assert!(check(&Org::good().failing(1), "C-20", "resource:db", Fail).can_wait);
    assert!(!check(&Org::good().failing(5), "C-20", "resource:db", Fail).can_wait);
    check(
        &Org::good().failing(5).action_for("C-20/resource:db"),
        "C-20",
        "resource:db",
        Pass,
    );
    check(&Org::good().at_later(100), "C-20", "resource:db", Unknown);
}

#[test]
fn c_22_and_c_25_disposal() {
    check(&Org::good(), "C-22", "fleet", Pass);
    check(
        &Org::good().without("deleted").at_later(15),
        "C-22",
        "fleet",
        Unknown,
    );
    check(
        &Org::good().disposed(&["nas", "vault"], false),
        "C-22",
        "fleet",
        Fail,
    );
    check(
        &Org::good().disposed(&["nas", "vault"], true),
        "C-22",
        "fleet",
        Pass,
    );
    check(
        &Org::good().without("tombstone").without("deleted"),
        "C-22",
        "fleet",
        NotApplicable,
    );
    check(&Org::good(), "C-25", "fleet", Pass);
    check(&Org::good().without("erasure"), "C-25", "fleet", Unknown);
    check(&Org::good().disposed(&["nas"], true), "C-25", "fleet", Fail);
    check(
        &Org::good().edit("personal = true", "personal = false"),
        "C-25",
        "fleet",
        NotApplicable,
    );
}

#[test]
fn c_23_holds() {
    check(&Org::good(), "C-23", "fleet", NotApplicable);
    check(&Org::good().held(true), "C-23", "fleet", Pass);
    check(
        &Org::good().held(true).forgot_early(),
        "C-23",
        "fleet",
        Fail,
    );
    check(&Org::good().held(false), "C-23", "fleet", Unknown);
}

#[test]
fn c_24_and_c_28_places() {
    check(&Org::good(), "C-24", "repository:vault", Pass);
    check(
        &Org::good().without("location"),
        "C-24",
        "repository:vault",
        Unknown,
    );
    check(
        &Org::good().edit("region = \"eu\" # vault", "region = \"us\""),
        "C-24",
        "repository:vault",
        Fail,
    );
    check(
        &Org::good().edit("regions = [\"eu\"]", ""),
        "C-24",
        "repository:vault",
        NotApplicable,
    );
    check(&Org::good(), "C-28", "repository:vault", Pass);
    check(&Org::good(), "C-28", "repository:nas", NotApplicable);
    check(
        &Org::good().without("isolation"),
        "C-28",
        "repository:vault",
        Unknown,
    );
    check(
        &Org::good().denied("isolation", Some("vault")),
        "C-28",
        "repository:vault",
        Fail,
    );
    check(
        &Org::good().edit("separate_credentials = true", ""),
        "C-28",
        "resource:db",
        Fail,
    );
}

#[test]
fn c_26_and_c_27_governance() {
    check(&Org::good(), "C-26", "fleet", Pass);
    check(&Org::good().without("policy"), "C-26", "fleet", Unknown);
    check(&Org::good().without("sign-off"), "C-26", "fleet", Fail);
    check(
        &Org::good().edit("review_by = 2027-01-01", "review_by = 2026-02-01"),
        "C-26",
        "fleet",
        Fail,
    );
    check(&Org::good(), "C-27", "fleet", Pass);
    check(&Org::good().without("versions"), "C-27", "fleet", Unknown);
    check(&Org::good().denied("versions", None), "C-27", "fleet", Fail);
}

#[test]
fn c_30_people() {
    check(&Org::good(), "C-30", "fleet", Pass);
    check(&Org::good().without("training"), "C-30", "fleet", Unknown);
    check(
        &Org::good().without("training").at_later(400),
        "C-30",
        "fleet",
        Fail,
    );
    let nameless = Org::good().nameless("training");
    check(&nameless, "C-30", "fleet", Unknown);
}

#[test]
fn c_31_detectors() {
    check(&Org::good(), "C-31", "resource:db", Pass);
    check(&Org::good().suspected(), "C-31", "resource:db", Fail);
    check(&Org::good().uncounted(), "C-31", "resource:db", Unknown);
    check(
        &Org::good().edit(
            "[defaults.limits]",
            "[defaults.anomaly]\ndetectors = []\n[defaults.limits]",
        ),
        "C-31",
        "resource:db",
        Fail,
    );
}
