//! The progress of a verification, which only the caller's thread reports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::cancel::CancelToken;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::{Observer, Stage, report};

/// How far the threads are, and whether they go on.
pub(super) struct Tally {
    /// Ends the work of the threads. It interrupts the statements of those beside the caller's.
    stop: CancelToken,
    /// The caller's own token.
    cancel: Option<CancelToken>,
    /// The checked rows of each table, and about how many there are.
    rows: BTreeMap<String, (AtomicU64, u64)>,
}

impl Tally {
    pub(super) const fn new(stop: CancelToken, cancel: Option<CancelToken>) -> Self {
        Self {
            stop,
            cancel,
            rows: BTreeMap::new(),
        }
    }

    /// Adds to the number of rows of a table that there are to check.
    pub(super) fn expect(&mut self, table: &str, rows: u64) {
        let (_, total) = self.rows.entry(table.to_owned()).or_default();
        *total = total.saturating_add(rows);
    }

    pub(super) fn end(&self) {
        self.stop.cancel();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stop.is_cancelled()
    }
}

/// Reports the progress of a thread. Only that of the caller's thread has the observer.
pub(super) struct Reporter<'operation> {
    tally: &'operation Tally,
    observer: Option<&'operation mut dyn Observer>,
}

impl<'operation> Reporter<'operation> {
    pub(super) const fn new(
        tally: &'operation Tally,
        observer: Option<&'operation mut dyn Observer>,
    ) -> Self {
        Self { tally, observer }
    }

    pub(super) const fn tally(&self) -> &'operation Tally {
        self.tally
    }

    /// Fails if the observer stops the operation, or if another thread has failed.
    pub(super) fn report(
        &mut self,
        path: &Path,
        stage: Stage<'_>,
        done: u64,
        total: u64,
    ) -> Result<(), Error> {
        if self.tally.has_ended() {
            return Err(ErrorKind::Interrupted.at(path));
        }
        if let Some(observer) = &mut self.observer {
            report(&mut **observer, path, stage, done, total)?;
            let cancel = self.tally.cancel.as_ref();
            if cancel.is_some_and(CancelToken::is_cancelled) {
                return Err(ErrorKind::Interrupted.at(path));
            }
        }
        Ok(())
    }

    /// Adds to the number of checked rows of a table.
    pub(super) fn advance(&mut self, path: &Path, table: &str, rows: u64) -> Result<(), Error> {
        let (done, total) = match self.tally.rows.get(table) {
            Some((done, total)) => (done.fetch_add(rows, Relaxed) + rows, *total),
            None => (0, 0),
        };
        self.report(path, Stage::Checking(table), done, total.max(done))
    }
}
