//! What the example programs share: options, passwords, output, progress, and a comparison of two trees.

pub mod backup;
mod bytes;
mod compare;
mod exit;
pub mod fleet;
mod glob;
mod keep;
mod known;
mod limit;
mod output;
mod progress;
mod repository;
pub mod restore;
mod secret;
mod select;
pub mod show;
mod size;
mod targets;
mod tour;
mod when;

pub use compare::{Aspect, Comparison, Difference, emptied, stored_bytes};
pub use exit::{Status, Usage, finish};
pub use glob::Chosen;
pub use keep::KeepArgs;
pub use known::Announced;
pub use limit::{age, unused};
pub use output::Output;
pub use progress::Watch;
pub use repository::{RepositoryArgs, host_name};
pub use secret::new_secret;
pub use select::{SelectArgs, found, found_forgotten};
pub use size::{parse_size, size};
pub use targets::TargetArgs;
pub use tour::Tour;
pub use when::utc;
