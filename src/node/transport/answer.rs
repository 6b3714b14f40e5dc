//! The answer to a request, as bytes.

use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;

/// How often a wait looks at the cancel token.
pub(in crate::node) const GLANCE: Duration = Duration::from_millis(25);

/// What came back.
#[derive(Debug)]
pub(in crate::node) struct Answer {
    /// The HTTP status; 200 for a socket.
    pub(in crate::node) status: u16,
    /// The header `Retry-After`.
    pub(in crate::node) retry_after: Option<Duration>,
    /// The header `Location`.
    pub(in crate::node) location: Option<String>,
    pub(in crate::node) body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug)]
pub(in crate::node) enum TransportFault {
    Cancelled,
    /// There was no complete answer in time.
    TimedOut(String),
    /// The answer is larger than allowed.
    TooLarge,
    /// The connection failed. Another try may not.
    Broken(String),
    /// The node cannot prove who it is.
    Tls(String),
}

impl TransportFault {
    /// A connection that failed, without what Rust adds to the system's words.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "errors are passed on by value"
    )]
    pub(super) fn broken(error: io::Error) -> Self {
        let text = error.to_string();
        Self::Broken(match text.split_once(" (os error ") {
            Some((text, _)) => text.to_lowercase(),
            None => text,
        })
    }
}

/// The memory of answers that have been read, for those that come.
///
/// Each request runs in a thread of its own. An allocator with memory for each thread would keep that of large answers
/// several times.
#[derive(Debug, Default)]
pub(super) struct AnswerBuffers {
    spare: Mutex<Vec<Vec<u8>>>,
}

impl AnswerBuffers {
    /// An empty buffer.
    pub(super) fn take(&self) -> Vec<u8> {
        self.spare().pop().unwrap_or_default()
    }

    /// Keeps the memory of an answer. If most of it was not needed, that part is given back.
    pub(super) fn keep(&self, mut body: Vec<u8>) {
        /// How many are kept, and how large each of them may be.
        const MOST: usize = 8;
        const LARGEST: usize = 16 << 20;
        const NEEDED: usize = 4;
        if body.capacity() > LARGEST {
            return;
        }
        if body.capacity() / NEEDED > body.len() {
            body.shrink_to_fit();
        }
        body.clear();
        let mut spare = self.spare();
        if spare.len() < MOST {
            spare.push(body);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads into an empty buffer up to the end, or up to the limit, or until the token is cancelled or the time is over.
pub(super) fn read_limited(
    mut reader: impl Read,
    mut body: Vec<u8>,
    limit: usize,
    expected: usize,
    deadline: Instant,
    cancel: &CancelToken,
) -> Result<Vec<u8>, ReadFault> {
    /// Larger announcements than this are not believed before the bytes are there.
    const BELIEVED: usize = 1 << 20;
    const STEP: usize = 128 << 10;
    body.reserve(expected.min(limit).min(BELIEVED));
    let mut step = vec![0; STEP];
    loop {
        match reader.read(&mut step) {
            Ok(0) => return Ok(body),
            Ok(read) if body.len() + read > limit => return Err(ReadFault::TooLarge),
            Ok(read) => body.extend_from_slice(&step[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadFault::Io(error)),
        }
        if cancel.is_cancelled() {
            return Err(ReadFault::Cancelled);
        }
        if Instant::now() > deadline {
            return Err(ReadFault::Io(io::ErrorKind::TimedOut.into()));
        }
    }
}

pub(super) enum ReadFault {
    Cancelled,
    TooLarge,
    Io(io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_an_answer_is_used_again_unless_it_was_too_much() {
        let buffers = AnswerBuffers::default();
        buffers.keep(vec![0; 1_000]);
        let mut buffer = buffers.take();
        assert!(buffer.is_empty());
        assert!(buffer.capacity() >= 1_000);
        buffer.push(0);
        buffers.keep(buffer);
        assert!(buffers.take().capacity() < 1_000);
        buffers.keep(vec![0; 17 << 20]);
        assert_eq!(buffers.take().capacity(), 0);
    }
}
