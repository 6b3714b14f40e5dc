//! Files that list structures one after the other: `versions.txt` and `legacy.txt`.
//!
//! Each section has a name, and lists what its structure has (`+`) that the one before it does not have, and what
//! it does not have any more (`-`).

use std::sync::OnceLock;

use crate::database::structure::catalogue::Catalogue;

/// A structure and its name.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    parts: Vec<&'static str>,
    catalogue: OnceLock<Catalogue>,
}

impl Section {
    /// The structure, put together when it is asked for: a short command needs one or two.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        self.catalogue.get_or_init(|| {
            let mut catalogue = Catalogue::default();
            for part in &self.parts {
                // A test makes sure that every part can be read.
                let _ = catalogue.add_part(part);
            }
            catalogue
        })
    }
}

/// The structures of a text that is compiled in, in their order. Its sections begin with `keyword NAME`.
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
    fn every_line_of_the_texts_can_be_read() {
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
