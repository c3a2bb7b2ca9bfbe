//! Copies: how many, where, and on what.

use std::collections::BTreeMap;

use super::{Case, Lint, Severity};
use crate::key::Key;
use crate::level::Criticality;

pub(super) fn look(lint: &mut Lint<'_>, case: &Case<'_>) {
    if case.resolved.words(Key::CopiesTo).is_empty() {
        let path = format!("resource.{}", case.resource.id);
        let message = "no repository holds it".to_owned();
        let found = lint.about(case, "copies", Severity::Error, "no-copy", path, message);
        if let Some(found) = found {
            found.hint("add copies.to = [\"…\"]");
        }
        return;
    }
    counted(lint, case);
    promised(lint, case);
    late(lint, case);
}

/// Three copies, two media, one elsewhere, one that nobody can change, or what the policy says.
fn counted(lint: &mut Lint<'_>, case: &Case<'_>) {
    let got = &case.protection;
    let severity = match case.resource.criticality {
        Criticality::Low => Severity::Warning,
        _ => Severity::Error,
    };
    for (key, has, code, what) in [
        (
            Key::CopiesMinimum,
            got.copies,
            "copies-too-few",
            "copies, with the original",
        ),
        (
            Key::CopiesMedia,
            got.media,
            "media-too-few",
            "kinds of media, with the original",
        ),
        (
            Key::CopiesOffsite,
            got.offsite,
            "no-offsite-copy",
            "copies at another site",
        ),
        (
            Key::CopiesImmutable,
            got.immutable,
            "no-immutable-copy",
            "copies that nobody can change",
        ),
    ] {
        let wanted = case.resolved.count(key).unwrap_or_default();
        if has < wanted {
            let path = case.path(Key::CopiesTo);
            let message = format!("has {has} {what}, and {key} wants {wanted}");
            let found = lint.about(case, "copies", severity, code, path, message);
            if let (Some(found), "no-immutable-copy") = (found, code) {
                found.hint(
                    "a repository must be offline, or lock, and immutability.lock must ask for it",
                );
            }
        }
    }
}

/// What the policy asks of every repository.
fn promised(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let regions = resolved.words(Key::Regions);
    for (name, one) in lint.policy.repositories_of(resolved) {
        let region = one.region.as_deref();
        if resolved.get(Key::Regions).is_some()
            && !region.is_some_and(|region| regions.contains(region))
        {
            let path = case.path(Key::CopiesTo);
            let place = region.unwrap_or("an unknown region");
            let message = format!("{name} is in {place}, where no copy may be");
            lint.about(
                case,
                "copies",
                Severity::Error,
                "region-forbidden",
                path,
                message,
            );
        }
        if resolved.flag(Key::AtRest) && !one.encrypted {
            let path = case.path(Key::CopiesTo);
            let message = format!("must be encrypted at rest, and {name} does not say that it is");
            lint.about(
                case,
                "encryption",
                Severity::Error,
                "repository-unencrypted",
                path,
                message,
            );
        }
        if resolved.flag(Key::AppendOnly) && !one.append_only {
            let path = case.path(Key::AppendOnly);
            let message = format!("who writes to {name} can delete there");
            lint.about(
                case,
                "immutability",
                Severity::Error,
                "not-append-only",
                path,
                message,
            );
        }
    }
}

fn late(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let (within, rpo) = (
        resolved.period(Key::CopiesWithin),
        resolved.period(Key::Rpo),
    );
    let (Some(within), Some(rpo), Some(gaps)) = (within, rpo, case.protection.gaps) else {
        return;
    };
    let lost = gaps.longest.plus(within);
    if lost > rpo.plus(rpo) && case.protection.offsite > 0 {
        let path = case.path(Key::CopiesWithin);
        let message = format!("when the site is lost, {lost} of data are, and the RPO is {rpo}");
        lint.about(case, "copies", Severity::Note, "copies-late", path, message);
    }
}

/// Looks at the repositories with all that they hold.
pub(super) fn look_at_all(lint: &mut Lint<'_>, cases: &[Case<'_>]) {
    let mut held: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let policy = lint.policy;
    for case in cases {
        for (name, _) in policy.repositories_of(&case.resolved) {
            let (count, bytes) = held.entry(name).or_default();
            *count += 1;
            *bytes = bytes.saturating_add(case.resource.size.map_or(0, crate::ByteCount::get));
        }
    }
    for (name, one) in &policy.repositories {
        let path = format!("repository.{name}");
        let (count, bytes) = held.get(name.as_str()).copied().unwrap_or_default();
        if count == 0 && !cases.is_empty() {
            lint.add(Severity::Note, "repository-unused", &*path, "holds nothing");
        }
        if let Some(capacity) = one.capacity.filter(|capacity| capacity.get() < bytes) {
            let message = format!(
                "can hold {capacity}, and what it holds is at least {} GiB without any history",
                bytes >> 30
            );
            lint.add(Severity::Warning, "repository-too-small", path, message);
        }
    }
}
