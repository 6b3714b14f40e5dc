//! The printer, which owns stdout and stderr.
//!
//! A unit of output is a line. The printer escapes every character in it that would end the line, control the terminal
//! or stay invisible, wherever the text comes from. Messages also lose the keys in the addresses of nodes. Only a path that
//! a script asks for stays as it is.

use std::env;
use std::fmt::{Display, Write as _};
use std::io;
use std::io::{IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use clap::builder::StyledStr;
use env_logger::fmt::style::{AnsiColor, Style};

use crate::cli::wrap::{terminal_width, wrapped};
use crate::escape::{escaped, is_hidden};
use crate::settings::endpoint::text_without_keys;
use crate::system::closed_stdout;

/// The process's streams: data goes to stdout, everything else to stderr.
#[derive(Debug)]
pub(super) struct Printer {
    quiet: bool,
    verbose: bool,
}

/// The styles of clap's own errors, which read well on a light and on a dark background.
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Green.on_default();

/// The lines at the bottom of the terminal that [`redraw`] has shown.
static LIVE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The colours of bars, which read well on a light and on a dark background, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Green,
    Magenta,
    Red,
}

impl Colour {
    const fn style(self) -> Style {
        let colour = match self {
            Self::Green => AnsiColor::Green,
            Self::Magenta => AnsiColor::Magenta,
            Self::Red => AnsiColor::Red,
        };
        colour.on_default()
    }
}

/// Text for people in lines.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

/// A line, and what stands at its end in a colour.
#[derive(Debug)]
struct Line {
    text: String,
    coloured: Option<(Colour, String)>,
}

impl Line {
    /// The line without anything that controls the terminal but its own colour.
    fn escaped(&self, is_coloured: bool) -> String {
        let text = escaped(&self.text);
        match &self.coloured {
            None => format!("{text}\n"),
            Some((colour, rest)) if is_coloured && !rest.is_empty() => {
                let style = colour.style();
                format!("{text}{style}{}{style:#}\n", escaped(rest))
            }
            Some((_, rest)) => format!("{text}{}\n", escaped(rest)),
        }
    }
}

impl Lines {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The lines of a text that this program has written itself, such as a manual page.
    pub(super) fn of_own_text(text: &str) -> Self {
        text.lines().collect()
    }

    fn escaped(&self) -> String {
        self.shown(is_coloured(&io::stdout()))
    }

    /// What is printed, in colours or without.
    pub(super) fn shown(&self, is_coloured: bool) -> String {
        let lines = self.0.iter().map(|line| line.escaped(is_coloured));
        lines.collect()
    }

    /// Appends a line. If stdout is a terminal that is not wide enough, it is broken between words, and the rest is indented.
    pub(super) fn push_fitting(&mut self, line: &str, indent: usize) {
        if io::stdout().is_terminal() {
            self.extend(wrapped(
                &escaped(line).to_string(),
                terminal_width(),
                indent,
            ));
        } else {
            self.push(line);
        }
    }

    /// Appends a line.
    pub(super) fn push(&mut self, line: impl Display) {
        self.0.push(Line {
            text: line.to_string(),
            coloured: None,
        });
    }

    /// Appends a line that ends with a text in a colour, where stdout has colours.
    pub(super) fn push_coloured(&mut self, line: impl Display, colour: Colour, end: String) {
        self.0.push(Line {
            text: line.to_string(),
            coloured: Some((colour, end)),
        });
    }
}

impl<Line: Display> Extend<Line> for Lines {
    fn extend<Of: IntoIterator<Item = Line>>(&mut self, lines: Of) {
        lines.into_iter().for_each(|line| self.push(line));
    }
}

impl<Line: Display> FromIterator<Line> for Lines {
    fn from_iter<Of: IntoIterator<Item = Line>>(lines: Of) -> Self {
        let mut all = Self::new();
        all.extend(lines);
        all
    }
}

impl Printer {
    pub(super) const fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose }
    }

    /// Prints an error, even with `--quiet`.
    pub(super) fn error(&self, message: impl Display) {
        labelled(ERROR, "error:", message);
    }

    /// Prints a hint: what to do next.
    pub(super) fn hint(&self, message: impl Display) {
        labelled(HINT, "hint:", message);
    }

    /// Prints text for people to stdout.
    pub(super) fn data(&self, lines: &Lines) -> io::Result<()> {
        write_data(lines.escaped())
    }

    /// Prints a path to stdout. Where no terminal shows it, its bytes stay as they are, for `$(…)` in a shell.
    pub(super) fn path(&self, path: &Path) -> io::Result<()> {
        if io::stdout().is_terminal() {
            return self.data(&Lines::from_iter([path.display()]));
        }
        write_data([path.as_os_str().as_bytes(), b"\n"].concat())
    }

    /// Prints a part of a long text for people to stdout. If the reader has closed the pipe, that is an error, so that
    /// the rest need not be made.
    pub(super) fn data_part(&self, lines: &Lines) -> io::Result<()> {
        print(lines.escaped())
    }

    /// Prints a JSON text to stdout. Hidden characters can only be in its strings, where JSON has an escape of its own.
    pub(super) fn json(&self, text: &str) -> io::Result<()> {
        let mut safe = String::with_capacity(text.len() + 1);
        escape_json(text, &mut safe);
        safe.push('\n');
        write_data(safe)
    }

    /// Prints a JSON text to stdout while it is made, as [`Self::json`] does.
    pub(super) const fn json_stream(&self) -> JsonStream {
        JsonStream {
            text: String::new(),
        }
    }

    /// The width of the terminal that stdout is; `None` if it is none.
    pub(super) fn columns(&self) -> Option<usize> {
        io::stdout().is_terminal().then(terminal_width)
    }

    /// Prints a message for people, unless `--quiet` is given.
    pub(super) fn message(&self, line: impl Display) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// Prints a line, even with `--quiet`.
    pub(super) fn always(&self, line: impl Display) {
        tell(format_args!("{}\n", fitting("", &presentable(line))));
    }

    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether `--verbose` is given.
    pub(super) const fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether messages go to a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether they go to a terminal on which lines can be replaced.
    pub(super) fn can_redraw(&self) -> bool {
        self.is_terminal() && !is_dumb()
    }
}

/// Replaces so many lines above the cursor of the terminal, and what is below them, by others. These must fit on one
/// line each.
pub(super) fn redraw(above: usize, lines: &[String]) {
    if above == 0 && lines.is_empty() {
        return;
    }
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    *live = lines
        .iter()
        .map(|line| format!("{}\n", presentable(line)))
        .collect();
    tell(format_args!("{}{}", erased(above), live.concat()));
}

/// What removes so many lines above the cursor, and what is below them.
fn erased(above: usize) -> String {
    if above == 0 {
        return "\r\x1b[J".to_owned();
    }
    format!("\r\x1b[{above}A\x1b[J")
}

/// Prints the lines of a message from any thread. Lines that stay current are below it afterwards.
pub(super) fn tell_above(message: &str) {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    if live.is_empty() {
        tell(message);
    } else {
        tell(format_args!(
            "{}{message}{}",
            erased(live.len()),
            live.concat()
        ));
    }
}

/// Prints a question to stderr; the answer stands on the same line.
pub(super) fn ask(question: impl Display) {
    tell(format_args!("{} ", presentable(question)));
}

/// Prints a line of a question that does not fit on one line.
pub(super) fn ask_before(line: impl Display) {
    tell(format_args!("{}\n", presentable(line)));
}

/// Prints a line to stderr while a question is being asked.
pub(super) fn answer(line: &'static str) {
    tell(format_args!("{line}\n"));
}

/// Prints what clap says about wrong arguments. The arguments in it must be escaped already: on a terminal, the text
/// has colours.
pub(super) fn wrong_arguments(text: &StyledStr) {
    if is_coloured(&io::stderr()) {
        tell(format_args!("{}", text.ansi()));
    } else {
        let text = text.to_string();
        tell(format_args!("{}", lines_of(&text)));
    }
}

/// Prints help, or the version, to stdout.
pub(super) fn help(text: &StyledStr) -> io::Result<()> {
    if is_coloured(&io::stdout()) {
        write_data(text.ansi().to_string())
    } else {
        write_data(lines_of(&text.to_string()))
    }
}

/// A message as it may be shown: without what controls the terminal, and without the keys of nodes.
pub(super) fn presentable(message: impl Display) -> String {
    escaped(text_without_keys(&message.to_string(), "")).to_string()
}

/// A text of several lines, each escaped.
fn lines_of(text: &str) -> String {
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", escaped(line)),
            None => escaped(line).to_string(),
        });
    lines.collect()
}

fn labelled(style: Style, label: &str, message: impl Display) {
    let text = fitting(label, &presentable(message));
    if is_coloured(&io::stderr()) {
        tell(format_args!("{style}{label}{style:#} {text}\n"));
    } else {
        tell(format_args!("{label} {text}\n"));
    }
}

/// A message that stands behind a label, broken between words if stderr is a terminal that is not wide enough. A file or a
/// pipe gets one line.
pub(super) fn fitting(label: &str, message: &str) -> String {
    if !io::stderr().is_terminal() {
        return message.to_owned();
    }
    let line = if label.is_empty() {
        message.to_owned()
    } else {
        format!("{label} {message}")
    };
    let lines = wrapped(&line, terminal_width(), 0).join("\n");
    match lines.strip_prefix(label).filter(|_| !label.is_empty()) {
        Some(rest) => rest.strip_prefix(' ').unwrap_or(rest).to_owned(),
        None => lines,
    }
}

/// Writes to stderr, in one write, so that no other output comes between. Errors are ignored: nobody reads a closed
/// stderr.
fn tell(text: impl Display) {
    let _ = io::stderr().write_all(text.to_string().as_bytes());
}

/// A JSON text that is printed while it is made. A pipe that the reader has closed is an error.
#[derive(Debug)]
pub(super) struct JsonStream {
    /// What is not printed yet.
    text: String,
}

impl Write for JsonStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const ENOUGH: usize = 64 * 1024;
        // Serde writes whole characters.
        let text = str::from_utf8(bytes).map_err(io::Error::other)?;
        escape_json(text, &mut self.text);
        if self.text.len() >= ENOUGH {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        print(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

fn escape_json(text: &str, safe: &mut String) {
    for character in text.chars() {
        if is_hidden(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
}

fn print(bytes: impl AsRef<[u8]>) -> io::Result<()> {
    if closed_stdout::is_closed() {
        return Err(io::Error::new(
            io::ErrorKind::NotConnected,
            "stdout is closed",
        ));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes.as_ref())?;
    stdout.flush()
}

fn write_data(bytes: impl AsRef<[u8]>) -> io::Result<()> {
    match print(bytes) {
        // The reader has read enough and closed the pipe, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Whether messages have colours.
pub(super) fn messages_are_coloured() -> bool {
    is_coloured(&io::stderr())
}

fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && !is_plain()
}

/// Whether the user or the terminal wants no colours.
pub(super) fn is_plain() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("NO_COLOR") || is_dumb()
}

/// Whether the terminal knows no control sequences.
fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|terminal| terminal == "dumb")
}
