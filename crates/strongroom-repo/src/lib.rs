//! The engine: create, open, back up, list and restore a repository.
