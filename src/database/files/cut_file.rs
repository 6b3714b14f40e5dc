//! Files that lack their last bytes, such as a copy for which the disk had no room.
//!
//! SQLite itself notices only if whole pages are missing. It takes what is missing of a page for zeros, which can be a
//! part of a value.

use crate::counted::counted;

/// The problem of a file that is shorter than its content, if it is. The log must hold no page.
pub(crate) fn problem(bytes: u64, pages: u64, page_size: u64) -> Option<String> {
    let missing = pages.saturating_mul(page_size).checked_sub(bytes)?;
    (missing > 0).then(|| {
        format!(
            "the file lacks its last {}: it was cut, or copied only in part",
            counted(missing, "byte")
        )
    })
}
