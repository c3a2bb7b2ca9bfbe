//! Where named bytes are kept: the Store trait, its laws, memory and directory stores, wrappers.
