//! Journals of which entries are lost.

mod hostile;
mod loss;
mod races;
mod recall;
mod support;
