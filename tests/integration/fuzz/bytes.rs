//! Damage to the bytes of a file.

use std::fs;
use std::path::Path;

use super::name_of;
use crate::support::generator::random::Random;

/// The bytes of a database in pages of the size that its header has.
struct Pages<'random> {
    bytes: Vec<u8>,
    size: usize,
    random: &'random mut Random,
}

/// A page of a tree: where its header is, and how long that is.
struct TreePage {
    start: usize,
    header: usize,
    length: usize,
}

type Kind = fn(&mut Pages) -> String;

const KINDS: [Kind; 9] = [
    header_field,
    any_bytes,
    page_header,
    cell_pointer,
    cell_content,
    fill_page,
    copy_page,
    free_used_page,
    truncate,
];

/// The fields of a database's header: name, offset and length.
const FIELDS: [(&str, usize, usize); 12] = [
    ("page size", 16, 2),
    ("write version", 18, 1),
    ("read version", 19, 1),
    ("reserved bytes", 20, 1),
    ("change counter", 24, 4),
    ("page count", 28, 4),
    ("first free page", 32, 4),
    ("free pages", 36, 4),
    ("schema cookie", 40, 4),
    ("schema format", 44, 4),
    ("largest root page", 52, 4),
    ("encoding", 56, 4),
];

/// Damages a file once to three times; what was done.
pub fn damage(path: &Path, random: &mut Random) -> Vec<String> {
    let times = *random.one_of(&[1, 1, 3]);
    let name = name_of(path);
    let done = (0..times).map(|_| {
        let bytes = fs::read(path).unwrap();
        if bytes.len() < 512 {
            return format!("{name} is too short to damage it");
        }
        let size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
            size if size >= 512 && size.is_power_of_two() => size.into(),
            _ => 4096,
        };
        let kind = *random.one_of(&KINDS);
        let mut pages = Pages {
            bytes,
            size,
            random,
        };
        let done = kind(&mut pages);
        fs::write(path, pages.bytes).unwrap();
        format!("{name}: {done}")
    });
    done.collect()
}

impl Pages<'_> {
    fn below(&mut self, end: usize) -> usize {
        let end = u32::try_from(end.max(1)).unwrap();
        usize::try_from(self.random.below(end)).unwrap()
    }

    fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.size)
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Bytes that are likely to be wrong: small, at a limit, or anything.
    fn number(&mut self, length: usize) -> Vec<u8> {
        let value: u32 = if self.random.once_in(2) {
            *self
                .random
                .one_of(&[0, 1, 2, 0x7f, 0x80, 0xff, 0x1000, 0x7fff, 0xffff])
        } else {
            self.random.below(u32::MAX)
        };
        value.to_be_bytes()[4 - length..].to_vec()
    }

    /// A page that looks like one of a tree; the first one always does.
    fn tree_page(&mut self) -> TreePage {
        let pages: Vec<_> = (0..self.count())
            .map(|page| {
                (
                    page * self.size,
                    if page == 0 { 100 } else { page * self.size },
                )
            })
            .filter(|&(start, header)| {
                start == 0
                    || self
                        .bytes
                        .get(header)
                        .is_some_and(|kind| [2, 5, 10, 13].contains(kind))
            })
            .collect();
        let (start, header) = *self.random.one_of(&pages);
        let is_inner = [2, 5].contains(&self.bytes[header]);
        TreePage {
            start,
            header,
            length: if is_inner { 12 } else { 8 },
        }
    }

    /// The offset of a random cell pointer of the page.
    fn cell_pointer(&mut self, page: &TreePage) -> Option<usize> {
        let count = self.bytes.get(page.header + 3..page.header + 5)?;
        let count = usize::from(u16::from_be_bytes([count[0], count[1]])).min(500);
        let pointer = page.header + page.length + 2 * self.below(count);
        (count > 0 && pointer + 2 <= self.bytes.len()).then_some(pointer)
    }
}

fn header_field(pages: &mut Pages) -> String {
    let (name, offset, length) = *pages.random.one_of(&FIELDS);
    let value = pages.number(length);
    pages.put(offset, &value);
    format!("{name} in the header = {value:?}")
}

fn any_bytes(pages: &mut Pages) -> String {
    let count = *pages.random.one_of(&[1, 1, 8, 64]);
    for _ in 0..count {
        let offset = pages.below(pages.bytes.len());
        let byte = pages.random.bytes::<1>();
        pages.put(offset, &byte);
    }
    format!("{count} bytes anywhere")
}

fn page_header(pages: &mut Pages) -> String {
    let page = pages.tree_page();
    let (field, length) = *pages
        .random
        .one_of(&[(0, 1), (1, 2), (3, 2), (5, 2), (7, 1), (8, 4)]);
    let value = pages.number(length);
    pages.put(page.header + field, &value);
    format!(
        "byte {field} of the page header at {} = {value:?}",
        page.header
    )
}

fn cell_pointer(pages: &mut Pages) -> String {
    let page = pages.tree_page();
    let Some(pointer) = pages.cell_pointer(&page) else {
        return page_header(pages);
    };
    let value = match pages.cell_pointer(&page) {
        Some(other) if pages.random.once_in(2) => pages.bytes[other..other + 2].to_vec(),
        _ => pages.number(2),
    };
    pages.put(pointer, &value);
    format!("cell pointer at {pointer} = {value:?}")
}

fn cell_content(pages: &mut Pages) -> String {
    let page = pages.tree_page();
    let Some(pointer) = pages.cell_pointer(&page) else {
        return page_header(pages);
    };
    let start = u16::from_be_bytes([pages.bytes[pointer], pages.bytes[pointer + 1]]);
    let offset = page.start + usize::from(start) + pages.below(24);
    let value = pages.number(1);
    pages.put(offset, &value);
    format!("byte of a cell at {offset} = {value:?}")
}

fn fill_page(pages: &mut Pages) -> String {
    let page = pages.below(pages.count());
    let fill = *pages.random.one_of(&[0, 0xff]);
    pages.put(page * pages.size, &vec![fill; pages.size]);
    format!("all bytes of page {} = {fill}", page + 1)
}

fn copy_page(pages: &mut Pages) -> String {
    let (from, to) = (pages.below(pages.count()), pages.below(pages.count()));
    let start = from * pages.size;
    let end = (start + pages.size).min(pages.bytes.len());
    let page = pages.bytes[start..end].to_vec();
    pages.put(to * pages.size, &page);
    format!("page {} = page {}", to + 1, from + 1)
}

/// Puts a page that is in use on the list of free pages.
fn free_used_page(pages: &mut Pages) -> String {
    let page = 1 + pages.below(pages.count() - 1);
    let number = u32::try_from(page + 1).unwrap().to_be_bytes();
    pages.put(32, &number);
    pages.put(36, &1_u32.to_be_bytes());
    if pages.random.once_in(2) {
        pages.put(page * pages.size, &[0; 8]);
    }
    format!("page {} is on the free list", page + 1)
}

fn truncate(pages: &mut Pages) -> String {
    let length = if pages.random.once_in(2) {
        pages.size * pages.below(pages.count())
    } else {
        pages.below(pages.bytes.len())
    };
    pages.bytes.truncate(length);
    format!("truncated to {length} bytes")
}
