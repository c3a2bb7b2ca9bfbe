//! Sections and tables.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use strongroom_retain::Moment;

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Section {
    /// Its stable name.
    pub id: &'static str,
    /// What it is called.
    pub title: String,
    /// Sentences before the table.
    pub text: Vec<String>,
    /// Its table, if it has one.
    pub table: Option<Table>,
}

impl Section {
    pub(super) fn new(id: &'static str, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            text: Vec::new(),
            table: None,
        }
    }

    pub(super) fn say(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    pub(super) fn with(mut self, table: Table) -> Self {
        self.table = Some(table);
        self
    }
}

/// A table. As JSON each row is a map by the stable names of the columns.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// Its stable name.
    pub id: &'static str,
    /// Its columns: the stable name of each, and what it is called.
    pub columns: Vec<(&'static str, &'static str)>,
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Cell {
    /// Nothing is known.
    None,
    /// A text.
    Text(String),
    /// A number of things, or of units that the column names.
    Count(u64),
    /// A share, from 0 to 1.
    Share(f64),
}

impl Table {
    pub(super) fn new(id: &'static str, columns: &[(&'static str, &'static str)]) -> Self {
        Self {
            id,
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row: Vec<Cell> = cells.into_iter().collect();
        row.resize(self.columns.len(), Cell::None);
        self.rows.push(row);
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<Row<'_>> = self
            .rows
            .iter()
            .map(|cells| Row { table: self, cells })
            .collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

struct Row<'t> {
    table: &'t Table,
    cells: &'t [Cell],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.table.columns.iter().map(|(id, _)| *id);
        serializer.collect_map(names.zip(self.cells))
    }
}

macro_rules! cells {
    ($($type:ty => $variant:ident($value:ident) $made:expr;)*) => {$(
        impl From<$type> for Cell {
            fn from($value: $type) -> Self {
                Self::$variant($made)
            }
        }
    )*};
}

cells! {
    String => Text(value) value;
    &str => Text(value) value.to_owned();
    u64 => Count(value) value;
    usize => Count(value) u64::try_from(value).unwrap_or(u64::MAX);
    f64 => Share(value) value;
    Moment => Text(value) value.to_string();
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}
