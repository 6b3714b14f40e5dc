//! Requests over the socket of a node on the same machine.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::node::options::NodeOptions;
use crate::node::transport::answer::{Answer, AnswerBuffers, GLANCE, TransportFault};

/// The connections to a socket. Each has at most one request under way, because answers may come in any order.
#[derive(Debug)]
pub(in crate::node) struct Ipc {
    path: PathBuf,
    idle: Mutex<Vec<UnixStream>>,
    timeout: Duration,
    limit: usize,
    pub(super) buffers: AnswerBuffers,
}

impl Ipc {
    pub(super) fn new(path: &Path, options: &NodeOptions) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
            timeout: options.timeout,
            limit: options.max_answer_bytes,
            buffers: AnswerBuffers::default(),
        }
    }

    pub(super) fn exchange(
        &self,
        message: &[u8],
        cancel: &CancelToken,
    ) -> Result<Answer, TransportFault> {
        let deadline = Instant::now() + self.timeout;
        let idle = self.idle().pop();
        let is_reused = idle.is_some();
        let mut stream = match idle {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let mut result = self.on(&mut stream, message, deadline, cancel);
        // The node has closed the idle connection, perhaps because it was started again.
        if is_reused && matches!(result, Err(TransportFault::Broken(_))) {
            stream = self.connect()?;
            result = self.on(&mut stream, message, deadline, cancel);
        }
        if result.is_ok() {
            self.idle().push(stream);
        }
        result
    }

    fn connect(&self) -> Result<UnixStream, TransportFault> {
        let stream = UnixStream::connect(&self.path).map_err(TransportFault::broken)?;
        stream
            .set_read_timeout(Some(GLANCE))
            .map_err(TransportFault::broken)?;
        stream
            .set_write_timeout(Some(GLANCE))
            .map_err(TransportFault::broken)?;
        Ok(stream)
    }

    fn on(
        &self,
        stream: &mut UnixStream,
        message: &[u8],
        deadline: Instant,
        cancel: &CancelToken,
    ) -> Result<Answer, TransportFault> {
        let mut rest = message;
        while !rest.is_empty() {
            let written = within(deadline, cancel, || stream.write(rest))?;
            rest = &rest[written..];
        }
        let mut body = self.buffers.take();
        let mut step = vec![0; 256 << 10];
        let mut end = End::default();
        loop {
            let read = within(deadline, cancel, || stream.read(&mut step))?;
            if read == 0 {
                return Err(TransportFault::Broken(
                    "the connection was closed".to_owned(),
                ));
            }
            if body.len() + read > self.limit {
                return Err(TransportFault::TooLarge);
            }
            body.extend_from_slice(&step[..read]);
            if end.is_in(&step[..read])? {
                return Ok(Answer {
                    status: 200,
                    retry_after: None,
                    location: None,
                    body,
                });
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<UnixStream>> {
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Finds the end of an answer, which is the end of its JSON value.
#[derive(Debug, Default)]
struct End {
    depth: usize,
    is_over: bool,
    in_string: bool,
    is_escaped: bool,
}

impl End {
    /// Whether the value ends in the next piece.
    fn is_in(&mut self, piece: &[u8]) -> Result<bool, TransportFault> {
        for byte in piece {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'{' | b'[' if !self.is_over => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    self.is_over = self.depth == 0;
                }
                b'"' if self.depth > 0 => self.in_string = true,
                _ if self.depth > 0 => {}
                _ => {
                    return Err(TransportFault::Broken(
                        "the answer is not one JSON value".to_owned(),
                    ));
                }
            }
        }
        Ok(self.is_over)
    }
}

/// Repeats a call until it transfers something, fails, or its time is over.
fn within(
    deadline: Instant,
    cancel: &CancelToken,
    mut call: impl FnMut() -> io::Result<usize>,
) -> Result<usize, TransportFault> {
    loop {
        if cancel.is_cancelled() {
            return Err(TransportFault::Cancelled);
        }
        if Instant::now() > deadline {
            return Err(TransportFault::TimedOut(
                "no complete answer in time".to_owned(),
            ));
        }
        match call() {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::TimedOut
                        | io::ErrorKind::Interrupted
                ) => {}
            result => return result.map_err(TransportFault::broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_end_with_their_value_in_any_pieces() {
        let text = br#" {"a":[1,{"b":"}\"]\\"}],"c":"\\\\"}"#;
        for size in 1..=text.len() {
            let mut end = End::default();
            let ends: Vec<_> = text
                .chunks(size)
                .map(|piece| end.is_in(piece).unwrap())
                .collect();
            assert_eq!(ends.iter().position(|is_end| *is_end), Some(ends.len() - 1));
        }
        assert!(End::default().is_in(b"<html>").is_err());
        assert!(End::default().is_in(b"{} {}").is_err());
        assert!(!End::default().is_in(b"{\"a\":\"}").unwrap());
    }
}
