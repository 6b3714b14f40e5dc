//! Which errors of an update pass, and which do not.

use crate::database::error::error_kind::ErrorKind;
use crate::node::error::NodeError;
use crate::sync::sync_error::SyncError;

/// What becomes of an error if the update is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It passes, sooner or later.
    Passes,
    /// It passes if it came from a wrong answer, which another node, or the same one later, gives right.
    MayPass,
    /// It stays until somebody does something.
    Stays,
}

impl Course {
    /// The course of an error. `has_worked` says whether an update has ended well before: what a node refuses from the
    /// beginning is a matter of the settings.
    pub(super) fn of(error: &SyncError, has_worked: bool) -> Self {
        match error {
            SyncError::Node { source } => Self::of_node(source, has_worked),
            SyncError::Database { source } => match source.kind {
                ErrorKind::Locked
                | ErrorKind::DiskFull
                | ErrorKind::NoRoomForFile { .. }
                | ErrorKind::OutOfMemory
                | ErrorKind::TemporaryFolderFull { .. } => Self::Passes,
                _ => Self::Stays,
            },
            SyncError::BeyondHead { .. }
            | SyncError::NotBegun { .. }
            | SyncError::Behind { .. }
            | SyncError::Branches { .. }
            | SyncError::Unsettled { .. } => Self::Passes,
            // At the beginning, a first sync does not fit on the disk, or it can be started again.
            SyncError::NoTarget { .. } | SyncError::NotEnoughSpace { .. } if has_worked => {
                Self::Passes
            }
            // At the beginning, it is rather the settings or the database that is wrong.
            SyncError::Malformed { .. }
            | SyncError::Liquidity { .. }
            | SyncError::Balance { .. }
            | SyncError::NoRevision { .. }
            | SyncError::UnknownPool { .. }
            | SyncError::PoolAddress { .. }
            | SyncError::MissingPairs { .. }
            | SyncError::Fee { .. }
                if has_worked =>
            {
                Self::MayPass
            }
            _ => Self::Stays,
        }
    }

    fn of_node(error: &NodeError, has_worked: bool) -> Self {
        match error {
            NodeError::Unreachable { .. }
            | NodeError::RateLimited { .. }
            | NodeError::Behind { .. }
            | NodeError::OtherBlock { .. }
            | NodeError::Unlinked { .. } => Self::Passes,
            NodeError::Invalid { .. } => Self::MayPass,
            NodeError::OtherChain { .. } => Self::Stays,
            // A quota that is used up, a certificate that has expired: the provider mends it.
            _ if has_worked => Self::Passes,
            _ => Self::Stays,
        }
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    fn node(source: NodeError) -> SyncError {
        SyncError::Node { source }
    }

    #[test]
    fn what_a_node_refuses_from_the_beginning_does_not_pass() {
        let refused = node(NodeError::Refused {
            endpoint: String::new(),
            method: "eth_getLogs",
            detail: String::new(),
        });
        assert_eq!(Course::of(&refused, false), Course::Stays);
        assert_eq!(Course::of(&refused, true), Course::Passes);
    }

    #[test]
    fn contradiction_may_pass_once_it_has_worked() {
        let contradiction = SyncError::Malformed {
            source: crate::sync::sync_error::malformed_event(),
            market: None,
        };
        assert_eq!(Course::of(&contradiction, false), Course::Stays);
        assert_eq!(Course::of(&contradiction, true), Course::MayPass);
    }

    #[test]
    fn node_that_is_away_comes_back() {
        let away = node(NodeError::Unreachable {
            endpoint: String::new(),
            tries: 8,
            detail: String::new(),
        });
        assert_eq!(Course::of(&away, false), Course::Passes);
    }

    #[test]
    fn disk_without_room_gets_some_once_it_has_worked() {
        let full = SyncError::NotEnoughSpace {
            path: "degenbot.db".into(),
            needed: 2,
            available: 1,
        };
        assert_eq!(Course::of(&full, false), Course::Stays);
        assert_eq!(Course::of(&full, true), Course::Passes);
    }

    #[test]
    fn another_chain_or_schema_never_passes() {
        let other = node(NodeError::OtherChain {
            endpoint: String::new(),
            found: crate::types::integer::ChainId::BASE,
            expected: crate::types::integer::ChainId::ETHEREUM,
        });
        assert_eq!(Course::of(&other, true), Course::Stays);
        let version = SyncError::Version {
            found: String::new(),
        };
        assert_eq!(Course::of(&version, true), Course::Stays);
    }
}
