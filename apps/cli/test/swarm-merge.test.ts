import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  DEFAULT_TRAIN,
  encodeTensors,
  exportHub,
  initialParameters,
  initialState,
  type LanguageModel,
  policyProgram,
  saveModel,
  trainBpe,
} from '@lockstep/models'
import {
  characterCoding,
  decodeLineage,
  encodeLineage,
  encodeReceipt,
  parametersIn,
  parametersRoot,
  receiptDigest,
  type UpdateReceipt,
} from '@lockstep/swarm'
import { unwrap } from '@lockstep/tensor'
import { inProcess, workplace } from './lockstep.ts'

const sizes = { layers: 1, width: 16, heads: 2 }
const model: LanguageModel = {
  kind: 'gpt',
  config: { ...sizes, vocab: characterCoding.vocab, context: 40, dropout: 0 },
}
const account = `0x${'0a'.repeat(20)}` as const
const digest = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
/** The receipt of an update that ended with these parameters. */
const receiptTo = (parameters: `0x${string}`): UpdateReceipt => ({
  ...{ participant: account, swarm: 1, round: 3, steps: 1, program: digest(1), outputs: digest(2) },
  before: { state: digest(3), parameters: digest(4) },
  after: { state: digest(5), parameters },
  inputs: [6, 7, 8, 9, 10].map(digest),
  groups: [digest(11)],
})
const addresses = Object.fromEntries(
  'market audits vault verifiers delegations draw reputation disputes swarms token faucet'
    .split(' ')
    .map((name, i) => [name, `0x${`${i + 1}`.padStart(40, '0')}`]),
)

let home: string
before(async () => {
  home = await workplace()
  process.chdir(home)
  await mkdir('home')
  const network = {
    ...{ format: 'lockstep-network-1', chainId: 31337, fromBlock: 0, addresses },
    ...{ rpc: 'http://127.0.0.1:9', bootstrap: [] },
  }
  await writeFile('net.json', JSON.stringify(network))
  const manifest = {
    ...{ families: [{ family: 'copying', level: 1 }], model: { ...sizes, context: 40 } },
    ...{ lengths: { prompt: 24, answer: 16 }, warmStart: { examples: 32, batch: 32, steps: 2, warmup: 0 } },
  }
  await writeFile('swarm.json', JSON.stringify(manifest))
  // A model of the hub, one that a run has written, one of other tokens, and a participant's directory.
  const { config, weights } = exportHub({ model, parameters: initialParameters(model, 1) })
  await mkdir('first')
  await writeFile('first/config.json', config)
  await writeFile('first/model.safetensors', weights)
  await writeFile('second.safetensors', saveModel({ model, parameters: initialParameters(model, 2) }))
  const tokenizer = trainBpe(new TextEncoder().encode('copy abc=abc '.repeat(9)), 262)
  const pairs: LanguageModel = { kind: 'gpt', config: { ...model.config, vocab: 263 } as never }
  const parameters = initialParameters(pairs, 3)
  await writeFile('third.safetensors', saveModel({ model: pairs, parameters, tokenizer }))
  const own = 'home/swarms/31337-00000000/1/main'
  await mkdir(own, { recursive: true })
  await writeFile(join(own, 'participant.json'), JSON.stringify({ account, learned: 4 }))
  const { state } = policyProgram(model, DEFAULT_TRAIN, { rows: 8, length: 40, dtype: 'u32' })
  await writeFile(join(own, 'model-4.state'), encodeTensors(state, initialState(model, 4)))
})
after(async () => {
  process.chdir(tmpdir())
  await rm(home, { recursive: true, force: true })
})

const merge = (...args: readonly string[]) =>
  inProcess(
    ...['swarm', 'merge', '1', '--home', 'home', '--network', 'net.json', '--manifest', 'swarm.json'],
    ...['--tasks', '4', '--json', ...args],
  )
test('models of every form are merged where they are of one build', async () => {
  const own = 'home/swarms/31337-00000000/1/main'
  const models = ['first', 'second.safetensors', 'third.safetensors', own]
  const done = await merge('--models', ...models, '--method', 'average', '--out', 'merged')
  assert.equal(done.code, 0, done.stderr)
  const said = JSON.parse(done.stdout)
  assert.deepEqual(
    said.members.map(({ name, round, build, taken }: Record<string, unknown>) => [name, round, build, taken]),
    [
      ['first', 0, 0, true],
      ['second.safetensors', 0, 0, true],
      ['third.safetensors', 0, 1, false],
      [account, 4, 0, true],
    ],
  )
  const lineage = unwrap(decodeLineage(await readFile('merged/lineage.json')))
  assert.equal(lineage.swarm?.number, 1)
  assert.equal(lineage.result.modelRoot, said.result.modelRoot)
})

const check = (directory: string, ...models: readonly string[]) =>
  inProcess(
    ...['swarm', 'check', directory, '--home', 'home', '--network', 'net.json', '--manifest', 'swarm.json'],
    ...['--json', ...(models.length > 0 ? ['--models', ...models] : [])],
  )

test('whoever has the models makes the same again in any order, and a lie in a lineage is named', async () => {
  const done = await merge('--models', 'first', 'second.safetensors', 'third.safetensors', '--out', 'soup')
  assert.equal(done.code, 0, done.stderr)
  const again = await check('soup', 'third.safetensors', 'second.safetensors', 'first')
  assert.equal(again.code, 0, again.stderr)
  assert.deepEqual(JSON.parse(again.stdout).differences, [])
  const lineage = unwrap(decodeLineage(await readFile('soup/lineage.json')))
  const result = { ...lineage.result, heldOut: lineage.result.heldOut + 100 }
  await writeFile('soup/lineage.json', encodeLineage({ ...lineage, result }))
  const lied = await check('soup', 'first', 'second.safetensors', 'third.safetensors')
  assert.equal(lied.code, 1)
  assert.deepEqual(
    JSON.parse(lied.stdout).differences.map(({ field }: { field: string }) => field),
    ['result.heldOut'],
  )
  const missing = await check('soup', 'first', 'third.safetensors')
  assert.equal(missing.code, 2)
  assert.match(
    missing.stderr,
    /the model of second\.safetensors is 0x.*; allowed: one of those that --models names/,
  )
})

test('without models, those of all participants of the home are taken; and text says what the model is worth', async () => {
  const done = await inProcess(
    ...['swarm', 'merge', '1', '--home', 'home', '--network', 'net.json', '--manifest', 'swarm.json'],
    ...['--tasks', '4', '--method', 'ties', '--out', 'ties'],
  )
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stdout, /reward on 4 validation tasks and on 4 held-out ones/)
  assert.match(done.stdout, new RegExp(`${account} +0\\.000 +0\\.000 +taken in`))
  assert.match(done.stdout, /meta-model, ties +\d\.\d+ +\d\.\d+\n/)
  const lineage = unwrap(decodeLineage(await readFile('ties/lineage.json')))
  assert.match(lineage.baseRoot ?? '', /^0x/)
  const again = await check('ties')
  assert.equal(again.code, 0, again.stdout + again.stderr)
})

test("a participant's model of its own is read as it joined with it, and its receipts are in the lineage", async () => {
  const directory = 'own-part'
  await mkdir(directory)
  await writeFile(join(directory, 'participant.json'), JSON.stringify({ account, learned: 4 }))
  const lengths = { prompt: 20, answer: 12 }
  const own = { model: { ...sizes, width: 8, context: 32 }, lengths }
  await writeFile(join(directory, 'own-model.json'), JSON.stringify(own))
  const small: LanguageModel = { kind: 'gpt', config: { ...model.config, width: 8, context: 32 } as never }
  const { state } = policyProgram(small, DEFAULT_TRAIN, { rows: 8, length: 32, dtype: 'u32' })
  const first = initialState(small, 9)
  await writeFile(join(directory, 'model-4.state'), encodeTensors(state, first))
  const receipt = receiptTo(parametersRoot(parametersIn(small, first)))
  await writeFile(join(directory, 'round-3.receipt'), encodeReceipt(receipt))
  await writeFile(join(directory, 'round-2.receipt'), encodeReceipt({ ...receipt, round: 2 }))
  await writeFile(join(directory, 'round-1.receipt'), 'damaged')
  const done = await merge('--models', 'first', directory, '--out', 'with-own')
  assert.equal(done.code, 0, done.stderr)
  const lineage = unwrap(decodeLineage(await readFile('with-own/lineage.json')))
  const { builds, members } = lineage
  assert.deepEqual(
    members.map(({ build, receipts }) => [build, receipts]),
    [
      [0, []],
      [1, [receiptDigest(receipt)]],
    ],
  )
  assert.deepEqual({ prompt: builds[1]!.prompt, answer: builds[1]!.answer }, lengths)
  assert.equal(builds[1]!.model.config.width, 8)
  const again = await check('with-own', 'first', directory)
  assert.equal(again.code, 0, again.stdout + again.stderr)
  // A lineage that names another receipt than the directory has is not true.
  const lied = members.with(1, { ...members[1]!, receipts: [digest(12)] })
  await writeFile('with-own/lineage.json', encodeLineage({ ...lineage, members: lied }))
  const found = await check('with-own', 'first', directory)
  assert.equal(found.code, 1)
  assert.match(found.stdout, /members\[1\]\.receipts\[0\]/)
})

test('a student that nobody can teach is refused, and nothing is written', async () => {
  const done = await merge('--models', 'first', '--method', 'distil', '--out', 'student')
  assert.equal(done.code, 2)
  assert.match(done.stderr, /answers is none; allowed: at least one that the student can be taught/)
  await assert.rejects(readFile('student/lineage.json'), { code: 'ENOENT' })
})
