import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { fail, ok, unwrap } from '@lockstep/tensor'
import { type ExecutorId, isDevice, isExecutorChoice } from './id.ts'
import type { ExecutorInfo } from './machine.ts'
import {
  type ExecutorsOptions,
  fastestOf,
  type NodeExecutors,
  openExecutors,
  promised,
} from './node-executors.ts'
import { deviceFault } from './open-by-id.ts'
import type { Probe } from './probe.ts'

let directory: string
let files = 0
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-executors-'))
})
after(() => rm(directory, { recursive: true, force: true }))

const PROGRAM: Hex = `0x${'11'.repeat(32)}`
const OTHER: Hex = `0x${'22'.repeat(32)}`
const card = (id: ExecutorId, driver = 'CUDA 13.0'): ExecutorInfo => ({
  ...{ id, name: `card ${id}`, driver, memory: 2 ** 33, software: false },
})

/** A machine with these devices: which conform, and how often each was asked. */
const machine = (cards: readonly ExecutorInfo[], wrong: ReadonlySet<ExecutorId> = new Set()) => {
  const asked: ExecutorId[] = []
  const probe: Probe = {
    list: async () => ({ found: [...cards], missing: [] }),
    prove: async (id) => {
      asked.push(id)
      return wrong.has(id)
        ? { conforms: false, cases: 3, digest: 'ff', why: 'product 2 gives x, not y' }
        : { conforms: true, cases: 15, digest: 'ee', unitsPerSecond: 500 }
    },
  }
  return { probe, asked }
}

const opened = async (options: Partial<ExecutorsOptions>) => {
  const warned: string[] = []
  const log = { info: () => {}, warn: (_: unknown, text: string) => warned.push(text) }
  const executors = unwrap(
    await openExecutors({
      ...{ choice: 'auto', threads: 1, runs: 1, file: join(directory, `${files++}.json`) },
      processor: () => ({ executor: 'wasm 1', unitsPerSecond: 100 }),
      ...{ changed: () => {}, mayHaveDevices: () => true, signal: new AbortController().signal },
      ...{ log: log as never, ...options },
    }),
  )
  await executors.ready
  return { executors, warned }
}
/** Speeds by executor, as a measurement finds them; one that is missing fails. */
const speeds =
  (of: { readonly [on: string]: number }, tried: string[] = []) =>
  async (on?: ExecutorId) => {
    const name = on ?? 'processor'
    tried.push(name)
    const found = of[name]
    return found === undefined ? fail(deviceFault(on!, 'out of memory').fault) : ok(found)
  }
const leased = (executors: NodeExecutors, of: { readonly [on: string]: number }, tried?: string[]) =>
  executors.lease(PROGRAM, speeds(of, tried))

test('a name is one of the known kinds, with a number for what there can be several of', () => {
  for (const good of ['auto', 'wasm', 'native', 'cuda:0', 'cuda:12', 'webgpu:1'])
    assert.ok(isExecutorChoice(good), good)
  for (const bad of [
    '',
    'gpu',
    'cuda',
    'cuda:',
    'cuda:-1',
    'cuda:01',
    'cuda:100',
    'wasm:0',
    'cuda:0 ',
    7,
    undefined,
  ])
    assert.ok(!isExecutorChoice(bad), String(bad))
  assert.deepEqual(
    ['wasm', 'cuda:3'].map((id) => isDevice(id as ExecutorId)),
    [false, true],
  )
})

test('the fastest for a program is taken, measured when it is first met and not again', async () => {
  const { probe } = machine([card('cuda:0'), card('cuda:1')])
  const { executors } = await opened({ probe })
  const tried: string[] = []
  const of = { 'cuda:0': 900, 'cuda:1': 1200, processor: 100 }
  const first = await leased(executors, of, tried)
  assert.equal(first.on, 'cuda:1')
  assert.deepEqual(tried, ['cuda:0', 'cuda:1', 'processor'])
  first.release()
  assert.equal((await leased(executors, of, tried)).on, 'cuda:1')
  assert.equal(tried.length, 3)
  // Of another program nothing is known; there the processor is faster.
  const small = await executors.lease(OTHER, speeds({ 'cuda:0': 50, processor: 60 }))
  assert.equal(small.on, undefined)
  // What a run has shown counts more than its first steps.
  executors.ran('cuda:0', OTHER, 70)
  assert.equal((await executors.lease(OTHER, speeds({}))).on, 'cuda:0')
})

test('as many slices as devices compute beside each other, each on one of its own; the rest on the processor', async () => {
  const { probe } = machine([card('cuda:0'), card('cuda:1')])
  const { executors } = await opened({ probe, runs: 3 })
  const of = { 'cuda:0': 900, 'cuda:1': 1200, processor: 100 }
  const leases = await Promise.all([1, 2, 3].map(() => leased(executors, of)))
  assert.deepEqual(
    leases.map(({ on }) => on),
    ['cuda:1', 'cuda:0', undefined],
  )
  leases[1]!.release()
  assert.equal((await leased(executors, of)).on, 'cuda:0')
})

test('a bid counts on what the slowest of its slices gets', async () => {
  const { probe } = machine([card('cuda:0'), card('cuda:1')])
  const of = { 'cuda:0': 900, 'cuda:1': 1200, processor: 100 }
  for (const [runs, known, met] of [
    [1, 500, 1200],
    [2, 500, 900],
    [3, 100, 100],
  ] as const) {
    const { executors } = await opened({ probe, runs })
    assert.equal(executors.speed([PROGRAM])?.unitsPerSecond, known)
    ;(await leased(executors, of)).release()
    assert.equal(executors.speed([PROGRAM])?.unitsPerSecond, met)
    // The slowest of several programs decides.
    assert.equal(executors.speed([PROGRAM, OTHER])?.unitsPerSecond, Math.min(known, met))
  }
  const slots = [
    { on: 'cuda:0' as const, unitsPerSecond: 5 },
    { on: undefined, unitsPerSecond: 9 },
  ]
  assert.equal(promised(slots, 1, true).unitsPerSecond, 5)
  assert.equal(promised(slots, 1, false).unitsPerSecond, 9)
  assert.equal(fastestOf(slots).on, undefined)
})

test('who only audits has no measured processor, and measures it once for a program all the same', async () => {
  const { probe } = machine([card('cuda:0')])
  const { executors } = await opened({ probe, processor: () => undefined })
  const tried: string[] = []
  const of = { 'cuda:0': 50, processor: 60 }
  assert.equal((await leased(executors, of, tried)).on, undefined)
  assert.equal((await leased(executors, of, tried)).on, undefined)
  assert.deepEqual(tried, ['cuda:0', 'processor'])
  assert.equal(executors.speed([PROGRAM]), undefined)
})

test('a device that does not conform is never used, and that is said', async () => {
  const { probe } = machine([card('cuda:0'), card('cuda:1')], new Set(['cuda:1']))
  const { executors, warned } = await opened({ probe })
  assert.deepEqual(warned, [
    'cuda:1 (card cuda:1) does not conform and is never used: product 2 gives x, not y',
  ])
  const of = { 'cuda:0': 900, 'cuda:1': 1200, processor: 100 }
  assert.equal((await leased(executors, of)).on, 'cuda:0')
  assert.equal((await leased(executors, of)).on, undefined)
  const named = await opened({ probe, choice: 'cuda:1' })
  assert.equal((await leased(named.executors, of)).on, undefined)
})

test('a device that fails does not get the program again, and is proven before it gets another', async () => {
  const wrong = new Set<ExecutorId>()
  const { probe, asked } = machine([card('cuda:0')], wrong)
  const proofs: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()]
  const slow: Probe = {
    ...probe,
    prove: async (...args) => {
      await proofs[asked.length]!.promise
      return probe.prove(...args)
    },
  }
  proofs[0]!.resolve()
  let changes = 0
  const told = Promise.withResolvers<void>()
  const changed = (): void => {
    if (++changes === 4) told.resolve()
  }
  const { executors, warned } = await opened({ probe: slow, changed })
  const of = { 'cuda:0': 900, processor: 100 }
  const lease = await leased(executors, of)
  executors.failed('cuda:0', PROGRAM, 'the device was lost')
  lease.release()
  assert.match(warned[0]!, /^cuda:0 is proven again before it is used again: the device was lost/)
  assert.equal((await executors.lease(OTHER, speeds(of))).on, undefined)
  proofs[1]!.resolve()
  await told.promise
  assert.deepEqual(asked, ['cuda:0', 'cuda:0'])
  assert.equal((await executors.lease(OTHER, speeds(of))).on, 'cuda:0')
  assert.equal((await leased(executors, of)).on, undefined)
})

test('where a program does not fit on a device, the next one is taken', async () => {
  const { probe } = machine([card('cuda:0'), card('cuda:1')])
  const { executors, warned } = await opened({ probe })
  assert.equal((await leased(executors, { 'cuda:1': 700, processor: 100 })).on, 'cuda:1')
  assert.match(warned[0]!, /^cuda:0 is proven again.*out of memory/)
})

test('a proof is kept between starts until the device, its driver or our code is another', async () => {
  const file = join(directory, 'kept.json')
  const first = machine([card('cuda:0')])
  await (await opened({ probe: first.probe, file })).executors.close()
  const again = machine([card('cuda:0')])
  const second = await opened({ probe: again.probe, file })
  assert.deepEqual([first.asked, again.asked], [['cuda:0'], []])
  assert.equal(second.executors.devices()[0]!.conforms, true)
  ;(await leased(second.executors, { 'cuda:0': 900, processor: 100 })).release()
  await second.executors.close()
  const third = await opened({ probe: again.probe, file })
  assert.equal(third.executors.speed([PROGRAM])?.unitsPerSecond, 900)
  await third.executors.close()
  const updated = machine([card('cuda:0', 'CUDA 13.1')])
  const fourth = await opened({ probe: updated.probe, file })
  assert.deepEqual(updated.asked, ['cuda:0'])
  assert.equal(fourth.executors.speed([PROGRAM])?.unitsPerSecond, 500)
  await fourth.executors.close()
  const text = await readFile(file, 'utf8')
  await writeFile(
    file,
    text.replaceAll(/"fingerprint": "[0-9a-f]{32}"/g, `"fingerprint": "${'0'.repeat(32)}"`),
  )
  await (await opened({ probe: updated.probe, file })).executors.close()
  await writeFile(file, '{')
  await (await opened({ probe: updated.probe, file })).executors.close()
  assert.equal(updated.asked.length, 3)
})

test('what is named and not there is a fault that says what there is', async () => {
  const { probe } = machine([card('cuda:0')])
  const gone = await openExecutors({
    ...{ choice: 'cuda:1', threads: 1, runs: 1, file: join(directory, 'gone.json') },
    ...{ processor: () => undefined, changed: () => {}, log: {} as never, probe },
    signal: new AbortController().signal,
  })
  assert.ok(!gone.ok)
  assert.deepEqual([gone.fault.code, gone.fault.limit], ['executor-missing', 'auto, cuda:0'])
})

test('software that plays a device is used only where it is named, and no driver is asked where there is none', async () => {
  const software = { ...card('webgpu:0'), software: true }
  const { probe, asked } = machine([software])
  const auto = await opened({ probe })
  assert.deepEqual([auto.executors.devices(), asked], [[], []])
  const named = await opened({ probe, choice: 'webgpu:0' })
  assert.equal((await leased(named.executors, {})).on, 'webgpu:0')
  const none = await opened({
    mayHaveDevices: () => false,
    probe: { ...probe, list: () => assert.fail('asked') },
  })
  assert.equal((await leased(none.executors, {})).on, undefined)
  assert.equal(none.executors.speed([])?.unitsPerSecond, 100)
})
