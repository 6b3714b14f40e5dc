//! Which exchanges take part in an update, and from which block on.

use diesel::sqlite::SqliteConnection;

use crate::deployments::deployment::Deployment;
use crate::deployments::event_family::EventFamily;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::access::row_error::RowError;
use crate::models::rows::exchange::Exchange;
use crate::models::rows::exchange_deployment::ExchangeDeployment;
use crate::models::rows::pool_manager::PoolManager;
use crate::sync::member::Member;
use crate::sync::report::Skipped;
use crate::types::integer::{BlockNumber, ChainId};

/// The exchanges of a chain that take part, or the markets.
#[derive(Debug, Clone)]
pub(super) struct Scope<M = ScopedExchange> {
    pub(super) exchanges: Vec<M>,
    pub(super) skipped: Vec<Skipped>,
    /// The marks of all exchanges of the chain, or of all its markets, whether they take part or not.
    pub(super) marks: Vec<BlockNumber>,
}

/// An exchange that takes part.
#[derive(Debug, Clone)]
pub(super) struct ScopedExchange {
    pub(super) id: i64,
    pub(super) deployment: Deployment,
    pub(super) family: EventFamily,
    /// The last block that is in the database.
    pub(super) mark: Option<BlockNumber>,
    /// The manager of the pools, for an exchange that has one.
    pub(super) manager: Option<PoolManager>,
}

/// Exchanges that are at the same block, or one market, and the blocks that they take in together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Places in [`Scope::exchanges`].
    pub(super) members: Vec<usize>,
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
}

impl Scope {
    /// Reads the active exchanges of a chain; with names, only those.
    pub(super) fn read(
        connection: &mut SqliteConnection,
        chain: ChainId,
        names: &[ExchangeName],
    ) -> Result<Self, RowError> {
        Self::read_those(connection, chain, |exchange, name| {
            exchange.active && (names.is_empty() || names.contains(name))
        })
    }

    /// Reads the exchanges of a chain that are wanted.
    pub(super) fn read_those(
        connection: &mut SqliteConnection,
        chain: ChainId,
        is_wanted: impl Fn(&Exchange, &ExchangeName) -> bool,
    ) -> Result<Self, RowError> {
        let mut scope = Self {
            exchanges: Vec::new(),
            skipped: Vec::new(),
            marks: Vec::new(),
        };
        let managers = PoolManager::of_chain(connection, chain)?;
        for exchange in Exchange::of_chain(connection, chain)? {
            scope.marks.extend(exchange.last_update_block);
            let name = ExchangeName {
                chain,
                name: exchange.name.clone(),
            };
            if !is_wanted(&exchange, &name) {
                continue;
            }
            let stored = ExchangeDeployment::of_exchange(connection, exchange.id)?;
            match ScopedExchange::new(&exchange, stored, &managers) {
                Ok(scoped) => scope.exchanges.push(scoped),
                Err(reason) => scope.skipped.push(Skipped {
                    exchange: name,
                    reason: reason.into(),
                    is_for_now: false,
                }),
            }
        }
        Ok(scope)
    }
}

impl<M: Member> Scope<M> {
    /// The exchanges that are furthest back, and the blocks up to which they are alone; or one market and all of its blocks.
    /// `None` if all are at `target`.
    pub(super) fn next_group(&self, target: BlockNumber) -> Option<Group> {
        let starts: Vec<_> = self.exchanges.iter().map(Member::next).collect();
        let from = *starts.iter().min()?;
        if from > target {
            return None;
        }
        if M::STANDS_ALONE {
            let member = starts.iter().position(|start| *start == from)?;
            return Some(Group::alone(member, from, target));
        }
        let later = starts.iter().filter(|start| **start > from).min();
        let to = later
            .and_then(|start| start.previous())
            .map_or(target, |end| end.min(target));
        let members = (0..starts.len()).filter(|index| starts[*index] == from);
        Some(Group {
            members: members.collect(),
            from,
            to,
        })
    }

    /// The last block that the database has of all exchanges. Before its first block, an exchange has nothing to have.
    pub(super) fn complete(&self) -> Option<BlockNumber> {
        let starts = self.exchanges.iter().map(Member::next);
        starts.min().and_then(BlockNumber::previous)
    }

    /// How many blocks the exchanges have to take in, counted once for each group.
    pub(super) fn blocks(&self, target: BlockNumber) -> u64 {
        let missing = |start: BlockNumber| (target.get() + 1).saturating_sub(start.get());
        let missing = self.exchanges.iter().map(|member| missing(member.next()));
        if M::STANDS_ALONE {
            return missing.sum();
        }
        missing.max().unwrap_or_default()
    }
}

impl Group {
    /// A member that takes its blocks in by itself.
    pub(super) fn alone(member: usize, from: BlockNumber, to: BlockNumber) -> Self {
        Self {
            members: vec![member],
            from,
            to,
        }
    }
}

impl ScopedExchange {
    /// The exchange of a row. The error is the reason why it cannot take part.
    fn new(
        exchange: &Exchange,
        stored: Option<ExchangeDeployment>,
        managers: &[PoolManager],
    ) -> Result<Self, &'static str> {
        let name = ExchangeName {
            chain: exchange.chain_id,
            name: exchange.name.clone(),
        };
        let known = Deployment::of(&name);
        let kind = match (&stored, known) {
            (Some(stored), _) => stored.kind,
            (None, Some(known)) => known.kind,
            (None, None) => {
                return Err(
                    "the kind of its pools is not known: record it with 'exchange activate NAME --kind KIND'",
                );
            }
        };
        let Some(family) = kind.event_family() else {
            return Err("the events of its kind are not known to this program");
        };
        let manager = match kind {
            ExchangeKind::Pools(_) => None,
            ExchangeKind::Manager(_) => {
                let of_exchange = managers
                    .iter()
                    .find(|manager| manager.address == exchange.factory);
                Some(of_exchange.ok_or("it has no row in pool_managers")?.clone())
            }
        };
        let (first_block, init_code_hash) = match (stored, known) {
            (Some(stored), _) => (
                stored.first_block,
                stored.init_code_hash.map(|hash| (*hash.as_bytes()).into()),
            ),
            (None, Some(known)) if known.factory == exchange.factory => {
                (known.first_block, known.init_code_hash)
            }
            (None, _) => (None, None),
        };
        Ok(Self {
            id: exchange.id,
            deployment: Deployment {
                chain: exchange.chain_id,
                title: known
                    .map_or_else(|| exchange.name.clone().into(), |known| known.title.clone()),
                name: exchange.name.clone().into(),
                kind,
                factory: exchange.factory,
                deployer: exchange.deployer,
                state_view: None,
                first_block,
                init_code_hash,
            },
            family,
            mark: exchange.last_update_block,
            manager,
        })
    }

    /// The first block that is not in the database.
    pub(super) fn next(&self) -> BlockNumber {
        match self.mark {
            Some(mark) => mark.next(),
            None => self.deployment.first_block.unwrap_or(BlockNumber::FIRST),
        }
    }

    /// The name of the exchange.
    pub(super) fn name(&self) -> ExchangeName {
        self.deployment.exchange()
    }
}

impl Member for ScopedExchange {
    const STANDS_ALONE: bool = false;

    fn name(&self) -> ExchangeName {
        Self::name(self)
    }

    fn mark(&self) -> Option<BlockNumber> {
        self.mark
    }

    fn next(&self) -> BlockNumber {
        Self::next(self)
    }

    fn advance(&mut self, mark: BlockNumber) {
        self.mark = Some(mark);
    }
}
