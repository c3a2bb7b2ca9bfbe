//! What it takes to restore into something of your own: implement [`Target`].
//!
//! The example `embedded-state` does it for an application's state in memory.

pub use strongroom_repo::{
    Aspect, Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};
