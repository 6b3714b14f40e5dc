//! The limit on the size of a process's files (`ulimit -f`, `LimitFSIZE` of a service).

/// Lets a write beyond the limit fail like one to a full disk. By default the system ends the process there.
pub(crate) fn report_as_error() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: an ignored signal runs no code of this process.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
