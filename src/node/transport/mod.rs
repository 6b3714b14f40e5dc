//! One request to one node, and its answer as bytes.

pub(super) mod answer;
mod http;
#[cfg(unix)]
mod ipc;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::node::endpoint::{Endpoint, Place};
use crate::node::options::NodeOptions;
use crate::node::transport::answer::{Answer, GLANCE, TransportFault};

/// The way to a node. It keeps connections open between requests.
#[derive(Debug)]
pub(super) enum Transport {
    Http(Arc<http::Http>),
    #[cfg(unix)]
    Ipc(Arc<ipc::Ipc>),
    /// Sockets do not exist on this system.
    #[cfg(not(unix))]
    None,
}

impl Transport {
    pub(super) fn new(endpoint: &Endpoint, options: &NodeOptions) -> Self {
        match endpoint.place() {
            Place::Http(uri) => {
                Self::Http(Arc::new(http::Http::new(uri, endpoint.headers(), options)))
            }
            #[cfg(unix)]
            Place::Socket(path) => Self::Ipc(Arc::new(ipc::Ipc::new(path, options))),
            #[cfg(not(unix))]
            Place::Socket(_) => Self::None,
        }
    }

    /// Keeps the memory of an answer that has been read for the next ones.
    pub(super) fn recycle(&self, body: Vec<u8>) {
        match self {
            Self::Http(http) => http.buffers.keep(body),
            #[cfg(unix)]
            Self::Ipc(ipc) => ipc.buffers.keep(body),
            #[cfg(not(unix))]
            Self::None => drop(body),
        }
    }

    /// Sends a message and waits for the answer.
    ///
    /// It waits in a thread of its own, because neither a connection that comes about nor the name of a host can be
    /// waited for in steps. A cancelled caller leaves the thread behind, which ends by its time limits. Meanwhile `waiting`
    /// gets the time since the beginning, again and again.
    pub(super) fn exchange(
        &self,
        message: Vec<u8>,
        cancel: &CancelToken,
        waiting: impl Fn(Duration),
    ) -> Result<Answer, TransportFault> {
        if cancel.is_cancelled() {
            return Err(TransportFault::Cancelled);
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        let token = cancel.clone();
        let exchange: Box<dyn FnOnce() -> Result<Answer, TransportFault> + Send> = match self {
            Self::Http(http) => {
                let http = Arc::clone(http);
                Box::new(move || http.exchange(&message, &token))
            }
            #[cfg(unix)]
            Self::Ipc(ipc) => {
                let ipc = Arc::clone(ipc);
                Box::new(move || ipc.exchange(&message, &token))
            }
            #[cfg(not(unix))]
            Self::None => {
                let problem = "this system has no such sockets".to_owned();
                Box::new(move || Err(TransportFault::Broken(problem)))
            }
        };
        thread::Builder::new()
            .name("node request".to_owned())
            .spawn(move || sender.send(exchange()))
            .map_err(|error| {
                TransportFault::Broken(format!("no thread could be started: {error}"))
            })?;
        let begin = Instant::now();
        loop {
            match receiver.recv_timeout(GLANCE) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                    return Err(TransportFault::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) => waiting(begin.elapsed()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(TransportFault::Broken("the request was dropped".to_owned()));
                }
            }
        }
    }
}
