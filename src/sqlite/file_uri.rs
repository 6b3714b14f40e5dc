//! Files by their URIs, as SQLite opens them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::sqlite::raw_connection::RawConnection;

/// The first bytes of every database.
pub(crate) const DATABASE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The URI of a file. Every byte with a meaning in URIs is escaped.
pub(crate) fn uri(path: &Path, parameters: &str) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let escaped: Vec<_> = absolute
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|&byte| match byte {
            b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("file://{}?{parameters}", escaped.concat())
}

/// Whether a path leads to a file that begins as a database does. Nothing else is opened: a pipe would keep the program
/// waiting. SQLite reads the file, because closing another descriptor of it would drop the locks of this process.
pub(crate) fn is_database(path: &Path) -> bool {
    let mut header = [0; DATABASE_MAGIC.len()];
    let mut read = || {
        let reader = RawConnection::open(&uri(path, "mode=ro&immutable=1"))?;
        reader.read_file(&mut header, 0)
    };
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && read().is_ok()
        && header == *DATABASE_MAGIC
}
