//! Events as contracts encode them.

use alloy_primitives::{B256, keccak256};
use degenbot::models::LogPosition;
use degenbot::types::{Address, BlockHash, BlockNumber, Log, LogIndex, PoolHash};

/// An event: what a contract decides of a log.
#[derive(Debug, Clone)]
pub struct EventLog {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Vec<u8>,
}

/// The word of an `address`.
pub fn address(address: Address) -> B256 {
    let mut word = B256::ZERO;
    word[12..].copy_from_slice(address.as_bytes());
    word
}

/// The word of an unsigned number, or of a `bool`.
pub fn unsigned(number: u128) -> B256 {
    let mut word = B256::ZERO;
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

/// The word of a signed number.
pub fn signed(number: i128) -> B256 {
    let padding = if number < 0 { 0xff } else { 0 };
    let mut word = B256::repeat_byte(padding);
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

/// A parameter of an event.
pub struct Parameter<'a> {
    /// Its type.
    pub kind: &'a str,
    pub indexed: bool,
    pub name: &'a str,
}

/// The name of a declared event, and its parameters.
pub fn parameters(declaration: &str) -> (&str, Vec<Parameter<'_>>) {
    let (name, parameters) = declaration
        .strip_suffix(')')
        .and_then(|declaration| declaration.split_once('('))
        .unwrap();
    let parameters = parameters.split(", ").map(|parameter| {
        let (kind, name) = parameter.split_once(' ').unwrap();
        let indexed = name.strip_prefix("indexed ");
        Parameter {
            kind,
            indexed: indexed.is_some(),
            name: indexed.unwrap_or(name),
        }
    });
    (name, parameters.collect())
}

impl EventLog {
    /// The event with this signature, its indexed values and its other values.
    pub fn new(address: Address, signature: &str, indexed: &[B256], values: &[B256]) -> Self {
        let mut topics = vec![keccak256(signature)];
        topics.extend_from_slice(indexed);
        Self {
            address,
            topics,
            data: values.concat(),
        }
    }

    /// The event with this declaration, such as `Burn(address indexed from, uint256 value)`, and the values of its
    /// parameters: a word each, or the bytes of a `string`.
    pub fn declared(address: Address, declaration: &str, values: &[Vec<u8>]) -> Self {
        let (name, parameters) = parameters(declaration);
        assert_eq!(parameters.len(), values.len(), "{declaration}");
        let types: Vec<_> = parameters.iter().map(|parameter| parameter.kind).collect();
        let signature = format!("{name}({})", types.join(","));
        let head = parameters.iter().filter(|value| !value.indexed).count() * 32;
        let (mut indexed, mut data, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (parameter, value) in parameters.iter().zip(values) {
            if parameter.kind == "string" {
                let place = head + texts.len();
                data.extend_from_slice(unsigned(place.try_into().unwrap()).as_slice());
                texts.extend_from_slice(unsigned(value.len().try_into().unwrap()).as_slice());
                texts.extend_from_slice(value);
                texts.resize(texts.len().next_multiple_of(32), 0);
            } else {
                assert_eq!(value.len(), 32, "{declaration}");
                if parameter.indexed {
                    indexed.push(B256::from_slice(value));
                } else {
                    data.extend_from_slice(value);
                }
            }
        }
        let mut event = Self::new(address, &signature, &indexed, &[]);
        event.data = [data, texts].concat();
        event
    }

    /// The log of the event at a place.
    pub fn at(&self, block: u64, log_index: u32) -> Log<'_> {
        Log {
            place: LogPosition::new(
                BlockNumber::new(block).unwrap(),
                LogIndex::new(log_index).unwrap(),
            ),
            block_hash: BlockHash::new(keccak256(block.to_be_bytes()).0),
            transaction_hash: keccak256(log_index.to_be_bytes()),
            address: self.address,
            topics: &self.topics,
            data: &self.data,
        }
    }

    pub fn pair_created(factory: Address, tokens: [Address; 2], pair: Address, count: u64) -> Self {
        Self::new(
            factory,
            "PairCreated(address,address,address,uint256)",
            &tokens.map(address),
            &[address(pair), unsigned(count.into())],
        )
    }

    pub fn aerodrome_v2_pool_created(
        factory: Address,
        [token0, token1]: [Address; 2],
        stable: bool,
        pool: Address,
        count: u64,
    ) -> Self {
        Self::new(
            factory,
            "PoolCreated(address,address,bool,address,uint256)",
            &[address(token0), address(token1), unsigned(stable.into())],
            &[address(pool), unsigned(count.into())],
        )
    }

    pub fn v3_pool_created(
        factory: Address,
        [token0, token1]: [Address; 2],
        fee: u32,
        tick_spacing: i32,
        pool: Address,
    ) -> Self {
        Self::new(
            factory,
            "PoolCreated(address,address,uint24,int24,address)",
            &[address(token0), address(token1), unsigned(fee.into())],
            &[signed(tick_spacing.into()), address(pool)],
        )
    }

    pub fn aerodrome_v3_pool_created(
        factory: Address,
        [token0, token1]: [Address; 2],
        tick_spacing: i32,
        pool: Address,
    ) -> Self {
        let tick_spacing = signed(tick_spacing.into());
        Self::new(
            factory,
            "PoolCreated(address,address,int24,address)",
            &[address(token0), address(token1), tick_spacing],
            &[address(pool)],
        )
    }

    pub fn mint(pool: Address, [lower, upper]: [i32; 2], amount: u128) -> Self {
        let owner = address(Address::new([0xaa; 20]));
        let amounts = [unsigned(1), unsigned(u128::MAX)];
        Self::new(
            pool,
            "Mint(address,address,int24,int24,uint128,uint256,uint256)",
            &[owner, signed(lower.into()), signed(upper.into())],
            &[owner, unsigned(amount), amounts[0], amounts[1]],
        )
    }

    pub fn burn(pool: Address, [lower, upper]: [i32; 2], amount: u128) -> Self {
        let owner = address(Address::new([0xaa; 20]));
        Self::new(
            pool,
            "Burn(address,int24,int24,uint128,uint256,uint256)",
            &[owner, signed(lower.into()), signed(upper.into())],
            &[unsigned(amount), unsigned(1), unsigned(u128::MAX)],
        )
    }

    /// The id of the pool is the hash of the other values of its key.
    pub fn initialize(
        manager: Address,
        [currency0, currency1]: [Address; 2],
        fee: u32,
        tick_spacing: i32,
        hooks: Address,
    ) -> (PoolHash, Self) {
        let currencies = [address(currency0), address(currency1)];
        let others = [
            unsigned(fee.into()),
            signed(tick_spacing.into()),
            address(hooks),
        ];
        let id = keccak256([currencies.concat(), others.concat()].concat());
        let event = Self::new(
            manager,
            "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)",
            &[id, currencies[0], currencies[1]],
            &[
                others[0],
                others[1],
                others[2],
                unsigned(1 << 96),
                signed(0),
            ],
        );
        (PoolHash::new(id.0), event)
    }

    pub fn modify_liquidity(
        manager: Address,
        id: PoolHash,
        [lower, upper]: [i32; 2],
        delta: i128,
    ) -> Self {
        Self::new(
            manager,
            "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)",
            &[B256::new(*id.as_bytes()), address(manager)],
            &[
                signed(lower.into()),
                signed(upper.into()),
                signed(delta),
                B256::repeat_byte(0x5a),
            ],
        )
    }
}
