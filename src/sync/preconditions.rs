//! What must hold before an update begins, or a dry run promises one.

use std::path::Path;

use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::database::recognition::recognise::recognise;
use crate::database::structure::schema_version::SchemaVersion;
use crate::sync::chain_view::ChainView;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;

/// Fails if the database is not at the newest version, or cannot be written.
pub(super) fn require_updatable(path: &Path) -> Result<(), SyncError> {
    require_latest(recognise(path)?.require_version(path)?)?;
    let file = DatabaseFile::at(path);
    file.require_writable()?;
    let has_sidecar = |sidecar| file.sidecar(sidecar).exists();
    if !has_sidecar(Sidecar::Wal) || !has_sidecar(Sidecar::Shm) {
        file.require_writable_folder()?;
    }
    Ok(())
}

/// Fails if the database is not at the newest version.
pub(super) fn require_latest(version: SchemaVersion) -> Result<(), SyncError> {
    if version == SchemaVersion::latest() {
        return Ok(());
    }
    Err(SyncError::Version {
        found: version.to_string(),
    })
}

/// Fails if an exchange is at a block that the node does not have.
pub(super) fn require_marks_in_chain(scope: &Scope, view: &ChainView) -> Result<(), SyncError> {
    for exchange in &scope.exchanges {
        if let Some(mark) = exchange.mark
            && mark > view.head.number
        {
            return Err(SyncError::BeyondHead {
                exchange: Box::new(exchange.name()),
                mark,
                head: view.head.number,
            });
        }
    }
    Ok(())
}
