//! The frameworks that come with this crate.

use super::Framework;
use crate::control::Controls;

/// The frameworks that come with this crate: the name of each, and its text.
pub const STANDARD: [(&str, &str); 13] = [
    ("3-2-1-1-0", include_str!("../../frameworks/3-2-1-1-0.toml")),
    (
        "aws-backup",
        include_str!("../../frameworks/aws-backup.toml"),
    ),
    ("cis", include_str!("../../frameworks/cis.toml")),
    ("dora", include_str!("../../frameworks/dora.toml")),
    ("gdpr", include_str!("../../frameworks/gdpr.toml")),
    ("hipaa", include_str!("../../frameworks/hipaa.toml")),
    ("iso-27001", include_str!("../../frameworks/iso-27001.toml")),
    ("nis2", include_str!("../../frameworks/nis2.toml")),
    (
        "nist-800-34",
        include_str!("../../frameworks/nist-800-34.toml"),
    ),
    (
        "nist-800-53",
        include_str!("../../frameworks/nist-800-53.toml"),
    ),
    (
        "nist-800-88",
        include_str!("../../frameworks/nist-800-88.toml"),
    ),
    ("pci-dss", include_str!("../../frameworks/pci-dss.toml")),
    ("soc2", include_str!("../../frameworks/soc2.toml")),
];

/// Returns a framework that comes with this crate.
#[must_use]
pub fn standard(id: &str) -> Option<Framework> {
    let (_, text) = STANDARD.iter().find(|(name, _)| *name == id)?;
    Framework::parse(text, &Controls::standard()).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_framework_parses_under_its_own_name() {
        for (id, text) in STANDARD {
            let framework = Framework::parse(text, &Controls::standard());
            let framework = framework.unwrap_or_else(|error| panic!("{id}: {error:?}"));
            assert_eq!(framework.id, id);
            assert!(
                framework.note.contains("confirm") || id == "aws-backup",
                "{id}"
            );
            assert!(!text.to_lowercase().contains("compliant"), "{id}");
        }
    }

    #[test]
    fn every_control_serves_a_framework() {
        let mut used = BTreeSet::new();
        for (id, _) in STANDARD {
            let items = standard(id).unwrap().items;
            used.extend(
                items
                    .into_iter()
                    .flat_map(|item| item.checks)
                    .map(|one| one.control),
            );
        }
        for control in Controls::standard().iter() {
            assert!(used.contains(control.spec().id), "{}", control.spec().id);
        }
    }

    #[test]
    fn there_are_eleven_controls_of_aws_backup() {
        assert_eq!(standard("aws-backup").unwrap().items.len(), 11);
        assert!(standard("no-such-law").is_none());
    }
}
