//! One page of a b-tree (<https://sqlite.org/fileformat2.html>, section 1.6).

/// A reason why the file may not be sound. SQLite's own check explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt(pub(super) &'static str);

pub(super) type Sound<T = ()> = Result<T, Doubt>;

/// The sizes that decide how much of a cell is on its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// The bytes of a page without those that are reserved at its end.
    pub(super) usable: usize,
    min_local: usize,
    max_in_index: usize,
    max_in_table: usize,
}

impl Sizes {
    /// `None` for a size that SQLite does not allow.
    pub(super) fn of(usable: usize) -> Option<Self> {
        (480..=65_536).contains(&usable).then(|| Self {
            usable,
            min_local: (usable - 12) * 32 / 255 - 23,
            max_in_index: (usable - 12) * 64 / 255 - 23,
            max_in_table: usable - 35,
        })
    }

    /// The number of pages that hold `bytes` of a cell behind its own page.
    pub(super) const fn overflow_pages(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.usable - 4)
    }
}

/// The kind of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) is_index: bool,
    pub(super) is_leaf: bool,
}

/// A page whose header is sound.
pub(super) struct Page<'bytes> {
    bytes: &'bytes [u8],
    pub(super) kind: Kind,
    /// The offset of the header, which is behind the header of the file on the first page.
    header: usize,
    cells: usize,
    /// The offset of the first cell.
    content: usize,
}

/// A cell of a page.
pub(super) struct Cell<'bytes> {
    /// The page below it to the left, or 0 on a leaf.
    pub(super) child: u32,
    /// The key of a row.
    pub(super) rowid: i64,
    /// The size of the record, of which `local` has the first part.
    pub(super) payload: usize,
    pub(super) local: &'bytes [u8],
    /// The first page with the rest of the record, or 0.
    pub(super) overflow: u32,
    size: usize,
}

impl<'bytes> Page<'bytes> {
    /// Reads the header. `bytes` are the usable ones.
    pub(super) fn of(bytes: &'bytes [u8], is_first: bool) -> Sound<Self> {
        let header = if is_first { 100 } else { 0 };
        let kind = match byte(bytes, header)? {
            2 => (true, false),
            5 => (false, false),
            10 => (true, true),
            13 => (false, true),
            _ => return Err(Doubt("a page is of no kind")),
        };
        let content = match number(bytes, header + 5)? {
            0 => 65_536,
            content => content,
        };
        let page = Self {
            bytes,
            kind: Kind {
                is_index: kind.0,
                is_leaf: kind.1,
            },
            header,
            cells: number(bytes, header + 3)?,
            content,
        };
        if page.pointers() + 2 * page.cells > content || content > bytes.len() {
            return Err(Doubt("the cells of a page do not fit"));
        }
        Ok(page)
    }

    /// The offset of the offsets of the cells.
    const fn pointers(&self) -> usize {
        self.header + if self.kind.is_leaf { 8 } else { 12 }
    }

    /// The number of cells.
    pub(super) const fn cells(&self) -> usize {
        self.cells
    }

    /// The page below the last cell to the right.
    pub(super) fn right_child(&self) -> Sound<u32> {
        page_number(self.bytes, self.header + 8)
    }

    /// Passes each cell to `each`, and checks that cells, free blocks and fragments cover the page once. `spans` only lends
    /// its memory.
    pub(super) fn for_each_cell(
        &self,
        sizes: &Sizes,
        spans: &mut Vec<(u32, u32)>,
        mut each: impl FnMut(Cell<'bytes>) -> Sound,
    ) -> Sound {
        spans.clear();
        for index in 0..self.cells {
            let at = number(self.bytes, self.pointers() + 2 * index)?;
            let cell = self.cell(at, sizes)?;
            spans.push(span(at, cell.size));
            each(cell)?;
        }
        self.add_free_blocks(spans)?;
        spans.sort_unstable();
        let mut end = self.content;
        let mut fragments = 0;
        for &(first, after) in &*spans {
            let first = first as usize;
            if first < end {
                return Err(Doubt("a byte of a page is used twice"));
            }
            fragments += first - end;
            end = after as usize;
        }
        fragments += self.bytes.len().saturating_sub(end);
        if end > self.bytes.len() || fragments != usize::from(byte(self.bytes, self.header + 7)?) {
            return Err(Doubt("the bytes of a page do not add up"));
        }
        Ok(())
    }

    fn add_free_blocks(&self, spans: &mut Vec<(u32, u32)>) -> Sound {
        let mut at = number(self.bytes, self.header + 1)?;
        while at != 0 {
            let (next, size) = (number(self.bytes, at)?, number(self.bytes, at + 2)?);
            let is_ordered = next == 0 || next > at + size + 3;
            if at < self.content || size < 4 || at + size > self.bytes.len() || !is_ordered {
                return Err(Doubt("a free block is out of place"));
            }
            spans.push(span(at, size));
            at = next;
        }
        Ok(())
    }

    fn cell(&self, start: usize, sizes: &Sizes) -> Sound<Cell<'bytes>> {
        let bytes = self.bytes;
        if start < self.content || start + 4 > bytes.len() {
            return Err(Doubt("a cell is out of place"));
        }
        let mut at = start;
        let mut child = 0;
        if !self.kind.is_leaf {
            child = page_number(bytes, at)?;
            at += 4;
        }
        let mut cell = Cell {
            child,
            rowid: 0,
            payload: 0,
            local: &[],
            overflow: 0,
            size: 0,
        };
        let has_record = self.kind.is_index || self.kind.is_leaf;
        if has_record {
            let (payload, length) = varint(bytes, at)?;
            let payload = u32::try_from(payload).map_err(|_| Doubt("a record is too long"))?;
            cell.payload = payload as usize;
            at += length;
        }
        if !self.kind.is_index {
            let (rowid, length) = varint(bytes, at)?;
            cell.rowid = rowid.cast_signed();
            at += length;
        }
        if has_record {
            let max_local = if self.kind.is_index {
                sizes.max_in_index
            } else {
                sizes.max_in_table
            };
            let mut local = cell.payload;
            if local > max_local {
                let rest = (local - sizes.min_local) % (sizes.usable - 4);
                local = sizes.min_local + rest;
                if local > max_local {
                    local = sizes.min_local;
                }
            }
            cell.local = bytes
                .get(at..at + local)
                .ok_or(Doubt("a cell is beyond its page"))?;
            at += local;
            if local < cell.payload {
                cell.overflow = page_number(bytes, at)?;
                at += 4;
            }
        }
        cell.size = (at - start).max(4);
        if start + cell.size > bytes.len() {
            return Err(Doubt("a cell is beyond its page"));
        }
        Ok(cell)
    }
}

/// The first byte of a part of a page, and the one after its last.
fn span(at: usize, size: usize) -> (u32, u32) {
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    (narrow(at), narrow(at + size))
}

#[inline]
fn byte(bytes: &[u8], at: usize) -> Sound<u8> {
    bytes.get(at).copied().ok_or(Doubt("a page is too short"))
}

/// A number of two bytes.
#[inline]
fn number(bytes: &[u8], at: usize) -> Sound<usize> {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => Ok(usize::from(u16::from_be_bytes([high, low]))),
        _ => Err(Doubt("a page is too short")),
    }
}

/// A number of four bytes, such as that of a page.
#[inline]
pub(super) fn page_number(bytes: &[u8], at: usize) -> Sound<u32> {
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => Ok(u32::from_be_bytes([a, b, c, d])),
        _ => Err(Doubt("a page is too short")),
    }
}

/// A number of one to nine bytes, and how many these are.
#[inline]
pub(super) fn varint(bytes: &[u8], at: usize) -> Sound<(u64, usize)> {
    let mut value = 0;
    for length in 1..9 {
        let byte = byte(bytes, at + length - 1)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok((value, length));
        }
    }
    Ok((value << 8 | u64::from(byte(bytes, at + 8)?), 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_read_as_sqlite_reads_them() {
        for (bytes, value) in [
            (&[0x7f][..], 0x7f),
            (&[0x81, 0x00], 0x80),
            (&[0xff, 0x7f], 0x3fff),
            (&[0x81, 0x80, 0x00], 0x4000),
            (&[0xff; 9], u64::MAX),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 1),
        ] {
            assert_eq!(varint(bytes, 0), Ok((value, bytes.len())), "{bytes:?}");
        }
        assert!(varint(&[0x80; 8], 0).is_err());
    }
}
