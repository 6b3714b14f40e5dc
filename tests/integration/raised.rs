//! What a trigger of the user's own raises is told as that by the library, whatever its text.

use std::error::Error as StdError;

use degenbot::database::{
    Database, Error, ErrorKind, MarketConflict, MarketFacts, MarketOptions, activate_market,
};
use degenbot::deployments::MarketName;
use degenbot::models::{
    Erc20Token, ExchangeUpdate, Fees, LiquidityPool, LiquidityPools, LiquidityUpdate, LogPosition,
    NewErc20Token, NewLiquidityPool, PoolFamily, PoolParameters, PoolUpdate, RowError, TickMap,
    V2Parameters, V2Protocol, V3Protocol,
};
use degenbot::types::{Address, BlockNumber, FeeParts, LogIndex, Tick};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::own_objects::TEXTS_OF_SQLITE;
use crate::support::content;
use crate::support::databases::{self, chain, generated};

/// An update of a V3 pool that has liquidity, and of its exchange. It changes a tick, inserts others and a word, and moves
/// the marks.
fn update(connection: &mut SqliteConnection) -> LiquidityUpdate {
    let pool = LiquidityPools::of_chain(connection, chain())
        .unwrap()
        .find_map(|pool| match pool.unwrap() {
            LiquidityPool::V3(pool) if pool.parameters.protocol == V3Protocol::Uniswap => {
                Some(pool)
            }
            _ => None,
        })
        .unwrap();
    let id = pool.base.id;
    let mut map = TickMap::of_pool(connection, PoolFamily::Pools, id).unwrap();
    let spacing = pool.parameters.tick_spacing;
    let lower = map.ticks()[0].tick;
    let word = |tick: i32| tick.div_euclid(spacing.get()) >> 8;
    let upper = (lower.get() + spacing.get()..887_272)
        .find(|new| {
            let has_word = map
                .ticks()
                .iter()
                .any(|old| word(old.tick.get()) == word(*new));
            new % spacing.get() == 0 && !has_word
        })
        .unwrap();
    let upper = Tick::new(upper).unwrap();
    let block = BlockNumber::new(24_000_000).unwrap();
    let place = LogPosition::new(block, LogIndex::new(1).unwrap());
    let mut changed = PoolUpdate::new(PoolFamily::Pools, id);
    map.modify_liquidity(&mut changed, spacing, place, lower, upper, 1_000)
        .unwrap();
    let exchange = ExchangeUpdate::new(pool.base.exchange_id, None, block);
    LiquidityUpdate::new(vec![changed], vec![exchange])
}

fn token(number: u8) -> NewErc20Token {
    NewErc20Token {
        chain: chain(),
        address: Address::new([number; 20]),
        name: None,
        symbol: None,
        decimals: None,
    }
}

fn pool(exchange_id: i64) -> NewLiquidityPool {
    let fee = |parts| FeeParts::new(parts).unwrap();
    NewLiquidityPool {
        address: Address::new([0xc7; 20]),
        chain: chain(),
        exchange_id,
        token0: token(0xc1),
        token1: token(0xc2),
        parameters: PoolParameters::V2(V2Parameters {
            protocol: V2Protocol::Uniswap,
            fees: Fees {
                token0: fee(3),
                token1: fee(3),
                denominator: fee(1_000),
            },
        }),
    }
}

/// What is refused.
type Operate<'a> = &'a dyn Fn(&mut SqliteConnection) -> Result<(), RowError>;

/// Runs `operate` with a trigger that raises `text`, as a caller does that has the connection, and as one that writes
/// through the database. Returns both errors.
fn refused(
    database: &Database,
    event: &str,
    text: &str,
    operate: impl Fn(&mut SqliteConnection) -> Result<(), RowError>,
) -> (RowError, Error) {
    let mut session = database.session().unwrap();
    session
        .batch_execute(&format!(
            "CREATE TRIGGER own BEFORE {event} BEGIN SELECT raise(ABORT, '{text}'); END"
        ))
        .unwrap();
    let of_row = operate(&mut session).unwrap_err();
    let of_write = session
        .write(|connection| operate(connection).map_err(Error::from))
        .unwrap_err();
    session.batch_execute("DROP TRIGGER own").unwrap();
    (of_row, of_write)
}

#[test]
fn text_of_a_trigger_is_never_an_error_of_sqlite_in_the_library() {
    let (folder, database) = generated();
    let path = folder.path().join("degenbot.db");
    let update = update(&mut database.session().unwrap());
    let exchange_id = update.exchanges[0].exchange_id;
    let apply = |connection: &mut SqliteConnection| update.apply(connection).map(drop);
    let insert_token = |connection: &mut SqliteConnection| {
        Erc20Token::insert_or_get(connection, &[token(0xc1)]).map(drop)
    };
    let insert_pool = |connection: &mut SqliteConnection| {
        LiquidityPool::insert_or_get(connection, &[pool(exchange_id)]).map(drop)
    };
    let cases: [(&str, Operate<'_>); 9] = [
        ("INSERT ON liquidity_positions", &apply),
        ("UPDATE ON liquidity_positions", &apply),
        ("INSERT ON initialization_maps", &apply),
        ("UPDATE ON uniswap_v3_pools", &apply),
        ("UPDATE ON exchanges", &apply),
        ("INSERT ON erc20_tokens", &insert_token),
        ("INSERT ON erc20_tokens", &insert_pool),
        ("INSERT ON pools", &insert_pool),
        ("INSERT ON uniswap_v2_pools", &insert_pool),
    ];
    let before = content::of(&path);
    for (event, operate) in cases {
        for text in TEXTS_OF_SQLITE {
            let (of_row, of_write) = refused(&database, event, text, operate);
            assert!(
                matches!(of_row, RowError::Raised { .. }),
                "{event}, {text}: {of_row:?}"
            );
            assert_eq!(
                of_row.to_string(),
                "a trigger of your own refuses a row that was to be written"
            );
            assert!(
                matches!(of_write.kind, ErrorKind::Raised { .. }),
                "{event}, {text}: {of_write:?}"
            );
            assert_eq!(
                of_write.to_string(),
                "A trigger of your own refuses a row that was to be written"
            );
            for error in [&of_row as &dyn StdError, &of_write] {
                assert_eq!(error.source().unwrap().to_string(), text, "{event}");
            }
        }
    }
    assert_eq!(content::of(&path), before);
    // The same update goes through without the triggers.
    apply(&mut database.session().unwrap()).unwrap();
    insert_pool(&mut database.session().unwrap()).unwrap();
}

#[test]
fn text_of_a_trigger_on_markets_is_never_an_error_of_sqlite() {
    let market: MarketName = "ethereum_aave_v3".parse().unwrap();
    let facts = MarketFacts::new("Aave Ethereum Market".to_owned());
    let options = MarketOptions::default().facts(facts);
    for table in [
        "aave_v3_markets",
        "aave_v3_contracts",
        "aave_v3_market_facts",
    ] {
        let (_folder, path) = databases::empty();
        for text in TEXTS_OF_SQLITE {
            content::connect(&path)
                .batch_execute(&format!(
                    "CREATE TRIGGER own BEFORE INSERT ON {table} BEGIN SELECT raise(ABORT, '{text}'); END"
                ))
                .unwrap();
            let error = activate_market(&path, &market, &options).unwrap_err();
            let ErrorKind::Market { conflict } = &error.kind else {
                panic!("{table}, {text}: {error:?}");
            };
            assert!(
                matches!(&**conflict, MarketConflict::Rejected { reason, .. } if reason == text),
                "{table}: {conflict:?}"
            );
            content::connect(&path)
                .batch_execute("DROP TRIGGER own")
                .unwrap();
        }
    }
}
