//! The addresses of pools, which `CREATE2` derives from the deployer, a salt and the code that deploys a pool.

use alloy_primitives::{B256, keccak256};

use crate::deployments::deployment::Deployment;
use crate::types::address::Address;
use crate::types::integer::{FeeParts, TickSpacing};

/// What a factory hashes for the salt of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PoolSalt {
    /// Uniswap V2: the tokens.
    Pair {
        /// The token with the lower address.
        token0: Address,
        /// The other token.
        token1: Address,
    },
    /// Aerodrome V2: the tokens, and whether the pool is stable.
    Stable {
        /// The token with the lower address.
        token0: Address,
        /// The other token.
        token1: Address,
        /// Whether the pool is for tokens of about the same value.
        stable: bool,
    },
    /// Uniswap V3: the tokens and the fee.
    Fee {
        /// The token with the lower address.
        token0: Address,
        /// The other token.
        token1: Address,
        /// The fee in parts of a million.
        fee: FeeParts,
    },
    /// Aerodrome V3: the tokens and the tick spacing.
    TickSpacing {
        /// The token with the lower address.
        token0: Address,
        /// The other token.
        token1: Address,
        /// The tick spacing.
        tick_spacing: TickSpacing,
    },
}

impl PoolSalt {
    /// The salt: the Keccak-256 hash of the values. V2 factories pack them, V3 factories put each into a word.
    #[must_use]
    pub fn hash(&self) -> B256 {
        let packed = |token0: &Address, token1: &Address| {
            [token0.as_bytes().as_slice(), token1.as_bytes()].concat()
        };
        let words = |token0: &Address, token1: &Address, number: [u8; 4]| {
            let mut words = [[0; 32]; 3];
            words[0][12..].copy_from_slice(token0.as_bytes());
            words[1][12..].copy_from_slice(token1.as_bytes());
            words[2][28..].copy_from_slice(&number);
            keccak256(words.as_flattened())
        };
        match self {
            Self::Pair { token0, token1 } => keccak256(packed(token0, token1)),
            Self::Stable {
                token0,
                token1,
                stable,
            } => {
                let mut bytes = packed(token0, token1);
                bytes.push((*stable).into());
                keccak256(bytes)
            }
            Self::Fee {
                token0,
                token1,
                fee,
            } => words(token0, token1, fee.get().to_be_bytes()),
            // A tick spacing is positive, so its padding is zero.
            Self::TickSpacing {
                token0,
                token1,
                tick_spacing,
            } => words(token0, token1, tick_spacing.get().to_be_bytes()),
        }
    }

    /// The address of the pool that a contract deploys with this salt, by
    /// [`CREATE2`](https://eips.ethereum.org/EIPS/eip-1014).
    #[must_use]
    pub fn address(&self, deployer: Address, init_code_hash: B256) -> Address {
        let deployer = alloy_primitives::Address::from(deployer);
        deployer.create2(self.hash(), init_code_hash).into()
    }
}

impl Deployment {
    /// The address that a pool of this exchange must have; `None` if the hash of the code that deploys it is not known.
    #[must_use]
    pub fn pool_address(&self, salt: &PoolSalt) -> Option<Address> {
        let deployer = self.deployer.unwrap_or(self.factory);
        Some(salt.address(deployer, self.init_code_hash?))
    }
}
