mod reached;
mod resource;

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
