//! What the crate promises, from outside.

mod golden;
mod groups;
mod history;
mod laws;
mod peers;
mod plans;
mod reference;
mod simulation;
mod texts;
