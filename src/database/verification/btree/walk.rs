//! The walk through all b-trees of a database, divided among threads.

use std::cmp::Ordering;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::database::structure::catalogue::Affinity;
use crate::database::verification::btree::page::{Cell, Doubt, Page, Sound, page_number};
use crate::database::verification::btree::record::{
    Place, add_to_key, compare, may_be_number, read_header,
};
use crate::database::verification::btree::trees::{Content, Entries, KeyColumn, Rows, Tree, Trees};
use crate::sqlite::pages::{PagePlaces, PageReader};
use crate::types::stored::Stored;

/// The pages above the leaves that SQLite allows on a path.
const DEEPEST: u32 = 20;

/// The first bytes of a record that are read from its further pages. What is behind them is only counted.
const LONGEST: usize = 65_536;

/// The walk, which several threads share.
pub(crate) struct Walk<'state> {
    trees: &'state Trees,
    places: &'state PagePlaces,
    /// The subtrees that no thread has taken yet. The last one is taken first, so there are never many.
    waiting: Mutex<Vec<Subtree>>,
    /// Notified of a further subtree, and when all are done.
    changed: Condvar,
    /// The number of subtrees that are not done, with those that threads are at.
    open: AtomicUsize,
    /// A bit for each page that is in use.
    used: Vec<AtomicU32>,
    used_pages: AtomicU32,
    sums: Vec<Sums>,
    hasher: RandomState,
    is_doubtful: AtomicBool,
}

/// What is added up while a tree is walked through.
#[derive(Default)]
struct Sums {
    /// The number of rows or entries.
    count: AtomicU64,
    /// Of an index, the hashes of its entries minus those that the rows of the table call for.
    difference: AtomicU64,
    /// The depth of its leaves plus one, or 0 if that is not known yet.
    depth: AtomicU32,
}

enum Subtree {
    FreeList,
    Page {
        tree: usize,
        page: u32,
        /// The page above, or 0 of a root.
        parent: u32,
        depth: u32,
        bounds: Bounds,
    },
}

/// The keys or entries around a subtree.
#[derive(Clone, Default)]
struct Bounds {
    /// Its rowids are above the first and at most the second.
    rowids: (Option<i64>, Option<i64>),
    /// Its entries are between these records.
    entries: (Option<Record>, Option<Record>),
}

/// The bytes of a record above the leaves.
type Record = Arc<[u8]>;

/// How a page is used, as the pointer map says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Root,
    Free,
    /// The first page with the rest of a record, and the page with its cell.
    FirstOverflow(u32),
    /// Another one, and the one before it.
    Overflow(u32),
    /// A page of a tree, and the one above it.
    Below(u32),
}

impl Use {
    /// The entry of the pointer map.
    const fn entry(self) -> (u8, u32) {
        match self {
            Self::Root => (1, 0),
            Self::Free => (2, 0),
            Self::FirstOverflow(page) => (3, page),
            Self::Overflow(page) => (4, page),
            Self::Below(page) => (5, page),
        }
    }
}

/// The memory of a thread.
#[derive(Default)]
pub(crate) struct Buffers {
    page: Vec<u8>,
    child: Vec<u8>,
    parts: Parts,
}

/// The pages of the pointer map that a thread has read last, each with its number.
#[derive(Default)]
struct PointerMap(Vec<(u32, Vec<u8>)>);

impl PointerMap {
    const PAGES: usize = 64;

    /// The place for a page.
    fn place(&mut self, page: u32, index: u32) -> (&mut Vec<u8>, bool) {
        self.0.resize_with(Self::PAGES, Default::default);
        let place = &mut self.0[index as usize % Self::PAGES];
        let is_known = place.0 == page;
        place.0 = page;
        (&mut place.1, is_known)
    }
}

#[derive(Default)]
struct Parts {
    further: Vec<u8>,
    map: PointerMap,
    spans: Vec<(u32, u32)>,
    record: Vec<u8>,
    before: Vec<u8>,
    places: Vec<Place>,
    places_before: Vec<Place>,
    key: Vec<u8>,
    sums: Vec<u64>,
}

/// What a thread has at hand to check a page.
struct Scene<'walk, 'state> {
    walk: &'walk Walk<'state>,
    reader: &'walk PageReader<'walk>,
    tree: &'state Tree,
    /// The place of the tree.
    place: usize,
}

impl<'state> Walk<'state> {
    pub(crate) fn new(trees: &'state Trees, places: &'state PagePlaces) -> Self {
        let words = places.count() as usize / 32 + 1;
        let mut waiting = vec![Subtree::FreeList];
        let roots = trees.all.iter().enumerate();
        waiting.extend(roots.map(|(tree, described)| Subtree::Page {
            tree,
            page: described.root,
            parent: 0,
            depth: 0,
            bounds: Bounds::default(),
        }));
        let walk = Self {
            trees,
            places,
            open: AtomicUsize::new(waiting.len()),
            waiting: Mutex::new(waiting),
            changed: Condvar::new(),
            used: (0..words).map(|_| AtomicU32::new(0)).collect(),
            used_pages: AtomicU32::new(0),
            sums: trees.all.iter().map(|_| Sums::default()).collect(),
            hasher: RandomState::new(),
            is_doubtful: AtomicBool::new(false),
        };
        // SQLite never uses the page with the byte that it locks.
        let locked = walk.locked_page();
        if locked <= places.count() {
            walk.record(walk.mark(locked));
        }
        if trees.has_pointer_map {
            let mut index = 0;
            while let Some(page) = walk.map_page(index).filter(|page| *page <= places.count()) {
                walk.record(walk.mark(page));
                index += 1;
            }
        }
        walk
    }

    /// Whether a thread has found something that SQLite's own check has to explain.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Relaxed)
    }

    /// Whether all subtrees are done.
    pub(crate) fn is_done(&self) -> bool {
        self.open.load(Acquire) == 0
    }

    /// Checks a subtree that no thread has taken. Returns whether there was one.
    pub(crate) fn step(&self, reader: &PageReader<'_>, buffers: &mut Buffers) -> bool {
        let next = self.waiting().pop();
        let Some(subtree) = next else {
            return false;
        };
        // After a doubt, the rest is only taken away.
        if !self.is_doubtful() {
            self.record(self.check(subtree, reader, buffers));
        }
        if self.open.fetch_sub(1, AcqRel) == 1 {
            // A thread that waits has looked before, or looks after this.
            drop(self.waiting());
            self.changed.notify_all();
        }
        true
    }

    /// Waits for a subtree that a thread can take, for a moment at most.
    pub(crate) fn await_more(&self) {
        const MOMENT: Duration = Duration::from_millis(20);
        let waiting = self.waiting();
        let is_idle = |waiting: &mut Vec<Subtree>| waiting.is_empty() && !self.is_done();
        let waited = self.changed.wait_timeout_while(waiting, MOMENT, is_idle);
        drop(waited);
    }

    fn push(&self, subtree: Subtree) {
        self.open.fetch_add(1, AcqRel);
        self.waiting().push(subtree);
        self.changed.notify_one();
    }

    /// Whether everything is sound, once all subtrees are done.
    pub(crate) fn is_sound(&self) -> bool {
        self.record(self.compare_sums());
        self.is_done() && !self.is_doubtful()
    }

    fn record(&self, sound: Sound) {
        if let Err(Doubt(reason)) = sound
            && !self.is_doubtful.swap(true, Relaxed)
        {
            log::debug!("SQLite's own check of the file follows: {reason}");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Subtree>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, subtree: Subtree, reader: &PageReader<'_>, buffers: &mut Buffers) -> Sound {
        match subtree {
            Subtree::FreeList => self.check_free_list(reader, buffers),
            Subtree::Page {
                tree: place,
                page,
                parent,
                depth,
                bounds,
            } => {
                let Some(tree) = self.trees.all.get(place) else {
                    return Ok(());
                };
                let scene = Scene {
                    walk: self,
                    reader,
                    tree,
                    place,
                };
                let usage = if parent == 0 {
                    Use::Root
                } else {
                    Use::Below(parent)
                };
                self.use_page(page, usage, reader, &mut buffers.parts.map)?;
                scene.check(page, depth, bounds, buffers)
            }
        }
    }

    /// The page with the byte that SQLite locks.
    const fn locked_page(&self) -> u32 {
        0x4000_0000 / self.places.page_size() + 1
    }

    /// The number of pages of which a page of the pointer map has the entries.
    fn mapped_pages(&self) -> u32 {
        u32::try_from(self.trees.sizes.usable / 5).unwrap_or(u32::MAX)
    }

    /// A page of the pointer map by its place among them.
    fn map_page(&self, index: u32) -> Option<u32> {
        let page = index.checked_mul(self.mapped_pages() + 1)?.checked_add(2)?;
        Some(page + u32::from(page == self.locked_page()))
    }

    /// Marks a page as used.
    fn mark(&self, page: u32) -> Sound {
        let bit = 1 << (page % 32);
        match self.used.get(page as usize / 32) {
            Some(word) if (1..=self.places.count()).contains(&page) => {
                if word.fetch_or(bit, Relaxed) & bit != 0 {
                    return Err(Doubt("a page is used twice"));
                }
            }
            _ => return Err(Doubt("there is no such page")),
        }
        self.used_pages.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Marks a page as used, and compares its use with the pointer map.
    fn use_page(
        &self,
        page: u32,
        usage: Use,
        reader: &PageReader<'_>,
        map: &mut PointerMap,
    ) -> Sound {
        const DOUBT: Doubt = Doubt("the pointer map is wrong");
        self.mark(page)?;
        // The first page has no entry.
        if !self.trees.has_pointer_map || page < 2 {
            return Ok(());
        }
        let index = (page - 2) / (self.mapped_pages() + 1);
        let map_page = self.map_page(index).ok_or(DOUBT)?;
        let entry = page.checked_sub(map_page + 1).ok_or(DOUBT)? as usize * 5;
        let (bytes, is_known) = map.place(map_page, index);
        if !is_known {
            self.read(reader, map_page, bytes)?;
        }
        let kind = bytes.get(entry).copied().ok_or(DOUBT)?;
        if (kind, page_number(bytes, entry + 1)?) == usage.entry() {
            Ok(())
        } else {
            Err(DOUBT)
        }
    }

    /// Reads a page without the bytes that are reserved at its end.
    fn read(&self, reader: &PageReader<'_>, page: u32, bytes: &mut Vec<u8>) -> Sound {
        bytes.resize(self.places.page_size() as usize, 0);
        if !reader.read(self.places, page, bytes) {
            return Err(Doubt("a page cannot be read"));
        }
        bytes.truncate(self.trees.sizes.usable);
        Ok(())
    }

    fn check_free_list(&self, reader: &PageReader<'_>, buffers: &mut Buffers) -> Sound {
        let Buffers {
            page: bytes, parts, ..
        } = buffers;
        let map = &mut parts.map;
        let (mut trunk, expected) = self.trees.free;
        let mut found = 0;
        while trunk != 0 {
            self.use_page(trunk, Use::Free, reader, map)?;
            self.read(reader, trunk, bytes)?;
            let leaves = page_number(bytes, 4)?;
            for leaf in 0..leaves {
                let leaf = page_number(bytes, 8 + 4 * leaf as usize)?;
                self.use_page(leaf, Use::Free, reader, map)?;
            }
            found += 1 + leaves;
            trunk = page_number(bytes, 0)?;
        }
        if found == expected {
            Ok(())
        } else {
            Err(Doubt("the list of free pages has another length"))
        }
    }

    fn compare_sums(&self) -> Sound {
        if self.used_pages.load(Relaxed) != self.places.count() {
            return Err(Doubt("a page is not used"));
        }
        let count = |place: usize| self.sums.get(place).map(|sums| sums.count.load(Relaxed));
        for (place, tree) in self.trees.all.iter().enumerate() {
            let Content::Entries(entries) = &tree.content else {
                continue;
            };
            if count(place) != count(entries.table) {
                return Err(Doubt("an index has more or fewer entries than rows"));
            }
            let difference = self.sums.get(place).map(|sums| &sums.difference);
            if difference.is_none_or(|difference| difference.load(Relaxed) != 0) {
                return Err(Doubt("an index has other entries than the rows"));
            }
        }
        Ok(())
    }

    fn count(&self, place: usize, rows: u64) {
        if let Some(sums) = self.sums.get(place) {
            sums.count.fetch_add(rows, Relaxed);
        }
    }

    /// Adds to the difference between an index and its table.
    fn add(&self, index: usize, hashes: u64) {
        if let Some(sums) = self.sums.get(index) {
            // The additions wrap around.
            sums.difference.fetch_add(hashes, Relaxed);
        }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}

impl Scene<'_, '_> {
    /// Checks a page with the leaves below it. Other pages below it become subtrees of their own.
    fn check(&self, page: u32, depth: u32, bounds: Bounds, buffers: &mut Buffers) -> Sound {
        let Buffers {
            page: bytes,
            child: child_bytes,
            parts,
        } = buffers;
        self.walk.read(self.reader, page, bytes)?;
        let parent = self.parse(page, bytes)?;
        if parent.kind.is_leaf {
            return self.check_leaf(&parent, page, depth, &bounds, parts);
        }
        if depth >= DEEPEST {
            return Err(Doubt("a tree is too deep"));
        }
        if parent.cells() == 0 {
            return Err(Doubt("a page above the leaves has no cells"));
        }
        let children = self.children(&parent, page, bounds, parts)?;
        for (child, bounds) in children {
            if self.walk.is_doubtful() {
                return Ok(());
            }
            self.walk.read(self.reader, child, child_bytes)?;
            let below = self.parse(child, child_bytes)?;
            if below.kind.is_index != parent.kind.is_index {
                return Err(Doubt("a page is of another kind than the one above"));
            }
            if below.kind.is_leaf {
                let usage = Use::Below(page);
                self.walk
                    .use_page(child, usage, self.reader, &mut parts.map)?;
                self.check_leaf(&below, child, depth + 1, &bounds, parts)?;
            } else {
                self.walk.push(Subtree::Page {
                    tree: self.place,
                    page: child,
                    parent: page,
                    depth: depth + 1,
                    bounds,
                });
            }
        }
        Ok(())
    }

    fn parse<'bytes>(&self, page: u32, bytes: &'bytes [u8]) -> Sound<Page<'bytes>> {
        let parsed = Page::of(bytes, page == 1)?;
        if self
            .tree
            .is_index
            .is_some_and(|is| is != parsed.kind.is_index)
        {
            return Err(Doubt("a page is of another kind than its tree"));
        }
        Ok(parsed)
    }

    /// The pages below a page, each with what is around it.
    fn children(
        &self,
        page: &Page<'_>,
        number: u32,
        bounds: Bounds,
        parts: &mut Parts,
    ) -> Sound<Vec<(u32, Bounds)>> {
        let Bounds {
            rowids: (mut lower_rowid, upper_rowid),
            entries: (mut lower_entry, upper_entry),
        } = bounds;
        let mut children = Vec::with_capacity(page.cells() + 1);
        let mut spans = std::mem::take(&mut parts.spans);
        let mut hashes = 0;
        page.for_each_cell(&self.walk.trees.sizes, &mut spans, |cell| {
            let mut around = Bounds::default();
            if page.kind.is_index {
                self.load(&cell, number, parts)?;
                let record: Record = parts.record.as_slice().into();
                if let Content::Entries(entries) = &self.tree.content {
                    hashes = add_hash(hashes, self.entry(entries, cell.payload, parts)?);
                    require_order(entries, lower_entry.as_deref(), &record, parts)?;
                }
                around.entries = (lower_entry.replace(record.clone()), Some(record));
            } else {
                if lower_rowid.is_some_and(|lower| cell.rowid <= lower)
                    || upper_rowid.is_some_and(|upper| cell.rowid > upper)
                {
                    return Err(Doubt("a rowid is out of order"));
                }
                around.rowids = (lower_rowid.replace(cell.rowid), Some(cell.rowid));
            }
            children.push((cell.child, around));
            Ok(())
        })?;
        parts.spans = spans;
        if let (Content::Entries(entries), Some(upper)) = (&self.tree.content, &upper_entry) {
            require_order(entries, lower_entry.as_deref(), upper, parts)?;
        }
        if page.kind.is_index {
            self.walk.count(self.place, page.cells() as u64);
            self.walk.add(self.place, hashes);
        }
        let around = Bounds {
            rowids: (lower_rowid, upper_rowid),
            entries: (lower_entry, upper_entry),
        };
        children.push((page.right_child()?, around));
        Ok(children)
    }

    fn check_leaf(
        &self,
        page: &Page<'_>,
        number: u32,
        depth: u32,
        bounds: &Bounds,
        parts: &mut Parts,
    ) -> Sound {
        let found = self.walk.sums.get(self.place).map(|sums| {
            let is_first = sums.depth.compare_exchange(0, depth + 1, Relaxed, Relaxed);
            is_first.unwrap_or_else(|found| found)
        });
        if found.is_some_and(|found| found != 0 && found != depth + 1) {
            return Err(Doubt("the leaves of a tree are not equally deep"));
        }
        // SQLite goes to no page without cells, except to a root.
        if depth > 0 && page.cells() == 0 {
            return Err(Doubt("a leaf has no cells"));
        }
        self.walk.count(self.place, page.cells() as u64);
        let mut spans = std::mem::take(&mut parts.spans);
        let sound = if page.kind.is_index {
            self.check_entries(page, number, bounds, &mut spans, parts)
        } else {
            self.check_rows(page, number, bounds, &mut spans, parts)
        };
        parts.spans = spans;
        sound
    }

    fn check_entries(
        &self,
        page: &Page<'_>,
        number: u32,
        bounds: &Bounds,
        spans: &mut Vec<(u32, u32)>,
        parts: &mut Parts,
    ) -> Sound {
        let mut hashes = 0;
        let mut is_first = true;
        page.for_each_cell(&self.walk.trees.sizes, spans, |cell| {
            self.load(&cell, number, parts)?;
            let Content::Entries(entries) = &self.tree.content else {
                return Ok(());
            };
            if entries.columns == 0 {
                return Ok(());
            }
            hashes = add_hash(hashes, self.entry(entries, cell.payload, parts)?);
            if is_first {
                is_first = false;
                if let Some(lower) = bounds.entries.0.as_deref() {
                    read_header(lower, lower.len(), &mut parts.places_before)?;
                    require_after(entries, lower, parts)?;
                }
            } else {
                let before = std::mem::take(&mut parts.before);
                require_after(entries, &before, parts)?;
                parts.before = before;
            }
            std::mem::swap(&mut parts.before, &mut parts.record);
            std::mem::swap(&mut parts.places_before, &mut parts.places);
            Ok(())
        })?;
        if let (Content::Entries(entries), Some(upper), false) =
            (&self.tree.content, bounds.entries.1.as_deref(), is_first)
        {
            parts.record.clear();
            parts.record.extend_from_slice(upper);
            read_header(upper, upper.len(), &mut parts.places)?;
            let before = std::mem::take(&mut parts.before);
            require_after(entries, &before, parts)?;
            parts.before = before;
        }
        self.walk.add(self.place, hashes);
        Ok(())
    }

    /// Reads the header of the record in `parts`, an entry of an index. Returns its hash.
    fn entry(&self, entries: &Entries, payload: usize, parts: &mut Parts) -> Sound<u64> {
        if entries.columns == 0 {
            return Ok(0);
        }
        if payload > LONGEST {
            return Err(Doubt("an entry of an index is very long"));
        }
        read_header(&parts.record, payload, &mut parts.places)?;
        if parts.places.len() != entries.columns {
            return Err(Doubt("an entry of an index has other columns"));
        }
        parts.key.clear();
        for place in &parts.places {
            add_to_key(&mut parts.key, place.value(&parts.record)?)?;
        }
        Ok(self.walk.hash(&parts.key))
    }

    fn check_rows(
        &self,
        page: &Page<'_>,
        number: u32,
        bounds: &Bounds,
        spans: &mut Vec<(u32, u32)>,
        parts: &mut Parts,
    ) -> Sound {
        let (mut lower, upper) = bounds.rowids;
        let rows = match &self.tree.content {
            Content::Rows(rows) => Some(rows),
            _ => None,
        };
        let mut hashes = std::mem::take(&mut parts.sums);
        hashes.clear();
        hashes.resize(rows.map_or(0, |rows| rows.indexes.len()), 0);
        page.for_each_cell(&self.walk.trees.sizes, spans, |cell| {
            let before = lower.replace(cell.rowid);
            if before.is_some_and(|before| cell.rowid <= before)
                || upper.is_some_and(|upper| cell.rowid > upper)
            {
                return Err(Doubt("a rowid is out of order"));
            }
            if cell.overflow == 0 {
                return match rows {
                    Some(rows) => self.check_row(
                        rows,
                        cell.rowid,
                        cell.payload,
                        cell.local,
                        &mut hashes,
                        parts,
                    ),
                    None => Ok(()),
                };
            }
            self.load(&cell, number, parts)?;
            let record = std::mem::take(&mut parts.record);
            let sound = rows.map_or(Ok(()), |rows| {
                self.check_row(rows, cell.rowid, cell.payload, &record, &mut hashes, parts)
            });
            parts.record = record;
            sound
        })?;
        for (index, hashes) in rows.iter().flat_map(|rows| &rows.indexes).zip(&hashes) {
            self.walk.add(index.tree, hashes.wrapping_neg());
        }
        parts.sums = hashes;
        Ok(())
    }

    /// Checks a row. `record` has its first bytes. Adds the hashes of the entries that its indexes must have.
    fn check_row(
        &self,
        rows: &Rows,
        rowid: i64,
        payload: usize,
        record: &[u8],
        hashes: &mut [u64],
        parts: &mut Parts,
    ) -> Sound {
        let Parts { places, key, .. } = parts;
        read_header(record, payload, places)?;
        for (number, column) in rows.columns.iter().enumerate() {
            if column.is_rowid {
                continue;
            }
            let Some(place) = places.get(number) else {
                // Its type is that of the column.
                if column
                    .default
                    .stored()
                    .is_none_or(|value| column.not_null && value == Stored::Null)
                {
                    return Err(Doubt("a row lacks a value"));
                }
                continue;
            };
            if place.is_real()
                && matches!(place.value(record)?, Stored::Real(real) if real.is_nan())
            {
                // SQLite stores NULL instead, and takes it for a number in one check and for NULL in another.
                return Err(Doubt("a value is not a number"));
            }
            let is_null = place.is_null();
            let is_allowed = match column.affinity {
                _ if is_null => !column.not_null,
                Affinity::Blob => true,
                Affinity::Text => !place.is_number(),
                Affinity::Integer | Affinity::Real | Affinity::Numeric => {
                    !place.is_text()
                        || matches!(place.value(record)?, Stored::Text(text) if !may_be_number(text))
                }
            };
            if !is_allowed {
                return Err(Doubt("a value is of another type than its column"));
            }
        }
        for (index, hashes) in rows.indexes.iter().zip(hashes) {
            if index.columns.is_empty() {
                continue;
            }
            key.clear();
            for column in &index.columns {
                let value = match column {
                    KeyColumn::Rowid => Some(Stored::Integer(rowid)),
                    KeyColumn::Column(number) => match places.get(*number) {
                        Some(place) => Some(place.value(record)?),
                        None => rows.default_of(*number),
                    },
                };
                let value = value.ok_or(Doubt("a row lacks an indexed value"))?;
                add_to_key(key, value)?;
            }
            *hashes = add_hash(*hashes, self.walk.hash(key));
        }
        Ok(())
    }

    /// Puts the first bytes of a cell's record into `parts`, and goes through its further pages.
    fn load(&self, cell: &Cell<'_>, page: u32, parts: &mut Parts) -> Sound {
        let Parts {
            record,
            further,
            map,
            ..
        } = parts;
        record.clear();
        record.extend_from_slice(cell.local);
        if cell.overflow == 0 {
            return Ok(());
        }
        let mut left = cell.payload - cell.local.len();
        let mut next = cell.overflow;
        let mut usage = Use::FirstOverflow(page);
        for _ in 0..self.walk.trees.sizes.overflow_pages(left) {
            self.walk.use_page(next, usage, self.reader, map)?;
            self.walk.read(self.reader, next, further)?;
            usage = Use::Overflow(next);
            next = page_number(further, 0)?;
            let part = further.get(4..).unwrap_or_default();
            let part = part.get(..left).unwrap_or(part);
            left -= part.len();
            if record.len() < LONGEST {
                record.extend_from_slice(part);
            }
        }
        if next == 0 {
            Ok(())
        } else {
            Err(Doubt("a record has too many pages"))
        }
    }
}

const fn add_hash(sum: u64, hash: u64) -> u64 {
    sum.wrapping_add(hash)
}

/// Fails unless one record is before the other.
fn require_order(
    entries: &Entries,
    lower: Option<&[u8]>,
    upper: &[u8],
    parts: &mut Parts,
) -> Sound {
    let Some(lower) = lower.filter(|_| entries.columns > 0) else {
        return Ok(());
    };
    read_header(lower, lower.len(), &mut parts.places_before)?;
    read_header(upper, upper.len(), &mut parts.places)?;
    require_places_in_order(
        entries,
        (lower, &parts.places_before),
        (upper, &parts.places),
    )
}

/// Fails unless the record in `parts` is after the one before. The places of both are in `parts`.
fn require_after(entries: &Entries, before: &[u8], parts: &Parts) -> Sound {
    require_places_in_order(
        entries,
        (before, &parts.places_before),
        (&parts.record, &parts.places),
    )
}

fn require_places_in_order(
    entries: &Entries,
    (lower, lower_places): (&[u8], &[Place]),
    (upper, upper_places): (&[u8], &[Place]),
) -> Sound {
    let mut is_unique = entries.is_unique;
    for (number, (one, other)) in lower_places.iter().zip(upper_places).enumerate() {
        let is_rowid = number + 1 == entries.columns;
        if is_rowid && is_unique {
            return Err(Doubt("two entries of a unique index have the same columns"));
        }
        let one = one.value(lower)?;
        match compare(one, other.value(upper)?) {
            Some(Ordering::Less) => return Ok(()),
            // Two NULLs differ.
            Some(Ordering::Equal) => is_unique &= one != Stored::Null,
            _ => break,
        }
    }
    Err(Doubt("the entries of an index are out of order"))
}
