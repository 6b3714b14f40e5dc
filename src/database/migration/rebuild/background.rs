//! Background thread: runs a part of a rebuild beside the rest.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::thread::JoinHandle;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::{Observer, Progress, Stage, report};

/// A thread that returns a `T`. Dropping this stops the thread and waits for it.
pub(super) struct Background<T> {
    path: PathBuf,
    running: Option<Running<T>>,
}

struct Running<T> {
    messages: Receiver<Message>,
    thread: JoinHandle<Result<T, Error>>,
}

/// A progress report for the thread that has the observer.
struct Message {
    /// The table that is checked; `None` while bytes are copied.
    table: Option<String>,
    done: u64,
    total: u64,
}

/// An observer that sends reports, and asks to stop once the receiver is dropped.
struct Reporter(Sender<Message>);

impl Observer for Reporter {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        let message = Message {
            table: match progress.stage {
                Stage::Checking(table) => Some(table.to_owned()),
                _ => None,
            },
            done: progress.done,
            total: progress.total,
        };
        match self.0.send(message) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl<T: Send + 'static> Background<T> {
    /// Starts the thread.
    pub(super) fn begin(
        path: &Path,
        operate: impl FnOnce(&mut dyn Observer) -> Result<T, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .spawn(move || operate(&mut Reporter(sender)))
            .map_err(|source| ErrorKind::NoThread { source }.at(path))?;
        Ok(Self {
            path: path.to_owned(),
            running: Some(Running {
                messages: receiver,
                thread,
            }),
        })
    }

    /// Waits for the thread and passes its progress reports to the observer.
    pub(super) fn finish(mut self, observer: &mut dyn Observer) -> Result<T, Error> {
        for message in self.running.iter().flat_map(|running| &running.messages) {
            let stage = match &message.table {
                Some(table) => Stage::Checking(table),
                None => Stage::Copying,
            };
            if report(observer, &self.path, stage, message.done, message.total).is_err() {
                break;
            }
        }
        // The thread has ended, or stops because the receiver was dropped.
        self.end()
            .unwrap_or_else(|| Err(ErrorKind::Interrupted.at(self.path.clone())))
    }
}

impl<T> Background<T> {
    fn end(&mut self) -> Option<Result<T, Error>> {
        let running = self.running.take()?;
        drop(running.messages);
        match running.thread.join() {
            Ok(result) => Some(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<T> Drop for Background<T> {
    /// Waits for the thread, so that it removes its temporary files.
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}
