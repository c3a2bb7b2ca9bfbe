//! Reports for people.

use std::fmt::Write as _;

use super::Report;
use super::table::{Cell, Section, Table};

/// Entries are named one by one up to so many.
const ENTRIES_SHOWN: usize = 60;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    line(&mut out, &format!("# {}", text(&report.title)));
    line(
        &mut out,
        &format!(
            "As of {} · policy {} · {}",
            report.at,
            text(&report.policy),
            report.statement
        ),
    );
    for section in &report.sections {
        render_section(&mut out, section);
    }
    line(&mut out, "## What this does not prove");
    for one in &report.does_not_prove {
        let _ = writeln!(out, "* {}", text(one));
    }
    out.push('\n');
    line(&mut out, "## Evidence");
    let shown: Vec<String> = report
        .evidence
        .iter()
        .take(ENTRIES_SHOWN)
        .map(ToString::to_string)
        .collect();
    let more = report.evidence.len().saturating_sub(shown.len());
    let entries = match (shown.is_empty(), more) {
        (true, _) => "No journal entry.".to_owned(),
        (false, 0) => format!("Journal entries {}.", shown.join(", ")),
        (false, more) => format!("Journal entries {} and {more} more.", shown.join(", ")),
    };
    line(&mut out, &entries);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn render_section(out: &mut String, section: &Section) {
    line(out, &format!("## {}", text(&section.title)));
    for one in &section.text {
        line(out, &text(one));
    }
    match &section.table {
        Some(table) if table.rows.is_empty() => line(out, "None."),
        Some(table) => render_table(out, table),
        None => {}
    }
}

fn render_table(out: &mut String, table: &Table) {
    let names: Vec<&str> = table.columns.iter().map(|(_, name)| *name).collect();
    let _ = writeln!(out, "| {} |", names.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(names.len()));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::None => "–".to_owned(),
        Cell::Text(value) => text(value),
        Cell::Count(value) => value.to_string(),
        Cell::Share(value) => format!("{:.1} %", value * 100.0),
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push_str("\n\n");
}

/// Keeps what somebody wrote from becoming markup: names come from policies and journals.
fn text(value: &str) -> String {
    let mut safe = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\' => {
                safe.push('\\');
                safe.push(character);
            }
            '\n' | '\r' => safe.push(' '),
            one if one.is_control() => safe.push('\u{fffd}'),
            one => safe.push(one),
        }
    }
    safe
}
