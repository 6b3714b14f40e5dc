//! The effect tracker, which follows an operation to its commit.

use std::path::{Path, PathBuf};

use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::database::files::named_files;
use crate::database::progress::require_not_cancelled;
use crate::sqlite::rolled_back;
use crate::sqlite::transaction::{Begin, transaction};

/// Follows an operation to its commit, so that its error can say what was changed.
///
/// Texts do not say for a kind of error that nothing was changed: the same disk can be full before a commit and after
/// it. Only the operation knows.
///
/// An operation that has been cancelled before its change does not make it.
#[derive(Debug)]
pub(crate) struct EffectTracker {
    path: PathBuf,
    effect: Effect,
}

impl EffectTracker {
    /// Runs an operation on the database at a path. Its error gets the effect. That SQLite rolls back what a killed program
    /// has left in the file is an effect, too.
    pub(crate) fn track<T>(
        path: &Path,
        operation: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        named_files::add(path);
        let mut tracker = Self {
            path: path.to_owned(),
            effect: Effect::Nothing,
        };
        let journal = DatabaseFile::at(path).sidecar(Sidecar::Journal);
        let before = rolled_back::times(&journal);
        operation(&mut tracker).map_err(|error| {
            let is_rolled_back = rolled_back::times(&journal) != before;
            error.with_effect(match tracker.effect {
                Effect::Nothing if is_rolled_back => Effect::RolledBack,
                effect => effect,
            })
        })
    }

    /// The effect so far.
    pub(crate) const fn effect(&self) -> Effect {
        self.effect
    }

    /// Makes the change of the operation, unless it has been cancelled.
    ///
    /// SQLite rolls a failed commit back. If the disk itself has failed, the change may have reached it nevertheless, unless
    /// the error says that it has not.
    pub(crate) fn commit<T>(
        &mut self,
        commit: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        require_not_cancelled(&self.path)?;
        self.effect = Effect::Unknown;
        let result = commit();
        self.ended(&result);
        result
    }

    /// Gives a file its name, which is the change of the operation. If a disk fails or is full, the file may have its
    /// name nevertheless: its folder is synced last.
    pub(crate) fn publish<T>(
        &mut self,
        publish: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let result = self.commit(publish);
        if let Err(error) = &result
            && error.effect != Some(Effect::Nothing)
            && (error.is_about_the_disk() || matches!(error.kind, ErrorKind::DiskFull))
        {
            self.effect = Effect::Unknown;
        }
        result
    }

    /// Like [`Self::commit`]. `commit` returns whether it has changed anything.
    pub(crate) fn commit_if(
        &mut self,
        commit: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let is_changed = self.commit(commit)?;
        if !is_changed {
            self.effect = Effect::Nothing;
        }
        Ok(is_changed)
    }

    /// Runs `operate` in an IMMEDIATE transaction, whose commit is the change of the operation.
    pub(crate) fn write<T>(
        &mut self,
        connection: &mut SqliteConnection,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let operate = |connection: &mut SqliteConnection| {
            let done = operate(connection)?;
            require_not_cancelled(&self.path)?;
            // From here on, only the commit can fail.
            self.effect = Effect::Unknown;
            Ok(done)
        };
        let result = transaction(connection, Begin::Immediate, operate, Error::from);
        if self.effect == Effect::Unknown {
            self.ended(&result);
        }
        result
    }

    /// Finds out whether a commit that failed has changed the database. `is_changed` reads it; if that fails, the effect
    /// stays unknown.
    pub(crate) fn find_out(&mut self, is_changed: impl FnOnce() -> Result<bool, Error>) {
        if self.effect == Effect::Unknown {
            self.effect = match is_changed() {
                Ok(true) => Effect::Changed,
                Ok(false) => Effect::Nothing,
                Err(_) => Effect::Unknown,
            };
        }
    }

    fn ended<T>(&mut self, result: &Result<T, Error>) {
        self.effect = match result {
            Ok(_) => Effect::Changed,
            Err(error) if error.effect == Some(Effect::Nothing) => Effect::Nothing,
            Err(error) if error.is_moved_at_commit() => Effect::Changed,
            Err(error) if error.is_about_the_disk() => Effect::Unknown,
            Err(_) => Effect::Nothing,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect_after(commit: Result<(), ErrorKind>, then: Result<(), ErrorKind>) -> Option<Effect> {
        let tracked = EffectTracker::track(Path::new("PATH"), |tracker| {
            tracker.commit(|| commit.map_err(Error::from))?;
            then.map_err(Error::from)
        });
        tracked.err().and_then(|error| error.effect)
    }

    #[test]
    fn an_error_before_the_commit_says_that_nothing_was_changed() {
        let failed = EffectTracker::track(Path::new("PATH"), |_| {
            Err::<(), _>(ErrorKind::DiskFull.into())
        });
        assert_eq!(failed.unwrap_err().effect, Some(Effect::Nothing));
    }

    #[test]
    fn an_error_of_the_commit_says_what_is_known() {
        let busy = effect_after(Err(ErrorKind::Locked), Ok(()));
        assert_eq!(busy, Some(Effect::Nothing));
        let full = effect_after(Err(ErrorKind::DiskFull), Ok(()));
        assert_eq!(full, Some(Effect::Nothing));
        let detail = "disk I/O error".to_owned();
        let broken = effect_after(Err(ErrorKind::Disk { detail }), Ok(()));
        assert_eq!(broken, Some(Effect::Unknown));
    }

    #[test]
    fn a_full_disk_leaves_open_whether_a_file_has_its_name() {
        let full = EffectTracker::track(Path::new("PATH"), |tracker| {
            tracker.publish(|| Err::<(), _>(ErrorKind::DiskFull.into()))
        });
        assert_eq!(full.unwrap_err().effect, Some(Effect::Unknown));
        let exists = EffectTracker::track(Path::new("PATH"), |tracker| {
            tracker.publish(|| Err::<(), _>(ErrorKind::AlreadyExists.into()))
        });
        assert_eq!(exists.unwrap_err().effect, Some(Effect::Nothing));
    }

    #[test]
    fn a_file_that_did_not_get_its_name_has_changed_nothing() {
        let refused = EffectTracker::track(Path::new("PATH"), |tracker| {
            tracker.publish(|| {
                let refused = std::io::ErrorKind::PermissionDenied.into();
                Err::<(), _>(Error::io(Path::new("PATH"), "replace", refused))
                    .map_err(|error| error.with_effect(Effect::Nothing))
            })
        });
        assert_eq!(refused.unwrap_err().effect, Some(Effect::Nothing));
    }

    #[test]
    fn the_effect_of_a_part_counts() {
        let failed = EffectTracker::track(Path::new("PATH"), |tracker| {
            tracker.commit(|| Ok(()))?;
            EffectTracker::track(Path::new("PATH"), |_| {
                Err::<(), _>(ErrorKind::DiskFull.into())
            })
        });
        assert_eq!(failed.unwrap_err().effect, Some(Effect::Changed));
    }

    #[test]
    fn an_error_after_the_commit_says_that_the_change_was_made() {
        let late = effect_after(Ok(()), Err(ErrorKind::Locked));
        assert_eq!(late, Some(Effect::Changed));
    }
}
