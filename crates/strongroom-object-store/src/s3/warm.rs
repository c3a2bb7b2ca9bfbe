//! Bringing objects out of `GLACIER` and its kin.

use object_store::client::HttpError;
use reqwest::Method;
use strongroom_store::{Result, Warmth};

use super::calls::{Answer, Call, S3Calls};
use crate::address::{Address, invalid};
use crate::judge;
use crate::time::parse_http_date;

/// How objects are brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restore {
    days: u32,
    tier: &'static str,
}

impl Default for Restore {
    /// For a week, in the usual three to twelve hours.
    fn default() -> Self {
        Self {
            days: 7,
            tier: "Standard",
        }
    }
}

impl Restore {
    /// Takes what an address says.
    pub(super) fn take(address: &mut Address) -> Result<Self> {
        let days = address.take_number("restore_days")?.unwrap_or(7);
        let tier = match address.take("restore_tier").as_deref() {
            None | Some("Standard") => "Standard",
            Some("Bulk") => "Bulk",
            Some("Expedited") => "Expedited",
            Some(_) => {
                return Err(invalid(
                    "restore_tier= is none of Standard, Bulk and Expedited",
                ));
            }
        };
        if !(1..=3650).contains(&days) {
            return Err(invalid("restore_days= is not between 1 and 3650"));
        }
        Ok(Self { days, tier })
    }
}

impl S3Calls {
    /// Returns whether an object can be read now.
    pub(crate) async fn warmth(&self, path: &str) -> Result<Warmth, HttpError> {
        self.send(Call::new(Method::HEAD, path, ""))
            .await
            .map(|answer| warmth(&answer))
    }

    /// Asks for a copy of an object that can be read, for some days.
    pub(crate) async fn restore(&self, path: &str, restore: &Restore) -> Result<(), HttpError> {
        let body = format!(
            "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Days>{}</Days><GlacierJobParameters><Tier>{}</Tier></GlacierJobParameters></RestoreRequest>",
            restore.days, restore.tier,
        );
        let call = Call::new(Method::POST, path, "restore=").with_body(body);
        match self.send(call).await {
            Ok(_) => Ok(()),
            Err(error) => {
                // It is on its way, or was never cold.
                let fine = judge::refusal(&error).is_some_and(|refusal| {
                    matches!(
                        refusal.code(),
                        "RestoreAlreadyInProgress" | "InvalidObjectState"
                    )
                });
                if fine { Ok(()) } else { Err(error) }
            }
        }
    }
}

fn warmth(answer: &Answer) -> Warmth {
    let archived = matches!(
        answer.header("x-amz-storage-class"),
        Some("GLACIER" | "DEEP_ARCHIVE")
    ) || answer.header("x-amz-archive-status").is_some();
    let restore = answer.header("x-amz-restore").unwrap_or_default();
    if restore.contains("ongoing-request=\"true\"") {
        return Warmth::Warming;
    }
    let expiry = restore.split("expiry-date=\"").nth(1);
    let expiry = expiry.and_then(|date| date.split('"').next());
    match expiry.and_then(parse_http_date) {
        Some(until) => Warmth::Ready { until: Some(until) },
        None if archived => Warmth::Cold,
        None => Warmth::Ready { until: None },
    }
}
