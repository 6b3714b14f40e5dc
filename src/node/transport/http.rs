//! Requests over HTTP.

use std::fmt;
use std::time::{Duration, Instant};

use ureq::http::header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use ureq::http::uri::Uri;
use ureq::{Agent, Timeout};

use crate::cancel::CancelToken;
use crate::node::options::NodeOptions;
use crate::node::transport::answer::{
    Answer, AnswerBuffers, ReadFault, TransportFault, read_limited,
};

/// The connections to an HTTP address.
pub(in crate::node) struct Http {
    agent: Agent,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    limit: usize,
    pub(super) buffers: AnswerBuffers,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address has the key.
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl Http {
    pub(super) fn new(
        uri: &Uri,
        headers: &[(HeaderName, HeaderValue)],
        options: &NodeOptions,
    ) -> Self {
        let agent = Agent::config_builder()
            // A status is part of the answer: some nodes explain themselves in the body.
            .http_status_as_error(false)
            // A redirect would take the key in a path or a header to another host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The environment is read by `settings` alone.
            .proxy(None)
            .user_agent(concat!("degenbot/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .timeout_global(Some(options.timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_resolve(Some(options.connect_timeout))
            .max_idle_connections(options.concurrency.max(1))
            .max_idle_connections_per_host(options.concurrency.max(1))
            .build()
            .new_agent();
        Self {
            agent,
            uri: uri.clone(),
            headers: headers.to_vec(),
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
        let mut request = self.agent.post(&self.uri).content_type("application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send(message).map_err(fault)?;
        let header = |name: HeaderName| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(&value));
        let location = header(LOCATION);
        let expected = response.body().content_length().unwrap_or_default();
        let reader = response.body_mut().as_reader();
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        let buffer = self.buffers.take();
        let body = read_limited(reader, buffer, self.limit, expected, deadline, cancel);
        let body = body.map_err(|read| match read {
            ReadFault::Cancelled => TransportFault::Cancelled,
            ReadFault::TooLarge => TransportFault::TooLarge,
            ReadFault::Io(error) => fault(error.into()),
        })?;
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after,
            location,
            body,
        })
    }
}

/// The header `Retry-After` in seconds. Its other form, a date, is as rare as clocks that agree.
fn retry_after(value: &str) -> Option<Duration> {
    let seconds: f64 = value.trim().parse().ok()?;
    (seconds >= 0.0)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

fn fault(error: ureq::Error) -> TransportFault {
    match error {
        ureq::Error::Timeout(phase) => TransportFault::TimedOut(
            match phase {
                Timeout::Resolve => "its name was not found in time",
                Timeout::Connect => "no connection in time",
                _ => "no complete answer in time",
            }
            .to_owned(),
        ),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            TransportFault::TimedOut("no complete answer in time".to_owned())
        }
        ureq::Error::Rustls(error) => TransportFault::Tls(error.to_string()),
        ureq::Error::Tls(problem) => TransportFault::Tls(problem.to_owned()),
        // Errors of TLS while data flow come as those of input and output.
        ureq::Error::Io(error) if is_of_certificate(&error) => {
            TransportFault::Tls(error.to_string())
        }
        ureq::Error::Io(error) => TransportFault::broken(error),
        ureq::Error::HostNotFound => TransportFault::Broken("no host of that name".to_owned()),
        error => TransportFault::Broken(error.to_string()),
    }
}

fn is_of_certificate(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData && error.to_string().contains("certificate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_retry_after_are_read() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("0.5"), Some(Duration::from_millis(500)));
        for value in [
            "",
            "-1",
            "NaN",
            "inf",
            "1e300",
            "Wed, 21 Oct 2015 07:28:00 GMT",
        ] {
            assert_eq!(retry_after(value), None, "{value}");
        }
    }
}
