//! The engine through its public face, against stores that fail.

mod create;
mod damage;
mod slots;
mod world;
