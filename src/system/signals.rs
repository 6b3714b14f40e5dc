//! The signals that ask a process to end, such as Ctrl-C or a hangup, and the one that asks it to stop for a while.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr;

/// A signal that asks the process to end or to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT: the user has pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: a program asks the process to end.
    Terminate,
    /// SIGQUIT: the user has pressed Ctrl-\.
    Quit,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGTSTP: the user has pressed Ctrl-Z.
    Stop,
}

const SIGNALS: [(libc::c_int, Signal); 5] = [
    (libc::SIGINT, Signal::Interrupt),
    (libc::SIGTERM, Signal::Terminate),
    (libc::SIGQUIT, Signal::Quit),
    (libc::SIGHUP, Signal::HangUp),
    (libc::SIGTSTP, Signal::Stop),
];

/// Ends all processes of the group that a process leads.
pub(crate) fn kill_group(leader: u32) {
    let Some(group) = libc::pid_t::try_from(leader)
        .ok()
        .filter(|group| *group > 1)
    else {
        return;
    };
    // SAFETY: the call takes two integers. A group that is gone is an error without an effect.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}

/// The signals that ask this process to end or to stop, except those that it has inherited as ignored. `nohup` ignores SIGHUP, and
/// a shell ignores SIGINT for a job in the background of a script; both stay ignored.
///
/// The signals are blocked, and a thread waits for them. So they have no effect of their own, need no handler, and have
/// their default effect again once they are unblocked.
#[derive(Clone, Copy)]
pub(crate) struct EndSignals(libc::sigset_t);

impl EndSignals {
    fn of(numbers: &[libc::c_int]) -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set.
        let mut set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            set.assume_init()
        };
        for &number in numbers {
            // SAFETY: the set is initialised, and the number is that of a signal.
            unsafe { libc::sigaddset(&raw mut set, number) };
        }
        Self(set)
    }

    /// Blocks the signals for this thread and for every thread that it starts from now on.
    pub(crate) fn block() -> io::Result<Self> {
        let mut numbers = Vec::new();
        for (number, _) in SIGNALS {
            if !is_ignored(number)? {
                numbers.push(number);
            }
        }
        let signals = Self::of(&numbers);
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

/// Stops the process, and returns when it is continued. The system does nothing where nobody could continue it: no shell
/// waits for the process.
pub(crate) fn stop_process() -> io::Result<()> {
    let signal = EndSignals::of(&[libc::SIGTSTP]);
    signal.unblock()?;
    // SAFETY: the call has no requirements. The signal is not blocked for this thread, so it has its default effect before
    // the call returns.
    let result = unsafe { libc::raise(libc::SIGTSTP) };
    let error = io::Error::last_os_error();
    signal.mask(libc::SIG_BLOCK)?;
    if result == 0 { Ok(()) } else { Err(error) }
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
