//! `degenbot pool update --follow` and `degenbot aave update --follow`: the chains are followed, each on a thread of its own, and this one tells how far they
//! are.

mod chain_state;
pub(in crate::cli) mod metrics;
pub(in crate::cli) mod news;
pub(in crate::cli) mod options;
mod teller;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, Scope, panicking, scope};
use std::time::{Duration, Instant};

use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::Failure;
use crate::cli::follow::metrics::FollowMetrics;
use crate::cli::follow::news::{Ended, News};
use crate::cli::follow::options::Following;
use crate::cli::follow::teller::Teller;
use crate::cli::interrupt::cancel_token;
use crate::cli::json::Json;
use crate::cli::progress::update::Subject;
use crate::node::client::Node;
use crate::sync::follow_event::FollowEvent;
use crate::sync::report::UpdateProgress;
use crate::sync::sync_error::SyncError;
use crate::sync::update_options::UpdateObserver;
use crate::types::integer::ChainId;

/// How often this thread looks around while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// How often it looks for chains that have their first active exchange or market now.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Finds the chains of the active exchanges or markets.
type FindChains<'a> = dyn Fn() -> Result<BTreeSet<ChainId>, Failure> + 'a;

/// Follows a chain with the library, on a thread of its own.
type Follow<'a> = dyn Fn(ChainId, &Node, Duration, &mut dyn UpdateObserver) -> Ended + Sync + 'a;

/// What is followed, and how.
pub(in crate::cli) struct Followed<'a> {
    pub(in crate::cli) subject: Subject,
    pub(in crate::cli) context: &'a Context,
    pub(in crate::cli) following: &'a Following,
    pub(in crate::cli) json: &'a Json,
    pub(in crate::cli) metrics: Option<FollowMetrics>,
    pub(in crate::cli) path: &'a Path,
    pub(in crate::cli) endpoints: Endpoints,
    pub(in crate::cli) chains: &'a FindChains<'a>,
    /// Follows a chain; the time is that between two questions for a new block.
    pub(in crate::cli) follow: &'a Follow<'a>,
    /// How long a lock is waited for.
    pub(in crate::cli) wait: Duration,
}

/// Passes on what a follower tells.
struct Sender {
    chain: ChainId,
    news: SyncSender<News>,
}

/// A follower that panics has ended, too.
impl Drop for Sender {
    fn drop(&mut self) {
        if panicking() {
            let _ = self.news.send(News::Lost(self.chain));
        }
    }
}

impl Sender {
    fn send(&self, news: News) -> ControlFlow<()> {
        match self.news.send(news) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl UpdateObserver for Sender {
    fn progress(&mut self, progress: &UpdateProgress) -> ControlFlow<()> {
        if cancel_token().is_cancelled() {
            return ControlFlow::Break(());
        }
        self.send(News::Commit(*progress))
    }

    fn event(&mut self, event: &FollowEvent<'_>) -> ControlFlow<()> {
        self.send(News::of(event))
    }
}

impl Followed<'_> {
    /// Follows the chains until the process is told to end, or none is left.
    pub(in crate::cli) fn run(mut self) -> Result<(), Failure> {
        let metrics = self.metrics.take();
        let mut teller = Teller::new(self.subject, self.context, self.json, self.path, metrics);
        let mut chains = (self.chains)()?;
        scope(|scope| {
            let (sender, news) = sync_channel(64);
            let mut looked = Instant::now();
            loop {
                for chain in std::mem::take(&mut chains) {
                    self.start(scope, chain, &sender, &mut teller);
                }
                if teller.have_all_ended() {
                    break;
                }
                receive(&news, &mut teller);
                if looked.elapsed() >= LOOK_EVERY && !cancel_token().is_cancelled() {
                    looked = Instant::now();
                    let found = (self.chains)().unwrap_or_default();
                    chains = found.into_iter().filter(|it| !teller.knows(*it)).collect();
                }
            }
        });
        teller.finish()
    }

    /// Starts to follow a chain. If that fails, the teller knows.
    fn start<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        chain: ChainId,
        sender: &SyncSender<News>,
        teller: &mut Teller<'_>,
    ) where
        Self: 'scope,
    {
        let (wait, poll, follow) = (self.wait, self.following.poll, self.follow);
        let ended = |error| News::Ended(Box::new(Ended::at_once(chain, error)));
        let node = match self.endpoints.node(chain) {
            Ok(node) => Arc::new(node),
            Err(error) => {
                teller.begin(chain, None, wait);
                return teller.tell(ended(error));
            }
        };
        teller.begin(chain, Some(Arc::clone(&node)), wait);
        let mut sender = Sender {
            chain,
            news: sender.clone(),
        };
        let follow = move || {
            let ended = follow(chain, &node, poll, &mut sender);
            let _ = sender.send(News::Ended(Box::new(ended)));
        };
        let thread = Builder::new().name(format!("follow {chain}"));
        if let Err(error) = thread.spawn_scoped(scope, follow) {
            teller.tell(ended(SyncError::NoThread {
                detail: error.to_string(),
            }));
        }
    }
}

/// Takes what has happened, or waits a moment for it.
fn receive(news: &Receiver<News>, teller: &mut Teller<'_>) {
    let wait = teller.interval().map_or(TICK, |every| every.min(TICK));
    match news.recv_timeout(wait) {
        Ok(first) => {
            teller.tell(first);
            while let Ok(next) = news.try_recv() {
                teller.tell(next);
            }
        }
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
    }
    teller.tick();
}
