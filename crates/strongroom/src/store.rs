//! What it takes to keep a repository in a place of your own: implement [`Store`](crate::Store).
//!
//! `strongroom-store` has the laws as functions, under its feature `conformance`, to run on your implementation.

pub use strongroom_store::{
    Answer, Capabilities, Cause, Error, ErrorKind, GetOptions, Key, MAX_KEY_LEN, MAX_OBJECT_BYTES,
    ObjectLock, ObjectMeta, Prefix, ProbeOptions, Probed, PutMode, PutOptions, Question, Result,
    Retention, RetentionMode, StorageClass, StoreExt, Warmer, Warmth, probe, wrap,
};
