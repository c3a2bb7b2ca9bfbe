//! Samples that state what they prove.

mod bound;
mod chance;
mod share;
mod size;

pub use self::bound::{upper_count, upper_share};
pub use self::share::{ParseShareError, Share};
pub use self::size::{sample_size, sample_size_of_many};
