//! Numbers as the specifications write them: decimal, and with one spelling.

/// Parses a decimal number without sign and without leading zeroes.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    let is_decimal = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    (is_canonical && is_decimal).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for text in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "18446744073709551616",
            "1_0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
