/**
 * Runs the Solidity tests: node packages/contracts/scripts/forge-test.ts [--snapshot] [any option of forge test]
 * `--snapshot` rewrites the committed gas figures (snapshots/*.json); without it a changed figure is a failure.
 */
import { forge } from './forge.ts'

const args = process.argv.slice(2)
const snapshot = args.includes('--snapshot')
process.exitCode = await forge([
  'test',
  `--gas-snapshot-check=${!snapshot}`,
  `--gas-snapshot-emit=${snapshot}`,
  ...args.filter((argument) => argument !== '--snapshot'),
])
