//! The files on disk: a database with its sidecars, and staged files.

pub(crate) mod attributes;
pub(crate) mod cut_file;
pub(crate) mod database_file;
pub(crate) mod dated_backup;
pub(crate) mod disk_space;
pub(crate) mod file_stamp;
pub(crate) mod named_files;
pub(crate) mod open_by;
pub(crate) mod regular_file;
pub(crate) mod reserved;
pub(crate) mod rollback_journal;
pub(crate) mod staged_file;
pub(crate) mod sync_folder;
