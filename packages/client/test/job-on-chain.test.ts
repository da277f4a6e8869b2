import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Call, disputesAbi, type MarketChain } from '@lockstep/contracts'
import {
  type Address,
  type Bid,
  checkPost,
  earningsOf,
  escrowAtPosting,
  explainAccount,
  explainJob,
  explainScore,
  type Post,
  type PostBounds,
  requiredStake,
  rootsOf,
} from '@lockstep/market'
import { decodeTensors, loadModel } from '@lockstep/models'
import {
  claimRoot,
  type Digest,
  pathOf,
  rootOf,
  runClaim,
  stepItem,
  tensorsTree,
  toHex,
  treeOf,
} from '@lockstep/proof'
import { createWasmExecutor, type Result, type Tensor, unwrap } from '@lockstep/tensor'
import {
  modelFromState,
  type Plan,
  parseManifest,
  planJob,
  postOf,
  readHistory,
  sliceTask,
} from '../src/index.ts'
import { CHARGES, MINIMUM_TIME, type Stage, TREASURY, withMarket } from './market-stage.ts'

const WINDOW = 1_200
const TIMES = {
  bidding: 10,
  inclusion: 12,
  receipt: 60,
  run: 300,
  audit: 10,
  answer: 10,
  window: WINDOW,
  clock: 60,
  segment: 30,
  step: 20,
  move: 10,
  deadline: 86_400,
}
const text = new TextEncoder().encode(Array.from({ length: 900 }, (_, i) => `${i * i} `).join(''))
const plan: Plan = planJob(
  parseManifest(
    new TextEncoder().encode(
      JSON.stringify({
        name: 'tiny',
        data: { text: 'tiny.txt' },
        model: { layers: 1, width: 8, heads: 2, context: 8 },
        training: { batch: 2, steps: 6, warmup: 1 },
        segments: { every: 2 },
        market: { workers: 2, times: TIMES, ceiling: '0.013', auditPrice: '0.0071', auditRate: 3_333 },
      }),
    ),
  ),
  text,
  {
    blobId: (bytes) => `${createHash('sha256').update(bytes).digest('hex')}-${bytes.length}`,
    throughput: 1e9,
  },
)

const send = async (as: MarketChain, call: Call) => {
  const sent = await as.send(call)
  assert.ok(sent.ok, sent.ok ? '' : JSON.stringify(sent.fault))
  return sent.value
}
const value = <T>(result: Result<T>): T => {
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.fault))
  return result.value
}
const addressOf = (chain: MarketChain): Address => chain.connection.account.address.toLowerCase() as Address

/** Everything that a history says, against the contracts. */
const compare = async ({ connection, addresses, requester, providers }: Stage): Promise<void> => {
  const to = Number(await connection.reader.getBlockNumber())
  const history = await readHistory(connection, addresses, 0, to)
  assert.equal(history.unknown, 0)
  for (const account of [addressOf(requester), ...providers.map(addressOf), TREASURY]) {
    const wanted = await requester.read.account(account)
    const found = history.accounts.get(account)
    const { credit = 0n, stake = 0n, locked = 0n, unbonding = 0n } = found ?? {}
    assert.deepEqual(
      { credit, stake, locked, unbonding },
      { credit: wanted.credit, stake: wanted.stake, locked: wanted.locked, unbonding: wanted.unbonding },
    )
    for (const { what, how, differs } of [
      ...explainAccount(history, account),
      ...explainScore(history, account),
    ])
      assert.equal(differs, undefined, `${what}; ${how}; ${differs}`)
  }
  for (const job of history.jobs.values()) {
    for (const { what, how, differs } of explainJob(history, job.number))
      assert.equal(differs, undefined, `${what}; ${how}; ${differs}`)
    const wanted = await requester.read.job(job.number)
    assert.equal(job.status, wanted.status)
    const office = addresses.market.toLowerCase()
    assert.equal(history.escrows.get(`${office} ${job.number}`) ?? 0n, wanted.escrow)
    for (const slice of job.slices) {
      const progress = await requester.read.progress(job.number, slice.number)
      assert.equal(slice.status, progress.status, `slice ${slice.number}`)
      assert.equal(slice.attempts.at(-1)?.number ?? 0, progress.attempt)
    }
  }
}

test('a job is posted for what the plan says, and what the market refuses is refused before', () =>
  withMarket(async ({ requester }) => {
    const { read, calls } = requester
    const now = await requester.now()
    const post = postOf(plan, { now, minimumBond: 10n ** 18n })
    const bounds: PostBounds = {
      now,
      minimumTime: MINIMUM_TIME,
      minimumBond: 1n,
      leastWindow: 1,
      charges: CHARGES,
    }
    const escrow = value(checkPost(post, bounds))
    const job = value(await requester.post(calls.post(post)))
    const posted = await read.job(job)
    assert.equal(posted.escrow, escrow)
    assert.equal(escrow, escrowAtPosting(post, CHARGES))
    for (const [i, slice] of post.slices.entries()) {
      assert.deepEqual(await read.slice(job, i), slice)
      assert.equal(await read.stakeFor(job, i), requiredStake(post, slice, CHARGES.minimumStake))
    }
    const spec = await read.spec(job)
    assert.equal(spec.manifest, plan.manifestHash)
    assert.deepEqual(spec.times, post.times)

    const times = (change: Partial<Post['times']>): Partial<Post> => ({ times: { ...post.times, ...change } })
    const first = post.slices[0]!
    const refused: Partial<Post>[] = [
      { auditPrice: post.ceiling / 2n - 1n },
      { ceiling: 0n },
      { auditRate: 0 },
      { auditors: 9 },
      { slices: [] },
      { slices: [{ ...first, program: 7 }] },
      { slices: [{ ...first, initialFrom: 0 }] },
      { slices: [{ ...first, steps: 1_000 }] },
      { slices: [{ ...first, time: 1 }] },
      { slices: [{ ...first, work: 0n }] },
      times({ answer: 9 }),
      times({ moveTime: 21 }),
      times({ deadline: now - 1 }),
    ]
    for (const change of refused) {
      const bad = { ...post, ...change }
      assert.ok(!checkPost(bad, bounds).ok, Object.keys(change)[0])
      assert.ok(!(await requester.wouldSend(calls.post(bad))).ok, Object.keys(change)[0])
    }
  }))

test('two workers and their merge are settled; an absent and a late provider are slashed; every amount is explained', () =>
  withMarket(async (stage) => {
    const { requester, providers, sign, pass } = stage
    const { calls, read } = requester
    const post = postOf(plan, { now: await requester.now(), minimumBond: 10n ** 18n })
    const job = value(await requester.post(calls.post(post)))
    const bid = async (slice: number, provider: 0 | 1, part: bigint): Promise<void> => {
      const account = addressOf(providers[provider])
      const offer: Bid = {
        job,
        account,
        key: account,
        pricePerUnit: (post.ceiling * part) / 100n,
        time: 200,
        slices: 8,
        expiry: (await requester.now()) + 1_000,
        salt: part,
      }
      await send(requester, calls.assign(slice, offer, await sign(provider, offer)))
    }
    const receive = async (slice: number, provider: 0 | 1) => {
      await pass(13)
      const { events } = await send(providers[provider], calls.receipt(job, slice))
      const received = events.find((event) => event.contract === 'market' && event.name === 'SliceReceived')
      assert.ok(received?.name === 'SliceReceived')
      return received.args.task
    }

    const executor = await createWasmExecutor()
    const states: (readonly Tensor[])[] = []
    const roots: Digest[] = []
    const finish = async (number: number, provider: 0 | 1): Promise<void> => {
      const task = await receive(number, provider)
      const slice = post.slices[number]!
      const committed = plan.programs[slice.program]!
      const blobs = plan.job.slices[number]!
      const stored = (
        ids: readonly string[],
        at: number | undefined,
        types: Parameters<typeof decodeTensors>[1],
      ) => (at === undefined ? undefined : unwrap(decodeTensors(plan.blobs.get(ids[at]!)!, types)))
      const initial =
        stored(plan.job.states, blobs.state, committed.program.state) ?? states[slice.initialFrom]!
      const inputs =
        stored(plan.job.inputs, blobs.input, committed.program.inputs) ??
        slice.inputsFrom.flatMap((from) => states[from]!)
      const expected = rootsOf(slice, (from) => roots[from])!
      const run = unwrap(sliceTask(committed, slice, expected, initial, inputs))
      const known = await requester.connection.reader.readContract({
        address: stage.addresses.disputes,
        abi: disputesAbi,
        functionName: 'getTask',
        args: [task],
      })
      assert.equal(known.initialItem, expected.initialItem)
      assert.equal(known.inputsRoot, expected.inputsRoot)
      const runner = await executor.compile(committed.program, inputs)
      const claim = await runClaim(run, runner)
      const state = runner.state()
      states[number] = state
      roots[number] = rootOf(tensorsTree(state))
      const outputsRoot = rootOf(tensorsTree(runner.outputs()))
      runner.close()
      const tree = treeOf(claim.checkpoints)
      assert.deepEqual(claim.checkpoints.at(-1), stepItem(roots[number]!, outputsRoot))
      const root = toHex(claimRoot(claim))
      value(await providers[provider].disputes.claim(task, root))
      const opening = {
        root,
        stateRoot: toHex(roots[number]!),
        outputsRoot: toHex(outputsRoot),
        path: pathOf(tree, tree.count - 1, 0, tree.height).map(toHex),
        sealedTallies: root,
      }
      await send(providers[provider], calls.claim(job, number, opening))
      await compare(stage)
      await pass(WINDOW + 1)
      await send(requester, calls.advance(job, number))
      assert.equal((await read.progress(job, number)).status, 'settled')
    }

    await pass(11)
    // Provider 0 leads, is outbid, and provider 1 never shows: the replacement is dearer.
    await bid(0, 0, 80n)
    await bid(0, 1, 60n)
    await compare(stage)
    await pass(80)
    await send(requester, calls.advance(job, 0))
    await pass(11)
    await bid(0, 0, 97n)
    await finish(0, 0)
    // Provider 1 takes the inputs of slice 1 and is late.
    await bid(1, 1, 50n)
    await receive(1, 1)
    await pass(201)
    await send(requester, calls.advance(job, 1))
    await compare(stage)
    await pass(11)
    await bid(1, 0, 100n)
    await finish(1, 0)
    await send(requester, calls.advance(job, 2))
    await pass(11)
    await bid(2, 1, 31n)
    await finish(2, 1)
    await send(requester, calls.close(job))
    await compare(stage)
    await executor.close()

    const to = Number(await requester.connection.reader.getBlockNumber())
    const history = await readHistory(requester.connection, stage.addresses, 0, to)
    const [one, two] = providers.map((provider) => earningsOf(history, addressOf(provider)))
    assert.ok(one!.provided > 0n && one!.slashed === 0n && two!.slashed > 0n)
    assert.equal(one!.atRisk + two!.atRisk, 0n)
    const { spent } = earningsOf(history, addressOf(requester))
    assert.ok(spent > 0n && spent < escrowAtPosting(post, CHARGES))
    const model = loadModel(modelFromState(plan, states[plan.results[0]!]!))
    assert.deepEqual(model.model, plan.model)
  }))
