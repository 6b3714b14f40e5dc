//! The name of an enum's variant, for tables of expected outcomes.

use std::fmt::Debug;

pub fn variant(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}
