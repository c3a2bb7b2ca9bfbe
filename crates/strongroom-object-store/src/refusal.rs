//! What a service says when it does not do what it was asked.

use std::fmt;
use std::time::Duration;

use object_store::HeaderMap;

use crate::markup;
use crate::time;

/// The longest part of a service's own words that is repeated, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// An answer that is no success: its status, and of its body the code and the message. Everything else in it is dropped, since
/// services like to repeat what was sent to them, signatures included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The service's own name for the reason: `NoSuchKey`, `BlobNotFound`.
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    /// How far this machine's clock is ahead of the service's, in seconds.
    pub(crate) clock_ahead: Option<i64>,
    /// Whether the service says that a signature was good for another time.
    pub(crate) expired: bool,
    /// Whether there was no body.
    pub(crate) silent: bool,
    /// When the service wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// Where the bucket is, if it is elsewhere.
    pub(crate) region: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let silent = body.is_empty();
        let body = String::from_utf8_lossy(body);
        let code = header("x-ms-error-code")
            .or_else(|| markup::text(&body, "Code"))
            .or_else(|| json_text(&body, "error"))
            .or_else(|| json_text(&body, "reason"))
            .or_else(|| json_text(&body, "code"));
        let message = markup::text(&body, "Message")
            .or_else(|| json_text(&body, "error_description"))
            .or_else(|| json_text(&body, "message"));
        let date = header("date").and_then(|date| time::parse_http_date(&date));
        Self {
            status,
            code: code.map(|code| short(&code)),
            message: message.map(|message| short(&message)),
            clock_ahead: date.map(|date| time::now().saturating_sub(date)),
            silent,
            expired: body.contains("not valid in the specified time frame"),
            retry_after: header("retry-after")
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs),
            region: header("x-amz-bucket-region").map(|region| short(&region)),
        }
    }

    /// Returns the code, or nothing.
    pub(crate) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }
}

/// Returns the first text of that name in a JSON document, where it has no escapes but quotes.
pub(crate) fn json_text(document: &str, name: &str) -> Option<String> {
    let (_, after) = document.split_once(&format!("\"{name}\""))?;
    let value = after
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            _ => text.push(character),
        }
    }
    None
}

/// One line of a few words.
fn short(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_MESSAGE_CHARS).map(visible).collect()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service answered {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(region) = &self.region {
            write!(f, " (the bucket is in {region})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_services_say_is_read() {
        let none = HeaderMap::new();
        let s3 = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>no &quot;x&quot;</Message><Secret>s3cr3t</Secret></Error>";
        let refusal = Refusal::new(404, &none, s3);
        assert_eq!(
            refusal.to_string(),
            "the service answered 404 NoSuchKey: no \"x\""
        );
        let google = br#"{"error": {"code": 404, "message": "No such object: b/x", "errors": [{"reason": "notFound"}]}}"#;
        assert_eq!(Refusal::new(404, &none, google).code(), "notFound");
        let token = br#"{"error":"invalid_grant","error_description":"Bad \"JWT\""}"#;
        assert_eq!(
            Refusal::new(400, &none, token).to_string(),
            "the service answered 400 invalid_grant: Bad \"JWT\""
        );
        let page = Refusal::new(404, &none, b"<html><body>Not here</body></html>");
        assert_eq!(page.code(), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(Refusal::new(400, &HeaderMap::new(), &body).to_string().len() < 2000);
        }
    }
}
