// SPDX-License-Identifier: MIT
// What makes real pools emit real events, many in one transaction, and stand-ins for contracts of which no package is known.
pragma solidity ^0.8.20;

/// A token that answers to name(), symbol() and decimals() with any bytes. It reverts where it has none.
contract Token {
    event Transfer(address indexed from, address indexed to, uint256 value);

    mapping(address => uint256) public balanceOf;
    mapping(bytes4 => bytes) private answers;

    constructor(bytes[3] memory a) {
        answers[0x06fdde03] = a[0];
        answers[0x95d89b41] = a[1];
        answers[0x313ce567] = a[2];
    }

    fallback() external {
        bytes memory answer = answers[msg.sig];
        require(answer.length > 0);
        assembly {
            return(add(answer, 32), mload(answer))
        }
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

interface V2Factory {
    function createPair(address, address) external returns (address);
}

interface V3Factory {
    function createPool(address, address, uint24) external returns (address);
}

interface V3Pool {
    function initialize(uint160) external;
    function token0() external view returns (address);
    function token1() external view returns (address);
    function mint(address, int24, int24, uint128, bytes calldata) external returns (uint256, uint256);
    function burn(int24, int24, uint128) external returns (uint256, uint256);
}

struct PoolKey {
    address currency0;
    address currency1;
    uint24 fee;
    int24 tickSpacing;
    address hooks;
}

struct ModifyLiquidityParams {
    int24 tickLower;
    int24 tickUpper;
    int256 liquidityDelta;
    bytes32 salt;
}

interface PoolManager {
    function initialize(PoolKey calldata, uint160) external returns (int24);
    function unlock(bytes calldata) external returns (bytes memory);
    function modifyLiquidity(PoolKey calldata, ModifyLiquidityParams calldata, bytes calldata)
        external
        returns (int256, int256);
    function sync(address) external;
    function settle() external payable returns (uint256);
    function take(address, address, uint256) external;
}

/// A change of liquidity. The pool is an address (V3) or an index into keys (V4).
struct Change {
    uint256 pool;
    int24 lower;
    int24 upper;
    int128 delta;
}

contract Driver {
    event Deployed(address at);

    receive() external payable {}

    function tokens(bytes[3][] calldata answers) external {
        for (uint256 i; i < answers.length; i++) emit Deployed(address(new Token(answers[i])));
    }

    function createPairs(address factory, address[2][] calldata pairs) external {
        for (uint256 i; i < pairs.length; i++) V2Factory(factory).createPair(pairs[i][0], pairs[i][1]);
    }

    function createPools(address factory, address[2][] calldata pairs, uint24 fee, uint160 price) external {
        for (uint256 i; i < pairs.length; i++) {
            V3Pool(V3Factory(factory).createPool(pairs[i][0], pairs[i][1], fee)).initialize(price);
        }
    }

    /// What fails is left out: after a reorganisation some of it must.
    function changeV3(Change[] calldata changes) external {
        for (uint256 i; i < changes.length; i++) {
            Change calldata c = changes[i];
            V3Pool pool = V3Pool(address(uint160(c.pool)));
            if (address(pool).code.length == 0) continue;
            if (c.delta > 0) try pool.mint(address(this), c.lower, c.upper, uint128(c.delta), "") {} catch {}
            else try pool.burn(c.lower, c.upper, uint128(-c.delta)) {} catch {}
        }
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        if (amount0 > 0) Token(V3Pool(msg.sender).token0()).mint(msg.sender, amount0);
        if (amount1 > 0) Token(V3Pool(msg.sender).token1()).mint(msg.sender, amount1);
    }

    function initializeV4(PoolManager manager, PoolKey[] calldata keys, uint160 price) external {
        for (uint256 i; i < keys.length; i++) manager.initialize(keys[i], price);
    }

    function changeV4(PoolManager manager, PoolKey[] calldata keys, Change[] calldata changes) external {
        manager.unlock(abi.encode(keys, changes));
    }

    function unlockCallback(bytes calldata data) external returns (bytes memory) {
        (PoolKey[] memory keys, Change[] memory changes) = abi.decode(data, (PoolKey[], Change[]));
        PoolManager manager = PoolManager(msg.sender);
        for (uint256 i; i < changes.length; i++) {
            Change memory c = changes[i];
            PoolKey memory key = keys[c.pool];
            ModifyLiquidityParams memory params = ModifyLiquidityParams(c.lower, c.upper, c.delta, 0);
            try manager.modifyLiquidity(key, params, "") returns (int256 delta, int256) {
                settle(manager, key.currency0, int128(delta >> 128));
                settle(manager, key.currency1, int128(delta));
            } catch {}
        }
        return "";
    }

    function settle(PoolManager manager, address currency, int128 delta) private {
        if (delta < 0) {
            uint256 owed = uint128(-delta);
            if (currency == address(0)) {
                manager.settle{value: owed}();
            } else {
                manager.sync(currency);
                Token(currency).mint(address(manager), owed);
                manager.settle();
            }
        } else if (delta > 0) {
            manager.take(currency, address(this), uint128(delta));
        }
    }
}

/// The code of a V3 pool, kept as that of a contract, where a factory can copy it from.
contract Code {
    constructor(bytes memory code) {
        assembly {
            return(add(code, 31), add(mload(code), 1))
        }
    }
}

/// Stands for the factory of Aerodrome V3: its event and getSwapFee, and V3 pools.
contract AerodromeV3Factory {
    event PoolCreated(address indexed token0, address indexed token1, int24 indexed tickSpacing, address pool);

    struct Parameters {
        address factory;
        address token0;
        address token1;
        uint24 fee;
        int24 tickSpacing;
    }

    Parameters public parameters;
    address public code;
    address public owner;

    function setCode(address at) external {
        code = at;
    }

    function createPool(address a, address b, uint24 tickSpacing) external returns (address pool) {
        (address token0, address token1) = a < b ? (a, b) : (b, a);
        parameters = Parameters(address(this), token0, token1, 500, int24(tickSpacing));
        address from = code;
        bytes memory init = new bytes(from.code.length - 1);
        assembly {
            extcodecopy(from, add(init, 32), 1, mload(init))
            pool := create(0, add(init, 32), mload(init))
        }
        require(pool != address(0));
        emit PoolCreated(token0, token1, int24(tickSpacing), pool);
    }

    function getSwapFee(address pool) external pure returns (uint24) {
        return uint24(100 + uint160(pool) % 3000);
    }
}

/// Stands for the factory of Aerodrome V2. Its pools have no code.
contract AerodromeV2Factory {
    event PoolCreated(
        address indexed token0, address indexed token1, bool indexed stable, address pool, uint256 number
    );

    uint256 public allPoolsLength;

    function createPair(address a, address b) external returns (address pool) {
        (address token0, address token1) = a < b ? (a, b) : (b, a);
        uint256 number = ++allPoolsLength;
        pool = address(uint160(uint256(keccak256(abi.encode(token0, token1, number)))));
        emit PoolCreated(token0, token1, number % 2 == 1, pool, number);
    }

    function getFee(address, bool stable) external pure returns (uint256) {
        return stable ? 5 : 30;
    }
}
