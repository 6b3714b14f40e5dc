//! What is known of a chain that is followed.

use std::time::{Duration, Instant, SystemTime};

use crate::cli::format::grouped;
use crate::cli::progress::update::Subject;
use crate::deployments::chains::chain_title;
use crate::node::statistics::NodeStatistics;
use crate::sync::follow_event::FollowStatus;
use crate::sync::report::{Skipped, UpdateProgress};
use crate::types::integer::{BlockNumber, ChainId};

/// A chain that is more blocks behind than this is catching up.
const CATCHING_UP: u64 = 100;

/// How long a follower gives no sign at most: a request and its repetitions take three minutes.
const SILENCE: Duration = Duration::from_secs(300);

/// What is known of a chain.
#[derive(Debug)]
pub(super) struct ChainState {
    pub(super) chain: ChainId,
    subject: Subject,
    pub(super) head: Option<BlockNumber>,
    pub(super) finalized: Option<BlockNumber>,
    /// The last block that is in the database.
    pub(super) block: Option<BlockNumber>,
    pub(super) seconds_behind: Option<u64>,
    /// The exchanges or markets that take part.
    pub(super) members: usize,
    pub(super) skipped: Vec<Skipped>,
    /// New pools or positions.
    pub(super) created: u64,
    pub(super) events: u64,
    pub(super) reorganisations: u64,
    pub(super) node: NodeStatistics,
    /// The blocks that are done, and all that are to be.
    pub(super) done: u64,
    pub(super) total: u64,
    /// Whether the database has been at the target.
    pub(super) has_caught_up: bool,
    /// Whether it is far behind, or not known to be otherwise.
    pub(super) is_far_behind: bool,
    /// Why nothing can be taken in, and since when.
    pub(super) waiting: Option<(String, Instant)>,
    /// Whether the follower has ended.
    pub(super) has_ended: bool,
    /// When the database was last at the target.
    pub(super) succeeded: Option<SystemTime>,
    /// When the block was reached.
    pub(super) reached: Instant,
    /// When there was last a sign of the follower, and how long it gives none at most.
    pub(super) sign: Instant,
    silence: Duration,
}

impl ChainState {
    /// The state before anything is known. `wait` is how long the follower waits for a lock.
    pub(super) fn new(chain: ChainId, subject: Subject, wait: Duration) -> Self {
        let now = Instant::now();
        Self {
            chain,
            subject,
            head: None,
            finalized: None,
            block: None,
            seconds_behind: None,
            members: 0,
            skipped: Vec::new(),
            created: 0,
            events: 0,
            reorganisations: 0,
            node: NodeStatistics::default(),
            done: 0,
            total: 0,
            has_caught_up: false,
            is_far_behind: true,
            waiting: None,
            has_ended: false,
            succeeded: None,
            reached: now,
            sign: now,
            silence: SILENCE.saturating_add(wait),
        }
    }

    /// Takes in what a commit tells. Returns what is new, and the events.
    pub(super) fn commit(&mut self, progress: &UpdateProgress) -> (u64, u64) {
        let new = (
            progress.created.saturating_sub(self.created),
            progress.events.saturating_sub(self.events),
        );
        self.created = progress.created;
        self.events = progress.events;
        self.head = Some(progress.head);
        self.finalized = progress.finalized;
        self.done = progress.done;
        self.total = progress.total;
        self.is_far_behind |= self.blocks_behind(progress.complete) > CATCHING_UP;
        let behind = (progress.complete == progress.block).then_some(progress.behind);
        self.reach(Some(progress.complete), behind);
        new
    }

    /// The database is at the target.
    pub(super) fn up_to_date(&mut self, status: &FollowStatus) {
        self.members = status.exchanges;
        self.head = status.head;
        self.finalized = status.finalized;
        self.has_caught_up = true;
        self.is_far_behind = false;
        self.succeeded = Some(SystemTime::now());
        self.reach(status.block, status.behind);
    }

    /// Blocks are gone, down to this one.
    pub(super) fn undo(&mut self, above: BlockNumber) {
        self.reorganisations += 1;
        self.reach(Some(above), None);
    }

    fn reach(&mut self, block: Option<BlockNumber>, behind: Option<u64>) {
        if self.block != block {
            self.reached = Instant::now();
        }
        self.block = block;
        self.seconds_behind = behind;
    }

    fn blocks_behind(&self, block: BlockNumber) -> u64 {
        let head = self.head.unwrap_or(block);
        head.get().saturating_sub(block.get())
    }

    /// The number of blocks that the node has and the database lacks.
    pub(super) fn lag(&self) -> Option<u64> {
        self.block.map(|block| self.blocks_behind(block))
    }

    /// Notes what the requests have cost. That they go on is a sign of the follower.
    pub(super) fn look_at(&mut self, node: NodeStatistics) {
        if self.node != node {
            self.node = node;
            self.sign = Instant::now();
        }
    }

    /// Whether the follower does what it should.
    pub(super) fn is_up(&self) -> bool {
        self.has_caught_up && self.waiting.is_none() && !self.has_ended
    }

    /// Whether it is known how the start went.
    pub(super) const fn has_started(&self) -> bool {
        self.has_caught_up || self.waiting.is_some() || self.has_ended
    }

    /// Whether the follower has given no sign for longer than any of its waits takes.
    pub(super) fn is_stuck(&self) -> bool {
        !self.has_ended && self.sign.elapsed() > self.silence
    }

    /// One line for a terminal, which fits on 80 columns as a rule.
    pub(super) fn line(&self) -> String {
        let title = chain_title(self.chain);
        let Some(block) = self.block else {
            return match &self.waiting {
                Some((reason, _)) => format!("{title}: waiting: {reason}"),
                None if self.members == 0 && self.has_caught_up => {
                    format!("{title}: no {} is active", self.subject.member())
                }
                None => format!("{title}: asking the node"),
            };
        };
        let block = grouped(block.get());
        if let Some((reason, since)) = &self.waiting {
            let seconds = since.elapsed().as_secs();
            return format!("{title}: block {block}, waiting for {seconds} s: {reason}");
        }
        let counts = format!(
            "{} {}, {} events",
            grouped(self.created),
            self.subject.created(),
            grouped(self.events)
        );
        if self.is_far_behind {
            let percent = self.done.saturating_mul(100) / self.total.max(1);
            return format!("{title}: block {block}, {percent} % done, {counts}");
        }
        let place = match self.lag() {
            Some(0) | None => "the newest".to_owned(),
            Some(lag) => format!("{} behind", grouped(lag)),
        };
        let seconds = self.reached.elapsed().as_secs();
        format!("{title}: block {block}, {place}, for {seconds} s; {counts}")
    }

    /// A line for the service manager, which changes only with the blocks.
    pub(super) fn status(&self) -> String {
        let title = chain_title(self.chain);
        let block = match self.block {
            Some(block) => format!("{title} at block {}", grouped(block.get())),
            None => title,
        };
        match (&self.waiting, self.lag()) {
            _ if self.has_ended => format!("{block}, ended"),
            (Some((reason, _)), _) => format!("{block}, waiting: {reason}"),
            (None, Some(0) | None) => block,
            (None, Some(lag)) => format!("{block}, {} behind", grouped(lag)),
        }
    }
}
