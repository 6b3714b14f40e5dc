//! The exit statuses of the command.

use std::process::ExitCode;

/// The exit statuses. This is the only list of them; the help prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitStatus {
    Done,
    Failed,
    WrongArguments,
    Findings,
    Stale,
    EndedBySignal,
}

impl ExitStatus {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Done, "done"),
        (
            Self::Failed,
            "failed, refused, or aborted by the user; or stdout could not be
       written",
        ),
        (Self::WrongArguments, "wrong arguments"),
        (
            Self::Findings,
            "a command that verifies or repairs has found a problem, or could
       not check a part, and has printed that",
        ),
        (
            Self::Stale,
            "'database status' has found the database stale, and has printed
       that",
        ),
        (Self::EndedBySignal, "ended at once by a second Ctrl-C"),
    ];

    /// The number that the process ends with.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::WrongArguments => 2,
            Self::Findings => 3,
            Self::Stale => 4,
            Self::EndedBySignal => 130,
        }
    }

    /// The table of all statuses, for the help. A manual page indents it, and has 80 columns.
    pub(super) fn table() -> String {
        let lines =
            Self::ALL.map(|(status, meaning)| format!("  {:<3}  {meaning}", status.number()));
        format!("Exit status:\n{}", lines.join("\n"))
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        status.number().into()
    }
}
