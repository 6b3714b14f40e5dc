//! The crew: the threads of a verification, which divide its work.
//!
//! The work consists of parts in a fixed order. How it is divided depends on the data alone, so the findings are the same
//! for any number of threads: each part has its own, and they are put together in the order of the parts.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::Stage;
use crate::database::structure::catalogue::Catalogue;
use crate::database::verification::btree::walk::{Buffers, Walk};
use crate::database::verification::checker::Checker;
use crate::database::verification::findings::Findings;
use crate::database::verification::reporter::{Reporter, Tally};
use crate::sqlite::prepared::Statements;

type Run<'plan> = Box<dyn Fn(&mut Checker<'_>) -> Result<(), Error> + Send + Sync + 'plan>;
type Look<'plan> = Box<dyn Fn(&mut Checker<'_>) -> Result<bool, Error> + Send + Sync + 'plan>;

/// A part of the work.
pub(super) struct Part<'plan> {
    /// Quick looks, which say whether there may be something.
    looks: Vec<Look<'plan>>,
    /// Whether the part only runs if there may be something: if a look says so, or another part.
    suspicion: Option<Arc<AtomicBool>>,
    run: Run<'plan>,
}

impl<'plan> Part<'plan> {
    pub(super) fn new(
        run: impl Fn(&mut Checker<'_>) -> Result<(), Error> + Send + Sync + 'plan,
    ) -> Self {
        Self {
            looks: Vec::new(),
            suspicion: None,
            run: Box::new(run),
        }
    }

    /// Lets the part only run if another one sets this.
    pub(super) fn on(mut self, suspicion: &Arc<AtomicBool>) -> Self {
        self.suspicion = Some(Arc::clone(suspicion));
        self
    }

    /// Adds a look. The part only runs if one says that there may be something.
    pub(super) fn after(
        mut self,
        look: impl Fn(&mut Checker<'_>) -> Result<bool, Error> + Send + Sync + 'plan,
    ) -> Self {
        self.suspicion.get_or_insert_default();
        self.looks.push(Box::new(look));
        self
    }
}

/// The threads beside the caller's.
struct Crew<'work> {
    tally: &'work Tally,
    /// The number of those at work.
    active: Mutex<usize>,
    ended: Condvar,
    failure: Mutex<Option<Error>>,
}

/// The work of a call of [`work`].
struct Work<'work, 'plan> {
    crew: &'work Crew<'work>,
    parts: &'work [Part<'plan>],
    /// The jobs: a part, with the number of its look unless it is to run.
    jobs: Vec<(usize, Option<usize>)>,
    taken: AtomicUsize,
    walk: Option<&'work Walk<'work>>,
    /// What each part has found.
    findings: &'work [Mutex<Findings>],
}

/// Does the work with the caller's thread and connection, and with a thread for each of the `others`, which are on the same
/// state. A thread that cannot be started is no error. Adds the findings to the given ones, in the order of the parts. `walk`
/// is done first.
///
/// `alone` is a part that uses its connection up. It gets one of the others, if there is one. Otherwise it is returned
/// undone, as `None`.
pub(super) fn work(
    checker: &mut Checker<'_>,
    mut others: Vec<SqliteConnection>,
    parts: &[Part<'_>],
    walk: Option<&Walk<'_>>,
    alone: Option<&Part<'_>>,
    mut findings: Findings,
) -> Result<(Findings, Option<Findings>), Error> {
    let tally = checker.reporter.tally();
    let crew = Crew {
        tally,
        active: Mutex::new(0),
        ended: Condvar::new(),
        failure: Mutex::new(None),
    };
    let crew = &crew;
    let all_findings: Vec<_> = parts.iter().map(|_| Mutex::default()).collect();
    let mut used_up = others.pop_if(|_| alone.is_some());
    let found_alone = Mutex::new(None);
    let looks = parts.iter().enumerate().flat_map(|(part, described)| {
        let looks = 0..described.looks.len();
        looks.map(move |look| (part, Some(look)))
    });
    let runs = parts.iter().enumerate();
    let runs = runs.filter(|(_, part)| part.suspicion.is_none());
    let mut jobs: Vec<_> = looks.chain(runs.map(|(part, _)| (part, None))).collect();
    thread::scope(|scope| {
        if let Some((part, connection)) = alone.zip(used_up.as_mut()) {
            let (found, template) = (&found_alone, Template::of(checker));
            let run = move || {
                crew.watch(|| {
                    let mut checker = template.checker(connection)?;
                    (part.run)(&mut checker)?;
                    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(checker.findings);
                    Ok(())
                });
            };
            // Without a thread, the part is returned undone.
            crew.start(scope, run);
        }
        loop {
            let work = Work {
                crew,
                parts,
                jobs: std::mem::take(&mut jobs),
                taken: AtomicUsize::new(0),
                walk,
                findings: &all_findings,
            };
            work.run(checker, &mut others);
            let suspicions = parts.iter().map(|part| part.suspicion.as_ref());
            jobs = suspicions
                .enumerate()
                .filter(|(_, suspicion)| suspicion.is_some_and(|is| is.swap(false, Relaxed)))
                .map(|(part, _)| (part, None))
                .collect();
            if jobs.is_empty() || crew.tally.has_ended() {
                break;
            }
        }
        crew.await_others(checker);
    });
    let failure = crew
        .failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(error) = failure {
        return Err(error);
    }
    for found in all_findings {
        findings.append(found.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    let found_alone = found_alone
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Ok((findings, found_alone))
}

/// What the checkers of all threads have in common.
#[derive(Clone, Copy)]
struct Template<'operation> {
    path: &'operation Path,
    catalogue: &'operation Catalogue,
    quick: bool,
    tally: &'operation Tally,
}

impl<'operation> Template<'operation> {
    fn of(checker: &Checker<'operation>) -> Self {
        Self {
            path: checker.path,
            catalogue: checker.catalogue,
            quick: checker.quick,
            tally: checker.reporter.tally(),
        }
    }

    /// A checker of a thread that does not have the observer.
    fn checker(
        self,
        connection: &'operation mut SqliteConnection,
    ) -> Result<Checker<'operation>, Error> {
        Ok(Checker {
            path: self.path,
            statements: Statements::of(connection)?,
            catalogue: self.catalogue,
            quick: self.quick,
            findings: Findings::default(),
            reporter: Reporter::new(self.tally, None),
        })
    }
}

impl Work<'_, '_> {
    /// Does the work with the caller's thread, and with a thread for each of the other connections.
    fn run(&self, checker: &mut Checker<'_>, others: &mut [SqliteConnection]) {
        let template = Template::of(checker);
        thread::scope(|scope| {
            for connection in others {
                let run = move || {
                    self.crew.watch(|| {
                        let mut checker = template.checker(connection)?;
                        self.take_part(&mut checker)
                    });
                };
                if !self.crew.start(scope, run) {
                    break;
                }
            }
            self.crew.watch(|| self.take_part(checker));
            self.crew.await_others(checker);
        });
    }

    /// Does one job after the other, and then one subtree after the other, until none is left.
    fn take_part(&self, checker: &mut Checker<'_>) -> Result<(), Error> {
        let _held = checker.statements.hold();
        let reader = self.walk.and_then(|_| checker.statements.page_reader());
        let mut buffers = Buffers::default();
        while !self.crew.tally.has_ended() {
            // Whether a page is damaged is known before a rule reads it.
            if let (Some(walk), Some(reader)) = (self.walk, &reader)
                && !walk.is_done()
            {
                checker.tell(Stage::Verifying, 0, 0)?;
                if !walk.step(reader, &mut buffers) {
                    walk.await_more();
                }
                continue;
            }
            let Some(job) = self.jobs.get(self.taken.fetch_add(1, Relaxed)) else {
                break;
            };
            if self.walk.is_none_or(Walk::is_doubtful) {
                checker.forget_pages()?;
            }
            self.do_job(*job, checker)?;
        }
        Ok(())
    }

    fn do_job(
        &self,
        (part, look): (usize, Option<usize>),
        checker: &mut Checker<'_>,
    ) -> Result<(), Error> {
        let Some(described) = self.parts.get(part) else {
            return Ok(());
        };
        if let Some(look) = look.and_then(|look| described.looks.get(look)) {
            if look(checker)?
                && let Some(suspicion) = &described.suspicion
            {
                suspicion.store(true, Relaxed);
            }
            return Ok(());
        }
        (described.run)(checker)?;
        if let Some(findings) = self.findings.get(part) {
            *findings.lock().unwrap_or_else(PoisonError::into_inner) =
                std::mem::take(&mut checker.findings);
        }
        Ok(())
    }
}

impl Crew<'_> {
    fn active(&self) -> MutexGuard<'_, usize> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the work of all threads. The first error counts, unless it only says that the work has ended.
    fn fail(&self, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let is_consequence = self.tally.has_ended() && matches!(error.kind, ErrorKind::Interrupted);
        if failure.is_none() && !is_consequence {
            *failure = Some(error);
        }
        drop(failure);
        self.tally.end();
    }

    /// Starts a thread. Returns whether it could be started.
    fn start<'scope>(
        &'scope self,
        scope: &'scope thread::Scope<'scope, '_>,
        run: impl FnOnce() + Send + 'scope,
    ) -> bool {
        struct Ended<'crew>(&'crew Crew<'crew>);
        impl Drop for Ended<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.tally.end();
                }
                *self.0.active() -= 1;
                self.0.ended.notify_all();
            }
        }

        *self.active() += 1;
        let started = thread::Builder::new().spawn_scoped(scope, move || {
            let _ended = Ended(self);
            run();
        });
        if let Err(error) = &started {
            log::debug!("Fewer threads verify than there are connections: {error}");
            *self.active() -= 1;
        }
        started.is_ok()
    }

    fn watch(&self, work: impl FnOnce() -> Result<(), Error>) {
        if let Err(error) = work() {
            self.fail(error);
        }
    }

    /// Waits for the other threads, and goes on telling the observer.
    fn await_others(&self, checker: &mut Checker<'_>) {
        const INTERVAL: Duration = Duration::from_millis(50);
        loop {
            let active = self.active();
            let (active, _) = self
                .ended
                .wait_timeout_while(active, INTERVAL, |active| *active > 0)
                .unwrap_or_else(PoisonError::into_inner);
            if *active == 0 {
                return;
            }
            drop(active);
            if !self.tally.has_ended() {
                self.watch(|| checker.tell(Stage::Verifying, 0, 0));
            }
        }
    }
}
