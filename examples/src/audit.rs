//! What sr-audit does: a log in a directory, bundles of it, and what they say.

mod bundle;
mod files;
mod keep;
mod place;
mod say;

pub use bundle::{BundleParts, write_bundle};
pub use files::{lock, now, read_policy, read_signer, read_text, replace, write_new};
pub use keep::{Kept, keep};
pub use place::LedgerDir;
pub use say::say_report;
