//! The pages of one state of a database, read beside SQLite's cache.
//!
//! SQLite has no call that returns a page. This reads the pages through SQLite's own descriptors of the file and the log,
//! as SQLite does: a page whose last version is in the log comes from there, each other page from the file.
//!
//! That is sound while a read transaction is open. A checkpoint copies no version into the file that is later than the
//! oldest transaction, and the log begins anew only if all of it is in the file (<https://sqlite.org/walformat.html>). In
//! rollback mode, a reader's lock keeps writers off the file.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, fence};

use diesel::QueryResult;
use libsqlite3_sys as ffi;

use crate::sqlite::prepared::Statements;

/// The size of the part of the log's index that has its header.
const INDEX_REGION: c_int = 32_768;
/// The bytes before the first page of the log, and before each page.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Where the pages of a state are. Several connections on the same state can share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PagePlaces {
    page_size: u32,
    count: u32,
    /// The pages that are to be read from the log, each with its last frame. Ordered by page.
    in_log: Vec<(u32, u32)>,
}

impl PagePlaces {
    pub(crate) const fn page_size(&self) -> u32 {
        self.page_size
    }

    /// The number of pages.
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }
}

/// The header of the log's index.
struct LogState {
    page_size: u32,
    pages: u32,
    /// The last frame of the last commit.
    last_frame: u32,
    /// The frames up to this one are in the file.
    backfilled: u32,
}

impl<'connection> Statements<'connection> {
    /// Finds the pages of the state that this connection reads in its transaction. `None` if they cannot be found: of a
    /// database without a file, or if the index of the log is in SQLite's memory, or is changing.
    ///
    /// In WAL mode, the result is right only if nobody has committed since the transaction began. The caller finds out by
    /// `PRAGMA data_version` on another connection.
    pub(crate) fn page_places(self) -> QueryResult<Option<PagePlaces>> {
        let number = |pragma: &str| -> QueryResult<u32> {
            let mut row = self.prepare(pragma)?;
            let number = row.first_integer(&[])?;
            Ok(number
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(0))
        };
        let mut places = PagePlaces {
            page_size: number("PRAGMA main.page_size")?,
            count: number("PRAGMA main.page_count")?,
            in_log: Vec::new(),
        };
        let mut mode = self.prepare("PRAGMA main.journal_mode")?;
        mode.step()?;
        let mode = mode.column(0).to_text();
        if !["delete", "truncate", "persist", "wal"].contains(&mode.as_str()) || places.count == 0 {
            return Ok(None);
        }
        let Some(reader) = self.page_reader() else {
            return Ok(None);
        };
        if mode != "wal" {
            return Ok(Some(places));
        }
        let Some(log) = reader.log_state() else {
            return Ok(None);
        };
        if log.backfilled >= log.last_frame {
            return Ok(Some(places));
        }
        if log.page_size != places.page_size || log.pages != places.count {
            return Ok(None);
        }
        for frame in log.backfilled + 1..=log.last_frame {
            let mut page = [0; 4];
            if !reader.read_log(&mut page, frame_offset(frame, places.page_size)) {
                return Ok(None);
            }
            places.in_log.push((u32::from_be_bytes(page), frame));
        }
        // The last frame of a page counts.
        places
            .in_log
            .sort_unstable_by_key(|&(page, frame)| (page, !frame));
        places.in_log.dedup_by_key(|&mut (page, _)| page);
        Ok(Some(places))
    }

    /// A reader of pages through this connection. `None` if it has no file.
    pub(crate) fn page_reader(self) -> Option<PageReader<'connection>> {
        Some(PageReader {
            file: self.file(ffi::SQLITE_FCNTL_FILE_POINTER)?,
            log: self.file(ffi::SQLITE_FCNTL_JOURNAL_POINTER),
            connection: self,
        })
    }

    /// One of the connection's files, if it is open.
    fn file(self, pointer: c_int) -> Option<NonNull<ffi::sqlite3_file>> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: the connection is open. For these controls, the last argument is a place for a pointer to a file of the
        // named database. Its methods are null while it is not open.
        unsafe {
            let code = ffi::sqlite3_file_control(
                self.handle().as_ptr(),
                c"main".as_ptr(),
                pointer,
                (&raw mut file).cast(),
            );
            let file = NonNull::new(file).filter(|_| code == ffi::SQLITE_OK)?;
            (!file.as_ref().pMethods.is_null()).then_some(file)
        }
    }
}

/// Reads pages through the files of a connection, which is in a read transaction.
pub(crate) struct PageReader<'connection> {
    file: NonNull<ffi::sqlite3_file>,
    log: Option<NonNull<ffi::sqlite3_file>>,
    connection: Statements<'connection>,
}

impl PageReader<'_> {
    /// Reads a page. Returns `false` if it cannot be read.
    pub(crate) fn read(&self, places: &PagePlaces, page: u32, bytes: &mut [u8]) -> bool {
        let Some(index) = page.checked_sub(1) else {
            return false;
        };
        let in_log = places.in_log.binary_search_by_key(&page, |&(page, _)| page);
        let frame = in_log.ok().and_then(|found| places.in_log.get(found));
        if let Some(&(_, frame)) = frame {
            let offset = frame_offset(frame, places.page_size) + FRAME_HEADER;
            return self.read_log(bytes, offset);
        }
        let offset = u64::from(index) * u64::from(places.page_size);
        read_at(self.file, bytes, offset)
    }

    fn read_log(&self, bytes: &mut [u8], offset: u64) -> bool {
        self.log.is_some_and(|log| read_at(log, bytes, offset))
    }

    /// The present header of the log's index.
    fn log_state(&self) -> Option<LogState> {
        const WORDS: usize = 12;
        const BACKFILLED: usize = 24;
        let mut region: *mut c_void = ptr::null_mut();
        // SAFETY: the connection has the log open, so its index is mapped for as long as the transaction lasts. xShmMap
        // creates nothing if it may not extend the index. The first region has two copies of the header and then the
        // number of frames in the file, all in the machine's byte order. Other processes may write meanwhile, so the reads
        // are volatile, and the copies are compared. The header is read once more: if the log has begun anew, it differs.
        let (copies, backfilled) = unsafe {
            // It has to be the connection's mutex that keeps the index from being closed.
            let _held = self.connection.hold();
            let methods = self.file.as_ref().pMethods.as_ref()?;
            let map = methods.xShmMap.filter(|_| methods.iVersion >= 2)?;
            let code = map(
                self.file.as_ptr(),
                0,
                INDEX_REGION,
                0,
                (&raw mut region).cast(),
            );
            if code != ffi::SQLITE_OK || region.is_null() {
                return None;
            }
            let words: *const u32 = region.cast_const().cast();
            let copy = |at: usize| -> [u32; WORDS] {
                std::array::from_fn(|index| ptr::read_volatile(words.add(at + index)))
            };
            let before = [copy(0), copy(WORDS)];
            fence(Ordering::SeqCst);
            let backfilled = ptr::read_volatile(words.add(BACKFILLED));
            fence(Ordering::SeqCst);
            let [one, other] = before;
            ([one, other, copy(0)], backfilled)
        };
        let [one, other, again] = copies;
        let [_version, _, _, kind, last_frame, pages, ..] = one;
        let [is_ready, _, size @ ..] = kind.to_ne_bytes();
        // 65,536 bytes do not fit, and are stored as 1.
        let page_size = match u16::from_ne_bytes(size) {
            1 => 65_536,
            size => u32::from(size),
        };
        (one == other && one == again && is_ready != 0).then_some(LogState {
            page_size,
            pages,
            last_frame,
            backfilled,
        })
    }
}

/// The offset of a frame in the log.
fn frame_offset(frame: u32, page_size: u32) -> u64 {
    let index = u64::from(frame.saturating_sub(1));
    LOG_HEADER + index * (FRAME_HEADER + u64::from(page_size))
}

/// Reads bytes of a file. Returns `false` if it is shorter, or if they cannot be read.
fn read_at(file: NonNull<ffi::sqlite3_file>, bytes: &mut [u8], offset: u64) -> bool {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), c_int::try_from(bytes.len())) else {
        return false;
    };
    // SAFETY: the file is open as long as its connection, which the reader has borrowed. xRead writes at most the given
    // number of bytes to the buffer. Only this thread uses the connection.
    let code = unsafe {
        let methods = file.as_ref().pMethods.as_ref();
        methods
            .and_then(|methods| methods.xRead)
            .map(|read| read(file.as_ptr(), bytes.as_mut_ptr().cast(), length, offset))
    };
    code == Some(ffi::SQLITE_OK)
}
