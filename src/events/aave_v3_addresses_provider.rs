//! The events of Aave V3's `PoolAddressesProvider`: which contracts a market has.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::log::Log;

/// The id that the provider keeps a contract under, such as `POOL`: its name, followed by zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressId([u8; 32]);

impl AddressId {
    /// An id from its 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The id of a name; `None` if no id has it.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        let id = Self(bytes);
        (id.name() == Some(name)).then_some(id)
    }

    /// The 32 bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name without the zeros behind it. `None` if it is not printable ASCII, such as a hash, or is empty.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let length = self.0.iter().rposition(|byte| *byte != 0)? + 1;
        let name = str::from_utf8(self.0.get(..length)?).ok()?;
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        name.bytes().all(is_printable).then_some(name)
    }
}

/// The Pool has another implementation. Its own address, that of its proxy, stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolUpdated {
    /// The implementation before; the zero address if there was none.
    pub old_address: Address,
    /// The implementation from now on.
    pub new_address: Address,
}

impl Event for PoolUpdated {
    const SIGNATURE: &'static str = "PoolUpdated(address,address)";
    const TOPIC: B256 = b256!("0x90affc163f1a2dfedcd36aa02ed992eeeba8100a4014f0b4cdc20ea265a66627");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[old_address, new_address], []| {
            Ok(Self {
                old_address: old_address.address("oldAddress")?,
                new_address: new_address.address("newAddress")?,
            })
        })
    }
}

/// The `PoolConfigurator` has another implementation. Its own address, that of its proxy, stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolConfiguratorUpdated {
    /// The implementation before; the zero address if there was none.
    pub old_address: Address,
    /// The implementation from now on.
    pub new_address: Address,
}

impl Event for PoolConfiguratorUpdated {
    const SIGNATURE: &'static str = "PoolConfiguratorUpdated(address,address)";
    const TOPIC: B256 = b256!("0x8932892569eba59c8382a089d9b732d1f49272878775235761a2a6b0309cd465");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[old_address, new_address], []| {
            Ok(Self {
                old_address: old_address.address("oldAddress")?,
                new_address: new_address.address("newAddress")?,
            })
        })
    }
}

/// The market has another pool data provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolDataProviderUpdated {
    /// The contract before; the zero address if there was none.
    pub old_address: Address,
    /// The contract from now on.
    pub new_address: Address,
}

impl Event for PoolDataProviderUpdated {
    const SIGNATURE: &'static str = "PoolDataProviderUpdated(address,address)";
    const TOPIC: B256 = b256!("0xc853974cfbf81487a14a23565917bee63f527853bcb5fa54f2ae1cdf8a38356d");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[old_address, new_address], []| {
            Ok(Self {
                old_address: old_address.address("oldAddress")?,
                new_address: new_address.address("newAddress")?,
            })
        })
    }
}

/// The market has another price oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PriceOracleUpdated {
    /// The contract before; the zero address if there was none.
    pub old_address: Address,
    /// The contract from now on.
    pub new_address: Address,
}

impl Event for PriceOracleUpdated {
    const SIGNATURE: &'static str = "PriceOracleUpdated(address,address)";
    const TOPIC: B256 = b256!("0x56b5f80d8cac1479698aa7d01605fd6111e90b15fc4d2b377417f46034876cbd");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[old_address, new_address], []| {
            Ok(Self {
                old_address: old_address.address("oldAddress")?,
                new_address: new_address.address("newAddress")?,
            })
        })
    }
}

/// The provider has created a proxy, which is the address of a contract from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyCreated {
    /// The id of the contract: `POOL`, `POOL_CONFIGURATOR`, or another.
    pub id: AddressId,
    /// The proxy.
    pub proxy_address: Address,
    /// The first implementation.
    pub implementation_address: Address,
}

impl Event for ProxyCreated {
    const SIGNATURE: &'static str = "ProxyCreated(bytes32,address,address)";
    const TOPIC: B256 = b256!("0x4a465a9bd819d9662563c1e11ae958f8109e437e7f4bf1c6ef0b9a7b3f35d478");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[id, proxy_address, implementation_address], []| {
            Ok(Self {
                id: AddressId::new(id.bytes()),
                proxy_address: proxy_address.address("proxyAddress")?,
                implementation_address: implementation_address.address("implementationAddress")?,
            })
        })
    }
}

/// The provider has another contract under an id, which is not a proxy of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressSet {
    /// The id of the contract.
    pub id: AddressId,
    /// The contract before; the zero address if there was none.
    pub old_address: Address,
    /// The contract from now on; the zero address if there is none any more.
    pub new_address: Address,
}

impl Event for AddressSet {
    const SIGNATURE: &'static str = "AddressSet(bytes32,address,address)";
    const TOPIC: B256 = b256!("0x9ef0e8c8e52743bb38b83b17d9429141d494b8041ca6d616a6c77cebae9cd8b7");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[id, old_address, new_address], []| {
            Ok(Self {
                id: AddressId::new(id.bytes()),
                old_address: old_address.address("oldAddress")?,
                new_address: new_address.address("newAddress")?,
            })
        })
    }
}
