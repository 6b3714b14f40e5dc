//! What there is to know about a database.

pub(crate) mod inspect;
