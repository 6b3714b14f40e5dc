//! What becomes of each database of the corpus, under the eyes of somebody who says that his Aerodrome V2
//! pools are not stable.

/// The database, and how it is brought in or why it is refused.
pub const OUTCOMES: &[(&str, &str)] = &[
    ("fresh/fresh-0.5.0.db", "in place from eb4080485a56"),
    ("fresh/fresh-0.5.0a1.db", "rebuilt from 0.5.0a1"),
    ("fresh/fresh-0.5.0a2.db", "rebuilt from 756fba1f75f4"),
    ("fresh/fresh-0.5.0b1.db", "rebuilt from b20f5564b3b6"),
    ("fresh/fresh-0.5.0b2.db", "rebuilt from 66930706257e"),
    ("fresh/fresh-0.5.0b3.db", "rebuilt from 4c5e6157714b"),
    ("fresh/fresh-0.5.0b4.db", "in place from eb4080485a56"),
    ("fresh/fresh-0.6.0a1.db", "in place from b0b9e84d5527"),
    ("fresh/fresh-0.6.0a1.post1.db", "in place from b0b9e84d5527"),
    ("fresh/fresh-0.6.0a11.db", "in place from Rust-core 1"),
    ("fresh/fresh-0.6.0a12.db", "in place from Rust-core 1"),
    ("fresh/fresh-0.6.0a13.db", "in place from Rust-core 2"),
    ("fresh/fresh-0.6.0a17.db", "in place from Rust-core 3"),
    ("fresh/fresh-0.6.0a3.db", "in place from 2606a6c7f5ee"),
    (
        "fresh/implicit-0.6.0a11-by-exchange-activate.db",
        "in place from Rust-core 1",
    ),
    (
        "fresh/implicit-0.6.0a17-by-exchange-activate.db",
        "in place from Rust-core 3",
    ),
    (
        "odd/autovacuum-incremental-freelist.db",
        "in place from 2606a6c7f5ee",
    ),
    ("odd/bad-text.db", "in place from 2606a6c7f5ee"),
    (
        "odd/case-duplicate-addresses.db",
        "in place from 2606a6c7f5ee",
    ),
    ("odd/corrupt-sqlite-master.db", "Damaged"),
    (
        "odd/duplicate-natural-keys.db",
        "in place from 2606a6c7f5ee",
    ),
    ("odd/extra-user-objects.db", "in place from 2606a6c7f5ee"),
    ("odd/fk-violations.db", "in place from 2606a6c7f5ee"),
    (
        "odd/flipped-byte-index-page.db",
        "in place from 2606a6c7f5ee",
    ),
    ("odd/flipped-byte-value.db", "in place from 2606a6c7f5ee"),
    ("odd/foreign-no-stamp.db", "Foreign"),
    ("odd/header-only-magic.db", "NotADatabase"),
    ("odd/hot-journal.db", "in place from 2606a6c7f5ee"),
    (
        "odd/leftover-alembic-tmp-erc20_tokens.db",
        "rebuilt from 4eada4ae4a55",
    ),
    (
        "odd/leftover-alembic-tmp-pool_managers.db",
        "rebuilt from 901adb947000",
    ),
    ("odd/no-stamp-dropped.db", "NoStamp"),
    ("odd/orphan-children.db", "in place from 2606a6c7f5ee"),
    ("odd/page-size-65536.db", "rebuilt from 0.5.0a1"),
    ("odd/random-bytes.db", "NotADatabase"),
    ("odd/readonly-file.db", "in place from 2606a6c7f5ee"),
    (
        "odd/rust-owned-0.6.0a17.db",
        "maps computed, from Rust-core 3",
    ),
    ("odd/rust-stamp-ahead-4.db", "RustCore"),
    ("odd/rust-stamp-empty.db", "EmptyStamp"),
    ("odd/rust-stamp-text.db", "RustCore"),
    ("odd/rust-stamp-zero.db", "RustCore"),
    (
        "odd/stamp-2606-index-missing.db",
        "in place from e0aaad8ad486",
    ),
    ("odd/stamp-2606-table-missing.db", "StampLies"),
    ("odd/stamp-behind-schema.db", "in place from 2606a6c7f5ee"),
    ("odd/stamp-both-alembic-and-rust.db", "TwoLineages"),
    ("odd/stamp-empty-table.db", "EmptyStamp"),
    ("odd/stamp-two-equal-rows.db", "SeveralStamps"),
    ("odd/stamp-two-rows.db", "SeveralStamps"),
    ("odd/stamp-unknown-revision.db", "UnknownStamp"),
    ("odd/stamp-whitespace-uppercase.db", "UnknownStamp"),
    ("odd/truncated-page-boundary.db", "Damaged"),
    ("odd/user-version-set.db", "in place from 2606a6c7f5ee"),
    ("odd/utf16.db", "in place from 2606a6c7f5ee"),
    ("odd/wal-everything-in-wal.db", "in place from eb4080485a56"),
    ("odd/wal-of-another-db.db", "Damaged"),
    ("odd/wal-torn.db", "in place from e0aaad8ad486"),
    ("odd/wal-uncommitted-tail.db", "in place from eb4080485a56"),
    ("odd/wal-zero-length.db", "in place from 2606a6c7f5ee"),
    ("odd/weird-numbers.db", "in place from 2606a6c7f5ee"),
    ("odd/weird-types.db", "in place from 2606a6c7f5ee"),
    ("odd/zero-byte-left-by-0.5.0-first-run.db", "EmptyFile"),
    ("populated/populated-0.5.0.db", "in place from eb4080485a56"),
    ("populated/populated-0.5.0a1.db", "rebuilt from 0.5.0a1"),
    (
        "populated/populated-0.5.0a2.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "populated/populated-0.5.0b1.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "populated/populated-0.5.0b2.db",
        "rebuilt from 66930706257e",
    ),
    (
        "populated/populated-0.6.0a1.db",
        "in place from b0b9e84d5527",
    ),
    (
        "populated/populated-0.6.0a11.db",
        "in place from Rust-core 1",
    ),
    (
        "populated/populated-0.6.0a14.db",
        "in place from Rust-core 2",
    ),
    (
        "populated/populated-0.6.0a17.db",
        "maps computed, from Rust-core 3",
    ),
    (
        "populated/populated-0.6.0a4.db",
        "in place from 2606a6c7f5ee",
    ),
    ("populated/wal-0.5.0.db", "in place from eb4080485a56"),
    ("populated/wal-0.5.0a2.db", "rebuilt from 756fba1f75f4"),
    ("populated/wal-0.6.0a14.db", "in place from Rust-core 2"),
    ("populated/wal-0.6.0a4.db", "in place from 2606a6c7f5ee"),
    (
        "revisions/a2-at-03e723f439dc.db",
        "rebuilt from 03e723f439dc",
    ),
    (
        "revisions/a2-at-04f858f979a9.db",
        "rebuilt from 04f858f979a9",
    ),
    (
        "revisions/a2-at-06a3739885a0.db",
        "rebuilt from 06a3739885a0",
    ),
    (
        "revisions/a2-at-082ee8a3d339.db",
        "rebuilt from 082ee8a3d339",
    ),
    (
        "revisions/a2-at-12321f192db4.db",
        "rebuilt from 12321f192db4",
    ),
    (
        "revisions/a2-at-2afcff276d90.db",
        "rebuilt from 2afcff276d90",
    ),
    (
        "revisions/a2-at-311beed36e7b.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/a2-at-3199199def8c.db",
        "rebuilt from 3199199def8c",
    ),
    (
        "revisions/a2-at-39e331854eb2.db",
        "rebuilt from 39e331854eb2",
    ),
    (
        "revisions/a2-at-3eb6b82dc42d.db",
        "rebuilt from 3eb6b82dc42d",
    ),
    (
        "revisions/a2-at-4c5e6157714b.db",
        "rebuilt from 4c5e6157714b",
    ),
    (
        "revisions/a2-at-4eada4ae4a55.db",
        "rebuilt from 4eada4ae4a55",
    ),
    (
        "revisions/a2-at-50b39bafa0be.db",
        "rebuilt from 50b39bafa0be",
    ),
    (
        "revisions/a2-at-5c8805573ab3.db",
        "rebuilt from 5c8805573ab3",
    ),
    (
        "revisions/a2-at-66930706257e.db",
        "rebuilt from 66930706257e",
    ),
    (
        "revisions/a2-at-6a77c4e07151.db",
        "rebuilt from 6a77c4e07151",
    ),
    (
        "revisions/a2-at-6f376d34618b.db",
        "rebuilt from 6f376d34618b",
    ),
    (
        "revisions/a2-at-723fe25c87b8.db",
        "rebuilt from 723fe25c87b8",
    ),
    (
        "revisions/a2-at-756fba1f75f4.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "revisions/a2-at-7dc2ca38053f.db",
        "rebuilt from 7dc2ca38053f",
    ),
    (
        "revisions/a2-at-87fd9fc7ae00.db",
        "rebuilt from 87fd9fc7ae00",
    ),
    (
        "revisions/a2-at-8aa4babb128a.db",
        "rebuilt from 8aa4babb128a",
    ),
    (
        "revisions/a2-at-8b29ed99a2ac.db",
        "rebuilt from 8b29ed99a2ac",
    ),
    (
        "revisions/a2-at-8c69198e6a21.db",
        "rebuilt from 8c69198e6a21",
    ),
    (
        "revisions/a2-at-901adb947000.db",
        "rebuilt from 901adb947000",
    ),
    (
        "revisions/a2-at-9347bbfcd47a.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/a2-at-a4f59783919f.db",
        "rebuilt from a4f59783919f",
    ),
    (
        "revisions/a2-at-b20f5564b3b6.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/a2-at-b781499591ed.db",
        "rebuilt from b781499591ed",
    ),
    (
        "revisions/a2-at-b8e0b921299a.db",
        "rebuilt from b8e0b921299a",
    ),
    (
        "revisions/a2-at-bbb8d61cef9c.db",
        "rebuilt from bbb8d61cef9c",
    ),
    (
        "revisions/a2-at-bd7ca13a7d39.db",
        "rebuilt from bd7ca13a7d39",
    ),
    (
        "revisions/a2-at-d1f98e2c3b18.db",
        "rebuilt from d1f98e2c3b18",
    ),
    (
        "revisions/a2-at-e453c9cd9e51.db",
        "rebuilt from e453c9cd9e51",
    ),
    (
        "revisions/a2-at-eb4080485a56.db",
        "in place from eb4080485a56",
    ),
    (
        "revisions/a2-at-fb9abf7c7d57.db",
        "rebuilt from fb9abf7c7d57",
    ),
    (
        "revisions/a2-at-fec1e047973b.db",
        "rebuilt from fec1e047973b",
    ),
    (
        "revisions/a2u-at-03e723f439dc.db",
        "rebuilt from 03e723f439dc",
    ),
    (
        "revisions/a2u-at-04f858f979a9.db",
        "rebuilt from 04f858f979a9",
    ),
    (
        "revisions/a2u-at-06a3739885a0.db",
        "rebuilt from 06a3739885a0",
    ),
    (
        "revisions/a2u-at-082ee8a3d339.db",
        "rebuilt from 082ee8a3d339",
    ),
    (
        "revisions/a2u-at-12321f192db4.db",
        "rebuilt from 12321f192db4",
    ),
    (
        "revisions/a2u-at-2afcff276d90.db",
        "rebuilt from 2afcff276d90",
    ),
    (
        "revisions/a2u-at-311beed36e7b.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/a2u-at-3199199def8c.db",
        "rebuilt from 3199199def8c",
    ),
    (
        "revisions/a2u-at-39e331854eb2.db",
        "rebuilt from 39e331854eb2",
    ),
    (
        "revisions/a2u-at-3eb6b82dc42d.db",
        "rebuilt from 3eb6b82dc42d",
    ),
    (
        "revisions/a2u-at-4c5e6157714b.db",
        "rebuilt from 4c5e6157714b",
    ),
    (
        "revisions/a2u-at-4eada4ae4a55.db",
        "rebuilt from 4eada4ae4a55",
    ),
    (
        "revisions/a2u-at-50b39bafa0be.db",
        "rebuilt from 50b39bafa0be",
    ),
    (
        "revisions/a2u-at-5c8805573ab3.db",
        "rebuilt from 5c8805573ab3",
    ),
    (
        "revisions/a2u-at-66930706257e.db",
        "rebuilt from 66930706257e",
    ),
    (
        "revisions/a2u-at-6a77c4e07151.db",
        "rebuilt from 6a77c4e07151",
    ),
    (
        "revisions/a2u-at-6f376d34618b.db",
        "rebuilt from 6f376d34618b",
    ),
    (
        "revisions/a2u-at-723fe25c87b8.db",
        "rebuilt from 723fe25c87b8",
    ),
    (
        "revisions/a2u-at-756fba1f75f4.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "revisions/a2u-at-7dc2ca38053f.db",
        "rebuilt from 7dc2ca38053f",
    ),
    (
        "revisions/a2u-at-87fd9fc7ae00.db",
        "rebuilt from 87fd9fc7ae00",
    ),
    (
        "revisions/a2u-at-8aa4babb128a.db",
        "rebuilt from 8aa4babb128a",
    ),
    (
        "revisions/a2u-at-8b29ed99a2ac.db",
        "rebuilt from 8b29ed99a2ac",
    ),
    (
        "revisions/a2u-at-8c69198e6a21.db",
        "rebuilt from 8c69198e6a21",
    ),
    (
        "revisions/a2u-at-901adb947000.db",
        "rebuilt from 901adb947000",
    ),
    (
        "revisions/a2u-at-a4f59783919f.db",
        "rebuilt from a4f59783919f",
    ),
    (
        "revisions/a2u-at-b20f5564b3b6.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/a2u-at-b781499591ed.db",
        "rebuilt from b781499591ed",
    ),
    (
        "revisions/a2u-at-b8e0b921299a.db",
        "rebuilt from b8e0b921299a",
    ),
    (
        "revisions/a2u-at-bbb8d61cef9c.db",
        "rebuilt from bbb8d61cef9c",
    ),
    (
        "revisions/a2u-at-bd7ca13a7d39.db",
        "rebuilt from bd7ca13a7d39",
    ),
    (
        "revisions/a2u-at-d1f98e2c3b18.db",
        "rebuilt from d1f98e2c3b18",
    ),
    (
        "revisions/a2u-at-e453c9cd9e51.db",
        "rebuilt from e453c9cd9e51",
    ),
    (
        "revisions/a2u-at-eb4080485a56.db",
        "in place from eb4080485a56",
    ),
    (
        "revisions/a2u-at-fb9abf7c7d57.db",
        "rebuilt from fb9abf7c7d57",
    ),
    (
        "revisions/a2u-at-fec1e047973b.db",
        "rebuilt from fec1e047973b",
    ),
    (
        "revisions/b1-at-03e723f439dc.db",
        "rebuilt from 03e723f439dc",
    ),
    (
        "revisions/b1-at-06a3739885a0.db",
        "rebuilt from 06a3739885a0",
    ),
    (
        "revisions/b1-at-082ee8a3d339.db",
        "rebuilt from 082ee8a3d339",
    ),
    (
        "revisions/b1-at-12321f192db4.db",
        "rebuilt from 12321f192db4",
    ),
    (
        "revisions/b1-at-4c5e6157714b.db",
        "rebuilt from 4c5e6157714b",
    ),
    (
        "revisions/b1-at-66930706257e.db",
        "rebuilt from 66930706257e",
    ),
    (
        "revisions/b1-at-6a77c4e07151.db",
        "rebuilt from 6a77c4e07151",
    ),
    (
        "revisions/b1-at-6f376d34618b.db",
        "rebuilt from 6f376d34618b",
    ),
    (
        "revisions/b1-at-b20f5564b3b6.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/b1-at-bbb8d61cef9c.db",
        "rebuilt from bbb8d61cef9c",
    ),
    (
        "revisions/b1-at-e453c9cd9e51.db",
        "rebuilt from e453c9cd9e51",
    ),
    (
        "revisions/b1-at-eb4080485a56.db",
        "in place from eb4080485a56",
    ),
    (
        "revisions/half-03e723f439dc-1.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-10.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-11.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-12.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-13.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-14.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-15.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-16.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-17.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-18.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-19.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-2.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-20.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-21.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-22.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-23.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-24.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-25.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-26.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-27.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-3.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-4.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-5.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-6.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-7.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-8.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-03e723f439dc-9.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "revisions/half-04f858f979a9-1.db",
        "rebuilt from 8b29ed99a2ac",
    ),
    (
        "revisions/half-04f858f979a9-2.db",
        "rebuilt from 8b29ed99a2ac",
    ),
    (
        "revisions/half-082ee8a3d339-1.db",
        "rebuilt from e453c9cd9e51",
    ),
    (
        "revisions/half-12321f192db4-1.db",
        "rebuilt from 66930706257e",
    ),
    (
        "revisions/half-12321f192db4-2.db",
        "rebuilt from 66930706257e",
    ),
    (
        "revisions/half-2afcff276d90-1.db",
        "rebuilt from 4eada4ae4a55",
    ),
    (
        "revisions/half-311beed36e7b-101.db",
        "rebuilt from 723fe25c87b8",
    ),
    (
        "revisions/half-311beed36e7b-102.db",
        "rebuilt from 723fe25c87b8",
    ),
    (
        "revisions/half-3199199def8c-1.db",
        "rebuilt from 5c8805573ab3",
    ),
    (
        "revisions/half-3199199def8c-2.db",
        "rebuilt from 5c8805573ab3",
    ),
    (
        "revisions/half-39e331854eb2-1.db",
        "rebuilt from 901adb947000",
    ),
    (
        "revisions/half-39e331854eb2-101.db",
        "rebuilt from 901adb947000",
    ),
    (
        "revisions/half-3eb6b82dc42d-1.db",
        "rebuilt from b781499591ed",
    ),
    (
        "revisions/half-4c5e6157714b-1.db",
        "rebuilt from 12321f192db4",
    ),
    (
        "revisions/half-4c5e6157714b-2.db",
        "rebuilt from 12321f192db4",
    ),
    (
        "revisions/half-4eada4ae4a55-1.db",
        "rebuilt from 7dc2ca38053f",
    ),
    (
        "revisions/half-50b39bafa0be-101.db",
        "rebuilt from b8e0b921299a",
    ),
    (
        "revisions/half-5c8805573ab3-1.db",
        "rebuilt from 87fd9fc7ae00",
    ),
    (
        "revisions/half-66930706257e-1.db",
        "rebuilt from 6a77c4e07151",
    ),
    (
        "revisions/half-66930706257e-2.db",
        "rebuilt from 6a77c4e07151",
    ),
    (
        "revisions/half-6a77c4e07151-1.db",
        "rebuilt from 082ee8a3d339",
    ),
    (
        "revisions/half-6f376d34618b-1.db",
        "rebuilt from 4c5e6157714b",
    ),
    (
        "revisions/half-723fe25c87b8-101.db",
        "rebuilt from fec1e047973b",
    ),
    (
        "revisions/half-756fba1f75f4-1.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-2.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-3.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-4.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-5.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-6.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-7.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-756fba1f75f4-8.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "revisions/half-7dc2ca38053f-1.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-2.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-3.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-4.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-5.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-6.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-7.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-7dc2ca38053f-8.db",
        "rebuilt from 311beed36e7b",
    ),
    (
        "revisions/half-87fd9fc7ae00-1.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "revisions/half-87fd9fc7ae00-103.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "revisions/half-87fd9fc7ae00-2.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "revisions/half-8aa4babb128a-1.db",
        "rebuilt from 8c69198e6a21",
    ),
    (
        "revisions/half-8aa4babb128a-2.db",
        "rebuilt from 8c69198e6a21",
    ),
    (
        "revisions/half-8b29ed99a2ac-1.db",
        "rebuilt from 50b39bafa0be",
    ),
    (
        "revisions/half-8b29ed99a2ac-101.db",
        "rebuilt from 50b39bafa0be",
    ),
    (
        "revisions/half-8c69198e6a21-1.db",
        "rebuilt from 39e331854eb2",
    ),
    (
        "revisions/half-8c69198e6a21-2.db",
        "rebuilt from 39e331854eb2",
    ),
    (
        "revisions/half-901adb947000-1.db",
        "rebuilt from 04f858f979a9",
    ),
    ("revisions/half-9347bbfcd47a-1.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-10.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-11.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-12.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-13.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-14.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-15.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-16.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-17.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-18.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-19.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-2.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-20.db", "EmptyStamp"),
    ("revisions/half-9347bbfcd47a-3.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-4.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-5.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-6.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-7.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-8.db", "Foreign"),
    ("revisions/half-9347bbfcd47a-9.db", "Foreign"),
    (
        "revisions/half-a4f59783919f-1.db",
        "rebuilt from 3199199def8c",
    ),
    (
        "revisions/half-b20f5564b3b6-1.db",
        "rebuilt from 8aa4babb128a",
    ),
    (
        "revisions/half-b20f5564b3b6-2.db",
        "rebuilt from 8aa4babb128a",
    ),
    (
        "revisions/half-b781499591ed-1.db",
        "rebuilt from bd7ca13a7d39",
    ),
    (
        "revisions/half-b8e0b921299a-101.db",
        "rebuilt from fb9abf7c7d57",
    ),
    (
        "revisions/half-bbb8d61cef9c-1.db",
        "rebuilt from 03e723f439dc",
    ),
    (
        "revisions/half-d1f98e2c3b18-1.db",
        "rebuilt from a4f59783919f",
    ),
    (
        "revisions/half-eb4080485a56-1.db",
        "rebuilt from 06a3739885a0",
    ),
    (
        "revisions/half-eb4080485a56-2.db",
        "in place from eb4080485a56",
    ),
    (
        "revisions/half-fb9abf7c7d57-1.db",
        "rebuilt from 2afcff276d90",
    ),
    (
        "revisions/half-fb9abf7c7d57-2.db",
        "rebuilt from 2afcff276d90",
    ),
    (
        "revisions/half-fec1e047973b-1.db",
        "rebuilt from 3eb6b82dc42d",
    ),
    (
        "revisions/half-fec1e047973b-2.db",
        "rebuilt from 3eb6b82dc42d",
    ),
    (
        "upgraded/FAILED-0.5.0a1-to-0.5.0a2.db",
        "rebuilt from 0.5.0a1",
    ),
    (
        "upgraded/FAILED-0.5.0a2-to-0.5.0b1.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "upgraded/FAILED-0.5.0b1-to-0.5.0b2.db",
        "rebuilt from bbb8d61cef9c",
    ),
    (
        "upgraded/FAILED-0.5.0b1empty-to-0.5.0b2.db",
        "rebuilt from bbb8d61cef9c",
    ),
    (
        "upgraded/FAILED-fromempty-0.5.0b1.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "upgraded/alembic-at-5d2dfe7292b3.db",
        "in place from 5d2dfe7292b3",
    ),
    (
        "upgraded/alembic-at-9c411aeeb15e.db",
        "in place from 9c411aeeb15e",
    ),
    (
        "upgraded/alembic-at-a512dbce9854.db",
        "in place from a512dbce9854",
    ),
    (
        "upgraded/assisted-a2chain-at-2606a6c7f5ee.db",
        "in place from 2606a6c7f5ee",
    ),
    (
        "upgraded/assisted-a2chain-at-b20f5564b3b6.db",
        "rebuilt from b20f5564b3b6",
    ),
    (
        "upgraded/assisted-a2chain-at-eb4080485a56.db",
        "in place from eb4080485a56",
    ),
    (
        "upgraded/assisted-b1chain-at-66930706257e.db",
        "rebuilt from 66930706257e",
    ),
    ("upgraded/b2chain-0.5.0b4.db", "in place from eb4080485a56"),
    ("upgraded/b2chain-0.6.0a1.db", "in place from b0b9e84d5527"),
    ("upgraded/b2chain-0.6.0a10.db", "in place from 2606a6c7f5ee"),
    ("upgraded/b2chain-0.6.0a11.db", "in place from Rust-core 1"),
    (
        "upgraded/b2chain-0.6.0a17.db",
        "maps computed, from Rust-core 3",
    ),
    (
        "upgraded/cutover-0.6.0a4-from-2606a6c7f5ee.db",
        "in place from Rust-core 1",
    ),
    (
        "upgraded/cutover11-from-b20f5564b3b6-then-opened-by-17.db",
        "rebuilt from Rust-core 3",
    ),
    (
        "upgraded/cutover11-from-b20f5564b3b6.db",
        "rebuilt from Rust-core 1",
    ),
    (
        "upgraded/cutover11-from-e0aaad8ad486.db",
        "in place from Rust-core 1",
    ),
    (
        "upgraded/cutover17-from-0.5.0a1-emptyalembic.db",
        "rebuilt from Rust-core 3",
    ),
    (
        "upgraded/cutover17-from-2606a6c7f5ee-fresh.db",
        "in place from Rust-core 3",
    ),
    (
        "upgraded/cutover17-from-2606a6c7f5ee-upgraded.db",
        "in place from Rust-core 3",
    ),
    (
        "upgraded/cutover17-from-b20f5564b3b6.db",
        "rebuilt from Rust-core 3",
    ),
    (
        "upgraded/cutover17-from-bbb8d61cef9c.db",
        "rebuilt from Rust-core 3",
    ),
    (
        "upgraded/cutover17-from-eb4080485a56.db",
        "in place from Rust-core 3",
    ),
    (
        "upgraded/cutover17-from-rust1.db",
        "in place from Rust-core 3",
    ),
    (
        "upgraded/direct-0.5.0-to-0.6.0a2.db",
        "in place from e0aaad8ad486",
    ),
    (
        "upgraded/fromempty-0.5.0a2-at-756fba1f75f4.db",
        "rebuilt from 756fba1f75f4",
    ),
    (
        "upgraded/fromempty-0.5.0a2-at-9347bbfcd47a.db",
        "rebuilt from 9347bbfcd47a",
    ),
    (
        "upgraded/heal11-from-e0aaad8ad486.db",
        "in place from Rust-core 1",
    ),
    (
        "upgraded/heal17-from-e0aaad8ad486.db",
        "maps computed, from Rust-core 3",
    ),
    (
        "upgraded/heal17-from-eb4080485a56.db",
        "maps computed, from Rust-core 3",
    ),
];
