//! Tells how far the chains are: on the terminal or in a log, as JSON, in the file of metrics, and to systemd.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::follow::chain_state::ChainState;
use crate::cli::follow::metrics::FollowMetrics;
use crate::cli::follow::news::{Ended, News};
use crate::cli::format::{bytes, grouped, requests, timestamp};
use crate::cli::interrupt::cancel_token;
use crate::cli::json::Json;
use crate::cli::outcome::of_chain;
use crate::cli::progress::live_lines::LiveLines;
use crate::cli::progress::update::Subject;
use crate::cli::service_manager::ServiceManager;
use crate::counted::counted;
use crate::deployments::chains::chain_title;
use crate::deployments::exchange_name::ExchangeName;
use crate::deployments::market_name::MarketName;
use crate::models::journal::undo::Undone;
use crate::node::client::Node;
use crate::sync::follow_event::FollowStatus;
use crate::sync::report::{Skipped, UpdateProgress};
use crate::types::integer::{BlockNumber, ChainId};

/// The interval between two lines in a log while a chain catches up.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What comes and goes is told once in this time.
const TROUBLE_EVERY: Duration = Duration::from_secs(60);

/// A chain, and how it is shown.
struct Shown {
    node: Option<Arc<Node>>,
    /// When the last line about its progress, and about something that keeps it waiting, was printed.
    told: Instant,
    told_trouble: Option<Instant>,
    /// Whether it was told that it waits.
    is_trouble_told: bool,
}

/// Tells how far the chains are.
pub(super) struct Teller<'a> {
    subject: Subject,
    context: &'a Context,
    json: &'a Json,
    path: &'a Path,
    metrics: Option<FollowMetrics>,
    manager: ServiceManager,
    states: BTreeMap<ChainId, ChainState>,
    shown: BTreeMap<ChainId, Shown>,
    lines: LiveLines,
    /// Whether something has happened that the metrics do not say yet.
    has_news: bool,
    drawn: Instant,
    /// The failure that is told at the end, and what else was not followed.
    failure: Option<Failure>,
    not_followed: Vec<String>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        subject: Subject,
        context: &'a Context,
        json: &'a Json,
        path: &'a Path,
        metrics: Option<FollowMetrics>,
    ) -> Self {
        Self {
            subject,
            context,
            json,
            path,
            metrics,
            manager: ServiceManager::from_environment(),
            states: BTreeMap::new(),
            shown: BTreeMap::new(),
            lines: LiveLines::new(&context.printer),
            has_news: true,
            drawn: Instant::now(),
            failure: None,
            not_followed: Vec::new(),
        }
    }

    /// How often [`Self::tick`] must be called at least.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.manager.interval()
    }

    /// Whether a chain is followed, or was.
    pub(super) fn knows(&self, chain: ChainId) -> bool {
        self.states.contains_key(&chain)
    }

    pub(super) fn have_all_ended(&self) -> bool {
        self.states.values().all(|state| state.has_ended)
    }

    /// A chain is followed from now on, by a follower that waits for a lock at most so long.
    pub(super) fn begin(&mut self, chain: ChainId, node: Option<Arc<Node>>, wait: Duration) {
        self.states
            .insert(chain, ChainState::new(chain, self.subject, wait));
        let shown = Shown {
            node,
            told: Instant::now(),
            told_trouble: None,
            is_trouble_told: false,
        };
        self.shown.insert(chain, shown);
    }

    /// Does what has to be done from time to time.
    pub(super) fn tick(&mut self) {
        const DRAW_EVERY: Duration = Duration::from_millis(500);
        if cancel_token().is_cancelled() {
            self.manager.stopping();
        }
        for (chain, shown) in &self.shown {
            if let (Some(node), Some(state)) = (&shown.node, self.states.get_mut(chain)) {
                state.look_at(node.statistics());
            }
        }
        if self.states.values().all(ChainState::has_started) {
            self.manager.ready();
        }
        let is_stuck = self.states.values().any(ChainState::is_stuck);
        if !is_stuck {
            self.manager.alive();
        }
        if self.has_news || self.drawn.elapsed() >= DRAW_EVERY {
            self.drawn = Instant::now();
            self.draw();
            let states: Vec<_> = self.states.values().map(ChainState::status).collect();
            self.manager.status(&states.join("; "));
        }
        if let Some(metrics) = &mut self.metrics
            && (self.has_news || metrics.is_due())
        {
            metrics.write(self.subject, &self.states);
        }
        self.has_news = false;
    }

    /// Takes in what a follower tells, and passes it on.
    pub(super) fn tell(&mut self, news: News) {
        let chain = news.chain();
        if let Some(state) = self.states.get_mut(&chain) {
            state.sign = Instant::now();
            let node = self.shown.get(&chain).and_then(|it| it.node.as_ref());
            if let Some(node) = node {
                state.look_at(node.statistics());
            }
        }
        self.has_news |= !matches!(news, News::UpToDate(_));
        match news {
            News::Commit(progress) => self.commit(&progress),
            News::UpToDate(status) => self.up_to_date(&status),
            News::Exchanges {
                chain,
                added,
                removed,
                skipped,
            } => self.exchanges(chain, &added, &removed, skipped),
            News::Undone {
                chain,
                above,
                undone,
            } => self.undone(chain, above, undone),
            News::Waiting { chain, reason } => self.waiting(chain, reason),
            News::Resumed { chain, after } => self.resumed(chain, after),
            News::Ended(ended) => self.ended(*ended),
            News::Lost(chain) => {
                if let Some(state) = self.states.get_mut(&chain) {
                    state.has_ended = true;
                }
            }
        }
    }

    fn commit(&mut self, progress: &UpdateProgress) {
        let Some(state) = self.states.get_mut(&progress.chain) else {
            return;
        };
        let (created, events) = state.commit(progress);
        let is_far_behind = state.is_far_behind;
        let line = state.line();
        let subject = self.subject;
        self.print_json(progress.chain, "commit", |line| {
            line.block = Some(progress.block.get());
            line.seconds_behind = Some(progress.behind);
            line.counts = Counts::of(subject, created, events);
        });
        let Some(shown) = self.shown.get_mut(&progress.chain) else {
            return;
        };
        if !self.lines.are_shown() && is_far_behind && shown.told.elapsed() >= LINE_EVERY {
            shown.told = Instant::now();
            self.say(&line);
        }
    }

    fn up_to_date(&mut self, status: &FollowStatus) {
        let Some(state) = self.states.get_mut(&status.chain) else {
            return;
        };
        let was_far_behind = state.is_far_behind;
        let block = state.block;
        state.up_to_date(status);
        self.has_news |= was_far_behind || block != state.block;
        if was_far_behind && let Some(block) = status.block {
            let title = chain_title(status.chain);
            let block = grouped(block.get());
            self.say(&format!(
                "{title} is up to date at block {block}; new blocks are taken in as they come."
            ));
        }
    }

    fn exchanges(
        &mut self,
        chain: ChainId,
        added: &[(ExchangeName, Option<BlockNumber>)],
        removed: &[ExchangeName],
        skipped: Vec<Skipped>,
    ) {
        let Some(state) = self.states.get_mut(&chain) else {
            return;
        };
        let is_first = state.members == 0 && !state.has_caught_up;
        state.members = state.members + added.len() - removed.len().min(state.members);
        let known = std::mem::replace(&mut state.skipped, skipped.clone());
        if is_first {
            let from = added.iter().map(|(_, block)| *block).min().flatten();
            state.block = from;
            let from = from.map_or_else(String::new, |block| {
                format!(", from block {}", grouped(block.get()))
            });
            let title = chain_title(chain);
            let members = counted(added.len(), self.subject.member());
            self.say(&format!("{title}: following {members}{from}."));
        } else {
            for (name, block) in added {
                let from = block.map_or_else(
                    || "its beginning".to_owned(),
                    |block| format!("block {}", grouped(block.get())),
                );
                let is_back = known.iter().any(|it| it.exchange == *name && it.is_for_now);
                let state = if is_back {
                    "is followed"
                } else {
                    "is active now, and is followed"
                };
                self.say(&format!("{name} {state} from {from} on."));
            }
            let is_held = |name: &&ExchangeName| !skipped.iter().any(|it| it.exchange == **name);
            for name in removed.iter().filter(is_held) {
                self.say(&format!(
                    "{name} is no longer active, and no longer followed."
                ));
            }
        }
        for skipped in skipped.into_iter().filter(|it| !known.contains(it)) {
            if skipped.is_for_now {
                let Skipped {
                    exchange, reason, ..
                } = skipped;
                self.say(&format!("{exchange} is not followed for now: {reason}."));
                continue;
            }
            self.report(&skipping(self.subject, skipped));
        }
    }

    fn undone(&mut self, chain: ChainId, above: BlockNumber, undone: Undone) {
        if let Some(state) = self.states.get_mut(&chain) {
            state.undo(above);
        }
        self.print_json(chain, "undo", |line| {
            line.undone_above_block = Some(above.get());
        });
        let what = match self.subject {
            Subject::Pools => format!(
                "{} pools, {} tokens and {} rows",
                grouped(undone.pools),
                grouped(undone.tokens),
                grouped(undone.rows)
            ),
            // The journal of the chain has the pools as well.
            Subject::Markets => format!(
                "{} rows",
                grouped(undone.pools + undone.tokens + undone.rows)
            ),
        };
        self.say(&format!(
            "{}: the chain was reorganised; what came after block {} is undone: {what}.",
            chain_title(chain),
            grouped(above.get()),
        ));
    }

    fn waiting(&mut self, chain: ChainId, reason: String) {
        let text = format!("{}: waiting: {reason}", chain_title(chain));
        self.print_json(chain, "waiting", |line| line.error = Some(reason.clone()));
        if let Some(state) = self.states.get_mut(&chain) {
            state.waiting = Some((reason, Instant::now()));
        }
        let Some(shown) = self.shown.get_mut(&chain) else {
            return;
        };
        let is_due = shown
            .told_trouble
            .is_none_or(|told| told.elapsed() >= TROUBLE_EVERY);
        if is_due || shown.is_trouble_told {
            shown.told_trouble = Some(Instant::now());
            shown.is_trouble_told = true;
            self.say(&text);
        }
    }

    fn resumed(&mut self, chain: ChainId, after: Duration) {
        self.print_json(chain, "resumed", |_| {});
        if let Some(state) = self.states.get_mut(&chain) {
            state.waiting = None;
        }
        let was_told = self
            .shown
            .get_mut(&chain)
            .is_some_and(|shown| std::mem::take(&mut shown.is_trouble_told));
        if was_told {
            let (title, seconds) = (chain_title(chain), after.as_secs());
            self.say(&format!("{title}: going on after {seconds} s."));
        }
    }

    fn ended(&mut self, ended: Ended) {
        let chain = ended.chain;
        let Some(state) = self.states.get_mut(&chain) else {
            return;
        };
        state.has_ended = true;
        state.look_at(ended.node);
        let title = chain_title(chain);
        let block = state.block.map(|block| grouped(block.get()));
        self.draw();
        if let Some(block) = block {
            self.say(&format!(
                "{title} is at block {block}: {} new {}, {} {}, {}, {}, {} s.",
                grouped(ended.created),
                self.subject.created(),
                grouped(ended.events),
                self.subject.events(),
                requests(ended.node.requests),
                bytes(ended.node.bytes),
                ended.elapsed.as_secs(),
            ));
        }
        let Err(error) = ended.result else { return };
        self.print_json(chain, "failed", |line| {
            line.error = Some(with_causes(&error));
        });
        let failure = of_chain(chain, error);
        // The last one is the failure of the command.
        if self.have_all_ended() {
            self.failure = Some(failure);
        } else {
            self.report(&failure);
            self.not_followed.push(title);
        }
    }

    /// Takes leave. The result is that of the command.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.manager.stopping();
        if let Some(metrics) = &mut self.metrics {
            metrics.write(self.subject, &self.states);
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let skipped = self.states.values().flat_map(|state| &state.skipped);
        let skipped = skipped.map(|skipped| skipped.exchange.to_string());
        self.not_followed.extend(skipped);
        if self.not_followed.is_empty() {
            return Ok(());
        }
        Err(Failure::NotFollowed {
            what: std::mem::take(&mut self.not_followed),
        })
    }

    /// Shows a line for each chain that is followed.
    fn draw(&self) {
        let followed = self.states.values().filter(|state| !state.has_ended);
        self.lines.show(followed.map(ChainState::line));
    }

    fn say(&self, line: &str) {
        self.lines.above(|| self.context.printer.message(line));
    }

    fn report(&self, failure: &Failure) {
        self.lines.above(|| failure.report(&self.context.printer));
    }

    /// Prints a line of JSON, if that is asked for. If nobody reads it any more, the process ends.
    fn print_json(&self, chain: ChainId, event: &'static str, fill: impl FnOnce(&mut Line)) {
        let Some(state) = self.states.get(&chain).filter(|_| self.json.is_given()) else {
            return;
        };
        let mut line = Line {
            time: timestamp(SystemTime::now()),
            path: self.path.display().to_string(),
            chain_id: chain.get(),
            event,
            block: state.block.map(Into::into),
            head_block: state.head.map(Into::into),
            finalized_block: state.finalized.map(Into::into),
            seconds_behind: state.seconds_behind,
            counts: Counts::of(self.subject, 0, 0),
            undone_above_block: None,
            requests: state.node.requests,
            error: None,
        };
        fill(&mut line);
        if let Err(error) = self.json.line(self.context, self.subject.command(), &line) {
            log::info!("The process ends, because stdout cannot be written to: {error}");
            cancel_token().cancel();
        }
    }
}

/// One line of JSON.
#[derive(Serialize)]
struct Line {
    time: String,
    path: String,
    chain_id: u64,
    event: &'static str,
    block: Option<u64>,
    head_block: Option<u64>,
    finalized_block: Option<u64>,
    seconds_behind: Option<u64>,
    #[serde(flatten)]
    counts: Counts,
    undone_above_block: Option<u64>,
    requests: u64,
    error: Option<String>,
}

/// What a commit has brought.
#[derive(Serialize)]
#[serde(untagged)]
enum Counts {
    Pools {
        new_pools: u64,
        liquidity_events: u64,
    },
    Markets {
        new_positions: u64,
        events: u64,
    },
}

impl Counts {
    const fn of(subject: Subject, created: u64, events: u64) -> Self {
        match subject {
            Subject::Pools => Self::Pools {
                new_pools: created,
                liquidity_events: events,
            },
            Subject::Markets => Self::Markets {
                new_positions: created,
                events,
            },
        }
    }
}

/// The failure that stands for something active that is left out.
fn skipping(subject: Subject, skipped: Skipped) -> Failure {
    let Skipped {
        exchange, reason, ..
    } = skipped;
    match subject {
        Subject::Pools => Failure::ExchangeSkipped { exchange, reason },
        Subject::Markets => Failure::MarketSkipped {
            market: MarketName {
                chain: exchange.chain,
                name: exchange.name,
            },
            reason,
        },
    }
}
