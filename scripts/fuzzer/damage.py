"""Damage to the bytes of a database."""

import os
import struct

ODD_NUMBERS = (0, 1, 2, 3, 5, 7, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x1000, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
HEADER_FIELDS = {
    "page size": (16, 2),
    "write version": (18, 1),
    "read version": (19, 1),
    "reserved bytes": (20, 1),
    "payload fraction": (21, 1),
    "change counter": (24, 4),
    "page count": (28, 4),
    "first free page": (32, 4),
    "number of free pages": (36, 4),
    "schema cookie": (40, 4),
    "schema format": (44, 4),
    "largest root page": (52, 4),
    "encoding": (56, 4),
    "incremental vacuum": (64, 4),
    "valid-for number": (92, 4),
}


class Pages:
    def __init__(self, data, random):
        self.data = data
        self.random = random
        size = int.from_bytes(data[16:18], "big")
        self.size = 65536 if size == 1 else size if size >= 512 and size & (size - 1) == 0 else 4096
        self.count = max(len(data) // self.size, 1)

    def put(self, offset, value):
        if offset + len(value) <= len(self.data):
            self.data[offset : offset + len(value)] = value

    def offset(self, page):
        return (page - 1) * self.size

    def tree_pages(self):
        """The numbers of the pages that look like pages of a tree."""
        found = []
        for page in range(1, self.count + 1):
            kind = self.data[self.offset(page) + (100 if page == 1 else 0)]
            if kind in (2, 5, 10, 13):
                found.append(page)
        return found or [1]

    def tree_page(self):
        """The offset of a tree page's header, and how long that header is."""
        page = self.random.choice(self.tree_pages())
        header = self.offset(page) + (100 if page == 1 else 0)
        return page, header, 12 if self.data[header] in (2, 5) else 8

    def cells(self, header, length):
        number = int.from_bytes(self.data[header + 3 : header + 5], "big")
        return [header + length + 2 * i for i in range(min(number, 500))]


def number(random, length):
    if random.random() < 0.5:
        return random.choice(ODD_NUMBERS) % (1 << (8 * length))
    return random.getrandbits(8 * length)


def header_field(pages):
    name, (offset, length) = pages.random.choice(sorted(HEADER_FIELDS.items()))
    value = number(pages.random, length)
    pages.put(offset, value.to_bytes(length, "big"))
    return f"header: {name} = {value}"


def header_bytes(pages):
    offsets = [pages.random.randrange(100) for _ in range(pages.random.randint(1, 4))]
    for offset in offsets:
        pages.put(offset, bytes([pages.random.getrandbits(8)]))
    return f"header: bytes {offsets}"


def any_bytes(pages):
    how_many = pages.random.choice((1, 1, 2, 8, 64))
    for _ in range(how_many):
        pages.put(pages.random.randrange(len(pages.data)), bytes([pages.random.getrandbits(8)]))
    return f"{how_many} bytes anywhere"


def page_type(pages):
    page, header, _ = pages.tree_page()
    kind = pages.random.choice((0, 2, 5, 10, 13, 1, 255))
    pages.put(header, bytes([kind]))
    return f"page {page}: type {kind}"


def page_header(pages):
    page, header, length = pages.tree_page()
    field, width = pages.random.choice(((1, 2), (3, 2), (5, 2), (7, 1)) + (((8, 4),) if length == 12 else ()))
    value = number(pages.random, width)
    pages.put(header + field, value.to_bytes(width, "big"))
    return f"page {page}: header field {field} = {value}"


def cell_pointer(pages):
    page, header, length = pages.tree_page()
    cells = pages.cells(header, length)
    if not cells:
        return page_header(pages)
    pointer = pages.random.choice(cells)
    if pages.random.random() < 0.5:
        other = pages.random.choice(cells)
        value = bytes(pages.data[other : other + 2])
    else:
        value = struct.pack(">H", number(pages.random, 2))
    pages.put(pointer, value)
    return f"page {page}: cell pointer = {value.hex()}"


def cell_content(pages):
    page, header, length = pages.tree_page()
    cells = pages.cells(header, length)
    if not cells:
        return page_header(pages)
    pointer = pages.random.choice(cells)
    start = pages.offset(page) + int.from_bytes(pages.data[pointer : pointer + 2], "big")
    place = start + pages.random.randrange(24)
    value = number(pages.random, 1)
    pages.put(place, bytes([value]))
    return f"page {page}: byte {place - start} of a cell = {value}"


def fill_page(pages):
    page = pages.random.randint(1, pages.count)
    fill = pages.random.choice(("zero", "ff", "random"))
    filled = {
        "zero": bytes(pages.size),
        "ff": b"\xff" * pages.size,
        "random": pages.random.randbytes(pages.size),
    }[fill]
    pages.put(pages.offset(page), filled)
    return f"page {page}: all {fill}"


def copy_page(pages):
    source, target = pages.random.randint(1, pages.count), pages.random.randint(1, pages.count)
    start = pages.offset(source)
    pages.put(pages.offset(target), bytes(pages.data[start : start + pages.size]))
    return f"page {target}: a copy of page {source}"


def free_used_page(pages):
    """Puts a page that is in use on the list of free pages."""
    trunk = pages.random.randint(2, max(pages.count, 2))
    leaves = [pages.random.randint(1, pages.count + 1) for _ in range(pages.random.choice((0, 1, 3)))]
    pages.put(32, struct.pack(">II", trunk, len(leaves) + 1))
    if pages.random.random() < 0.5:
        pages.put(pages.offset(trunk), struct.pack(f">II{len(leaves)}I", 0, len(leaves), *leaves))
    return f"free list: trunk {trunk}, leaves {leaves}"


def truncate(pages):
    if pages.random.random() < 0.5:
        length = pages.size * pages.random.randrange(pages.count)
    else:
        length = pages.random.randrange(len(pages.data) + 1)
    del pages.data[length:]
    return f"truncated to {length} bytes"


def extend(pages):
    how_many = pages.random.choice((1, 100, pages.size, 3 * pages.size))
    pages.data += pages.random.choice((bytes(how_many), pages.random.randbytes(how_many)))
    return f"{how_many} bytes appended"


def pointer_map(pages):
    """Page 2 of a database with auto_vacuum says what each page is for."""
    place = pages.size + 5 * pages.random.randrange(min(pages.count, pages.size // 5))
    value = struct.pack(">BI", number(pages.random, 1) % 7, number(pages.random, 4))
    pages.put(place, value)
    return f"pointer map: entry at {place} = {value.hex()}"


KINDS = (
    (header_field, 3),
    (header_bytes, 1),
    (any_bytes, 3),
    (page_type, 1),
    (page_header, 2),
    (cell_pointer, 3),
    (cell_content, 3),
    (fill_page, 2),
    (copy_page, 1),
    (free_used_page, 2),
    (truncate, 1),
    (extend, 1),
    (pointer_map, 1),
)


def damage(path, random):
    """Damages the file; what was done."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if len(data) < 512:
        return []
    kinds, weights = zip(*KINDS)
    kinds = random.choices(kinds, weights, k=random.choice((1, 1, 1, 2, 4)))
    done = []
    for kind in kinds:
        if len(data) >= 512:
            done.append(kind(Pages(data, random)))
    with open(path, "wb") as file:
        file.write(data)
    return done


def damage_log(path, random):
    """Damages the file beside a database."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if not data:
        return f"{os.path.basename(path)} is empty"
    if random.random() < 0.3:
        del data[random.randrange(len(data)) :]
    else:
        for _ in range(random.choice((1, 4, 64))):
            data[random.randrange(len(data))] = random.getrandbits(8)
    with open(path, "wb") as file:
        file.write(data)
    return f"{os.path.basename(path)} is damaged"
