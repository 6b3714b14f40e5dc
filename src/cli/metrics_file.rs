//! Files of metrics for the textfile collector of `node_exporter`.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::cli::own_file::OwnFile;
use crate::database::error::database_error::Error;
use crate::settings::resolve::Settings;

/// The kinds of figures.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Gauge,
    Counter,
}

/// Prometheus has only this kind of number. Blocks and counts stay exact in it.
#[expect(
    clippy::cast_precision_loss,
    reason = "no figure comes near the limit of 2^53"
)]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

/// The text of such a file.
#[derive(Debug, Default)]
pub(super) struct Figures {
    text: String,
}

impl Figures {
    /// Begins a figure: its name without the prefix, its kind and its description.
    pub(super) fn describe(&mut self, name: &str, kind: Kind, description: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP degenbot_{name} {description}");
        let _ = writeln!(self.text, "# TYPE degenbot_{name} {kind}");
    }

    /// Appends a value of the figure.
    pub(super) fn push(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped_label(value)))
            .collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.text, "degenbot_{name}{labels} {value}");
    }
}

/// The value of a label, as the format of Prometheus has it.
fn escaped_label(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// A file of metrics, which is replaced as a whole.
#[derive(Debug)]
pub(super) struct MetricsFile(OwnFile);

impl MetricsFile {
    /// The file at a path. Fails if something is there that may not be replaced: anything but a file that begins like
    /// those of the command.
    pub(super) fn at(path: PathBuf, settings: &Settings, begin: &str) -> Result<Self, Error> {
        let expected = "a file of metrics of this command";
        OwnFile::at(path, settings, begin, expected).map(Self)
    }

    /// Replaces the file.
    pub(super) fn replace(&self, figures: &Figures) -> Result<(), Error> {
        self.0.replace_unsynced(figures.text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut figures = Figures::default();
        figures.describe("size", Kind::Gauge, "The size.");
        figures.push("size", &[], 1.0);
        figures.push("size", &[("path", "a\\b\"c\nd"), ("of", "é")], 1.5);
        assert_eq!(
            figures.text,
            "# HELP degenbot_size The size.\n# TYPE degenbot_size gauge\ndegenbot_size 1\n\
             degenbot_size{path=\"a\\\\b\\\"c\\nd\",of=\"é\"} 1.5\n"
        );
    }
}
