import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { escrowAtPosting, rootsOf } from '@lockstep/market'
import {
  byteTokenizer,
  decodeTensors,
  f32Values,
  initialState,
  loadModel,
  padTensors,
  shardCorpus,
  splitCorpus,
  trainProgram,
} from '@lockstep/models'
import {
  checkpointCount,
  type Digest,
  digestFromHex,
  initialItem,
  rootOf,
  type Task,
  taskFields,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { createWasmExecutor, type Executor, type Tensor, unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import {
  decodeJobManifest,
  estimateJob,
  MAX_JOB_MANIFEST_BYTES,
  modelFromState,
  type Plan,
  parseManifest,
  planFrom,
  planJob,
  postOf,
  programFrom,
  sliceBlobs,
  sliceTask,
  trainingOf,
} from '../index.ts'

const blobId = (bytes: Uint8Array): string =>
  `${createHash('sha256').update(bytes).digest('hex')}-${bytes.length}`
const WORDS = 'the quick brown fox jumps over a lazy dog and sleeps'.split(' ')
/** Without a period, so that no two shards are alike. */
const text = new TextEncoder().encode(
  Array.from({ length: 400 }, (_, i) => WORDS[((i * i * 7 + (i >> 3)) % 97) % WORDS.length]).join(' '),
)
const options = { blobId, throughput: 1e9 }

const manifestOf = (market: object, training: object = {}) =>
  parseManifest(
    new TextEncoder().encode(
      JSON.stringify({
        name: 'tiny',
        data: { text: '/home/somebody/secret/tiny.txt' },
        model: { layers: 1, width: 16, heads: 2, context: 16 },
        training: { batch: 4, steps: 24, warmup: 2, rate: 0.01, seed: 5, ...training },
        segments: { every: 4 },
        market,
      }),
    ),
  )
const planOf = (market: object, training: object = {}): Plan =>
  planJob(manifestOf(market, training), text, options)

/** Runs a plan as nodes would: from blobs and roots alone, slice after slice. */
const execute = async (plan: Plan, executor: Executor) => {
  const states: (readonly Tensor[])[] = []
  const roots: Digest[] = []
  const losses: number[][] = []
  const tasks: Task[] = []
  const job = unwrap(decodeJobManifest(plan.bytes))
  for (const [number, slice] of postOf(plan, { now: 0, minimumBond: 1n }).slices.entries()) {
    const where = unwrap(sliceBlobs(job, number, slice))
    const committed = unwrap(
      programFrom(plan.blobs.get(where.program)!, plan.programs[slice.program]!.header),
    )
    const { program } = committed
    const tensorsAt = (id: string, types: typeof program.state): Tensor[] =>
      unwrap(decodeTensors(plan.blobs.get(id)!, types))
    const initial = where.state ? tensorsAt(where.state, program.state) : states[slice.initialFrom]!
    const inputs = where.inputs
      ? tensorsAt(where.inputs, program.inputs)
      : slice.inputsFrom.flatMap((from) => states[from]!)
    const expected = rootsOf(slice, (from) => roots[from])!
    const task = unwrap(sliceTask(committed, slice, expected, initial, inputs))
    assert.deepEqual(
      { initialItem: taskFields(task).initialItem, inputsRoot: taskFields(task).inputsRoot },
      expected,
    )
    const runner = await executor.compile(program, inputs)
    runner.load(initial)
    const reported: number[] = []
    for (let step = 0; step < task.steps; step++) {
      await runner.step()
      reported.push(f32Values(runner.outputs()[0]!)[0]!)
    }
    states.push(runner.state())
    roots.push(rootOf(tensorsTree(runner.state())))
    losses.push(reported)
    tasks.push(task)
    runner.close()
  }
  return { states, losses, tasks }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

test('two rounds of three workers give what a plain loop gives, and learn', async () => {
  const plan = planOf({ workers: 3, rounds: 2 })
  const executor = await createWasmExecutor()
  const { states, losses } = await execute(plan, executor)

  const { train } = splitCorpus(text, byteTokenizer, 17, 0.1)
  const shards = shardCorpus(train, 3)
  const { seed, ...config } = plan.manifest.training
  const program = trainProgram(plan.model, config, { tokens: shards[0]!.shape[0]!, dtype: 'u8' })
  let state: Tensor[] = initialState(plan.model, seed)
  for (let round = 0; round < 2; round++) {
    const reached: Tensor[][] = []
    for (const shard of shards) {
      const runner = await executor.compile(program, [shard])
      runner.load(state)
      await runner.step(12)
      reached.push(runner.state())
      runner.close()
    }
    state = reached[0]!.map((tensor, t) => {
      if (tensor.dtype !== 'f32') return tensor
      const [a, b, c] = reached.map((worker) => f32Values(worker[t]!)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ]
      const values = a.map((value, i) => Math.fround(Math.fround(Math.fround(value + b[i]!) + c[i]!) / 3))
      return { ...tensor, data: new Uint8Array(values.buffer) }
    })
  }
  await executor.close()
  assert.deepEqual(plan.results, [7])
  assert.deepEqual(states[7], padTensors(state))
  const [first, last] = [losses[0]!, losses[6]!]
  assert.ok(mean(last.slice(-4)) < mean(first.slice(0, 4)) - 0.5, `${first} ${last}`)

  const { parameters, tokenizer, model } = loadModel(modelFromState(plan, states[7]!))
  assert.deepEqual(parameters, state.slice(0, parameters.length))
  assert.deepEqual(model, plan.model)
  assert.equal(tokenizer?.vocabSize, 256)
})

test('a sweep trains every variant on its own, and replicas reach one state', async () => {
  const executor = await createWasmExecutor()
  const sweep = planOf({
    mode: 'sweep',
    rounds: 2,
    stepsPerRound: 3,
    sweep: [{}, { seed: 9 }, { rate: 0.1 }],
  })
  assert.equal(sweep.programs.length, 2)
  assert.equal(sweep.job.states.length, 2)
  const found = await execute(sweep, executor)
  const ends = sweep.results.map((result) => toHex(initialItem(found.states[result]!)))
  assert.equal(new Set(ends).size, 3)
  const chain = await execute(planOf({ rounds: 2, stepsPerRound: 3 }), executor)
  assert.deepEqual(found.states[sweep.results[0]!], chain.states[1])

  const replicas = await execute(planOf({ mode: 'replicas', workers: 2, stepsPerRound: 3 }), executor)
  assert.deepEqual(replicas.states[0], replicas.states[1])
  assert.deepEqual(taskFields(replicas.tasks[0]!), taskFields(replicas.tasks[1]!))
  await executor.close()
})

test('a plan is the same from the same manifest, and its manifest binds everything that is published', () => {
  const plan = planOf({ workers: 3, rounds: 2 })
  assert.deepEqual(planOf({ workers: 3, rounds: 2 }).bytes, plan.bytes)
  const job = unwrap(decodeJobManifest(plan.bytes))
  assert.deepEqual(job, plan.job)
  const bound = new Set([...job.programs, job.tokenizer, ...job.states, ...job.inputs])
  assert.deepEqual(new Set(plan.blobs.keys()), bound)
  assert.equal(job.inputs.length, 3)
  assert.doesNotMatch(new TextDecoder().decode(plan.bytes), /somebody/)
})

test('what is posted has the amounts, times and bounds of the manifest', () => {
  const plan = planOf({
    workers: 2,
    ceiling: 0.25,
    auditPrice: 0.125,
    times: { deadline: 100 },
    allowed: [`0x${'AB'.repeat(20)}`],
  })
  const post = postOf(plan, { now: 1_000, minimumBond: 7n })
  assert.equal(post.ceiling, 250_000_000_000_000_000n)
  assert.equal(post.times.deadline, 1_100)
  assert.equal(post.bond, 7n)
  assert.deepEqual(post.allowed, [`0x${'ab'.repeat(20)}`])
  assert.deepEqual(
    post.slices.map(({ steps, segmentLength }) => [steps, checkpointCount({ steps, segmentLength })]),
    [
      [24, 6],
      [24, 6],
      [2, 1],
    ],
  )
  const estimate = estimateJob(plan, 1e9, { feeShare: 100 })
  assert.equal(estimate.escrow, escrowAtPosting(post, { feeShare: 100 }))
  assert.equal(
    estimate.work,
    post.slices.reduce((sum, { work }) => sum + work, 0n),
  )
  const seconds = (Number(post.slices[0]!.work + post.slices[2]!.work) * 1e6) / 1e9
  assert.ok(Math.abs(estimate.running - seconds) < 1e-9)
  assert.ok(estimate.settled > 2 * post.times.window)
  assert.ok(estimate.memory > 0 && estimate.published > plan.bytes.length)
})

test('a manifest that cannot be a job is refused with the field and what is allowed', () => {
  const refused = (market: object, field: string, training: object = {}): void =>
    assert.throws(
      () => planOf(market, training),
      (error: { fault?: { field: string }; field?: string }) => (error.fault ?? error).field === field,
      field,
    )
  refused({ mode: 'sweep' }, 'market.sweep')
  refused({ sweep: [{ seed: 1 }] }, 'market.sweep')
  refused({ mode: 'replicas' }, 'market.workers')
  refused({ workers: 64, rounds: 4 }, 'market.rounds')
  refused({ stepsPerRound: 9 }, 'market.stepsPerRound')
  refused({ ceiling: '-1' }, 'market.ceiling')
  refused({ ceiling: 0 }, 'market.ceiling')
  refused({ ceiling: '3', auditPrice: '1.4' }, 'market.auditPrice')
  refused({ stepsPerRound: 1026 }, 'segments.every')
  refused({ ceiling: 1e-9 }, 'market.ceiling')
  refused({ auditRate: 0 }, 'market.auditRate')
  refused({ price: 1 }, 'market.price')
  refused({ sweep: [{ steps: 3 }], mode: 'sweep' }, 'market.sweep.0.steps')
  refused({ mode: 'sweep', sweep: Array.from({ length: 9 }, (_, i) => ({ rate: i / 10 })) }, 'market.sweep')
  assert.throws(
    () => planJob({ ...manifestOf({}), market: undefined } as never, text, options),
    /market is missing/,
  )
  assert.throws(
    () => planJob(manifestOf({ workers: 60 }), text.subarray(0, 900), options),
    /market.workers is 60; allowed: at most 47/,
  )
})

test("a stranger's job manifest is taken in its one spelling, or refused", () => {
  const { bytes } = planOf({ workers: 2 })
  const source = new TextDecoder().decode(bytes)
  const refused = (changed: string): void => {
    const result = decodeJobManifest(new TextEncoder().encode(changed))
    assert.ok(!result.ok, changed.slice(0, 60))
  }
  refused(` ${source}`)
  refused(source.replace('"format"', '"other":1,"format"'))
  refused(source.replace('"results":[2]', '"results":[3]'))
  refused(source.replace('"input":1', '"input":2'))
  refused('{}')
  refused('x'.repeat(MAX_JOB_MANIFEST_BYTES + 1))
  fc.assert(
    fc.property(
      fc.nat(bytes.length - 1),
      fc.nat(bytes.length),
      fc.uint8Array({ maxLength: 6 }),
      (from, to, put) => {
        decodeJobManifest(
          Uint8Array.from([...bytes.subarray(0, from), ...put, ...bytes.subarray(Math.max(from, to))]),
        )
      },
    ),
    { numRuns: 200 },
  )
})

test("a stranger's program and tensors are taken only if they are the ones that the chain means", async () => {
  const plan = planOf({ workers: 2, stepsPerRound: 2 })
  const [train, merge] = plan.programs as [(typeof plan.programs)[0], (typeof plan.programs)[0]]
  const bytes = plan.blobs.get(plan.job.programs[0]!)!
  assert.ok(programFrom(bytes, train.header).ok)
  assert.ok(!programFrom(bytes, merge.header).ok)
  assert.ok(!programFrom(bytes.subarray(1), train.header).ok)
  const slice = plan.slices[0]!
  const state = unwrap(decodeTensors(plan.blobs.get(plan.job.states[0]!)!, train.program.state))
  const inputs = plan.job.inputs.map((id) => unwrap(decodeTensors(plan.blobs.get(id)!, train.program.inputs)))
  const codeOf = (initial: readonly Tensor[], given: readonly Tensor[]): string => {
    const result = sliceTask(train, slice, slice, initial, given)
    return result.ok ? 'ok' : result.fault.code
  }
  assert.equal(codeOf(state, inputs[0]!), 'ok')
  assert.equal(codeOf(state, inputs[1]!), 'inputs-differ')
  assert.equal(codeOf(state.toReversed(), inputs[0]!), 'tensors-differ')
  assert.equal(codeOf(state.slice(1), inputs[0]!), 'tensors-differ')
  const other = { ...state[0]!, data: state[0]!.data.slice().fill(0) }
  assert.equal(codeOf([other, ...state.slice(1)], inputs[0]!), 'state-differs')
  assert.equal(digestFromHex(slice.initialItem).length, 32)
})

test('a manifest of any architecture is planned and learns: a llama', async () => {
  const { market: _, ...manifest } = manifestOf({})
  const model = { kind: 'llama', layers: 1, width: 16, heads: 4, keyHeads: 2, inner: 24, context: 16 }
  const text_ = JSON.stringify({ ...manifest, model })
  const training = trainingOf(planFrom(parseManifest(new TextEncoder().encode(text_)), text))
  assert.equal(training.model.kind, 'llama')
  const executor = await createWasmExecutor()
  const runner = await executor.compile(training.task.committed.program, training.task.inputs)
  runner.load(training.task.initial)
  const losses: number[] = []
  for (let step = 0; step < 24; step++) {
    await runner.step()
    losses.push(f32Values(runner.outputs()[0]!)[0]!)
  }
  const saved = modelFromState(training, runner.state())
  runner.close()
  await executor.close()
  assert.ok(losses.at(-1)! < losses[0]! - 0.5, `${losses}`)
  assert.deepEqual(loadModel(saved).model, training.model)
})
