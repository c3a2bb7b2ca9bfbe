//! Audit bundles: one file that proves, years later and without the repository, what its journal says.
//!
//! The format is in `docs/audit-bundle.md`, which is normative.

mod about;
mod authority;
mod builder;
mod error;
mod report;
mod section;
mod trust;
mod verify;

#[cfg(test)]
mod tests;

pub use about::About;
pub use authority::Standing;
pub use builder::{BuildError, BundleBuilder};
pub use error::BundleError;
pub use report::{AuditedEntry, BundleReport, Content, File, Premise};
pub use section::{MAX_BUNDLE_ENTRIES, MAX_BUNDLE_SECTIONS};
pub use trust::TrustPolicy;
pub use verify::verify_bundle;

/// The first line of a bundle.
const MAGIC: &str = "strongroom audit bundle v1\n";

/// The first line of the note that seals it.
const SEAL: &str = "strongroom audit bundle seal v1\n";
