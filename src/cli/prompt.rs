//! Yes/no questions.
//!
//! If stdin is a terminal, the question is asked there. Otherwise the answer is a line of stdin, so that
//! `echo y | degenbot …` and `yes | degenbot …` work. An empty answer and the end of input mean no, and so do a line that
//! is longer than any answer, and the last of a few lines that are no answer.

use std::io;
use std::io::{BufRead, IsTerminal, Read};

use inquire::InquireError;
use inquire::Text;
use inquire::ui::RenderConfig;
use inquire::validator::{ErrorMessage, Validation};

use crate::cli::failure::Failure;
use crate::cli::interrupt::{await_answer, cancel_token};
use crate::cli::printer::{self, is_plain, presentable};
use crate::cli::question_line::QuestionLine;
use crate::cli::wrap::{columns, terminal_width, wrapped};

const EXPLANATION: &str = "Please answer y or n.";

/// How often a stream is asked. No person reads the explanation there.
const TRIES: u32 = 3;

/// The length of a line of a stream, in bytes, that can be an answer.
const LONGEST_ANSWER: u64 = 1 << 10;

/// Asks a question, and fails with [`Failure::Aborted`] unless the answer is yes. With `assume_yes`, it
/// does not ask.
pub(super) fn confirm(question: &str, assume_yes: bool) -> Result<(), Failure> {
    if assume_yes {
        return Ok(());
    }
    if cancel_token().is_cancelled() {
        return Err(Failure::Aborted);
    }
    await_answer();
    let question = format!("{} [y/N]", presentable(question));
    let agreed = if io::stdin().is_terminal() {
        ask_on_terminal(&last_line(question))?
    } else {
        ask_on_stream(&question)?
    };
    if agreed {
        Ok(())
    } else {
        Err(Failure::Aborted)
    }
}

/// The part of a question that the answer stands behind. If the question does not fit on one line of the terminal, this
/// prints the rest before it.
fn last_line(question: String) -> String {
    /// What stands around it: `? `, and a space with the answer.
    const AROUND: usize = 6;
    let width = terminal_width().saturating_sub(AROUND);
    if columns(&question) <= width {
        return question;
    }
    let (mut before, last) = match question.rsplit_once(". ") {
        Some((before, last)) => (wrapped(&format!("{before}."), width, 0), last),
        None => (Vec::new(), question.as_str()),
    };
    before.extend(wrapped(last, width, 0));
    let last = before.pop().unwrap_or_default();
    for line in before {
        printer::ask_before(line);
    }
    last
}

fn ask_on_terminal(question: &str) -> Result<bool, Failure> {
    let validator = |answer: &str| {
        Ok(if parse(answer).is_some() {
            Validation::Valid
        } else {
            Validation::Invalid(ErrorMessage::from(EXPLANATION))
        })
    };
    let mut prompt = Text::new(question)
        .with_validator(validator)
        .with_autocomplete(QuestionLine::of(question));
    if is_plain() {
        prompt = prompt.with_render_config(RenderConfig::empty());
    }
    match prompt.prompt() {
        Ok(answer) => Ok(parse(&answer).unwrap_or(false)),
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => Ok(false),
        // The terminal can be read but not controlled, for example after a hangup.
        Err(InquireError::NotTTY) => ask_on_stream(question),
        Err(InquireError::IO(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Failure::Prompt { error }),
    }
}

fn ask_on_stream(question: &str) -> Result<bool, Failure> {
    let mut stdin = io::stdin().lock();
    for _ in 0..TRIES {
        printer::ask(question);
        let mut line = Vec::new();
        let length = stdin
            .by_ref()
            .take(LONGEST_ANSWER)
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::Input { error })?;
        printer::answer("");
        let is_too_long = length as u64 == LONGEST_ANSWER;
        if length == 0 || is_too_long {
            return Ok(false);
        }
        match parse(&String::from_utf8_lossy(&line)) {
            Some(answer) => return Ok(answer),
            None => printer::answer(EXPLANATION),
        }
    }
    Ok(false)
}

fn parse(answer: &str) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}
