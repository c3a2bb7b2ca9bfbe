//! What is written can be read again.

use proptest::prelude::*;
use strongroom_retain::{KeepRules, Moment, Period, Span, Unit};

use crate::history::{moment, rule, some_rules, span};

proptest! {
    #[test]
    fn rules_can_be_read_again(rules in some_rules()) {
        prop_assert_eq!(rules.to_string().parse(), Ok(rules));
    }

    #[test]
    fn a_rule_can_be_read_again(rule in rule()) {
        prop_assert_eq!(rule.to_string().parse(), Ok(rule));
    }

    #[test]
    fn spans_can_be_read_again(span in span()) {
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn moments_can_be_read_again(
        unix_seconds in -60_000_000_000..250_000_000_000_i64,
        utc_offset_seconds in -86_399..86_400_i32,
    ) {
        let moment = Moment { unix_seconds, utc_offset_seconds };
        prop_assert_eq!(moment.to_string().parse(), Ok(moment));
    }

    #[test]
    fn nobody_panics(text in ".{0,30}", span in span(), time in any::<i64>(), offset in any::<i32>()) {
        let _any = (text.parse::<Moment>(), text.parse::<Span>(), text.parse::<KeepRules>());
        let moment = Moment { unix_seconds: time, utc_offset_seconds: offset };
        prop_assert!(span.before(moment) <= moment && span.after(moment) >= moment);
        for unit in Unit::ALL {
            prop_assert!(!Period::of(unit, moment).to_string().is_empty());
        }
    }
}

#[test]
fn everything_is_a_word() {
    let everything: KeepRules = "everything".parse().unwrap();
    assert!(everything.is_empty());
    assert_eq!(everything.to_string(), "everything");
}

#[test]
fn spans_know_weeks_and_any_order() {
    assert_eq!("2w1d".parse::<Span>(), Span::days(15));
    assert_eq!("2h1y".parse::<Span>().unwrap().to_string(), "1y2h");
    assert_eq!("1y0d".parse::<Span>(), Span::years(1));
}

#[test]
fn periods_have_names() {
    let check = |time: &str, unit: Unit, name: &str| {
        assert_eq!(Period::of(unit, moment(time)).to_string(), name);
    };
    let time = "2026-11-21T23:30:00-01:00";
    check(time, Unit::Hour, "2026-11-21T23-01:00");
    check(time, Unit::Day, "2026-11-21");
    check(time, Unit::Week, "2026-W47");
    check(time, Unit::Month, "2026-11");
    check(time, Unit::Quarter, "2026-Q4");
    check(time, Unit::HalfYear, "2026-H2");
    check(time, Unit::Year, "2026");
    check("2027-01-03T00:00:00Z", Unit::Week, "2026-W53");
    check(
        "2026-11-21T10:20:00+05:45",
        Unit::Hour,
        "2026-11-21T10+05:45",
    );
    check(
        "2026-11-21T10:20:00-03:30",
        Unit::Hour,
        "2026-11-21T10-03:30",
    );
    check("2026-01-01T00:00:00Z", Unit::Quarter, "2026-Q1");
    check("2026-06-30T00:00:00Z", Unit::HalfYear, "2026-H1");
}
