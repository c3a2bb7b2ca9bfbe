//! Does somebody listen?

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Outcome, Scene, Validator};
use crate::stop::Stop;

/// Connects to a port of the sandbox's address, or of the loopback interface, again and again until somebody answers or the time is
/// over.
#[derive(Debug, Clone)]
pub struct PortProbe {
    name: String,
    port: Option<u16>,
    limit: Duration,
}

impl PortProbe {
    /// Probes this port; `None` is that of the sandbox.
    #[must_use]
    pub fn new(port: Option<u16>) -> Self {
        let name = port.map_or_else(|| "tcp".to_owned(), |port| format!("tcp:{port}"));
        Self {
            name,
            port,
            limit: WAIT,
        }
    }

    /// Waits this long for somebody to listen. Default: ten seconds.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl Validator for PortProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let Some(address) = address_of(scene, self.port) else {
            return Outcome::skipped("no-address", "this sandbox listens on no port");
        };
        match connect(address, &stop.within(self.limit)) {
            Some(_) => Outcome::passed(format!("{address} answers")),
            None => match stop.check() {
                Ok(()) => Outcome::failed("port-closed", format!("nobody listens on {address}")),
                Err(stopped) => stopped.into(),
            },
        }
    }
}

/// Returns the sandbox's address with this port; no other machine is ever probed.
pub(super) fn address_of(scene: &Scene<'_>, port: Option<u16>) -> Option<SocketAddr> {
    match (scene.connection.address, port) {
        (Some(address), Some(port)) => Some(SocketAddr::new(address.ip(), port)),
        (Some(address), None) => Some(address),
        (None, Some(port)) => Some(SocketAddr::from(([127, 0, 0, 1], port))),
        (None, None) => None,
    }
}

pub(super) fn connect(address: SocketAddr, stop: &Stop) -> Option<TcpStream> {
    loop {
        if let Ok(stream) = TcpStream::connect_timeout(&address, ONE_TRY) {
            return Some(stream);
        }
        stop.pause(Duration::from_millis(50)).ok()?;
    }
}

const WAIT: Duration = Duration::from_secs(10);
const ONE_TRY: Duration = Duration::from_millis(250);
