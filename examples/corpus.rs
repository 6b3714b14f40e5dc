//! Unpacks databases that the Python package's releases have made into a folder, all of them or those that are named:
//! `cargo run --example corpus -- FOLDER [populated/populated-0.5.0.db …]`.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: corpus FOLDER [NAME ...]")?;
    let names: Vec<_> = arguments.collect();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus.tar.zst");
    let mut decoder = zstd::Decoder::new(File::open(archive)?)?;
    decoder.window_log_max(27)?;
    fs::create_dir_all(&folder)?;
    let mut unpacked = 0;
    for entry in tar::Archive::new(decoder).entries()? {
        let mut entry = entry?;
        if names.is_empty() || names.contains(&entry.path()?.into_owned()) {
            entry.unpack_in(&folder)?;
            unpacked += 1;
        }
    }
    if unpacked < names.len() {
        return Err("a name is not in tests/corpus.tar.zst; tests/README.md describes it".into());
    }
    Ok(())
}
