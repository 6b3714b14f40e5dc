//! What contracts say of pools beside their liquidity.

use std::collections::BTreeSet;

use crate::deployments::event_family::EventFamily;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::fees::FeeSource;
use crate::deployments::pool_address::PoolSalt;
use crate::events::uniswap_v4;
use crate::models::pools::pool_parameters::Fees;
use crate::node::calls::Call;
use crate::node::header::BlockTag;
use crate::sync::at_block::AtBlock;
use crate::sync::chain_state::{Answer, Holder, Item, Value, address, ask, plain_call, word};
use crate::sync::events_since::NAMED;
use crate::sync::pool_facts::{Difference, MARK, PoolFacts, Subject};
use crate::sync::replay::{Parts, PoolKey, Replay, Wanted};
use crate::sync::stored_pools::StoredPool;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::{FeeParts, TickSpacing};

/// The columns of a pool as the chain says them.
pub(super) enum Columns {
    Found(PoolFacts),
    /// What differs is known already.
    Differ(Vec<Difference>),
    /// The exchange has no such pool.
    Unknown,
    NotCompared(String),
}

/// What is known of a pool from its own contract.
enum Said {
    Columns(Columns),
    /// There is no contract that answers, so the events of the factory are looked at.
    Silence,
}

impl Columns {
    /// Asks for the columns of pools, in their order.
    pub(super) fn ask(
        block: &AtBlock<'_>,
        pools: &[(&StoredPool, Option<PoolKey>)],
    ) -> Result<Vec<Self>, SyncError> {
        if let Some(creations) = block.creations {
            let of_pools = pools.iter().map(|(_, key)| match key {
                Some(key) => of_creation(block, creations, *key),
                None => Self::Unknown,
            });
            return Ok(of_pools.collect());
        }
        if block.exchange.family == EventFamily::UniswapV4 {
            return of_manager(block, pools);
        }
        let said = of_contracts(block, pools)?;
        let silent: Vec<_> = said
            .iter()
            .zip(pools)
            .filter(|(said, _)| matches!(said, Said::Silence))
            .map(|(_, (pool, key))| (*pool, *key))
            .collect();
        let creations = creations_of(block, &silent)?;
        let columns = said
            .into_iter()
            .zip(pools)
            .map(|(said, (_, key))| match (said, key) {
                (Said::Columns(columns), _) => columns,
                (Said::Silence, Some(key)) => of_creation(block, &creations, *key),
                (Said::Silence, None) => Self::Unknown,
            });
        Ok(columns.collect())
    }
}

fn of_creation(block: &AtBlock<'_>, creations: &Replay, key: PoolKey) -> Columns {
    match creations.pools.get(&key) {
        Some(pool) => {
            let mut facts = pool.facts(block.exchange.id);
            // A creation says nothing of later events.
            facts.columns.remove(MARK);
            Columns::Found(facts)
        }
        None => Columns::Unknown,
    }
}

/// Looks pools up among the events of their factory, by the tokens that the database has.
fn creations_of(
    block: &AtBlock<'_>,
    pools: &[(&StoredPool, Option<PoolKey>)],
) -> Result<Replay, SyncError> {
    let mut replay = Replay::default();
    for pools in pools.chunks(NAMED) {
        let token = |name: &str| -> BTreeSet<Address> {
            let texts = pools
                .iter()
                .filter_map(|(pool, _)| pool.facts.columns.get(name));
            texts.filter_map(|text| text.parse().ok()).collect()
        };
        let wanted = Wanted::Some {
            pools: pools.iter().filter_map(|(_, key)| *key).collect(),
            tokens: [token("token0"), token("token1")],
        };
        let members = [block.index];
        let range = block.range(
            &members,
            &wanted,
            Parts::Creations,
            block.first_block(),
            block.mark,
        );
        replay.take_in(range, &mut |_| Ok(()))?;
    }
    Ok(replay)
}

/// The functions of a pool's contract that are asked. The tokens come first.
fn functions(block: &AtBlock<'_>) -> &'static [&'static str] {
    match block.exchange.family {
        EventFamily::UniswapV2 | EventFamily::UniswapV4 => &["token0()", "token1()"],
        EventFamily::AerodromeV2 => &["token0()", "token1()", "stable()"],
        EventFamily::AerodromeV3 => &["token0()", "token1()", "tickSpacing()"],
        EventFamily::UniswapV3 => &["token0()", "token1()", "tickSpacing()", "fee()"],
    }
}

fn of_contracts(
    block: &AtBlock<'_>,
    pools: &[(&StoredPool, Option<PoolKey>)],
) -> Result<Vec<Said>, SyncError> {
    let functions = functions(block);
    let mut calls = Vec::new();
    for (_, key) in pools {
        let to = match key {
            Some(PoolKey::Address(address)) => *address,
            Some(PoolKey::Hash(..)) | None => Address::ZERO,
        };
        calls.extend(functions.iter().map(|function| plain_call(to, function)));
    }
    let at = BlockTag::Number(block.at.number);
    let answers = ask(block.node, block.threads, &calls, at)?;
    let mut said = Vec::with_capacity(pools.len());
    let mut fee_calls = Vec::new();
    for ((_, key), answers) in pools.iter().zip(answers.chunks(functions.len())) {
        let of_pool = match key {
            Some(PoolKey::Address(address)) => read(block, *address, answers, &mut fee_calls),
            Some(PoolKey::Hash(..)) | None => Said::Columns(Columns::Unknown),
        };
        said.push(of_pool);
    }
    // The factory's fees are those of today, as an update asks for them.
    let (calls, wanted): (Vec<Call>, Vec<Address>) = fee_calls.into_iter().unzip();
    let answers = ask(block.node, block.threads, &calls, BlockTag::Latest)?;
    let mut answers = wanted.into_iter().zip(answers).peekable();
    for (said, (_, key)) in said.iter_mut().zip(pools) {
        let is_own = |asked: &(Address, Answer)| *key == Some(PoolKey::Address(asked.0));
        let Some((_, answer)) = answers.next_if(is_own) else {
            continue;
        };
        if let Said::Columns(Columns::Found(facts)) = said {
            if let Some(fee) = answer.as_ref().ok().and_then(|answer| fee(answer)) {
                set_fees(block, facts, fee);
            } else {
                let reason = "the factory does not say what fee it has".to_owned();
                *said = Said::Columns(Columns::NotCompared(reason));
            }
        }
    }
    Ok(said)
}

fn fee(answer: &[u8]) -> Option<FeeParts> {
    FeeParts::new(u32::try_from(word(answer)?).ok()?).ok()
}

fn set_fees(block: &AtBlock<'_>, facts: &mut PoolFacts, fee: FeeParts) {
    if let Some(known) = block.exchange.deployment.kind.fees() {
        let fees = Fees {
            token0: fee,
            token1: fee,
            denominator: known.denominator,
        };
        facts.set_fees(["fee_token0", "fee_token1"], &fees);
    }
}

/// Reads the answers of a pool's contract.
fn read(
    block: &AtBlock<'_>,
    pool: Address,
    answers: &[Answer],
    fee_calls: &mut Vec<(Call, Address)>,
) -> Said {
    let mut values = Vec::with_capacity(answers.len());
    for answer in answers {
        match answer {
            Ok(answer) if answer.is_empty() => return Said::Silence,
            Ok(answer) => values.push(answer.as_slice()),
            Err(_) => return Said::Silence,
        }
    }
    let (Some(token0), Some(token1)) = (
        values.first().and_then(|value| address(value)),
        values.get(1).and_then(|value| address(value)),
    ) else {
        return Said::Silence;
    };
    let third = values.get(2).and_then(|value| word(value));
    let exchange = block.exchange;
    let mut facts = PoolFacts::default();
    if let ExchangeKind::Pools(kind) = exchange.deployment.kind {
        facts.set("kind", kind);
    }
    facts.set("exchange_id", exchange.id);
    facts.set("token0", token0);
    facts.set("token1", token1);
    let spacing = || {
        let number = third.and_then(|number| i32::try_from(number).ok())?;
        TickSpacing::new(number).ok()
    };
    let stable = third.is_some_and(|stable| !stable.is_zero());
    let own_fee = values.get(3).and_then(|value| fee(value));
    let salt = match (exchange.family, spacing(), own_fee) {
        (EventFamily::UniswapV2, ..) => PoolSalt::Pair { token0, token1 },
        (EventFamily::AerodromeV2, ..) => {
            facts.set("stable", u8::from(stable));
            PoolSalt::Stable {
                token0,
                token1,
                stable,
            }
        }
        (EventFamily::UniswapV3, Some(spacing), Some(fee)) => {
            facts.set("tick_spacing", spacing);
            PoolSalt::Fee {
                token0,
                token1,
                fee,
            }
        }
        (EventFamily::AerodromeV3, Some(tick_spacing), _) => {
            facts.set("tick_spacing", tick_spacing);
            PoolSalt::TickSpacing {
                token0,
                token1,
                tick_spacing,
            }
        }
        _ => return Said::Silence,
    };
    if let Some(expected) = exchange.deployment.pool_address(&salt)
        && expected != pool
    {
        return Said::Columns(Columns::Differ(vec![Difference {
            subject: Subject::Column("address"),
            database: Some(pool.to_string()),
            chain: Some(expected.to_string()),
        }]));
    }
    match exchange.deployment.kind.fees().map(|fees| fees.source) {
        Some(FeeSource::Fixed(fee)) => set_fees(block, &mut facts, fee),
        Some(FeeSource::Event) => {
            if let Some(fee) = own_fee {
                set_fees(block, &mut facts, fee);
            }
        }
        Some(FeeSource::Factory(call)) => {
            let call = Call {
                to: exchange.deployment.factory,
                data: call.data(pool, stable),
            };
            fee_calls.push((call, pool));
        }
        None => {}
    }
    Said::Columns(Columns::Found(facts))
}

/// The columns of pools inside a manager. Their hash is that of the columns, if these are right, and the manager has a
/// price for each.
fn of_manager(
    block: &AtBlock<'_>,
    pools: &[(&StoredPool, Option<PoolKey>)],
) -> Result<Vec<Columns>, SyncError> {
    let manager = block.exchange.deployment.factory;
    let holder = |key: &Option<PoolKey>| match key {
        Some(PoolKey::Hash(_, hash)) => Holder::Manager(manager, *hash),
        Some(PoolKey::Address(_)) | None => Holder::Manager(manager, PoolHash::new([0; 32])),
    };
    let items = [Item::Price];
    let calls: Vec<Call> = pools
        .iter()
        .flat_map(|(_, key)| holder(key).calls(&items))
        .collect();
    let at = BlockTag::Number(block.at.number);
    let answers = ask(block.node, block.threads, &calls, at)?;
    let columns = pools.iter().zip(answers).map(|((pool, key), answer)| {
        match holder(key).values(&items, &[answer]) {
            Ok(values) => match values.first() {
                Some(Value::Word(price)) if !price.is_zero() => of_key(block, pool),
                _ => Columns::Unknown,
            },
            Err(reason) => Columns::NotCompared(reason),
        }
    });
    Ok(columns.collect())
}

fn of_key(block: &AtBlock<'_>, pool: &StoredPool) -> Columns {
    let column = |name: &str| pool.facts.columns.get(name).map_or("", String::as_str);
    let key = || {
        Some(uniswap_v4::PoolKey {
            currency0: column("token0").parse().ok()?,
            currency1: column("token1").parse().ok()?,
            fee: FeeParts::new(column("fee_currency0").parse().ok()?).ok()?,
            tick_spacing: pool.facts.tick_spacing()?,
            hooks: column("hooks").parse().ok()?,
        })
    };
    let Some(key) = key().filter(|key| key.id().to_string().eq_ignore_ascii_case(&pool.key)) else {
        let found = key().map_or_else(|| "no valid key".to_owned(), |key| key.id().to_string());
        return Columns::Differ(vec![Difference {
            subject: Subject::Column("pool_hash"),
            database: Some(format!("{found}, the hash of the other columns")),
            chain: Some(pool.key.clone()),
        }]);
    };
    let mut facts = PoolFacts::default();
    if let ExchangeKind::Manager(kind) = block.exchange.deployment.kind {
        facts.set("kind", kind);
    }
    facts.set("exchange_id", block.exchange.id);
    if let Some(known) = block.exchange.deployment.kind.fees() {
        let fees = Fees {
            token0: key.fee,
            token1: key.fee,
            denominator: known.denominator,
        };
        facts.set_fees(["fee_currency0", "fee_currency1"], &fees);
    }
    Columns::Found(facts)
}
