//! The starter policies, as those who start with them meet them.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy knows only the functions marked as tests"
)]

mod starter_policies;
