//! The command as a user whom file permissions bind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The command as somebody whom permissions bind: root runs it as nobody.
pub fn unprivileged(binary: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.env_clear();
    command.env("HOME", "/").env("PATH", "/usr/bin:/bin");
    command
}

/// Whether permissions do not bind the tests themselves.
pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// The command where every user may run it; the build folder may belong to one of them.
pub fn public_copy_of_the_binary() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("degenbot");
    fs::copy(env!("CARGO_BIN_EXE_degenbot"), &path).unwrap();
    (folder, path)
}
