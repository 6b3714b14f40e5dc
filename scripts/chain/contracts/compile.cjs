// Compiles Driver.sol, and collects the bytecode of the packages' contracts: node compile.cjs FOLDER > bytecode.json
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const of = createRequire(path.resolve(process.argv[2], 'node_modules', 'x'));
const solc = of('solc');
const source = fs.readFileSync(path.join(__dirname, 'Driver.sol'), 'utf8');
const output = JSON.parse(solc.compile(JSON.stringify({
  language: 'Solidity',
  sources: { 'Driver.sol': { content: source } },
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { '*': { '*': ['evm.bytecode.object'] } },
  },
})));
for (const error of output.errors || []) {
  if (error.severity === 'error') throw new Error(error.formattedMessage);
}
const bytecode = {
  UniswapV2Factory: of('@uniswap/v2-core/build/UniswapV2Factory.json').bytecode,
  UniswapV3Factory: of('@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json').bytecode,
  UniswapV3Pool: of('@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json').bytecode,
  PoolManager: of('@uniswap/v4-core/out/PoolManager.sol/PoolManager.json').bytecode.object,
};
for (const [name, contract] of Object.entries(output.contracts['Driver.sol'])) {
  if (contract.evm.bytecode.object) bytecode[name] = contract.evm.bytecode.object;
}
for (const name in bytecode) {
  if (!bytecode[name].startsWith('0x')) bytecode[name] = '0x' + bytecode[name];
}
process.stdout.write(JSON.stringify(bytecode));
