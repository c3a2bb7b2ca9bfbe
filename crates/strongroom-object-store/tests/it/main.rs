//! Tests against a scripted server, and against real ones.

mod anywhere;
mod azure;
mod credentials;
mod errors;
mod google;
mod locks;
mod real;
mod requests;
mod server;
mod tls;
mod web;
