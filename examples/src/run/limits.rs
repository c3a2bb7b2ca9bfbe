//! How much of the machine a policy lets a run take. What the command line says counts more.

use strongroom::manners::{IoPriority, SystemGuard, SystemLimits};
use strongroom_policy::{ByteCount, Key, Resolved};

use crate::repository::RepositoryArgs;

/// Lets the policy decide what the command line leaves open.
pub(super) fn decide(repository: &mut RepositoryArgs, resolved: &Resolved) {
    let bytes = |key| resolved.bytes(key).map(ByteCount::get);
    let (manners, network) = (&mut repository.manners, &mut repository.network);
    network.limit_upload = network.limit_upload.or_else(|| bytes(Key::UploadRate));
    manners.memory = manners.memory.or_else(|| bytes(Key::Memory));
    manners.limit_read = manners.limit_read.or_else(|| bytes(Key::ReadRate));
    if manners.io_priority.is_none() {
        manners.io_priority = match resolved.text(Key::IoPriority) {
            Some("idle") => "idle".parse::<IoPriority>().ok(),
            Some("low") => "7".parse::<IoPriority>().ok(),
            _ => None,
        };
    }
    if manners.load_guard.is_none() && resolved.flag(Key::LoadGuard) {
        // Where the system does not say how busy it is, nobody can wait for it.
        let limits = SystemLimits::pressures();
        manners.load_guard = SystemGuard::new(limits).is_ok().then_some(limits);
    }
    let threads = resolved
        .count(Key::Threads)
        .and_then(|count| u16::try_from(count).ok());
    repository.threads = repository.threads.or(threads.filter(|count| *count > 0));
}
