//! A document that people write, with places that are filled.

use anyhow::{Context as _, bail};

/// Returns the document with what a function says between each pair of marks: `<!-- measured: NAME -->` and `<!-- end of NAME -->`. All else stays
/// as it is.
pub(crate) fn filled(
    text: &str,
    mut section: impl FnMut(&str) -> Option<String>,
) -> anyhow::Result<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, body) = after.split_once(" -->").context("a mark without an end")?;
        let end = format!("<!-- end of {name} -->");
        let Some((_old, behind)) = body.split_once(&end) else {
            bail!("{name}: this mark has no second one");
        };
        let Some(new) = section(name) else {
            bail!("{name}: nothing of that name is measured");
        };
        let new = new.trim_end();
        out += &format!("{before}{BEGIN}{name} -->\n\n{new}\n\n{end}");
        rest = behind;
    }
    Ok(out + rest)
}

const BEGIN: &str = "<!-- measured: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays() {
        let text = "# Title\n\n<!-- measured: a -->\nold\n<!-- end of a -->\n\nWords.\n<!-- measured: b --><!-- end of b -->\n";
        let filled = filled(text, |name| Some(format!("new {name}\n"))).unwrap();
        let expected = "# Title\n\n<!-- measured: a -->\n\nnew a\n\n<!-- end of a -->\n\nWords.\n<!-- measured: b -->\n\nnew b\n\n<!-- end of b -->\n";
        assert_eq!(filled, expected);
    }

    #[test]
    fn it_is_filled_the_same_again() {
        let once = filled("<!-- measured: a --><!-- end of a -->", |_| {
            Some("x".to_owned())
        })
        .unwrap();
        assert_eq!(filled(&once, |_| Some("x".to_owned())).unwrap(), once);
    }

    #[test]
    fn marks_that_mean_nothing_are_errors() {
        for text in [
            "<!-- measured: a -->",
            "<!-- measured: a",
            "<!-- measured: b --><!-- end of b -->",
        ] {
            assert!(filled(text, |name| (name == "a").then(String::new)).is_err());
        }
    }
}
