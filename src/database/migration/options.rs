//! The options of upgrades and migrations.

use std::time::Duration;

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::migration::assumptions::Assumptions;
use crate::database::migration::losses::Loss;
use crate::database::migration::unfinal_blocks::UnfinalBlocks;
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::structure::schema_version::SchemaVersion;
use crate::setters::setters;

/// Options of [`upgrade_sqlite_database`](crate::database::migration::upgrade::upgrade_sqlite_database).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpgradeOptions {
    /// The version to upgrade to.
    pub target: SchemaVersion,
    /// Values that old rows lack and the user supplies.
    pub assumptions: Assumptions,
    /// The longest time to wait for a lock.
    pub wait: Duration,
    /// The database that the caller knows. Another one is refused, unless it is at the target.
    pub expected: Option<ExpectedDatabase>,
}

setters!(UpgradeOptions {
    target: SchemaVersion,
    assumptions: Assumptions,
    wait: Duration,
    expected: ExpectedDatabase => Some,
});

impl Default for UpgradeOptions {
    fn default() -> Self {
        Self {
            target: SchemaVersion::latest(),
            assumptions: Assumptions::default(),
            wait: LOCK_TIMEOUT,
            expected: None,
        }
    }
}

/// Options of [`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MigrateOptions {
    /// The longest time to wait for a lock.
    pub wait: Duration,
    /// The token that cancels the migration.
    pub cancel: Option<CancelToken>,
    /// The data that a downgrade may drop, such as [`MigrationPlan::losses`](crate::database::MigrationPlan::losses). With
    /// `None`, it may drop whatever the older version has no place for.
    pub agreed_losses: Option<Vec<Loss>>,
    /// The blocks that a downgrade may take back, such as
    /// [`MigrationPlan::unfinal`](crate::database::MigrationPlan::unfinal). With `None`, it may take back all that are not
    /// final.
    pub agreed_blocks: Option<Vec<UnfinalBlocks>>,
    /// The database that the caller knows. Another one is refused, unless it is at the target.
    pub expected: Option<ExpectedDatabase>,
}

setters!(MigrateOptions {
    wait: Duration,
    cancel: CancelToken => Some,
    agreed_losses: Vec<Loss> => Some,
    agreed_blocks: Vec<UnfinalBlocks> => Some,
    expected: ExpectedDatabase => Some,
});

impl Default for MigrateOptions {
    fn default() -> Self {
        Self {
            wait: LOCK_TIMEOUT,
            cancel: None,
            agreed_losses: None,
            agreed_blocks: None,
            expected: None,
        }
    }
}
