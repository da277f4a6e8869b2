/**
 * The test runner: types, lint, then every *.test.ts on Node's own runner.
 *   npm test                        everything ordinary
 *   npm run test:quick              under a minute: no chain, small counts
 *   npm run nightly [-- --shard 1/3] the long searches too
 *   npm test -- FILE ...            only these files
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { scriptArguments } from './arguments.ts'

const root = dirname(import.meta.dirname)
const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, nightly: { type: 'boolean' }, shard: { type: 'string' } },
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
  run('tsc', ['--noEmit'])
  run('biome', ['check', '--error-on-warnings', '.'])
}
run(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-concurrency=2',
    '--test-reporter=spec',
    ...(values.shard ? [`--test-shard=${values.shard}`] : []),
    ...files,
  ],
  values.nightly ? { LOCKSTEP_NIGHTLY: '1' } : values.quick ? { LOCKSTEP_QUICK: '1' } : {},
)
