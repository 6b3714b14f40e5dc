//! A process of Litestream's name.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A process of Litestream's name that has the database open. It ends when this is dropped.
pub struct Replicating {
    process: Child,
    _folder: TempDir,
}

impl Replicating {
    pub fn begin(path: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("litestream");
        fs::copy("/bin/sh", &program).unwrap();
        let mut process = Command::new(program)
            .args(["-c", "exec 3<\"$0\"; echo; read -r line"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        Self {
            process,
            _folder: folder,
        }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Replicating {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}
