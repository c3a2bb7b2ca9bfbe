//! The JSON Schema of documents, for editors that complete and check while one writes.

use serde_json::{Map, Value, json};

use crate::key::{Key, sections};
use crate::level::Level;
use crate::parse::COLLECTIONS;
use crate::part::{FieldKind, Part, PartSpec};
use crate::people::Approval;
use crate::policy::{Layer, Policy, Rule};
use crate::value::Kind;

/// Returns the JSON Schema (2020-12) of documents, as it is published in
/// `docs/process/policy.schema.json`.
///
/// What it accepts may still be wrong: names that are not defined and texts that are no time are
/// found by [`Document::parse`](crate::Document::parse), contradictions by
/// [`Policy::lint`](crate::Policy::lint).
#[must_use]
pub fn json_schema() -> String {
    let mut text = format!("{:#}", schema());
    text.push('\n');
    text
}

fn schema() -> Value {
    let mut root = part(Policy::SPEC);
    let Value::Object(object) = &mut root else {
        return root;
    };
    let mut properties = match object.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    if let Some(Value::Object(format)) = properties.get_mut("format") {
        format.insert("const".into(), json!(crate::policy::FORMAT));
    }
    properties.insert("approval".into(), part(Approval::SPEC));
    properties.insert("defaults".into(), part(Layer::SPEC));
    properties.insert(
        "rule".into(),
        json!({ "type": "array", "items": part(Rule::SPEC) }),
    );
    for (name, spec) in COLLECTIONS {
        let names = match *name {
            "criticality" => {
                json!({ "enum": crate::Criticality::ALL.map(crate::Criticality::as_str) })
            }
            _ => json!({ "pattern": "^[\\p{L}\\p{N}._:/@-]{1,128}$" }),
        };
        let tables = json!({
            "type": "object",
            "propertyNames": names,
            "additionalProperties": part(spec),
        });
        properties.insert((*name).to_owned(), tables);
    }
    object.insert("properties".into(), Value::Object(properties));
    object.insert(
        "$schema".into(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    object.insert("title".into(), json!("Strongroom backup policy, format 1"));
    object.insert("$defs".into(), definitions());
    root
}

fn definitions() -> Value {
    let mut all = Map::new();
    for section in sections() {
        let keys = Key::ALL.iter().filter(|key| key.section() == section);
        let properties: Map<String, Value> = keys
            .map(|key| {
                (
                    key.name().to_owned(),
                    described(kind(key.spec().kind), key.meaning()),
                )
            })
            .collect();
        let table = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": properties,
        });
        all.insert(section.to_owned(), table);
    }
    all.insert("selector".into(), selector());
    all.insert(
        "period".into(),
        json!({
            "type": "string",
            "pattern": "^\\s*([0-9]+\\s*(s|min|h|d|w|mo|y)\\s*)+$",
            "examples": ["15min", "24h", "7d", "3mo", "10y"],
        }),
    );
    Value::Object(all)
}

fn selector() -> Value {
    let alternatives = json!({
        "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } },
        ],
    });
    let mut properties = Map::new();
    for name in ["id", "kind", "class", "department", "host", "criticality"] {
        properties.insert(name.into(), alternatives.clone());
    }
    let labels = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    properties.insert("labels".into(), labels);
    json!({
        "anyOf": [
            { "const": "all" },
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": false,
                "properties": properties,
            },
        ],
    })
}

fn part(spec: &PartSpec) -> Value {
    let mut properties = Map::new();
    for field in spec.fields {
        let schema = match field.kind {
            FieldKind::Value(value) => kind(value),
            FieldKind::Date => date(),
            FieldKind::Dates => json!({ "type": "array", "items": date() }),
            FieldKind::Select => json!({ "$ref": "#/$defs/selector" }),
            FieldKind::Labels => json!({
                "type": "object",
                "additionalProperties": { "type": "string", "minLength": 1 },
            }),
            FieldKind::Parts(inner) => json!({ "type": "array", "items": part(inner) }),
        };
        properties.insert(field.name.to_owned(), described(schema, field.doc));
    }
    if spec.has_settings {
        for section in sections() {
            let reference = format!("#/$defs/{section}");
            properties.insert(section.to_owned(), json!({ "$ref": reference }));
        }
    }
    let required = spec.fields.iter().filter(|field| field.is_required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    json!({
        "type": "object",
        "description": spec.doc,
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn date() -> Value {
    json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
}

fn described(mut schema: Value, doc: &str) -> Value {
    if let Value::Object(object) = &mut schema {
        object.insert("description".into(), json!(doc.trim()));
    }
    schema
}

fn kind(kind: Kind) -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    match kind {
        Kind::Period => json!({ "$ref": "#/$defs/period" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0 }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Share => json!({
            "type": "string",
            "pattern": "^\\s*[0-9]{1,3}(\\.[0-9]{1,4})?\\s*%$",
            "examples": ["98 %"],
        }),
        Kind::Bytes => json!({
            "type": "string",
            "pattern": "^\\s*[0-9]+(\\.[0-9]{1,3})?\\s*(B|kB|KiB|MB|MiB|GB|GiB|TB|TiB|PB|PiB)\\s*$",
            "examples": ["500 GiB"],
        }),
        Kind::Text | Kind::Name(_) => text(),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Choices(words) => json!({ "type": "array", "items": { "enum": words } }),
        Kind::Words | Kind::Names(_) => {
            json!({ "type": "array", "uniqueItems": true, "items": text() })
        }
        Kind::Lines => json!({ "type": "array", "items": text() }),
        Kind::When => json!({
            "type": "string",
            "pattern": "^\\s*(hourly|(daily|weekly|monthly|cron|every)\\s.+)$",
            "examples": ["daily 02:30", "weekly sun 03:00", "every 6h", "cron 30 2 * * mon-fri"],
        }),
        Kind::Zone => json!({ "type": "string", "examples": ["Europe/Berlin", "UTC"] }),
        Kind::Windows => json!({
            "type": "array",
            "items": { "type": "string", "pattern": "^\\s*(\\S+\\s+)?[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}\\s*$" },
        }),
        Kind::Keep => json!({
            "type": "string",
            "pattern": "^\\s*(everything|([a-z-]+=\\S+\\s*)+)$",
            "examples": ["daily=7 weekly=5 monthly=12"],
        }),
        Kind::Ages => json!({
            "type": "object",
            "propertyNames": { "enum": Level::ALL.map(Level::as_str) },
            "additionalProperties": { "$ref": "#/$defs/period" },
        }),
    }
}

#[cfg(test)]
mod tests;
