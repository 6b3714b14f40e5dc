//! How a database is brought to another version.

use std::time::Duration;

use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::migration::assumptions::Assumptions;
use crate::database::structure::schema_version::SchemaVersion;
use crate::setters::setters;

/// How a database is upgraded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpgradeOptions {
    /// The version to go to.
    pub target: SchemaVersion,
    /// What the user knows that no row tells.
    pub assumptions: Assumptions,
    /// How long locks are waited for.
    pub wait: Duration,
}

setters!(UpgradeOptions {
    target: SchemaVersion,
    assumptions: Assumptions,
    wait: Duration,
});

impl Default for UpgradeOptions {
    fn default() -> Self {
        Self {
            target: SchemaVersion::latest(),
            assumptions: Assumptions::default(),
            wait: LOCK_TIMEOUT,
        }
    }
}

/// How a database is migrated in place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MigrateOptions {
    /// How long locks are waited for.
    pub wait: Duration,
}

setters!(MigrateOptions { wait: Duration });

impl Default for MigrateOptions {
    fn default() -> Self {
        Self { wait: LOCK_TIMEOUT }
    }
}
