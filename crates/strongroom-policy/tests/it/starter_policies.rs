//! What is shipped has no fault, and says in plain words what it does.

use strongroom_policy::{
    CoverageState, Document, Key, Severity, SimulationOptions, Source, built_in, diff,
};
use strongroom_retain::Moment;

const POLICIES: [(&str, &str); 3] = [
    (
        "home",
        include_str!("../../../../docs/process/policies/home.toml"),
    ),
    (
        "company",
        include_str!("../../../../docs/process/policies/company.toml"),
    ),
    (
        "regulated",
        include_str!("../../../../docs/process/policies/regulated.toml"),
    ),
];

fn now() -> Moment {
    "2026-12-02T10:00:00+01:00".parse().unwrap()
}

fn documents() -> Vec<Document> {
    let parsed = POLICIES.iter().map(|(name, text)| {
        let document = Document::parse(text).unwrap();
        assert_eq!(document.policy().name, *name);
        document
    });
    parsed.collect()
}

#[test]
fn they_have_no_fault() {
    for document in documents() {
        let name = &document.policy().name;
        let findings = document.lint(now());
        let faults: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity > Severity::Note)
            // At home one person decides, and that is a warning that everybody may read.
            .filter(|finding| name != "home" || finding.code != "one-person")
            .map(ToString::to_string)
            .collect();
        assert_eq!(faults, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn everything_in_them_is_protected() {
    for document in documents() {
        let coverage = document.policy().coverage(&[], now());
        assert!(
            coverage
                .resources
                .iter()
                .all(|one| one.state == CoverageState::Covered),
            "{coverage}"
        );
    }
}

#[test]
fn every_value_has_an_origin_with_owner_and_reason() {
    for document in documents() {
        let policy = document.policy();
        for resource in policy.resources.values() {
            for (key, setting) in policy.resolve(resource).iter() {
                if setting.from.source == Source::BuiltIn {
                    assert_eq!(Some(&setting.value), built_in().get(key));
                } else {
                    assert!(
                        !setting.from.owner.is_empty() && !setting.from.reason.is_empty(),
                        "{key}"
                    );
                    let path = setting.from.source.path();
                    assert!(
                        path.is_empty() || document.position(&path).is_some(),
                        "{path}"
                    );
                }
            }
        }
    }
}

#[test]
fn they_read_as_plain_words() {
    let documents = documents();
    let company = documents
        .iter()
        .find(|one| one.policy().name == "company")
        .unwrap();
    let text = company.policy().explain_all(now());
    for line in [
        "Policy company of Example Ltd, revision 1",
        "2 people must agree to a change, 3 where something becomes weaker",
        "db-orders: postgresql on db1, criticality critical; finance answers for it",
        "    may lose at most 3h of data [criticality critical, in place of defaults]\n",
        "    criticality critical: The company cannot take orders without these. (management)\n",
        "    counts partial runs as successful: no [built in]\n",
        "    is backed up: daily 22:30 [defaults]\n",
        "vault: object at cloud-frankfurt, region eu-central, locks in mode compliance, encrypted; Fire, flood",
        "after 30min: it-lead",
        "books (§ 147 AO): keeps everything for 10y and is encrypted at rest: yes; Tax law asks",
        "between two backups are up to 1d1h (from 2027-10-30T22:30:00+02:00), so up to 1d3h of data may be lost",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for key in Key::ALL {
        assert!(!key.meaning().is_empty());
    }
}

#[test]
fn they_hold_what_they_promise_over_three_years() {
    for document in documents() {
        let from = "2027-01-01T00:00:00+01:00".parse().unwrap();
        let result = document
            .policy()
            .simulate(&SimulationOptions::new(from))
            .unwrap();
        for one in &result.resources {
            assert!(
                one.over_rpo.is_zero() && one.missed == 0,
                "{}: {one:?}",
                document.policy().name
            );
            assert!(one.kept > 14 && one.kept <= 1200, "{one:?}");
        }
        assert_eq!(result.resources.len(), document.policy().resources.len());
    }
}

#[test]
fn the_stricter_one_is_no_weaker_than_itself() {
    for document in documents() {
        let policy = document.policy();
        assert!(diff(policy, policy, &[], now()).is_empty());
        let again = Document::parse(&policy.to_toml()).unwrap();
        assert!(diff(policy, again.policy(), &[], now()).is_empty());
    }
}
