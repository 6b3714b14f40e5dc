//! Fills in the names, symbols and decimals of tokens.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::recognition::recognise::{recognise, recognise_connection, recognise_state};
use crate::models::access::row_error::RowError;
use crate::node::calls::Call;
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::node::statistics::NodeStatistics;
use crate::setters::setters;
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::prepared::{Bound, Statements};
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::sync_error::SyncError;
use crate::sync::token_values;
use crate::sync::writing_connection::open_to_write;
use crate::types::address::Address;
use crate::types::integer::{ChainId, Decimals};
use crate::types::stored::{Decode, Encode, Stored};

/// The condition for tokens that lack something.
const INCOMPLETE: &str = "(name IS NULL OR symbol IS NULL OR decimals IS NULL)";

/// How many tokens are asked at a time, with three calls each: about as many as fit into one request.
const A_REQUEST: usize = 33;

/// The functions of a token that are asked: `name()`, `symbol()` and `decimals()`.
const SELECTORS: [[u8; 4]; 3] = [
    [0x06, 0xfd, 0xde, 0x03],
    [0x95, 0xd8, 0x9b, 0x41],
    [0x31, 0x3c, 0xe5, 0x67],
];

/// Options of an update of tokens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TokenUpdateOptions {
    /// How many requests are under way at once.
    pub concurrency: usize,
    /// The time to wait for a lock of the database.
    pub wait: Duration,
    /// The token that cancels the update. The node has its own.
    pub cancel: CancelToken,
}

setters!(TokenUpdateOptions {
    concurrency: usize,
    wait: Duration,
    cancel: CancelToken,
});

impl Default for TokenUpdateOptions {
    fn default() -> Self {
        Self {
            concurrency: 4,
            wait: LOCK_TIMEOUT,
            cancel: CancelToken::new(),
        }
    }
}

/// What an update of tokens did, also if it failed later.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TokenUpdateReport {
    /// The chain.
    pub chain: ChainId,
    /// The tokens that lacked something and were asked.
    pub asked: u64,
    /// The names that were filled in.
    pub names: u64,
    /// The symbols that were filled in.
    pub symbols: u64,
    /// The decimals that were filled in.
    pub decimals: u64,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the update took.
    pub elapsed: Duration,
}

impl TokenUpdateReport {
    /// The report of an update that did nothing.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            asked: 0,
            names: 0,
            symbols: 0,
            decimals: 0,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }
}

/// The chains of the tokens that lack a name, a symbol or their decimals.
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) if the database is not at a version of this program. Other
/// kinds if it cannot be read.
pub fn chains_of_incomplete_tokens(path: &Path) -> Result<BTreeSet<ChainId>, Error> {
    chains(path, INCOMPLETE)
}

/// The chains of all tokens.
#[cfg(feature = "cli")]
pub(crate) fn chains_of_tokens(path: &Path) -> Result<BTreeSet<ChainId>, Error> {
    chains(path, "TRUE")
}

fn chains(path: &Path, condition: &str) -> Result<BTreeSet<ChainId>, Error> {
    read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)?;
        recognition.require_version(path)?;
        let mut rows = Statements::of(connection)?.prepare(&format!(
            "SELECT DISTINCT chain FROM erc20_tokens WHERE {condition}"
        ))?;
        let mut chains = BTreeSet::new();
        while rows.step()? {
            chains.extend(ChainId::decode(rows.column(0)));
        }
        Ok(chains)
    })
    .map_err(|error| error.at(path, "read the tokens"))
}

/// Asks the tokens of a chain for the name, the symbol and the decimals that the database lacks, and stores them as the
/// contracts have them. What a contract does not say, or what the column cannot hold, stays NULL: a text that is not
/// UTF-8, or decimals above 255. No token makes the update fail. Nothing that is stored already changes.
///
/// `observe` gets the report after each commit. The database can be at any version of this program.
///
/// # Errors
///
/// See [`SyncError`]. What was committed before stays.
pub fn update_tokens(
    path: &Path,
    node: &Node,
    chain: ChainId,
    options: &TokenUpdateOptions,
    observe: &mut dyn FnMut(&TokenUpdateReport),
) -> (TokenUpdateReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let _waiting = LockWait::begin(options.wait, Some(options.cancel.clone()));
    let mut report = TokenUpdateReport::new(chain);
    let result = update(path, node, chain, options, observe, &mut report);
    report.node = node.statistics();
    report.elapsed = begin.elapsed();
    (report, result)
}

/// A token that lacks something.
#[derive(Debug)]
struct Incomplete {
    id: i64,
    address: Address,
    /// Whether the name, the symbol and the decimals are missing.
    lacks: [bool; 3],
}

/// What a contract says, as far as it was asked and can be stored.
#[derive(Debug, Default)]
struct Said {
    name: Option<String>,
    symbol: Option<String>,
    decimals: Option<Decimals>,
}

fn update(
    path: &Path,
    node: &Node,
    chain: ChainId,
    options: &TokenUpdateOptions,
    observe: &mut dyn FnMut(&TokenUpdateReport),
    report: &mut TokenUpdateReport,
) -> Result<(), SyncError> {
    recognise(path)?.require_version(path)?;
    DatabaseFile::at(path).require_writable()?;
    let mut connection = open_to_write(path, &options.cancel)?;
    let part = A_REQUEST * options.concurrency.max(1);
    let mut after = i64::MIN;
    loop {
        if options.cancel.is_cancelled() {
            return Err(SyncError::Interrupted);
        }
        let statements = Statements::of(&mut connection)?;
        let (tokens, last) = incomplete(statements, chain, after, part)?;
        let Some(last) = last else {
            return Ok(());
        };
        after = last;
        let said = thread::scope(|scope| {
            let pieces: Vec<_> = tokens
                .chunks(A_REQUEST)
                .map(|piece| {
                    let asking = move || ask(node, piece);
                    (piece, thread::Builder::new().spawn_scoped(scope, asking))
                })
                .collect();
            let mut said = Vec::with_capacity(tokens.len());
            for (piece, asking) in pieces {
                let answers = match asking.map(thread::ScopedJoinHandle::join) {
                    Ok(Ok(answers)) => answers,
                    Ok(Err(panic)) => std::panic::resume_unwind(panic),
                    // The system has no thread, so this one asks.
                    Err(_) => ask(node, piece),
                };
                said.extend(answers?);
            }
            Ok::<_, NodeError>(said)
        })?;
        // What is rolled back does not count.
        let mut counted = report.clone();
        let place = |error: Error| error.at(path, "write to the database");
        transaction(
            &mut connection,
            Begin::Immediate,
            |connection| {
                // Another program may have replaced the database.
                recognise_state(connection)?.require_version(path)?;
                let statements = Statements::of(connection)?;
                store(statements, chain, &tokens, &said, &mut counted)
            },
            Error::from,
        )
        .map_err(place)?;
        *report = counted;
        report.asked += tokens.len() as u64;
        observe(report);
    }
}

/// The next tokens that lack something, and the id of the last row; `None` if there is none any more. A row without a
/// valid address is left out, and so is the zero address, which stands for the native currency.
fn incomplete(
    statements: Statements<'_>,
    chain: ChainId,
    after: i64,
    most: usize,
) -> Result<(Vec<Incomplete>, Option<i64>), RowError> {
    let mut rows = statements.prepare(&format!(
        "SELECT id, address, name, symbol, decimals FROM erc20_tokens NOT INDEXED \
         WHERE id > ?1 AND chain = ?2 AND {INCOMPLETE} ORDER BY id LIMIT ?3"
    ))?;
    rows.query(&[
        Bound::Integer(after),
        Bound::Integer(chain.encode()),
        Bound::Integer(i64::try_from(most).unwrap_or(i64::MAX)),
    ])?;
    let (mut tokens, mut last) = (Vec::new(), None);
    while rows.step()? {
        last = Some(rows.key(0));
        if let Ok(address) = Address::decode(rows.column(1))
            && address != Address::new([0; 20])
        {
            tokens.push(Incomplete {
                id: rows.key(0),
                address,
                lacks: [2, 3, 4].map(|column| rows.column(column) == Stored::Null),
            });
        }
    }
    Ok((tokens, last))
}

/// Asks the contracts of tokens. If the node refuses the calls together, they are made in smaller parts; a token that it
/// refuses alone has said nothing.
fn ask(node: &Node, tokens: &[Incomplete]) -> Result<Vec<Said>, NodeError> {
    let functions = |token: &Incomplete| {
        let asked = SELECTORS.into_iter().zip(token.lacks);
        asked.filter_map(|(selector, lacks)| lacks.then_some(selector))
    };
    let calls: Vec<_> = tokens
        .iter()
        .flat_map(|token| {
            functions(token).map(|selector| Call {
                to: token.address,
                data: selector.to_vec(),
            })
        })
        .collect();
    let answers = match node.calls(&calls, BlockTag::Latest) {
        Ok(answers) => answers,
        Err(error) if !is_about_the_answer(&error) => return Err(error),
        Err(error) => {
            let [_, _, ..] = tokens else {
                for token in tokens {
                    log::info!("The token {} cannot be asked: {error}", token.address);
                }
                return Ok(tokens.iter().map(|_| Said::default()).collect());
            };
            let (one, other) = tokens.split_at(tokens.len() / 2);
            let mut said = ask(node, one)?;
            said.extend(ask(node, other)?);
            return Ok(said);
        }
    };
    let mut answers = answers.into_iter();
    let mut said = Vec::with_capacity(tokens.len());
    for token in tokens {
        let [name, symbol, decimals] = token
            .lacks
            .map(|lacks| if lacks { answers.next()?.ok() } else { None });
        said.push(Said {
            name: name.and_then(|answer| token_values::text(&answer)),
            symbol: symbol.and_then(|answer| token_values::text(&answer)),
            decimals: decimals.and_then(|answer| token_values::decimals(&answer)),
        });
    }
    Ok(said)
}

/// Whether an error can come from a single call. Others would come again with any call.
const fn is_about_the_answer(error: &NodeError) -> bool {
    matches!(
        error,
        NodeError::Refused { .. }
            | NodeError::Invalid { .. }
            | NodeError::TooMuch { .. }
            | NodeError::TooLarge { .. }
    )
}

fn store(
    statements: Statements<'_>,
    chain: ChainId,
    tokens: &[Incomplete],
    said: &[Said],
    report: &mut TokenUpdateReport,
) -> Result<(), Error> {
    // Each column by itself: another program may have filled it in since, and the id may be that of another token.
    let update = |column: &str| {
        statements.prepare(&format!(
            "UPDATE erc20_tokens SET {column} = ?1 WHERE id = ?2 AND chain = ?3 \
             AND lower(address) = ?4 AND {column} IS NULL"
        ))
    };
    let (mut name, mut symbol, mut decimals) =
        (update("name")?, update("symbol")?, update("decimals")?);
    // A trigger of the user's own can ignore what is written, or take it back, so the row counts as it is afterwards.
    let is_filled = |column: &str| {
        statements.prepare(&format!(
            "SELECT {column} IS NOT NULL FROM erc20_tokens WHERE id = ?1 AND chain = ?2 AND lower(address) = ?3"
        ))
    };
    let mut filled = [
        is_filled("name")?,
        is_filled("symbol")?,
        is_filled("decimals")?,
    ];
    for (token, said) in tokens.iter().zip(said) {
        let [_, lower] = token.address.spellings();
        let values = [
            said.name.as_deref().map(Bound::Text),
            said.symbol.as_deref().map(Bound::Text),
            said.decimals.map(|number| Bound::Integer(number.encode())),
        ];
        let row = [
            Bound::Integer(token.id),
            Bound::Integer(chain.encode()),
            Bound::Text(&lower),
        ];
        let columns = [
            (&mut name, &mut report.names),
            (&mut symbol, &mut report.symbols),
            (&mut decimals, &mut report.decimals),
        ];
        let columns = columns.into_iter().zip(&mut filled).zip(values);
        for (((statement, count), is_filled), value) in columns {
            let Some(value) = value else { continue };
            let [id, chain, address] = row;
            let written = statement.run(&[value, id, chain, address])? > 0;
            match is_filled.first_integer(&row)? {
                Some(0) => {
                    let table = "erc20_tokens";
                    return Err(RowError::NotWritten { table }.into());
                }
                Some(_) if written => *count += 1,
                _ => {}
            }
        }
    }
    Ok(())
}
