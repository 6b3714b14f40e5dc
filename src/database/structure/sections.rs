//! The parser of `versions.txt` and `legacy.txt`, which list structures in sections.
//!
//! A section has a name. Its lines list the parts that it adds (`+`) to the section before it, and those that it
//! removes (`-`).

use std::sync::OnceLock;

use crate::database::structure::catalogue::Catalogue;

/// A section: a structure with its name.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    parts: Vec<&'static str>,
    catalogue: OnceLock<Catalogue>,
}

impl Section {
    /// The structure. It is parsed on first use, because a short command needs one or two of them.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        self.catalogue.get_or_init(|| {
            let mut catalogue = Catalogue::default();
            for part in &self.parts {
                // Parsing cannot fail: a test parses every part.
                let _ = catalogue.add_part(part);
            }
            catalogue
        })
    }
}

/// Splits a text into its sections. A section begins with a line `keyword NAME`.
pub(crate) fn sections(keyword: &str, text: &'static str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        match (line.split_once(' '), sections.last_mut()) {
            (Some((first, name)), last) if first == keyword => {
                let parts = last.map_or_else(Vec::new, |last| last.parts.clone());
                sections.push(Section {
                    name,
                    parts,
                    catalogue: OnceLock::new(),
                });
            }
            (Some(("+", part)), Some(section)) => section.parts.push(part),
            (Some(("-", part)), Some(section)) => section.parts.retain(|added| *added != part),
            _ => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_embedded_texts_parses() {
        for text in [include_str!("versions.txt"), include_str!("legacy.txt")] {
            let mut catalogue = Catalogue::default();
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let is_read = match line.split_once(' ') {
                    Some(("+", part)) => catalogue.add_part(part).is_some(),
                    Some(("-" | "version" | "revision", _)) => true,
                    _ => false,
                };
                assert!(is_read, "{line}");
            }
        }
    }
}
