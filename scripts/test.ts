/**
 * The test runner: types, lint, then every *.test.ts on Node's own runner.
 *   npm test                        everything ordinary
 *   npm run test:quick              under a minute: no chain, small counts
 *   npm run nightly [-- --shard 1/3] the long searches too
 *   npm test -- FILE ...            only these files
 *   npm test -- --seed N [FILE ...] with this seed for the property tests, which a nightly run prints
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { scriptArguments } from './arguments.ts'

const root = dirname(import.meta.dirname)
const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    nightly: { type: 'boolean' },
    shard: { type: 'string' },
    seed: { type: 'string' },
  },
})

const run = (command: string, args: string[], env: Record<string, string> = {}): void => {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

const sources = [
  'packages/*/src/**/*.test.ts',
  'apps/*/src/**/*.test.ts',
  'scripts/**/*.test.ts',
  'bench/{,engine/,onnx/}*.test.ts',
]
const withChain = ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'examples/**/*.test.ts']
const files =
  positionals.length > 0
    ? positionals
    : globSync(values.quick ? sources : [...sources, ...withChain], { cwd: root }).sort()

if (positionals.length === 0) {
  // What it found out about unchanged files is kept beside the dependencies, whose change it depends on too.
  run('tsc', ['--noEmit', '--incremental', '--tsBuildInfoFile', 'node_modules/.lockstep-types'])
  // What runs in browsers knows nothing of Node, nor the rest of the document; tests of pages know both.
  for (const part of ['playground/src/page', 'playground/test', 'assist/src/page', 'assist/test']) {
    const kept = `node_modules/.lockstep-types-${part.replaceAll('/', '-')}`
    run('tsc', ['--noEmit', '-p', `apps/${part}`, '--incremental', '--tsBuildInfoFile', kept])
  }
  run('biome', ['check', '--error-on-warnings', '.'])
}

// Ordinarily the same cases everywhere, so that nobody's change fails over a case that was there before it; by night new ones.
const seed = values.seed ?? String(values.nightly ? randomInt(2 ** 31) : 1)
if (!/^\d{1,10}$/.test(seed) || Number(seed) >= 2 ** 31) {
  console.error(`--seed is ${seed}; allowed: an integer from 0 to ${2 ** 31 - 1}.`)
  process.exit(2)
}
console.log(`property tests: seed ${seed}`)
// Hundreds of processes are started, each of which would compile the same sources again.
const compiled = mkdtempSync(join(tmpdir(), 'lockstep-compiled-'))
process.on('exit', () => {
  try {
    rmSync(compiled, { recursive: true, force: true })
  } catch {
    // A process that is still ending has just written to it: it is left to the system's own cleaning.
  }
})
const env = { LOCKSTEP_SEED: seed, NODE_COMPILE_CACHE: compiled }
run(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    `--import=${pathToFileURL(join(import.meta.dirname, 'property-seed.ts'))}`,
    '--test',
    // One more than the two cores that this is meant for: a third of the time of most files is waiting.
    '--test-concurrency=3',
    '--test-reporter=spec',
    ...(values.shard ? [`--test-shard=${values.shard}`] : []),
    ...files,
  ],
  { ...env, ...(values.nightly ? { LOCKSTEP_NIGHTLY: '1' } : values.quick ? { LOCKSTEP_QUICK: '1' } : {}) },
)
