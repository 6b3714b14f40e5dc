//! Lines that fit on the terminal. A terminal by itself breaks them inside words.

/// The width of the terminal in columns.
pub(super) fn terminal_width() -> usize {
    const USUAL: u16 = 80;
    let size = crossterm::terminal::window_size();
    let columns = size.map_or(USUAL, |size| size.columns);
    if columns == 0 { USUAL } else { columns }.into()
}

/// Breaks a line between words, so that no part is wider than `width` unless one word is. Each part but the first begins
/// with `indent` spaces.
pub(super) fn wrapped(line: &str, width: usize, indent: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_empty = true;
    for word in line.split(' ') {
        let Some(part) = parts.last_mut() else {
            break;
        };
        if is_empty {
            part.push_str(word);
            is_empty = false;
        } else if columns(part) + 1 + columns(word) <= width {
            part.push(' ');
            part.push_str(word);
        } else {
            part.truncate(part.trim_end().len());
            parts.push(format!("{}{word}", " ".repeat(indent)));
        }
    }
    parts
}

/// The columns that a text takes. Letters of other scripts can be twice as wide.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_between_words() {
        let line = "Step       run 2026-02-10 and then another";
        assert_eq!(
            wrapped(line, 26, 11),
            [
                "Step       run 2026-02-10",
                "           and then",
                "           another"
            ]
        );
        assert_eq!(wrapped(line, 80, 11), [line]);
        assert_eq!(wrapped("", 10, 2), [""]);
        assert_eq!(
            wrapped("longer than that", 4, 0),
            ["longer", "than", "that"]
        );
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word(line in "[a-zé ]{0,80}", width in 0..40_usize, indent in 0..9_usize) {
            let parts = wrapped(&line, width, indent);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&parts.join(" ")), words(&line));
            for part in &parts {
                prop_assert!(columns(part) <= width || words(part).len() <= 1, "{part:?}");
            }
        }
    }
}
