//! As much of XML as the answers of S3 and its kin need: elements by name, text without entities.

/// Returns the insides of every element of that name, in order, at any depth. Elements of one name are taken not to nest.
pub(crate) fn elements<'a>(document: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = document;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(&open)?;
            let after = rest.get(at + open.len()..)?;
            let end_of_tag = after.find('>')?;
            let (attributes, inside) = (after.get(..end_of_tag)?, after.get(end_of_tag + 1..)?);
            // `<Key` is also how `<KeyCount` begins.
            if !(attributes.is_empty() || attributes.starts_with([' ', '\t', '\n', '\r', '/'])) {
                rest = inside;
                continue;
            }
            if attributes.ends_with('/') {
                rest = inside;
                return Some("");
            }
            let end = inside.find(&close)?;
            rest = inside.get(end + close.len()..)?;
            return inside.get(..end);
        }
    })
}

/// Returns the text of the first element of that name.
pub(crate) fn text(document: &str, name: &str) -> Option<String> {
    elements(document, name).next().map(unescape)
}

/// Replaces the five entities and numeric references.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = after
            .split_once(';')
            .and_then(|(name, tail)| Some((character(name)?, tail)));
        match entity {
            Some((character, tail)) => {
                plain.push(character);
                rest = tail;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain.trim().to_owned()
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_found_by_their_whole_name() {
        let list = "<?xml version='1.0'?><R xmlns=\"x\"><KeyCount>2</KeyCount><Key>a &amp; b&#33;</Key><Key/><Key a='1'>c</Key></R>";
        assert_eq!(text(list, "Key").as_deref(), Some("a & b!"));
        assert_eq!(
            elements(list, "Key").collect::<Vec<_>>(),
            ["a &amp; b&#33;", "", "c"]
        );
        assert_eq!(text(list, "Size"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_panics(document in "[<>/a&; #x0-9]{0,60}|\\PC{0,40}") {
            prop_assert!(elements(&document, "a").count() <= document.len());
            let _text = text(&document, "a");
        }
    }
}
