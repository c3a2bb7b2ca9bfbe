//! From a policy to text.

use std::fmt::{self, Write as _};

use crate::key::Key;
use crate::part::{FieldKind, Fields, Item, PartSpec};
use crate::policy::Policy;
use crate::select::{Glob, Selector};
use crate::settings::Settings;
use crate::value::Value;

impl Policy {
    /// Writes it as a document that [`Document::parse`](crate::Document::parse) reads as the same.
    ///
    /// Comments and the order of another document are not kept.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (path, spec, fields) in self.parts() {
            table(&mut text, &path, spec, &fields);
        }
        text
    }
}

fn table(text: &mut String, path: &str, spec: &PartSpec, fields: &Fields) {
    match path.split_once('.') {
        None if path.is_empty() => {}
        None => line(text, format_args!("\n[{path}]")),
        Some(("rule", _)) => line(text, format_args!("\n[[rule]]")),
        Some((collection, name)) => line(text, format_args!("\n[{collection}.{}]", Quoted(name))),
    }
    for field in spec.fields {
        if let Some(item) = fields.get(field.name) {
            line(
                text,
                format_args!("{} = {}", field.name, Shown(item, field.kind)),
            );
        }
    }
    sections(text, &fields.settings);
}

/// Writes settings, a section a line.
fn sections(text: &mut String, settings: &Settings) {
    for section in crate::key::sections() {
        let of_section = settings.iter().filter(|(key, _)| key.section() == section);
        let parts: Vec<String> = of_section
            .map(|(key, value): (Key, &Value)| format!("{} = {}", key.name(), ShownValue(value)))
            .collect();
        if !parts.is_empty() {
            line(text, format_args!("{section} = {{ {} }}", parts.join(", ")));
        }
    }
}

fn line(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.push_str(&arguments.to_string());
    text.push('\n');
}

/// A name, in quotation marks.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\U{:08X}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

struct ShownValue<'a>(&'a Value);

impl fmt::Display for ShownValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Count(count) => write!(f, "{count}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Set(words) => list(f, words.iter().map(String::as_str)),
            Value::List(lines) => list(f, lines.iter().map(String::as_str)),
            Value::Windows(windows) => {
                let texts: Vec<String> = windows.iter().map(ToString::to_string).collect();
                list(f, texts.iter().map(String::as_str))
            }
            Value::Ages(ages) => {
                let parts: Vec<String> = ages
                    .iter()
                    .map(|(level, age)| format!("{level} = {}", Quoted(&age.to_string())))
                    .collect();
                write!(f, "{{ {} }}", parts.join(", "))
            }
            other => Quoted(&other.to_string()).fmt(f),
        }
    }
}

fn list<'a>(f: &mut fmt::Formatter<'_>, words: impl Iterator<Item = &'a str>) -> fmt::Result {
    let quoted: Vec<String> = words.map(|word| Quoted(word).to_string()).collect();
    write!(f, "[{}]", quoted.join(", "))
}

struct Shown<'a>(&'a Item, FieldKind);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Item::Value(value), _) => ShownValue(value).fmt(f),
            (Item::Date(date), _) => write!(f, "{date}"),
            (Item::Dates(dates), _) => {
                let texts: Vec<String> = dates.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            (Item::Select(selector), _) => show_selector(f, selector),
            (Item::Labels(labels), _) => {
                let parts: Vec<String> = labels
                    .iter()
                    .map(|(name, value)| format!("{} = {}", Quoted(name), Quoted(value)))
                    .collect();
                write!(f, "{{ {} }}", parts.join(", "))
            }
            (Item::Parts(parts), FieldKind::Parts(spec)) => {
                f.write_str("[")?;
                for (nth, part) in parts.iter().enumerate() {
                    let comma = if nth == 0 { "\n" } else { ",\n" };
                    write!(f, "{comma}  {{ {} }}", inline(spec, part))?;
                }
                f.write_str("\n]")
            }
            (Item::Parts(_), _) => f.write_str("[]"),
        }
    }
}

fn inline(spec: &PartSpec, fields: &Fields) -> String {
    let parts = spec.fields.iter().filter_map(|field| {
        let item = fields.get(field.name)?;
        Some(format!("{} = {}", field.name, Shown(item, field.kind)))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn show_selector(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    if selector.all {
        return f.write_str("\"all\"");
    }
    let mut parts = Vec::new();
    for (name, globs) in [
        ("id", &selector.id),
        ("kind", &selector.kind),
        ("class", &selector.class),
        ("department", &selector.department),
        ("host", &selector.host),
    ] {
        if !globs.is_empty() {
            let texts: Vec<String> = globs.iter().map(quoted_glob).collect();
            parts.push(format!("{name} = [{}]", texts.join(", ")));
        }
    }
    if !selector.criticality.is_empty() {
        let levels = selector.criticality.iter();
        let texts: Vec<String> = levels.map(|level| format!("\"{level}\"")).collect();
        parts.push(format!("criticality = [{}]", texts.join(", ")));
    }
    if !selector.labels.is_empty() {
        let labels = selector.labels.iter();
        let texts: Vec<String> = labels
            .map(|(name, glob)| format!("{} = {}", Quoted(name), quoted_glob(glob)))
            .collect();
        parts.push(format!("labels = {{ {} }}", texts.join(", ")));
    }
    write!(f, "{{ {} }}", parts.join(", "))
}

fn quoted_glob(glob: &Glob) -> String {
    Quoted(glob.as_str()).to_string()
}
