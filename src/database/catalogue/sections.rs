//! Files that list structures one after the other: `structures.txt` and `earlier.txt`.
//!
//! Each section has a name, and lists what its structure has (`+`) that the one before it does not have, and what
//! it does not have any more (`-`).

use std::sync::OnceLock;

use super::Catalogue;

/// A structure and its name.
#[derive(Debug)]
pub(in super::super) struct Section {
    pub(in super::super) name: &'static str,
    parts: Vec<&'static str>,
    catalogue: OnceLock<Catalogue>,
}

impl Section {
    /// The structure, put together when it is asked for: a short command needs one or two.
    pub(in super::super) fn catalogue(&self) -> &Catalogue {
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
pub(in super::super) fn sections(keyword: &str, text: &'static str) -> Vec<Section> {
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
        for text in [
            include_str!("../structures.txt"),
            include_str!("../earlier.txt"),
        ] {
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
