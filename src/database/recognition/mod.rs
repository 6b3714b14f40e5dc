//! What a database is: which program made it, at which version of the schema.

pub(crate) mod identify;
pub(crate) mod recognise;
pub(crate) mod stamps;
