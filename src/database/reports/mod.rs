//! Reports about a database.

pub(crate) mod inspect;
