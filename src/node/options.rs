//! How nodes are asked.

use std::time::Duration;

use crate::setters::setters;

/// How nodes are asked: limits of time, size and rate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NodeOptions {
    /// How many HTTP requests are under way to one endpoint at once. Default: 4.
    pub concurrency: usize,
    /// How many calls an endpoint gets in a second; each call of a batch counts. Default: as many as it takes.
    pub max_rate: Option<f64>,
    /// How long a request may take from the connection to the last byte. Default: 60 s.
    pub timeout: Duration,
    /// How long a connection may take to come about. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long a request is repeated before it fails: the time of all tries and of the waits between them.
    /// Default: 180 s.
    pub patience: Duration,
    /// How often a request that fails is sent before it fails for good. A refusal because of too many requests does
    /// not count. Default: 8.
    pub max_tries: u32,
    /// How large an answer may be, in bytes after decompression. A larger one is asked for in parts.
    /// Default: 64 MiB.
    pub max_answer_bytes: usize,
    /// How many calls go into one HTTP request. Default: 100.
    pub batch_size: usize,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            concurrency: 4,
            max_rate: None,
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(180),
            max_tries: 8,
            max_answer_bytes: 64 << 20,
            batch_size: 100,
        }
    }
}

setters!(NodeOptions {
    concurrency: usize,
    max_rate: f64 => Some,
    timeout: Duration,
    connect_timeout: Duration,
    patience: Duration,
    max_tries: u32,
    max_answer_bytes: usize,
    batch_size: usize,
});
