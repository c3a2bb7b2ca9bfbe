use proptest::prelude::*;

use super::*;
use crate::arbitrary::value;
use crate::settings::Settings;

const HEAD: &str = "format = 1\nname = \"test\"\nrevision = 1\ntimezone = \"UTC\"\n";

/// Parses the head and some lines, which begin at line 5, and returns what is wrong.
fn wrong(lines: &str) -> Vec<String> {
    match Document::parse(&format!("{HEAD}{lines}")) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn check(lines: &str, problem: &str) {
    let problems = wrong(lines);
    assert_eq!(problems, [problem], "{lines}");
}

#[test]
fn unknown_names_are_refused_with_what_was_meant() {
    check(
        "[defualts]\n",
        "5:2: a policy has no field or table \"defualts\" (did you mean defaults?)",
    );
    check(
        "[defaults]\nonwer = \"a\"\n",
        "6:1: a set of settings has no field \"onwer\" (did you mean owner?)",
    );
    check(
        "[defaults]\nrationale = \"a\"\n",
        "6:1: a set of settings has no field \"rationale\" (did you mean reason?)",
    );
    check(
        "[defaults]\nrpo = \"24h\"\n",
        "6:1: a set of settings has no field \"rpo\" (did you mean objectives.rpo?)",
    );
    check(
        "[defaults.objectives]\nrop = \"24h\"\n",
        "6:1: unknown setting \"objectives.rop\" (did you mean rpo?)",
    );
    check(
        "[[rule]]\nname = \"x\"\nmatch = { kin = \"a\" }\n",
        "7:11: there is no condition \"kin\" (did you mean kind?)",
    );
    check(
        "[[rule]]\nname = \"x\"\nmatch = { labels = { env = [\"a\", \"b\"] } }\n",
        "7:28: expected text, found a list",
    );
    check(
        "[criticality.urgent]\n",
        "5:14: \"urgent\" is no criticality (one of low, normal, high, critical)",
    );
}

/// Values, and what is said of each in a document where they stand in line 6.
const WRONG_VALUES: &[(&str, &str)] = &[
    (
        "objectives = { rpo = 24 }",
        "6:22: expected a length of time such as \"24h\", found a number (24 of what? write \"24h\", \"24min\" or \"24d\")",
    ),
    (
        "objectives = { rpo = \"5m\" }",
        "6:22: \"5m\" has the unit m (write 5min for minutes or 5mo for months)",
    ),
    (
        "objectives = { success_rate = 0.98 }",
        "6:31: expected a share such as \"98 %\", found a number (write it in percent: \"98 %\")",
    ),
    (
        "objectives = { success_rate = 98 }",
        "6:31: expected a share such as \"98 %\", found a number (write \"98 %\")",
    ),
    (
        "source = { max_file_size = 5 }",
        "6:28: expected an amount of data such as \"500 GiB\", found a number (5 of what? write \"5 GiB\" or \"5 MB\")",
    ),
    (
        "schedule = { enabled = \"true\" }",
        "6:24: expected true or false, found text (without quotation marks: true)",
    ),
    ("schedule = { retries = -1 }", "6:24: -1 is negative"),
    (
        "schedule = { retries = \"3\" }",
        "6:24: expected a whole number, found text (without quotation marks: 3)",
    ),
    (
        "schedule = { when = \"30 2 * * *\" }",
        "6:21: \"30 2 * * *\" says no time (write it as \"cron 30 2 * * *\")",
    ),
    (
        "schedule = { window = \"22:00-06:00\" }",
        "6:23: expected a list of windows such as \"22:00-06:00\", found text (write [\"22:00-06:00\"])",
    ),
    (
        "retention = { keep = \"daily=-1\" }",
        "6:22: \"-1\": not a whole number, nor unlimited (write it as daily=7 weekly=5 monthly=12)",
    ),
    (
        "immutability = { lock = \"complience\" }",
        "6:25: \"complience\" is none of \"none\", \"governance\", \"compliance\" (did you mean compliance?)",
    ),
    (
        "verification = { ages = { L9 = \"1d\" } }",
        "6:27: \"L9\" is no level of verification (one of L0, L1, L2, L3, L4, L5, L6)",
    ),
    (
        "verification = { ages = { L2 = \"0s\" } }",
        "6:32: an age of nothing",
    ),
    (
        "drills = { choose = [\"newest\"] }",
        "6:22: \"newest\" is none of \"latest\", \"random\", \"stratified\", \"never-tested\", \"oldest\" (one of latest, random, stratified, never-tested, oldest)",
    ),
    (
        "objectives = \"24h\"",
        "6:14: expected a table, found text (write [….objectives])",
    ),
    (
        "review_by = \"next year\"",
        "6:13: \"next year\" is no day of the calendar (write it as 2026-11-22)",
    ),
    ("owner = \"\"", "6:9: an empty text"),
];

#[test]
fn wrong_units_and_kinds_are_refused_with_what_to_write() {
    for (value, problem) in WRONG_VALUES {
        let problems = wrong(&format!("[defaults]\n{value}\n"));
        assert_eq!(problems.len(), 1, "{value}: {problems:?}");
        let same = problems[0] == *problem
            || value.contains("daily=-1") && problems[0].starts_with("6:22: ");
        assert!(same, "{}\n{problem}", problems[0]);
    }
}

#[test]
fn what_is_there_twice_or_not_at_all_is_refused() {
    let twice = wrong("[defaults]\nowner = \"a\"\nowner = \"b\"\n");
    assert!(twice[0].starts_with("7:1: duplicate key"), "{twice:?}");
    let rule = "[[rule]]\nname = \"x\"\nmatch = \"all\"\n";
    check(
        &format!("{rule}{rule}"),
        "9:8: a rule \"x\" is there already, in line 6",
    );
    check(
        "[defaults]\ndrills = { validators = [\"a\", \"a\"] }\n",
        "6:31: \"a\" is there twice",
    );
    check(
        "[defaults]\ncopies = { to = [\"nsa\"] }\n[repository.nas]\nmedium = \"disk\"\nsite = \"hq\"\n",
        "6:12: there is no repository \"nsa\" (did you mean nas?)",
    );
    check(
        "[resource.a]\nkind = \"files\"\ndepends_on = [\"b\"]\n",
        "7:1: there is no resource \"b\" (define [resource.b])",
    );
    check(
        "[escalation.x]\nsteps = [{ after = \"0s\", notify = [\"ann\"] }]\n",
        "6:1: there is no contact \"ann\" (define [contact.ann])",
    );
    check(
        "[resource.a]\nclass = \"b\"\n[class.b]\n",
        "5:11: a resource needs the field \"kind\" (What it is, such as files or postgresql.)",
    );
    check(
        "[[rule]]\nmatch = \"all\"\n",
        "5:1: a rule needs the field \"name\" (Its name among all rules.)",
    );
    check(
        "[[rule]]\nname = \"x\"\nmatch = {}\n",
        "7:9: expected conditions, found a table (write { criticality = [\"critical\"] }, or \"all\" for everything)",
    );
    check(
        "[resource.\"a b\"]\nkind = \"files\"\n",
        "5:11: \"a b\" is no name (1 to 128 letters, digits and any of . _ - : / @)",
    );
}

#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    let problems = wrong("[defaults\nowner = \n");
    assert_eq!(problems, ["5:10: unclosed table, expected `]`"]);
    let two = wrong("organisation = \nowner = ?\n");
    assert!(
        two.len() == 2 && two[0].starts_with("5:") && two[1].starts_with("6:"),
        "{two:?}"
    );
    let head = Document::parse("name = \"x\"").unwrap_err();
    let missing: Vec<&str> = head
        .problems()
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(missing.len(), 3, "{missing:?}");
    let newer = Document::parse(&HEAD.replace("format = 1", "format = 2")).unwrap_err();
    assert_eq!(
        newer.to_string(),
        "1:1: the format 2 is not known (this program reads format 1; a newer one may read it)"
    );
    let large = "#".repeat(MAX_DOCUMENT_BYTES + 1);
    assert_eq!(Document::parse(&large).unwrap_err().problems().len(), 1);
    let deep = format!("{HEAD}x = {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(Document::parse(&deep).is_err());
}

#[test]
fn everything_wrong_is_said_at_once_and_in_order() {
    let problems =
        wrong("[defaults]\nowner = 1\nreson = \"x\"\nobjectives = { rpo = 1, rto = true }\n");
    let lines: Vec<&str> = problems
        .iter()
        .map(|one| one.split(": ").next().unwrap_or(""))
        .collect();
    assert_eq!(lines, ["6:9", "7:1", "8:22", "8:31"]);
}

#[test]
fn places_are_known_by_their_paths() {
    let text = format!(
        "{HEAD}[[rule]]\nname = \"gold\"\nmatch = \"all\"\n[rule.objectives]\nrpo = \"1h\"\n"
    );
    let document = Document::parse(&text).unwrap();
    let at = |path| {
        document
            .position(path)
            .map(|position| (position.line, position.column))
    };
    assert_eq!(at("rule.gold.objectives.rpo"), Some((9, 1)));
    assert_eq!(at("rule.gold"), Some((5, 1)));
    assert_eq!(at("rule.gold.retention.keep"), Some((5, 1)));
    assert_eq!(at("rule.gold.objectives.rto"), Some((8, 7)));
    assert_eq!(at("timezone"), Some((4, 1)));
    assert_eq!(at("nothing.like.it"), None);
}

#[test]
fn columns_count_characters() {
    check(
        "[defaults]\nreason = \"ä\\q\"\n",
        &wrong("[defaults]\nreason = \"ä\\q\"\n")[0],
    );
    let problems =
        wrong("organisation = \"Löwe\"\n[defaults]\nobjectives = { rpo = \"ä\", rto = 1 }\n");
    assert!(problems[1].starts_with("7:33: "), "{problems:?}");
}

#[test]
fn the_hash_names_the_text() {
    let document = Document::parse(HEAD).unwrap();
    let hash = document.hash();
    assert_eq!(hash.to_string().parse::<DocumentHash>().unwrap(), hash);
    assert_eq!(hash, DocumentHash::of(document.text().as_bytes()));
    let other = Document::parse(&format!("{HEAD}# a comment\n")).unwrap();
    assert_ne!(other.hash(), hash);
    assert_eq!(other.policy(), document.policy());
}

#[test]
fn a_policy_survives_toml_and_json() {
    for text in [
        include_str!("../../../../docs/process/policies/home.toml"),
        include_str!("../../../../docs/process/policies/company.toml"),
        include_str!("../../../../docs/process/policies/regulated.toml"),
    ] {
        let document = Document::parse(text).unwrap();
        let written = document.policy().to_toml();
        let again = Document::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again.policy(), document.policy());
        let json = serde_json::to_string(document.policy()).unwrap();
        assert_eq!(
            &serde_json::from_str::<Policy>(&json).unwrap(),
            document.policy()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a program sets can be written, and is read as the same.
    #[test]
    fn what_is_written_is_read(
        values in Key::ALL.iter().map(|key| value(*key)).collect::<Vec<_>>(),
        name in "[a-zA-Z0-9._:/@-]{1,20}",
        reason in "\\PC{0,20}",
    ) {
        let mut settings = Settings::new();
        for (key, value) in Key::ALL.iter().zip(values) {
            if let Some(value) = value {
                settings.set(*key, value).unwrap();
            }
        }
        let mut policy = Policy::new("made");
        policy.defaults = Layer::new("somebody", "for the test", settings);
        let reason = if reason.trim().is_empty() { String::new() } else { reason };
        let resource = Resource { reason, ..Resource::new(name, "files") };
        let policy = policy.with_resource(resource);
        let text = policy.to_toml();
        let document = Document::parse(&text);
        let document = document.unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(document.policy(), &policy);
    }

    /// Whatever is damaged is refused or read, and never panics.
    #[test]
    fn damaged_documents_do_no_harm(at in 0_usize..9000, len in 0_usize..40, with in "\\PC{0,6}") {
        let text = include_str!("../../../../docs/process/policies/company.toml");
        let end = |at: usize| text.char_indices().map(|(at, _)| at).find(|start| *start >= at).unwrap_or(text.len());
        let damaged = format!("{}{with}{}", &text[..end(at)], &text[end(at + len)..]);
        match Document::parse(&damaged) {
            Ok(document) => {
                drop(document.lint("2026-12-02T10:00:00Z".parse().unwrap()));
            }
            Err(error) => prop_assert!(!error.problems().is_empty()),
        }
    }
}
