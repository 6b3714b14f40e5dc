//! Calls to the system that fail: `tests/preload/faults.c`, built and preloaded into a command.

use std::fmt::{self, Display};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::io::Errno;

use super::command::run;

/// The library that makes calls fail. `None` where programs cannot be made to load it.
#[expect(clippy::print_stderr, reason = "only tests call this")]
pub fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(build_library).as_deref();
    if library.is_none() {
        eprintln!("skipped: there is no C compiler, or no glibc to preload a library with");
    }
    library
}

fn build_library() -> Option<PathBuf> {
    let has_loader = cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        not(target_feature = "crt-static")
    ));
    if !has_loader {
        return None;
    }
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/preload/faults.c");
    let built = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new(compiler)
        .args(["-shared", "-fPIC", "-o"])
        .arg(built.path())
        .arg(source)
        .arg("-ldl")
        .output()
        .ok()?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    // Another run of the tests may be using the one that is there.
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.so");
    built.persist(&library).unwrap();
    Some(library)
}

/// Preloads the library into a command; the calls on files of this folder count.
pub fn preload(command: &mut Command, library: &Path, folder: &Path) {
    command
        .env("LD_PRELOAD", library)
        .env("FAULTS_FOLDER", fs::canonicalize(folder).unwrap());
}

/// Has every call of these kinds fail in a command that is run with the library: `chmod`, `folder`, `lock`, `thread`,
/// `input`.
pub fn refuse(command: &mut Command, calls: &str, error: Errno) {
    command
        .env("FAULTS_REFUSED", calls)
        .env("FAULTS_ERRNO", error.raw_os_error().to_string());
}

/// Which call of a run fails, and how.
#[derive(Clone, Copy)]
pub struct Fault {
    pub at: usize,
    pub error: Errno,
    /// Whether all that follow fail as well.
    pub sticky: bool,
}

impl Fault {
    /// Has a command that is run with the library suffer it.
    pub fn inject(self, command: &mut Command) {
        command
            .env("FAULTS_AT", self.at.to_string())
            .env("FAULTS_ERRNO", self.error.raw_os_error().to_string())
            .env("FAULTS_STICKY", u8::from(self.sticky).to_string());
    }
}

/// Has a call of a command that is run with the library never return. Its line is in the log before.
pub fn hang(command: &mut Command, at: usize, log: &Path) {
    command
        .env("FAULTS_AT", at.to_string())
        .env("FAULTS_HANG", "1")
        .env("FAULTS_LOG", log);
}

/// Has a call of a command that is run with the library wait until [`Held::release`].
pub fn hold(command: &mut Command, at: usize, fifo: &Path) {
    mknodat(CWD, fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    command
        .env("FAULTS_AT", at.to_string())
        .env("FAULTS_HOLD", fifo);
}

/// A command that is inside a call which waits.
pub struct Held(OwnedFd);

impl Held {
    /// Waits until a command has come to the call that [`hold`] names. `None` if it ends before that.
    pub fn wait(child: &mut Child, fifo: &Path) -> Option<Self> {
        loop {
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            match open(fifo, flags, Mode::empty()) {
                Ok(opened) => return Some(Self(opened)),
                // Nobody reads yet.
                Err(error) => assert_eq!(error, Errno::NXIO),
            }
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// Lets the command go on.
    pub fn release(self) {
        drop(self.0);
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let onwards = if self.sticky {
            " and all that follow"
        } else {
            ""
        };
        write!(f, "call {}{onwards}: {}", self.at, self.error)
    }
}

/// A call that a command has made: a line of the log.
pub struct Call {
    /// None for a deletion, which does not fail.
    pub number: Option<usize>,
    pub name: String,
    pub paths: Vec<String>,
}

impl Call {
    fn of(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        Self {
            number: words.next().unwrap().parse().ok(),
            name: words.next().unwrap(),
            paths: words.collect(),
        }
    }

    pub fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.paths == other.paths
    }
}

/// The calls that a log has.
pub fn calls_in(log: &Path) -> Vec<Call> {
    let calls = fs::read_to_string(log).unwrap();
    calls.lines().map(Call::of).collect()
}

/// Runs a command; what it tells, and its calls.
pub fn logged(mut command: Command) -> (String, Vec<Call>) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    command.env("FAULTS_LOG", &log);
    let told = run(command, "");
    (told, calls_in(&log))
}
