//! What a policy says about the repositories and the beginning of a resource.

use strongroom_policy::{Policy, Repository, Resource};

use crate::history::{History, SnapshotSeen};

/// Returns the repository of a snapshot in the policy. One that nobody named is the only one there is, if there is only one.
pub(crate) fn repository_of<'p>(
    policy: &'p Policy,
    snapshot: &SnapshotSeen,
) -> Option<&'p Repository> {
    let named = policy.repositories.get(&snapshot.repository);
    named.or_else(|| {
        let mut all = policy.repositories.values();
        let only = all.next().filter(|_| snapshot.repository.is_empty())?;
        all.next().is_none().then_some(only)
    })
}

/// Says whether a repository is at another site than a resource.
pub(crate) fn is_offsite(policy: &Policy, resource: &Resource, repository: &Repository) -> bool {
    let site = resource.site.as_deref().or(policy.site.as_deref());
    site != Some(repository.site.as_str())
}

/// Returns since when a resource is to be protected: the day that it names, or the first of the policy; without both, its
/// first evidence. `None` when nothing says.
pub(crate) fn since(history: &History, policy: &Policy, resource: &Resource) -> Option<i64> {
    let day = resource.since.max(policy.effective);
    let named = day.map(|day| day.start(&policy.timezone).unix_seconds);
    named.or_else(|| {
        let seen = history.resource(&resource.id)?;
        let run = seen.runs.first().map(|run| run.started);
        let point = seen.points.first().map(|point| point.capture);
        run.into_iter().chain(point).min()
    })
}
