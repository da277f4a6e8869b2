#!/usr/bin/env node
// A `solc` for forge over the npm package: forge asks for the version and then for one standard-JSON compilation
// on standard input. So the compiler is pinned by the lock file and nothing is downloaded.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const solc = createRequire(import.meta.url)('solc')
const [flag] = process.argv.slice(2)
if (flag === '--version') {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`)
} else if (process.argv.includes('--standard-json')) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
} else {
  process.stderr.write(
    `only --version and --standard-json are supported, not ${process.argv.slice(2).join(' ')}\n`,
  )
  process.exitCode = 1
}
