//! Does a service answer?

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::port::{address_of, connect};
use super::{Outcome, Scene, Validator};
use crate::stop::Stop;

/// Asks for a path by HTTP/1.1, without encryption, at the sandbox's address or the loopback interface, until there is an answer or the
/// time is over; and looks at its status and, if asked to, for a text in its first 64 KiB.
#[derive(Debug, Clone)]
pub struct HttpProbe {
    name: String,
    port: Option<u16>,
    path: String,
    status: u16,
    text: Option<String>,
    limit: Duration,
}

impl HttpProbe {
    /// Asks for `path`, and expects the status 200. `None` is the port of the sandbox.
    #[must_use]
    pub fn new(port: Option<u16>, path: impl Into<String>) -> Self {
        let path = path.into();
        let shown = port.map(|port| port.to_string()).unwrap_or_default();
        Self {
            name: format!("http:{shown}{path}"),
            port,
            path,
            status: 200,
            text: None,
            limit: WAIT,
        }
    }

    /// Expects another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Expects this text in the answer.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Waits this long for the answer. Default: ten seconds.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn ask(&self, address: SocketAddr, stop: &Stop) -> io::Result<Vec<u8>> {
        let stream = connect(address, stop).ok_or(io::ErrorKind::ConnectionRefused)?;
        talk(stream, address, &self.path, stop)
    }

    fn judge(&self, answer: &[u8]) -> Outcome {
        let text = String::from_utf8_lossy(answer);
        let Some(status) = status_of(&text) else {
            return Outcome::failed("http-malformed", "the answer is not of HTTP");
        };
        if status != self.status {
            let what = format!("status {status}, and {} was expected", self.status);
            return Outcome::failed("http-status", what);
        }
        match &self.text {
            Some(wanted) if !text.contains(wanted.as_str()) => {
                Outcome::failed("http-text", "the answer does not have the text")
            }
            _ => Outcome::passed(format!("status {status}")),
        }
    }
}

impl Validator for HttpProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let Some(address) = address_of(scene, self.port) else {
            return Outcome::skipped("no-address", "this sandbox listens on no port");
        };
        let is_safe =
            self.path.starts_with('/') && self.path.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_safe {
            return Outcome::skipped("http-path", "the path is none that can be asked for");
        }
        let within = stop.within(self.limit);
        // A service that is starting accepts and answers that it is not ready.
        let mut last = Outcome::failed("http-closed", format!("nobody listens on {address}"));
        loop {
            match self.ask(address, &within) {
                Ok(answer) => last = self.judge(&answer),
                Err(error) if within.check().is_ok() => {
                    last = Outcome::failed("http-broken", error.to_string());
                }
                Err(_) => {}
            }
            if matches!(last, Outcome::Passed { .. }) {
                return last;
            }
            if within.pause(Duration::from_millis(100)).is_err() {
                return stop.check().map_or_else(Into::into, |()| last);
            }
        }
    }
}

fn talk(
    mut stream: TcpStream,
    address: SocketAddr,
    path: &str,
    stop: &Stop,
) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while answer.len() < MAX_ANSWER_BYTES {
        stop.check().map_err(io::Error::other)?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend(buffer.iter().take(count)),
            Err(error) if is_patience(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

fn is_patience(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

fn status_of(answer: &str) -> Option<u16> {
    let mut words = answer.lines().next()?.split(' ');
    let version = words.next()?;
    let status = words.next()?;
    version
        .starts_with("HTTP/1.")
        .then(|| status.parse().ok())
        .flatten()
}

const WAIT: Duration = Duration::from_secs(10);
const MAX_ANSWER_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn code(probe: &HttpProbe, answer: &str) -> String {
        probe.judge(answer.as_bytes()).code().to_owned()
    }

    #[test]
    fn an_answer_is_judged_by_status_and_text() {
        let probe = HttpProbe::new(None, "/health").with_text("ready");
        assert_eq!(code(&probe, "HTTP/1.1 200 OK\r\n\r\nready"), "ok");
        assert_eq!(code(&probe, "HTTP/1.1 200 OK\r\n\r\nstarting"), "http-text");
        assert_eq!(
            code(&probe, "HTTP/1.1 503 Busy\r\n\r\nready"),
            "http-status"
        );
        assert_eq!(code(&probe, "SSH-2.0-OpenSSH\r\n"), "http-malformed");
        assert_eq!(code(&probe, ""), "http-malformed");
        assert_eq!(
            code(&probe.with_status(503), "HTTP/1.0 503 Busy\r\n\r\nready"),
            "ok"
        );
    }
}
