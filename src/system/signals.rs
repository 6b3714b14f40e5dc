//! The signals that ask a process to end: Ctrl-C, a termination and a hangup.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr;

/// A signal that asks the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT: the user has pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: a program asks the process to end.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

const SIGNALS: [(libc::c_int, Signal); 3] = [
    (libc::SIGINT, Signal::Interrupt),
    (libc::SIGTERM, Signal::Terminate),
    (libc::SIGHUP, Signal::HangUp),
];

/// The signals that ask this process to end, except those that it has inherited as ignored. `nohup` ignores SIGHUP, and
/// a shell ignores SIGINT for a job in the background of a script; both stay ignored.
///
/// The signals are blocked, and a thread waits for them. So they have no effect of their own, need no handler, and have
/// their default effect again once they are unblocked.
#[derive(Clone, Copy)]
pub(crate) struct EndSignals(libc::sigset_t);

impl EndSignals {
    /// Blocks the signals for this thread and for every thread that it starts from now on.
    pub(crate) fn block() -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set.
        let mut set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            set.assume_init()
        };
        for (number, _) in SIGNALS {
            if !is_ignored(number)? {
                // SAFETY: the set is initialised, and the number is that of a signal.
                unsafe { libc::sigaddset(&raw mut set, number) };
            }
        }
        let signals = Self(set);
        signals.mask(libc::SIG_BLOCK)?;
        Ok(signals)
    }

    /// Waits for the next signal.
    pub(crate) fn wait(&self) -> io::Result<Signal> {
        let mut number = 0;
        // SAFETY: both point to values that live during the call.
        match unsafe { libc::sigwait(&raw const self.0, &raw mut number) } {
            0 => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
        let known = SIGNALS.iter().find(|(of, _)| *of == number);
        known
            .map(|(_, signal)| *signal)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Unblocks the signals for this thread: the next one ends the process, whatever its threads are waiting for.
    pub(crate) fn unblock(&self) -> io::Result<()> {
        self.mask(libc::SIG_UNBLOCK)
    }

    fn mask(&self, how: libc::c_int) -> io::Result<()> {
        // SAFETY: the set lives during the call, and the former mask is not asked for.
        match unsafe { libc::pthread_sigmask(how, &raw const self.0, ptr::null_mut()) } {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn is_ignored(signal: libc::c_int) -> io::Result<bool> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action, sigaction only writes the present one.
    let action = unsafe {
        if libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        action.assume_init()
    };
    Ok(action.sa_sigaction == libc::SIG_IGN)
}

/// Whether a short text can be written without waiting. A pipe that nobody reads would keep the writer waiting for ever.
pub(crate) fn takes_output(file: &impl AsRawFd) -> bool {
    let mut poll = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: `poll` is one valid entry, which the call fills in. It does not wait.
    unsafe { libc::poll(&raw mut poll, 1, 0) > 0 }
}
