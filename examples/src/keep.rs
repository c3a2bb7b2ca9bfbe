//! Which snapshots are kept: rules, as options of a command line.

use clap::Args;
use strongroom::retain::{Count, KeepRules, Rule, Span, Tags, Unit};

/// The rules. Each keeps something; what none of them keeps is forgotten.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
#[non_exhaustive]
pub struct KeepArgs {
    /// Keep the last so many; `unlimited` for all, here and below.
    #[arg(long, value_name = "N")]
    pub keep_last: Option<Count>,
    /// Keep the newest of each of the last so many hours that have a snapshot.
    #[arg(long, value_name = "N")]
    pub keep_hourly: Option<Count>,
    /// Keep the newest of each of the last so many days.
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<Count>,
    /// Keep the newest of each of the last so many weeks.
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<Count>,
    /// Keep the newest of each of the last so many months.
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<Count>,
    /// Keep the newest of each of the last so many quarters.
    #[arg(long, value_name = "N")]
    pub keep_quarterly: Option<Count>,
    /// Keep the newest of each of the last so many half-years.
    #[arg(long, value_name = "N")]
    pub keep_half_yearly: Option<Count>,
    /// Keep the newest of each of the last so many years.
    #[arg(long, value_name = "N")]
    pub keep_yearly: Option<Count>,
    /// Keep what is at most so much older than the newest, such as 14d or 1y5m7d2h.
    #[arg(long, value_name = "SPAN")]
    pub keep_within: Option<Span>,
    /// Of what is at most so much older than the newest, keep the newest of each hour.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_hourly: Option<Span>,
    /// The same for each day.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_daily: Option<Span>,
    /// The same for each week.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_weekly: Option<Span>,
    /// The same for each month.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_monthly: Option<Span>,
    /// The same for each quarter.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_quarterly: Option<Span>,
    /// The same for each half-year.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_half_yearly: Option<Span>,
    /// The same for each year.
    #[arg(long, value_name = "SPAN")]
    pub keep_within_yearly: Option<Span>,
    /// Keep what has this tag, or all of several: prod, prod+eu. Can be given several times.
    #[arg(long = "keep-tag", value_name = "TAG")]
    pub keep_tags: Vec<Tags>,
}

impl KeepArgs {
    /// Returns the rules that were given.
    #[must_use]
    pub fn rules(&self) -> KeepRules {
        let every = [
            (Unit::Hour, self.keep_hourly, self.keep_within_hourly),
            (Unit::Day, self.keep_daily, self.keep_within_daily),
            (Unit::Week, self.keep_weekly, self.keep_within_weekly),
            (Unit::Month, self.keep_monthly, self.keep_within_monthly),
            (
                Unit::Quarter,
                self.keep_quarterly,
                self.keep_within_quarterly,
            ),
            (
                Unit::HalfYear,
                self.keep_half_yearly,
                self.keep_within_half_yearly,
            ),
            (Unit::Year, self.keep_yearly, self.keep_within_yearly),
        ];
        let last = self.keep_last.map(Rule::Last);
        let within = self.keep_within.map(Rule::Within);
        let tags = self.keep_tags.iter().cloned().map(Rule::Tagged);
        let every = every.into_iter().flat_map(|(unit, count, span)| {
            let counted = count.map(|count| Rule::Every(unit, count));
            counted
                .into_iter()
                .chain(span.map(|span| Rule::EveryWithin(unit, span)))
        });
        last.into_iter()
            .chain(within)
            .chain(every)
            .chain(tags)
            .collect()
    }
}
