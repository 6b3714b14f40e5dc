//! Replicas of Litestream: the user's own `litestream` restores one to a temporary file.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use crate::cli::failure::Failure;
use crate::cli::interrupt;
use crate::cli::interrupt::{Cancellable, Held};
use crate::cli::printer::Printer;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::escape::{escaped, escaped_name};
use crate::new_folders::NewFolders;
use crate::node::endpoint::percent_decoded;
use crate::settings::endpoint::endpoint_without_key;
use crate::system::signals::kill_group;

const PROGRAM: &str = "litestream";

/// The first release whose replicas are followed and restored as `docs/replication.md` says. Earlier ones have another
/// format.
const OLDEST: [u32; 2] = [0, 5];

/// How long the streams of the program may stay open after its end: one that it has started can have them.
const LEFT_OPEN: Duration = Duration::from_secs(1);

/// How much of what the program says is kept.
const KEPT: usize = 64 << 10;

/// How often to look whether the program has ended, or is to be ended.
const PAUSE: Duration = Duration::from_millis(20);

/// The address of a replica.
#[derive(Debug)]
pub(super) struct Replica<'a> {
    url: &'a str,
}

/// A database that was restored from a replica. Its drop removes it.
#[derive(Debug)]
pub(super) struct FetchedReplica {
    /// The replica's address as it is shown, and the time that was asked for.
    shown: String,
    at: Option<String>,
    path: PathBuf,
    /// The file, and the folders that were made for it.
    _held: Held,
}

impl FetchedReplica {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it is, for a question.
    pub(super) fn described(&self) -> String {
        match &self.at {
            Some(at) => format!("{} as it was at {}", self.shown, escaped_name(at)),
            None => self.shown.clone(),
        }
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Names the replica in an error about the temporary file: that means nothing to a user, and is gone when the error is
    /// read.
    pub(super) fn name_in(&self, error: Error) -> Error {
        if error.path() != Some(self.path()) {
            return error;
        }
        Error {
            path: Some(self.shown.clone().into()),
            ..error
        }
    }
}

impl<'a> Replica<'a> {
    /// The replica that an argument names; `None` if it is the path of a file. A replica has a scheme, such as `s3://`.
    pub(super) fn named(argument: &'a Path) -> Option<Self> {
        let url = argument.to_str()?;
        let (scheme, _) = url.split_once("://")?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "+.-".contains(character));
        is_scheme.then_some(Self { url })
    }

    /// The address without what can be secret: the user and the query.
    pub(super) fn shown(&self) -> String {
        let shown = endpoint_without_key(self.url);
        escaped_name(&shown.replacen("…@", "", 1).replace("?…", ""))
    }

    /// Restores the replica, as it was at a time or as it is, to a temporary file beside the database at `path`.
    pub(super) fn fetch(
        &self,
        at: Option<&str>,
        path: &Path,
        printer: &Printer,
    ) -> Result<FetchedReplica, Failure> {
        let _cancellable = Cancellable::begin();
        require_release()?;
        let place = DatabaseFile::at(path);
        let folders = NewFolders::create(place.folder())
            .map_err(|error| Error::io(place.folder(), "create", error))?;
        // Litestream puts the database at the path when it is complete. Nobody clears that away while the file that is there
        // before is locked.
        let mut file = StagedFile::create(place.real(), PRIVATE)?;
        printer.message(format_args!(
            "Litestream restores {} to a temporary file.",
            self.shown()
        ));
        let mut command = Command::new(PROGRAM);
        command.args(["restore", "-force", "-o"]).arg(file.path());
        if let Some(at) = at {
            command.arg(format!("-timestamp={at}"));
        }
        let output = run(command.arg(self.url))?;
        if !output.status.success() {
            return Err(Failure::ReplicaNotRestored {
                replica: self.shown(),
                reason: reason(&output, self.url),
            });
        }
        file.take_over()?;
        Ok(FetchedReplica {
            shown: self.shown(),
            at: at.map(str::to_owned),
            path: file.path().to_owned(),
            _held: Held::hold((file, folders)),
        })
    }
}

/// Fails if there is no Litestream, or an old one.
fn require_release() -> Result<(), Failure> {
    let output = run(Command::new(PROGRAM).arg("version"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse);
    // A build of one's own has no number.
    if let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next())
        && [major, minor] < OLDEST
    {
        return Err(Failure::OldLitestream {
            version: escaped_name(&version),
        });
    }
    Ok(())
}

/// Runs the program to its end, and ends it if the command is to end.
fn run(command: &mut Command) -> Result<Output, Failure> {
    let failed = |error: io::Error| Failure::NoLitestream {
        reason: error.to_string(),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // It can be a script that starts others.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let pipes = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let readers = [
            thread::Builder::new().spawn_scoped(scope, || read_end(pipes.0)),
            thread::Builder::new().spawn_scoped(scope, || read_end(pipes.1)),
        ];
        let status = await_end(&mut child);
        await_readers(&child, &readers);
        let [stdout, stderr] = readers.map(|reader| {
            let read = reader.map(|reader| reader.join().unwrap_or_default());
            read.unwrap_or_default()
        });
        Ok(Output {
            status: status.map_err(failed)?.ok_or(Failure::Aborted)?,
            stdout,
            stderr,
        })
    })
}

/// Waits for the end of the program. `None` if it was ended because the command is to end.
fn await_end(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((!interrupt::cancel_token().is_cancelled()).then_some(status));
        }
        if interrupt::cancel_token().is_cancelled() {
            kill_group(child.id());
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// Waits until nobody has the program's streams open. What it has left behind is ended.
fn await_readers(child: &Child, readers: &[io::Result<ScopedJoinHandle<'_, Vec<u8>>>]) {
    let begin = Instant::now();
    let is_reading = || readers.iter().flatten().any(|reader| !reader.is_finished());
    while is_reading() {
        if begin.elapsed() > LEFT_OPEN {
            kill_group(child.id());
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// The end of what comes from a stream.
fn read_end(pipe: Option<impl Read>) -> Vec<u8> {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    let Some(mut pipe) = pipe else {
        return read;
    };
    // What has come before an error is told.
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        read.extend_from_slice(&buffer[..count]);
        if read.len() > 2 * KEPT {
            read.drain(..read.len() - KEPT);
        }
    }
    read
}

/// What Litestream says last, without the address, in which a key can be.
fn reason(output: &Output, url: &str) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = if text.trim().is_empty() {
        String::from_utf8_lossy(&output.stdout)
    } else {
        text
    };
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    let last = last.map(|line| line.trim_start_matches("Error: ").to_owned());
    let last = last.unwrap_or_else(|| output.status.to_string());
    let told = secrets(url)
        .iter()
        .fold(last, |told, secret| without(&told, secret));
    escaped(told.trim()).to_string()
}

/// A text without a secret. A short one, such as `1` or `true`, is part of other words as well, which stay.
fn without(text: &str, secret: &str) -> String {
    /// What is shorter is no key.
    const KEY: usize = 6;
    let (mut told, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(secret) {
        let (before, found) = rest.split_at(at);
        let (found, after) = found.split_at(secret.len());
        told.push_str(before);
        let is_in_a_word =
            told.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        told.push_str(if is_in_a_word && secret.len() < KEY {
            found
        } else {
            "…"
        });
        rest = after;
    }
    told + rest
}

/// What of an address can be secret, as it is written and as it is meant: the user, and the values of the query and of the
/// fragment. Behind the first of several at signs, the user may go on.
fn secrets(url: &str) -> Vec<String> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let user = rest.rsplit_once('@').map(|(user, _)| user);
    let query = rest.split_once(['?', '#']).map(|(_, query)| query);
    let values = query.into_iter().flat_map(|query| query.split(['&', '#']));
    let values = values.filter_map(|part| part.split_once('=').map(|(_, value)| value));
    let parts = user.into_iter().flat_map(|user| user.split([':', '@']));
    let mut secrets: Vec<_> = parts
        .chain(values)
        .flat_map(|secret| {
            let decoded =
                percent_decoded(secret).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            [Some(secret.to_owned()), decoded].into_iter().flatten()
        })
        .filter(|secret| !secret.is_empty())
        .collect();
    // One can be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(argument: &str) -> Option<String> {
        Replica::named(Path::new(argument)).map(|replica| replica.shown())
    }

    #[test]
    fn addresses_are_shown_without_what_can_be_secret() {
        let shown_as = [
            ("s3://bots/main", Some("s3://bots/main")),
            (
                "s3://key:secret@bots/main?endpoint=http://x&access-key=k",
                Some("s3://bots/main"),
            ),
            ("file:///mnt/replica", Some("file:///mnt/replica")),
            ("sftp://user@host:22/path", Some("sftp://host:22/path")),
            ("s3://key:p?w#x@bots/main", Some("s3://bots/main")),
            ("s3://key:p/w@bots/main", Some("s3://…/…")),
            (
                "s3://bots/main?endpoint=http://user@host",
                Some("s3://bots/main"),
            ),
            ("/mnt/backups/monday.db", None),
            ("backups/2026://x", None),
            ("://x", None),
        ];
        for (argument, expected) in shown_as {
            assert_eq!(shown(argument).as_deref(), expected, "{argument}");
        }
    }

    #[test]
    fn what_litestream_says_is_told_without_secrets() {
        let output = |stderr: &str| Output {
            status: ExitStatus::default(),
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
        };
        let url = "s3://AKIA:hunter2@bots/main?secret=abc&x";
        let told = reason(&output("one\nabc: AKIA refused, hunter2\u{1b}[1m\n\n"), url);
        assert_eq!(told, "…: … refused, …\\u{1b}[1m");
        assert_eq!(reason(&output(" \n"), url), "exit status: 0");
        let url = "s3://a%2Bb:ab%2FcdSECRET@bots";
        let told = reason(&output("a+b ab/cdSECRET ab%2FcdSECRET"), url);
        assert_eq!(told, "… … …");
        let url = "s3://KEYKEY:hunter2@host/p?endpoint=http://h/x@y#frag=fragment";
        assert_eq!(reason(&output("hunter2, KEYKEY, fragment"), url), "…, …, …");
        // A short value is blanked only where it is a word of its own.
        let url = "s3://bots/main?sign=1&force-path-style=true&key=hunter2";
        let told = reason(
            &output("is 1, not 101 or 0x1f: true, truely xhunter2x"),
            url,
        );
        assert_eq!(told, "is …, not 101 or 0x1f: …, truely x…x");
    }
}
