//! The facade as its users meet it.

mod anywhere;
mod cancelled;
mod locations;
mod tree;
