//! Values as text: serde by `Display` and `FromStr`, and the nearest of some words.

/// Implements serde for types whose text is their form everywhere.
macro_rules! serde_as_text {
    ($($type:ty),* $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serde_as_text;

/// `#[serde(with = …)]` for types of other crates.
pub(crate) mod as_text {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Returns the word that was probably meant: one of which at most a third of the letters differ.
pub(crate) fn nearest<'w>(text: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if text.len() > NEAREST_LEN_MAX {
        return None;
    }
    let scored = words.into_iter().map(|word| (distance(text, word), word));
    let (distance, word) = scored.min()?;
    (distance * 3 <= word.chars().count()).then_some(word)
}

/// Returns how many letters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, x) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut line = vec![row + 1];
        for (column, y) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, column) + usize::from(x != *y);
            let mut best = replaced
                .min(at(&last, column + 1) + 1)
                .min(at(&line, column) + 1);
            let swaps = column > 0
                && previous == Some(*y)
                && column.checked_sub(1).and_then(|left| b.get(left)) == Some(&x);
            if swaps {
                best = best.min(at(&before_last, column - 1).saturating_add(1));
            }
            line.push(best);
        }
        before_last = std::mem::replace(&mut last, line);
        previous = Some(x);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// Longer words are not compared: the work grows with the square of their length.
const NEAREST_LEN_MAX: usize = 64;

/// Returns words as `a, b and c`.
pub(crate) fn listed<T: AsRef<str>>(words: &[T], last: &str) -> String {
    let mut text = String::new();
    for (nth, word) in words.iter().enumerate() {
        if nth > 0 {
            let comma = if nth + 1 == words.len() { last } else { ", " };
            text.push_str(comma);
        }
        text.push_str(word.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_a_slip_of_the_pen_away() {
        let words = ["owner", "reason", "review_by", "retention"];
        assert_eq!(nearest("onwer", words), Some("owner"));
        assert_eq!(nearest("retntion", words), Some("retention"));
        assert_eq!(nearest("Review_by", words), Some("review_by"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn words_are_listed_as_people_do() {
        assert_eq!(listed(&["a"], " and "), "a");
        assert_eq!(listed(&["a", "b", "c"], " and "), "a, b and c");
    }
}
