//! The rollback journal: whether it can be the one that SQLite wrote.
//!
//! SQLite rolls an interrupted transaction back with whatever the journal says. It gives the database the size that the
//! journal's header has, even if that cuts pages off, and it stops without an error at the first page whose checksum is
//! wrong. The format is that of <https://sqlite.org/fileformat2.html>, section 3.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::database::files::regular_file::open_regular;

/// The first bytes of a journal, and of each of its segments.
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The number of bytes of a segment's header that mean something. The header fills a sector.
const HEADER: usize = 28;

/// The number of pages in the header of a segment that was never synced (`PRAGMA synchronous = OFF`): as many as there
/// are.
const UNSYNCED: u32 = u32::MAX;

/// The number of bytes of a database's first page that [`Journal`] keeps.
const FIRST_BYTES: usize = 100;

/// What a journal says of the database before the transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    /// The size of a page in bytes. 0 if SQLite would ignore the journal, which has no page.
    pub(crate) page_size: u32,
    /// The number of pages.
    pub(crate) pages: u32,
    /// The beginning of the first page, if the transaction has changed that page.
    pub(crate) first_page: Option<[u8; FIRST_BYTES]>,
}

/// Why a journal cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// A read failed.
    Io(io::Error),
    /// It is not as SQLite wrote it.
    Damaged(String),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether the file is a rollback journal of an unfinished transaction. SQLite takes no locks on journals, so plain
/// file calls may open it.
pub(crate) fn begins_with_journal_magic(path: &Path) -> bool {
    let mut bytes = [0; MAGIC.len()];
    let read = open_regular(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.is_ok() && bytes == MAGIC
}

/// Whether the file is, or was, the journal of an unfinished transaction, sound or not. SQLite writes zeros first, and the
/// magic when everything behind it has reached the disk. It deletes the journal of a finished transaction, empties it,
/// or writes zeros again.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    let mut bytes = [0; MAGIC.len()];
    let read = open_regular(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.is_ok() && bytes != [0; MAGIC.len()]
}

impl Journal {
    /// Reads a whole journal. Every page must be as it was written, where SQLite had made sure of that before it changed
    /// the database.
    pub(crate) fn read(path: &Path) -> Result<Self, Unreadable> {
        let mut file = open_regular(path)?;
        let bytes = file.metadata()?.len();
        let Some(first) = Header::read(&mut file, 0)? else {
            return Err(damaged("it does not begin like a journal"));
        };
        let mut journal = Self {
            page_size: first.page_size,
            pages: first.pages,
            first_page: None,
        };
        if !first.has_sizes() {
            // Without a page, the database is as it was.
            journal.page_size = 0;
            return match first.records {
                0 => Ok(journal),
                _ => Err(damaged("the sizes in its header are wrong")),
            };
        }
        let (mut segment, mut start) = (first, 0);
        let mut seen = HashSet::new();
        loop {
            let records = start + u64::from(first.sector);
            let end = journal.read_pages(&mut file, &segment, records, bytes, &mut seen)?;
            // The next segment begins with a sector.
            start = end.next_multiple_of(u64::from(first.sector));
            if segment.records == UNSYNCED || start + u64::from(first.sector) > bytes {
                return Ok(journal);
            }
            segment = match Header::read(&mut file, start)? {
                Some(segment) => segment,
                None if first.is_repeated_at(&mut file, start)? => {
                    return Err(damaged("it does not go on like a journal"));
                }
                // The rest of an older and longer journal follows.
                None => return Ok(journal),
            };
        }
    }

    /// Checks the pages of a segment, which begin at `start`. Returns where they end.
    fn read_pages(
        &mut self,
        file: &mut File,
        segment: &Header,
        start: u64,
        bytes: u64,
        seen: &mut HashSet<u32>,
    ) -> Result<u64, Unreadable> {
        let record = 8 + u64::from(self.page_size);
        let room = bytes.saturating_sub(start) / record;
        let records = match segment.records {
            UNSYNCED => room,
            records => u64::from(records),
        };
        if records > room {
            return Err(damaged("it is cut off"));
        }
        file.seek(SeekFrom::Start(start))?;
        let mut reader = BufReader::new(file);
        let mut buffer = vec![0; usize::try_from(record).unwrap_or_default()];
        for index in 0..records {
            reader.read_exact(&mut buffer)?;
            let page = number(&buffer, 0);
            let (content, checksum) = buffer[4..].split_at(buffer.len() - 8);
            // SQLite writes each page once. The checksum does not cover the page's number.
            let is_right = (1..=self.pages).contains(&page)
                && seen.insert(page)
                && segment.checksum_of(content) == number(checksum, 0);
            if !is_right && segment.records == UNSYNCED {
                // The system had not written more when it failed.
                return Ok(start + index * record);
            }
            if !is_right {
                return Err(damaged("a page in it is not as it was written"));
            }
            if page == 1 {
                self.first_page = content.first_chunk().copied();
            }
        }
        Ok(start + records * record)
    }
}

/// The header of a segment.
#[derive(Debug, Clone, Copy)]
struct Header {
    records: u32,
    checksum: u32,
    pages: u32,
    sector: u32,
    page_size: u32,
}

impl Header {
    /// Reads a header. `None` if there is none.
    fn read(file: &mut File, at: u64) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER];
        file.seek(SeekFrom::Start(at))?;
        match file.read_exact(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        Ok(bytes.starts_with(&MAGIC).then(|| Self {
            records: number(&bytes, 8),
            checksum: number(&bytes, 12),
            pages: number(&bytes, 16),
            sector: number(&bytes, 20),
            page_size: number(&bytes, 24),
        }))
    }

    /// Whether the bytes there are a header of the same journal, with a damaged magic.
    ///
    /// The sizes are the same in all segments of a journal. SQLite writes zeros for the magic until the segment has
    /// reached the disk, and a zero over the first byte of a header that an older journal has left at that place.
    fn is_repeated_at(&self, file: &mut File, at: u64) -> io::Result<bool> {
        let mut bytes = [0; HEADER];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        let sizes = [self.pages, self.sector, self.page_size];
        Ok(bytes[0] != 0 && [16, 20, 24].map(|at| number(&bytes, at)) == sizes)
    }

    /// Whether the sizes are such that SQLite uses the journal.
    fn has_sizes(&self) -> bool {
        let is_size = |size: u32, least| size.is_power_of_two() && (least..=65_536).contains(&size);
        is_size(self.page_size, 512) && is_size(self.sector, 32)
    }

    /// The checksum of a page: SQLite adds every 200th byte, counted from the end.
    fn checksum_of(&self, content: &[u8]) -> u32 {
        let counted = (1..content.len())
            .rev()
            .skip(199)
            .step_by(200)
            .map(|at| u32::from(content[at]));
        counted.fold(self.checksum, u32::wrapping_add)
    }
}

/// The number in four bytes. 0 if there are fewer.
pub(crate) fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk());
    bytes.copied().map_or(0, u32::from_be_bytes)
}

fn damaged(detail: &str) -> Unreadable {
    Unreadable::Damaged(detail.to_owned())
}
