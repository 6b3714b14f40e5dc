//! Time of the processor and memory, as the system counts them.

use std::time::Duration;

/// The seconds of CPU that this thread has used.
pub fn thread_time() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a place for the result.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(code, 0);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
    .as_secs_f64()
}

/// The seconds of CPU of the child processes that have ended.
pub fn children_time() -> f64 {
    // SAFETY: zeros are a value of this struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a place for the result.
    let code = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(code, 0);
    let seconds = |time: libc::timeval| {
        Duration::new(u64::try_from(time.tv_sec).unwrap(), 0).as_secs_f64()
            + f64::from(u32::try_from(time.tv_usec).unwrap()) / 1e6
    };
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The anonymous memory of a process in MiB; `None` after its end.
pub fn anonymous_memory(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
