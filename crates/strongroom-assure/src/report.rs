//! Reports: the same facts for people and for programs.

pub(crate) mod as_text;
