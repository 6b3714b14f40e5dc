//! A program on a pseudo-terminal of its own.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{Eof, Expect};

pub struct Terminal(OsSession);

impl Terminal {
    pub fn run(command: Command) -> Self {
        let mut session = OsSession::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(30)));
        Self(session)
    }

    /// Waits until this text is on the screen, and returns what came before it.
    pub fn wait_for(&mut self, text: &str) -> String {
        let found = self
            .0
            .expect(text)
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        String::from_utf8_lossy(found.before()).into_owned()
    }

    pub fn press(&mut self, keys: &str) {
        self.0.write_all(keys.as_bytes()).unwrap();
        self.0.flush().unwrap();
    }

    /// Sends a signal, such as `-TERM`.
    pub fn signal(&self, signal: &str) {
        let id = self.0.get_process().pid().to_string();
        let status = Command::new("kill").args([signal, &id]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end of the program: its exit status and what else was on the screen.
    pub fn finish(mut self) -> (i32, String) {
        let rest = self.0.expect(Eof).unwrap();
        let rest = String::from_utf8_lossy(rest.as_bytes()).into_owned();
        match self.0.get_process().wait().unwrap() {
            WaitStatus::Exited(_, status) => (status, rest),
            other => panic!("{other:?}: {rest}"),
        }
    }
}
