//! Dates for people.

use strongroom_format::Time;

use crate::kit::date;

/// Writes a moment in seconds since 1970 as `2026-11-22 08:30 UTC`.
pub(crate) fn utc(seconds: i64) -> String {
    let minutes = seconds.rem_euclid(86_400) / 60;
    let day = date::of(Time::new(seconds, 0));
    format!("{day} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}
