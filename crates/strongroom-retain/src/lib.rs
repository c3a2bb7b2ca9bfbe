//! Decides which snapshots stay, and says why.
