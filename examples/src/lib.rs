//! What the example programs share: options, passwords, output, progress, and a comparison of two trees.

pub mod backup;
mod bytes;
mod compare;
mod exit;
pub mod fleet;
mod glob;
mod keep;
mod known;
mod output;
mod progress;
mod repository;
pub mod restore;
mod secret;
pub mod show;
mod size;
mod tour;
mod when;

pub use compare::{Aspect, Comparison, Difference, emptied, stored_bytes};
pub use exit::{Status, Usage, finish};
pub use glob::Chosen;
pub use keep::KeepArgs;
pub use known::Announced;
pub use output::Output;
pub use progress::Watch;
pub use repository::{RepositoryArgs, host_name};
pub use secret::new_secret;
pub use size::size;
pub use tour::Tour;
pub use when::utc;
