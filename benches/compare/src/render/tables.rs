//! Tables of results, as a document has them.

mod calls;
mod jobs;
mod limits;
mod machine;
mod programs;
mod rates;
mod summary;

use crate::results::{Figure, Results};

/// Returns what stands in a section of the document, if there is one of that name.
pub(crate) fn section(results: &Results, name: &str, charts: &str) -> Option<String> {
    Some(match name {
        "machine" => machine::sentence(results),
        "summary" => summary::table(results),
        "jobs" => jobs::tables(results, charts),
        "limits" => limits::tables(results, charts),
        "rates" => rates::table(results),
        "programs" => programs::table(results),
        "calls" => calls::table(results),
        _ => return None,
    })
}

/// A table that grows by rows.
#[derive(Debug)]
struct Table(String);

impl Table {
    fn new<T: AsRef<str>>(heads: impl IntoIterator<Item = T>) -> Self {
        let (mut first, mut second) = ("|".to_owned(), "|".to_owned());
        for head in heads {
            first += &format!(" {} |", head.as_ref());
            second += "---|";
        }
        Self(format!("{first}\n{second}\n"))
    }

    fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.0.push('|');
        for cell in cells {
            self.0 += &format!(" {} |", cell.as_ref());
        }
        self.0.push('\n');
    }
}

/// What stands where nothing was measured.
const NONE: &str = "–";

/// Returns a median with so many digits behind the point.
fn median(figure: Option<Figure>, digits: usize) -> String {
    figure.map_or_else(
        || NONE.to_owned(),
        |figure| format!("{:.digits$}", figure.median),
    )
}

/// Returns which part of what something took was unavoidable, in per cent.
fn share(least: Option<Figure>, own: Option<Figure>) -> Option<f64> {
    least
        .zip(own)
        .map(|(least, own)| 100.0 * least.median / own.median.max(1e-9))
}

/// Returns a share as people read it.
fn per_cent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), |share| format!("{share:.0} %"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_can_be_written_of_nothing() {
        let results = Results::default();
        for name in [
            "machine", "summary", "jobs", "limits", "rates", "programs", "calls",
        ] {
            let text = section(&results, name, "charts").unwrap();
            assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
        }
        assert_eq!(section(&results, "other", "charts"), None);
    }

    #[test]
    fn a_table_has_as_many_cells_as_heads() {
        let mut table = Table::new(["a", "b"]);
        table.row(["1".to_owned(), median(None, 2)]);
        assert_eq!(table.0, "| a | b |\n|---|---|\n| 1 | – |\n");
    }
}
