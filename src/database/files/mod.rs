//! The files of a database, and new files that take their place.

pub(crate) mod database_file;
pub(crate) mod disk_space;
pub(crate) mod file_stamp;
pub(crate) mod open_by;
pub(crate) mod staged_file;
