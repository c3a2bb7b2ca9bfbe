use super::*;

const PUBLISHED: &str = include_str!("../../../../docs/process/policy.schema.json");

#[test]
fn what_is_published_is_what_is_read() {
    let published: Value = serde_json::from_str(PUBLISHED).unwrap();
    assert!(
        published == schema(),
        "run `sr-policy schema > docs/process/policy.schema.json`"
    );
}

#[test]
fn starter_policies_fit_the_schema_and_slips_do_not() {
    let root = schema();
    for text in [
        include_str!("../../../../docs/process/policies/home.toml"),
        include_str!("../../../../docs/process/policies/company.toml"),
        include_str!("../../../../docs/process/policies/regulated.toml"),
    ] {
        let document = json_of(text);
        assert_eq!(misfits(&root, &root, &document, ""), Vec::<String>::new());
    }
    let text = include_str!("../../../../docs/process/policies/home.toml");
    for (old, new, place) in [
        ("rpo = \"2d\"", "rop = \"2d\"", "/defaults/objectives"),
        ("rpo = \"2d\"", "rpo = 2", "/defaults/objectives/rpo"),
        ("kind = \"files\"", "kid = \"files\"", "/resource/laptop"),
        (
            "lock = \"governance\"\nencrypted",
            "lock = \"some\"\nencrypted",
            "/repository/cloud/lock",
        ),
        ("format = 1", "format = 2", "/format"),
    ] {
        let document = json_of(&text.replacen(old, new, 1));
        let found = misfits(&root, &root, &document, "");
        assert!(
            found.iter().any(|one| one.starts_with(place)),
            "{new}: {found:?}"
        );
    }
}

#[test]
fn no_field_is_named_as_a_section() {
    for (_, spec) in COLLECTIONS.iter().chain(&[("rule", Rule::SPEC)]) {
        let clash = |name: &&str| spec.fields.iter().any(|field| field.name == *name);
        let clashing: Vec<&str> = sections().into_iter().filter(|name| clash(name)).collect();
        assert!(
            !spec.has_settings || clashing.is_empty(),
            "{}: {clashing:?}",
            spec.what
        );
    }
}

fn json_of(text: &str) -> Value {
    use toml::de::{DeTable, DeValue};
    fn json(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => json!(text),
            DeValue::Integer(number) => json!(number.as_str().parse::<i64>().unwrap()),
            DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
            DeValue::Boolean(flag) => json!(flag),
            DeValue::Datetime(date) => json!(date.to_string()),
            DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
            DeValue::Table(table) => table_of(table),
        }
    }
    fn table_of(table: &DeTable<'_>) -> Value {
        let entries = table.iter();
        let entries =
            entries.map(|(name, value)| (name.get_ref().to_string(), json(value.get_ref())));
        Value::Object(entries.collect())
    }
    table_of(DeTable::parse(text).unwrap().get_ref())
}

/// As much of JSON Schema as our own uses, but for patterns, which are for editors.
fn misfits(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return misfits(root, target, value, at);
    }
    let mut found = Vec::new();
    let mut check = |is_right: bool, what: &str| {
        if !is_right {
            found.push(format!("{at}: {what}"));
        }
    };
    let kind = schema.get("type").and_then(Value::as_str);
    check(
        match kind {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        },
        "type",
    );
    if let Some(constant) = schema.get("const") {
        check(constant == value, "const");
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        check(values.contains(value), "enum");
    }
    if let Some(Value::Array(options)) = schema.get("anyOf") {
        let fits = |option: &Value| misfits(root, option, value, at).is_empty();
        check(options.iter().any(fits), "anyOf");
    }
    if let (Some(items), Value::Array(values)) = (schema.get("items"), value) {
        for (nth, one) in values.iter().enumerate() {
            found.extend(misfits(root, items, one, &format!("{at}/{nth}")));
        }
    }
    if let Value::Object(object) = value {
        for name in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if !object.contains_key(name.as_str().unwrap()) {
                found.push(format!("{at}: {name} is required"));
            }
        }
        for (name, one) in object {
            let known = schema
                .get("properties")
                .and_then(|properties| properties.get(name));
            let place = format!("{at}/{name}");
            match known.or_else(|| schema.get("additionalProperties")) {
                Some(Value::Bool(false)) => found.push(format!("{at}: {name} is not known")),
                Some(schema) => found.extend(misfits(root, schema, one, &place)),
                None => {}
            }
            if let Some(names) = schema.get("propertyNames") {
                found.extend(misfits(root, names, &json!(name), &place));
            }
        }
    }
    found
}
