//! What the tables of a document have in common: named fields, each of a kind, and settings.
//!
//! Reading, writing, the JSON Schema and the check of references all go over these tables, so that a field is said once.

use std::collections::{BTreeMap, BTreeSet};

use crate::bytes::ByteCount;
use crate::date::Date;
use crate::key::Key;
use crate::period::Period;
use crate::raw::{Entry, Fault, Node, Raw};
use crate::select::{Glob, Selector};
use crate::settings::Settings;
use crate::text::nearest;
use crate::value::{Kind, Value};
use crate::window::Window;
use crate::zone::Zone;

/// A kind of table.
#[derive(Debug)]
pub(crate) struct PartSpec {
    pub(crate) what: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) fields: &'static [Field],
    /// Whether the sections of settings may stand in it too.
    pub(crate) has_settings: bool,
}

/// A field of a table.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    pub(crate) is_required: bool,
    pub(crate) doc: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldKind {
    Value(Kind),
    Date,
    Dates,
    Select,
    Labels,
    /// A list of tables.
    Parts(&'static PartSpec),
}

impl Field {
    pub(crate) const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::of(name, FieldKind::Value(kind), doc)
    }

    pub(crate) const fn of(name: &'static str, kind: FieldKind, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            is_required: false,
            doc,
        }
    }

    pub(crate) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }
}

/// A Rust type that is such a table.
pub(crate) trait Part: Sized {
    const SPEC: &'static PartSpec;

    /// Makes one of what was read.
    fn build(name: &str, fields: Fields) -> Self;

    /// Returns what would be read.
    fn fields(&self) -> Fields;
}

/// The values of a table's fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields {
    items: BTreeMap<&'static str, Item>,
    pub(crate) settings: Settings,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Value(Value),
    Date(Date),
    Dates(Vec<Date>),
    Select(Selector),
    Labels(BTreeMap<String, String>),
    Parts(Vec<Fields>),
}

macro_rules! takers {
    ($($name:ident -> $type:ty: $pattern:pat => $value:expr;)*) => {$(
        pub(crate) fn $name(&mut self, name: &str) -> Option<$type> {
            match self.items.remove(name)? {
                $pattern => Some($value),
                _ => None,
            }
        }
    )*};
}

impl Fields {
    takers! {
        text -> String: Item::Value(Value::Text(text)) => text;
        flag -> bool: Item::Value(Value::Flag(flag)) => flag;
        count -> u64: Item::Value(Value::Count(count)) => count;
        period -> Period: Item::Value(Value::Period(period)) => period;
        bytes -> ByteCount: Item::Value(Value::Bytes(bytes)) => bytes;
        set -> BTreeSet<String>: Item::Value(Value::Set(set)) => set;
        lines -> Vec<String>: Item::Value(Value::List(lines)) => lines;
        windows -> Vec<Window>: Item::Value(Value::Windows(windows)) => windows;
        zone -> Zone: Item::Value(Value::Zone(zone)) => zone;
        date -> Date: Item::Date(date) => date;
        dates -> Vec<Date>: Item::Dates(dates) => dates;
        selector -> Selector: Item::Select(selector) => selector;
        labels -> BTreeMap<String, String>: Item::Labels(labels) => labels;
        parts -> Vec<Fields>: Item::Parts(parts) => parts;
    }

    /// Returns those of a table that has settings alone so far.
    pub(crate) fn of_settings(settings: Settings) -> Self {
        Self {
            items: BTreeMap::new(),
            settings,
        }
    }

    /// Adds a value that is there.
    pub(crate) fn put(&mut self, name: &'static str, value: Option<impl Into<Item>>) {
        if let Some(value) = value {
            self.items.insert(name, value.into());
        }
    }

    /// Adds a text that is not empty.
    pub(crate) fn put_text(&mut self, name: &'static str, text: &str) {
        self.put(name, (!text.is_empty()).then(|| text.to_owned()));
    }

    /// Adds a set that is not empty.
    pub(crate) fn put_set(&mut self, name: &'static str, set: &BTreeSet<String>) {
        self.put(name, (!set.is_empty()).then(|| set.clone()));
    }

    /// Adds a flag that is set.
    pub(crate) fn put_flag(&mut self, name: &'static str, flag: bool) {
        self.put(name, flag.then_some(true));
    }

    /// Adds a selector that selects something.
    pub(crate) fn put_selector(&mut self, name: &'static str, selector: &Selector) {
        self.put(name, (!selector.is_empty()).then(|| selector.clone()));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Item> {
        self.items.get(name)
    }

    /// Reads a table. `put` is told where each field and setting stands.
    pub(crate) fn read(
        spec: &PartSpec,
        entries: &[Entry],
        at: &std::ops::Range<usize>,
        faults: &mut Vec<Fault>,
        put: &mut dyn FnMut(&str, usize),
    ) -> Self {
        let mut fields = Self::default();
        for entry in entries {
            let field = spec.fields.iter().find(|field| field.name == entry.name);
            if let Some(field) = field {
                put(field.name, entry.at.start);
                if let Some(item) = field.kind.read(&entry.value, faults) {
                    fields.items.insert(field.name, item);
                }
            } else if spec.has_settings && is_section(&entry.name) {
                put(&entry.name, entry.at.start);
                read_section(entry, &mut fields.settings, faults, put);
            } else {
                faults.push(unknown(spec, &entry.name, &entry.at));
            }
        }
        for field in spec.fields {
            let is_there = entries.iter().any(|entry| entry.name == field.name);
            if field.is_required && !is_there {
                let what = format!("{} needs the field {:?}", spec.what, field.name);
                faults.push(Fault::new(at, what).with_hint(field.doc));
            }
        }
        fields
    }
}

fn is_section(name: &str) -> bool {
    Key::ALL.iter().any(|key| key.section() == name)
}

fn read_section(
    entry: &Entry,
    settings: &mut Settings,
    faults: &mut Vec<Fault>,
    put: &mut dyn FnMut(&str, usize),
) {
    let section = &entry.name;
    let Node::Table(entries) = &entry.value.node else {
        let what = format!("expected a table, found {}", entry.value.what());
        faults.push(Fault::new(&entry.value.at, what).with_hint(format!("write [….{section}]")));
        return;
    };
    for one in entries {
        let path = format!("{section}.{}", one.name);
        let keys = || Key::ALL.iter().filter(|key| key.section() == section);
        match keys().find(|key| key.name() == one.name) {
            Some(key) => {
                put(&path, one.at.start);
                if let Some(value) = key.spec().kind.read(&one.value, faults) {
                    settings.insert(*key, value);
                }
            }
            None => {
                let fault = Fault::new(&one.at, format!("unknown setting {path:?}"));
                let hint = hint(&one.name, keys().map(|key| key.name()));
                faults.push(fault.with_hint(hint));
            }
        }
    }
}

fn unknown(spec: &PartSpec, name: &str, at: &std::ops::Range<usize>) -> Fault {
    let fault = Fault::new(at, format!("{} has no field {name:?}", spec.what));
    // A setting without its section is the commonest slip.
    let key = Key::ALL.iter().find(|key| key.name() == name);
    if let (true, Some(key)) = (spec.has_settings, key) {
        return fault.with_hint(format!("did you mean {}?", key.as_str()));
    }
    let fields = spec.fields.iter().map(|field| field.name);
    let sections = crate::key::sections();
    let sections = sections.into_iter().filter(|_| spec.has_settings);
    fault.with_hint(hint(name, fields.chain(sections)))
}

/// Says which of some names was meant, or which there are.
pub(crate) fn hint<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let other_word = OTHER_WORDS.iter().find(|(other, _)| *other == name);
    let other_word = other_word.map(|(_, ours)| *ours);
    let meant = other_word
        .filter(|ours| names.contains(ours))
        .or_else(|| nearest(name, names.iter().copied()));
    match meant {
        Some(name) => format!("did you mean {name}?"),
        None => format!("there are {}", names.join(", ")),
    }
}

/// What other products and other people call our fields.
const OTHER_WORDS: [(&str, &str); 16] = [
    ("rationale", "reason"),
    ("justification", "reason"),
    ("because", "reason"),
    ("responsible", "owner"),
    ("cron", "when"),
    ("interval", "when"),
    ("at", "when"),
    ("tz", "timezone"),
    ("time_zone", "timezone"),
    ("where", "match"),
    ("selector", "match"),
    ("targets", "to"),
    ("exclusions", "exclude"),
    ("excludes", "exclude"),
    ("rules", "keep"),
    ("version", "revision"),
];

impl FieldKind {
    fn read(self, raw: &Raw, faults: &mut Vec<Fault>) -> Option<Item> {
        match self {
            Self::Value(kind) => kind.read(raw, faults).map(Item::Value),
            Self::Date => read_date(raw, faults).map(Item::Date),
            Self::Dates => {
                let Node::List(items) = &raw.node else {
                    faults.push(mismatch(raw, "a list of dates"));
                    return None;
                };
                let dates = items.iter().map(|item| read_date(item, faults));
                dates.collect::<Option<Vec<_>>>().map(Item::Dates)
            }
            Self::Select => read_selector(raw, faults).map(Item::Select),
            Self::Labels => {
                let Node::Table(entries) = &raw.node else {
                    faults.push(mismatch(raw, "a table of labels"));
                    return None;
                };
                let label = |entry: &Entry| match Kind::Text.read(&entry.value, faults) {
                    Some(Value::Text(text)) => Some((entry.name.clone(), text)),
                    _ => None,
                };
                let labels: Option<BTreeMap<_, _>> = entries.iter().map(label).collect();
                labels.map(Item::Labels)
            }
            Self::Parts(spec) => {
                let Node::List(items) = &raw.node else {
                    faults.push(mismatch(raw, "a list of tables"));
                    return None;
                };
                let part = |item: &Raw| match &item.node {
                    Node::Table(entries) => Some(Fields::read(
                        spec,
                        entries,
                        &item.at,
                        faults,
                        &mut |_, _| {},
                    )),
                    _ => {
                        faults.push(mismatch(item, "a table"));
                        None
                    }
                };
                items
                    .iter()
                    .map(part)
                    .collect::<Option<Vec<_>>>()
                    .map(Item::Parts)
            }
        }
    }
}

pub(crate) fn mismatch(raw: &Raw, expected: &str) -> Fault {
    Fault::new(
        &raw.at,
        format!("expected {expected}, found {}", raw.what()),
    )
}

fn read_date(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Date> {
    let (Node::Date(text) | Node::Text(text)) = &raw.node else {
        faults.push(mismatch(raw, "a date such as 2026-11-22"));
        return None;
    };
    text.parse()
        .map_err(|error| faults.push(Fault::of(&raw.at, &error)))
        .ok()
}

fn read_selector(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Selector> {
    let entries = match &raw.node {
        Node::Text(text) if text == "all" => return Some(Selector::all()),
        Node::Table(entries) if !entries.is_empty() => entries,
        _ => {
            let fault = mismatch(raw, "conditions");
            let hint = "write { criticality = [\"critical\"] }, or \"all\" for everything";
            faults.push(fault.with_hint(hint));
            return None;
        }
    };
    let mut selector = Selector::default();
    for entry in entries {
        match entry.name.as_str() {
            "id" => selector.id = globs(&entry.value, faults)?,
            "kind" => selector.kind = globs(&entry.value, faults)?,
            "class" => selector.class = globs(&entry.value, faults)?,
            "department" => selector.department = globs(&entry.value, faults)?,
            "host" => selector.host = globs(&entry.value, faults)?,
            "criticality" => selector.criticality = globs(&entry.value, faults)?,
            "labels" => {
                let Node::Table(labels) = &entry.value.node else {
                    faults.push(mismatch(&entry.value, "a table of labels"));
                    return None;
                };
                for label in labels {
                    // A label has one value, and a pattern for it.
                    let Node::Text(text) = &label.value.node else {
                        faults.push(mismatch(&label.value, "text"));
                        return None;
                    };
                    let parsed = text.parse::<Glob>();
                    let glob = parsed
                        .map_err(|error| faults.push(Fault::of(&label.value.at, &error)))
                        .ok()?;
                    selector.labels.insert(label.name.clone(), glob);
                }
            }
            name => {
                let fault = Fault::new(&entry.at, format!("there is no condition {name:?}"));
                let names = [
                    "id",
                    "kind",
                    "class",
                    "department",
                    "host",
                    "criticality",
                    "labels",
                ];
                faults.push(fault.with_hint(hint(name, names.into_iter())));
                return None;
            }
        }
    }
    Some(selector)
}

/// Reads alternatives: a text, or a list that is not empty.
fn globs<T>(raw: &Raw, faults: &mut Vec<Fault>) -> Option<BTreeSet<T>>
where
    T: Ord + std::str::FromStr<Err = crate::error::Error>,
{
    let items = match &raw.node {
        Node::List(items) if !items.is_empty() => items.as_slice(),
        Node::Text(_) => std::slice::from_ref(raw),
        _ => {
            faults.push(mismatch(raw, "text, or a list of alternatives"));
            return None;
        }
    };
    let one = |raw: &Raw| match &raw.node {
        Node::Text(text) => text
            .parse()
            .map_err(|error| faults.push(Fault::of(&raw.at, &error)))
            .ok(),
        _ => {
            faults.push(mismatch(raw, "text"));
            None
        }
    };
    items.iter().map(one).collect()
}

macro_rules! item_from {
    ($($type:ty),* $(,)?) => {$(
        impl From<$type> for Item {
            fn from(value: $type) -> Self {
                Self::Value(value.into())
            }
        }
    )*};
}

item_from!(
    String,
    bool,
    u64,
    Period,
    ByteCount,
    BTreeSet<String>,
    Vec<String>,
    Vec<Window>,
    Zone,
);

impl From<Date> for Item {
    fn from(value: Date) -> Self {
        Self::Date(value)
    }
}

impl From<Vec<Date>> for Item {
    fn from(value: Vec<Date>) -> Self {
        Self::Dates(value)
    }
}

impl From<Selector> for Item {
    fn from(value: Selector) -> Self {
        Self::Select(value)
    }
}

impl From<BTreeMap<String, String>> for Item {
    fn from(value: BTreeMap<String, String>) -> Self {
        Self::Labels(value)
    }
}

impl From<Vec<Fields>> for Item {
    fn from(value: Vec<Fields>) -> Self {
        Self::Parts(value)
    }
}
