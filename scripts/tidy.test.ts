import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'

/** Keeps the house: what may know whom, what may be ambient, what may be left lying about. */

const root = dirname(import.meta.dirname)
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const find = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: root }).filter(
    (f) => !/node_modules|\/generated\/|^packages\/contracts\/out\//.test(f),
  )

/** Rooms from the ground up; a room may import from the rooms in its list. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  tensor: [],
  models: ['tensor'],
  native: ['tensor'],
  gpu: ['tensor'],
  proof: ['tensor'],
  market: ['tensor', 'proof'],
  swarm: ['tensor', 'models', 'proof', 'market'],
  assist: ['tensor', 'models', 'proof', 'swarm'],
  contracts: ['tensor', 'proof', 'market'],
  network: ['tensor'],
  client: ['tensor', 'models', 'proof', 'market', 'swarm', 'contracts', 'network'],
  node: [
    'tensor',
    'native',
    'gpu',
    'models',
    'proof',
    'market',
    'swarm',
    'contracts',
    'network',
    'client',
    'assist',
  ],
}
const PURE = ['tensor', 'models', 'proof', 'market', 'swarm', 'assist']

/** The few files of pure packages that own an effect, handed to the rest as an argument. */
const OWNS_EFFECTS = new Set(
  globSync(['packages/tensor/src/wasm/pool*.ts', 'packages/assist/src/episode/folder-storage.ts'], {
    cwd: root,
  }),
)

/** Applications that need not all packages. */
const APP_MAY_IMPORT: Record<string, readonly string[]> = {
  playground: ['tensor', 'gpu', 'models', 'proof'],
  assist: ['tensor', 'gpu', 'models', 'proof', 'swarm', 'assist', 'node', 'playground'],
}

test('imports run downward only', () => {
  const rooms = [
    ...Object.entries(MAY_IMPORT).map(([room, allowed]) => [`packages/${room}`, allowed] as const),
    ...Object.entries(APP_MAY_IMPORT).map(([room, allowed]) => [`apps/${room}`, allowed] as const),
  ]
  for (const [room, allowed] of rooms) {
    for (const file of find(`${room}/src/**/*.ts`).filter((f) => !f.endsWith('.test.ts'))) {
      for (const [, other] of read(file).matchAll(/from '@lockstep\/([a-z]+)/g)) {
        assert.ok(allowed.includes(other!), `${file} imports @lockstep/${other}`)
      }
    }
  }
})

test('pure packages have nothing ambient', () => {
  const banned =
    /\bDate\.now\b|\bnew Date\b|\bperformance\.now\b|\bMath\.(random|sin|cos|tan|exp|expm1|log|log1p|log2|log10|pow|tanh|sinh|cosh|atan2?|asin|acos|hypot|cbrt)\b|\bsetTimeout\b|from 'node:/
  for (const room of PURE) {
    for (const file of find(`packages/${room}/src/**/*.ts`)) {
      if (file.endsWith('.test.ts') || OWNS_EFFECTS.has(file)) continue
      const found = banned.exec(read(file).replace(/^\s*(\/\/|\/?\*).*$/gm, ''))
      assert.equal(found?.[0], undefined, `${file} uses ${found?.[0]}`)
    }
  }
})

test('files are named for what they hold', () => {
  const vague = /^(utils?|helpers?|common|manager|types|misc)\.(ts|sol)$/
  for (const file of find('**/*.ts', '**/*.sol')) assert.doesNotMatch(basename(file), vague, file)
})

test('nothing is left lying about', () => {
  const leftovers = /\b(TODO|FIXME|XXX)\b/
  for (const file of find(
    'packages/**/*.{ts,sol}',
    'apps/**/*.ts',
    'scripts/**/*.ts',
    'examples/**/*.ts',
    'bench/**/*.ts',
  )) {
    assert.doesNotMatch(read(file), file.endsWith('tidy.test.ts') ? /(?!)/ : leftovers, file)
  }
})

test('the lock files name no host', () => {
  for (const file of ['package-lock.json', 'bench/peers/package-lock.json'])
    assert.doesNotMatch(read(file), /"resolved": "https?:/, file)
})

test('every decision is listed', () => {
  const list = read('docs/decisions/README.md')
  for (const file of find('docs/decisions/0*.md'))
    assert.ok(list.includes(basename(file)), `${file} is not in the list`)
})
