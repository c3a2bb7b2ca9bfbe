//! Recovery points.

/// A recovery point of a resource: one moment of its data, and every copy of that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Point {
    /// The moment of which it shows the data: Unix seconds.
    pub capture: i64,
    /// Indices of its copies in [`History::snapshots`](crate::History::snapshots), in the order in which they were seen.
    pub copies: Vec<usize>,
}
