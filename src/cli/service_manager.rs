//! What systemd is told: the protocol of `sd_notify`.
//!
//! The service manager names a socket in the environment. Each message to it has lines such as `READY=1`. Without the
//! socket, or if nobody reads from it, nothing is said.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::{Duration, Instant};

use crate::cli::printer::presentable;

/// The service manager that has started this process, if one has.
#[derive(Debug)]
pub(super) struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that the process is alive.
    watchdog: Option<Duration>,
    /// When it was last told.
    pinged: Option<Instant>,
    is_ready: bool,
    is_stopping: bool,
    status: String,
}

impl ServiceManager {
    /// The one of the environment.
    pub(super) fn from_environment() -> Self {
        let address = env::var_os("NOTIFY_SOCKET").and_then(|name| address_of(&name));
        let watchdog = watchdog(
            env::var("WATCHDOG_USEC").ok().as_deref(),
            env::var("WATCHDOG_PID").ok().as_deref(),
            process::id(),
        );
        Self::new(address, watchdog)
    }

    fn new(address: Option<SocketAddr>, watchdog: Option<Duration>) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            // A manager that does not read must not keep this process waiting.
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Self {
            socket: socket.ok().zip(address),
            watchdog,
            pinged: None,
            is_ready: false,
            is_stopping: false,
            status: String::new(),
        }
    }

    /// How often [`Self::alive`] must be called at least.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    /// The process is up. Only the first call counts.
    pub(super) fn ready(&mut self) {
        if !self.is_ready {
            self.is_ready = true;
            self.send("READY=1");
        }
    }

    /// The process ends. Only the first call counts.
    pub(super) fn stopping(&mut self) {
        if !self.is_stopping {
            self.is_stopping = true;
            self.send("STOPPING=1");
        }
    }

    /// Says in one line what the process is doing.
    pub(super) fn status(&mut self, status: &str) {
        if self.status != status {
            status.clone_into(&mut self.status);
            self.send(&format!("STATUS={}", presentable(status)));
        }
    }

    /// The process makes progress, or waits for something that will come. It is passed on as often as it is wanted.
    pub(super) fn alive(&mut self) {
        /// A start that takes longer than the manager waits for is not a failed one.
        const MORE_TIME: &str = "EXTEND_TIMEOUT_USEC=60000000";
        const WHILE_STARTING: Duration = Duration::from_secs(10);
        let every = match self.interval() {
            Some(interval) if self.is_ready => interval,
            Some(interval) => interval.min(WHILE_STARTING),
            None if self.is_ready => return,
            None => WHILE_STARTING,
        };
        if self.pinged.is_some_and(|pinged| pinged.elapsed() < every) {
            return;
        }
        self.pinged = Some(Instant::now());
        if self.watchdog.is_some() {
            self.send("WATCHDOG=1");
        }
        if !self.is_ready {
            self.send(MORE_TIME);
        }
    }

    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            log::debug!("The service manager could not be told {message}: {error}");
        }
    }
}

/// The address of a socket: a path, or a name behind `@`, which only Linux has.
fn address_of(name: &OsStr) -> Option<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name).ok()
        }
        _ => None,
    }
}

/// How often the process with this id is to say that it is alive.
fn watchdog(microseconds: Option<&str>, of: Option<&str>, process: u32) -> Option<Duration> {
    let is_meant = of.is_none_or(|of| of.parse() == Ok(process));
    let microseconds: u64 = microseconds?.parse().ok()?;
    (is_meant && microseconds > 0).then(|| Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> Vec<String> {
        let mut messages = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(length) = socket.recv(&mut buffer) {
            messages.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        messages
    }

    fn bound(address: &SocketAddr) -> UnixDatagram {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    #[test]
    fn each_state_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let address = address_of(folder.path().join("notify").as_os_str()).unwrap();
        let socket = bound(&address);
        let mut manager = ServiceManager::new(Some(address), Some(Duration::from_secs(60)));
        for _ in 0..2 {
            manager.alive();
            manager.status("at block 7\nREADY=0");
            manager.ready();
            manager.stopping();
        }
        assert_eq!(
            received(&socket),
            [
                "WATCHDOG=1",
                "EXTEND_TIMEOUT_USEC=60000000",
                "STATUS=at block 7\\nREADY=0",
                "READY=1",
                "STOPPING=1"
            ]
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn abstract_sockets_have_an_at_sign() {
        let name = format!("@degenbot-test-{}", process::id());
        let address = address_of(OsStr::new(&name)).unwrap();
        let socket = bound(&address);
        ServiceManager::new(Some(address), None).ready();
        assert_eq!(received(&socket), ["READY=1"]);
    }

    #[test]
    fn socket_that_nobody_reads_is_no_error() {
        assert!(address_of(OsStr::new("")).is_none());
        assert!(address_of(OsStr::new("vsock:2:1234")).is_none());
        let folder = tempfile::tempdir().unwrap();
        let address = address_of(folder.path().join("nobody").as_os_str());
        ServiceManager::new(address, None).ready();
    }

    #[test]
    fn watchdog_is_that_of_this_process() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(Some("1000000"), None, 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("7"), 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("8"), 7), None);
        for none in [None, Some("0"), Some("-1"), Some("x")] {
            assert_eq!(watchdog(none, None, 7), None);
        }
    }
}
