//! Escapes of characters that a terminal would obey or not show.
//!
//! Names, rows, paths, process names and SQLite's messages can hold any character. [`escaped`] makes one visible line
//! of such a text.

use std::fmt::{self, Display, Write};

/// How many characters of a name are shown.
const SHOWN: usize = 60;

/// Displays a text on one line, with each hidden character escaped, such as `\n` or `\u{202e}`.
///
/// A text that is escaped already stays as it is, so it can be escaped wherever it passes.
pub(crate) const fn escaped<Text: Display>(text: Text) -> Escaped<Text> {
    Escaped(text)
}

/// A name or value as it is shown in a table or message: escaped, and cut if it is very long.
pub(crate) fn escaped_name(text: &str) -> String {
    let shown = escaped(text).to_string();
    // Bytes are counted faster, and there are never fewer.
    let length = if shown.len() > SHOWN {
        shown.chars().count()
    } else {
        shown.len()
    };
    if length <= SHOWN {
        return shown;
    }
    let kept: String = shown.chars().take(SHOWN).collect();
    format!("{kept}… ({length} characters)")
}

/// Whether a character controls the terminal, breaks the line, changes the direction of the text or is invisible.
pub(crate) const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        // Control characters: C0, DEL and C1.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // The separators of lines and paragraphs.
        | '\u{2028}' | '\u{2029}'
        // Unicode's Default_Ignorable_Code_Point, which has the marks of direction and everything of width zero.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        // Marks of annotations, which are as invisible.
        | '\u{fff9}'..='\u{fffb}'
    )
}

/// The result of [`escaped`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escaped<Text>(Text);

impl<Text: Display> Display for Escaped<Text> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Escapes what is written to it.
struct Escaping<'formatter, 'buffer>(&'formatter mut fmt::Formatter<'buffer>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_hidden) {
            let (visible, hidden) = rest.split_at(at);
            self.0.write_str(visible)?;
            let mut characters = hidden.chars();
            if let Some(character) = characters.next() {
                write!(self.0, "{}", character.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_others_are_not() {
        for (text, shown) in [
            ("uniswap_v3 'é' \\ 池", "uniswap_v3 'é' \\ 池"),
            ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("one\ntwo\r\tthree\0", "one\\ntwo\\r\\tthree\\u{0}"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
            (
                "\u{202e}gnp\u{2066}\u{200f}\u{61c}",
                "\\u{202e}gnp\\u{2066}\\u{200f}\\u{61c}",
            ),
            (
                "a\u{200b}b\u{feff}\u{ad}\u{2028}",
                "a\\u{200b}b\\u{feff}\\u{ad}\\u{2028}",
            ),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(escaped(text).to_string(), shown);
            assert_eq!(escaped(shown).to_string(), shown);
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(escaped_name("uniswap_v3"), "uniswap_v3");
        assert_eq!(escaped_name(&"é".repeat(SHOWN)), "é".repeat(SHOWN));
        let shown = escaped_name(&"é".repeat(70_000));
        assert_eq!(shown, format!("{}… (70000 characters)", "é".repeat(SHOWN)));
        assert!(escaped_name(&"\n".repeat(70_000)).starts_with("\\n\\n"));
    }

    proptest! {
        #[test]
        fn escaped_text_has_no_control_or_format_character(text in any::<String>()) {
            let shown = escaped(&text).to_string();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)), "{shown:?}");
            let visible: String = text.chars().filter(|c| !is_hidden(*c)).collect();
            prop_assert!(shown.chars().count() >= visible.chars().count());
        }
    }
}
