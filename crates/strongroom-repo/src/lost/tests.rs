//! Journals of which entries are lost.
