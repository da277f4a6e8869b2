import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import {
  type MoveKind,
  nextMove,
  type Outcome,
  play,
  replay,
  rootOf,
  runRemembering,
  type Side,
  type TraceSource,
  taskFields,
  toHex,
} from '@lockstep/proof'
import { referenceExecutor, size, unwrap } from '@lockstep/tensor'
import { createTestClient, type Hex, http } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { type Lie, lyingSource } from '../../proof/test/lying-source.ts'
import { segmentNamed, TIMING } from '../../proof/test/settle.ts'
import { NODES, nodeIndex, tinyTask } from '../../proof/test/tiny-task.ts'
import {
  ChainError,
  connect,
  type DisputeChain,
  deployDisputes,
  disputeChain,
  disputesAbi,
  LOCAL_CHAIN,
  readMinimumBond,
  startLocalChain,
} from '../src/index.ts'

const GAS_PRICE = 2_000_000_000n
const anvil = await startLocalChain({
  args: ['--gas-price', `${GAS_PRICE}`, '--block-base-fee-per-gas', '1000000000'],
})
after(() => anvil.stop())
const cheats = createTestClient({ mode: 'anvil', transport: http(anvil.url) })

const account = (addressIndex: number) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex })
const at = (addressIndex: number) =>
  connect({ url: anvil.url, chainId: LOCAL_CHAIN.id, account: account(addressIndex), pollingInterval: 5 })

const deployer = await at(0)
const TREASURY = '0x00000000000000000000000000000000000000aa'
const rules = { treasury: TREASURY, rewardShare: 2_000, gasPriceCap: 10n ** 11n, minimumTime: 1 } as const
const address = await deployDisputes(deployer, rules)
const bond = await readMinimumBond(deployer, address)
const sides: { readonly [S in Side]: DisputeChain } = {
  claimant: await disputeChain(await at(1), address, { pollingInterval: 5 }),
  challenger: await disputeChain(await at(2), address, { pollingInterval: 5 }),
}
const { claimant, challenger } = sides

const task = tinyTask()
const { trace: honest } = await runRemembering(task, referenceExecutor)
const { header, program } = task.committed
const { program: _, ...fields } = taskFields(task)
let salt = 0
const createTask = (clock = TIMING.clock): Promise<Hex> =>
  claimant.createTask({ header, ...fields, ...TIMING, clock, window: 86_400 + salt++, bond }).then(unwrap)

type Opened = { readonly claim: Hex; readonly dispute: number }
const openDispute = async (source: TraceSource, against: TraceSource, history: boolean): Promise<Opened> => {
  const claim = unwrap(await claimant.claim(await createTask(), toHex(rootOf(await source.checkpoints()))))
  const named = history ? undefined : await segmentNamed(source, against)
  const sent = named ? challenger.challengeSegment(claim, named) : challenger.challenge(claim)
  return { claim, dispute: unwrap(await sent) }
}

type Cost = { readonly gas: number; readonly wei: bigint }
/** Gas is given back at the base fee. */
const lastCost = async (chain: DisputeChain): Promise<Cost> => {
  const { gasUsed, blockNumber } = chain.lastReceipt()!
  const { baseFeePerGas } = await deployer.reader.getBlock({ blockNumber })
  return { gas: Number(gasUsed), wei: gasUsed * baseFeePerGas! }
}

type Settled = {
  readonly outcome: Outcome
  readonly judged: boolean
  readonly moves: readonly { readonly name: string; readonly side: Side; readonly cost: Cost }[]
}

/** Two players in turn, each over its own connection, until the contract says who has won. */
const settle = async (sources: { readonly [S in Side]: TraceSource }, dispute: number): Promise<Settled> => {
  const moves: Settled['moves'][number][] = []
  for (;;) {
    const { game, posted } = unwrap(replay(await claimant.record(dispute)))
    if (game.outcome !== 'open') return { outcome: game.outcome, judged: true, moves }
    const side = game.turn
    const player = { side, committed: task.committed, source: sources[side] }
    const move = await nextMove(player, { game, posted })
    const sent = move && (await sides[side].submit(dispute, move))
    if (!move || !sent?.ok) break
    moves.push({
      name: `${game.phase} ${move.kind satisfies MoveKind}`,
      side,
      cost: await lastCost(sides[side]),
    })
  }
  await cheats.increaseTime({ seconds: 1000 })
  await cheats.mine({ blocks: 1 })
  unwrap(await challenger.timeout(dispute))
  return { outcome: unwrap(replay(await claimant.record(dispute))).game.outcome, judged: false, moves }
}

const spentOn = async (dispute: number, side: Side): Promise<bigint> => {
  const { gas } = await deployer.reader.readContract({
    address,
    abi: disputesAbi,
    functionName: 'getDispute',
    args: [BigInt(dispute)],
  })
  return side === 'claimant' ? gas & (2n ** 128n - 1n) : gas >> 128n
}

const lieAbout = (item: number): Lie => {
  const node = program.nodes[item]
  return node
    ? { step: 3, item, element: { index: size(node.shape) - 1, xor: 1 }, foldAt: 0.5 }
    : { step: 3, item }
}

test('a winner gets back its bond, the reward and at least what it has paid for gas, and little more', async () => {
  const most = new Map<string, number>()
  for (let item = 0; item < header.items; item++) {
    const liar = lyingSource(honest, task, lieAbout(item))
    const name = NODES[item] ?? `join ${item}`
    for (const winner of item % 3 === 0 ? (['challenger', 'claimant'] as const) : (['challenger'] as const)) {
      const sources =
        winner === 'challenger'
          ? { claimant: liar, challenger: honest }
          : { claimant: honest, challenger: liar }
      const before = { credit: await sides[winner].credit(account(winner === 'claimant' ? 1 : 2).address) }
      const { dispute } = await openDispute(sources.claimant, sources.challenger, item % 2 === 0)
      const opening = { side: 'challenger', cost: await lastCost(challenger) } as const
      const settled = await settle(sources, dispute)
      assert.equal(settled.outcome, winner, name)
      assert.ok(settled.judged, name)
      const moves = [opening, ...settled.moves].filter(({ side }) => side === winner)
      const paid = moves.reduce((sum, { cost }) => sum + cost.wei, 0n)
      const credit = await sides[winner].credit(account(winner === 'claimant' ? 1 : 2).address)
      const own = winner === 'challenger' ? bond : 0n
      const back = credit - before.credit - own - (bond * 2_000n) / 10_000n
      assert.ok(back >= paid, `${name}: ${winner} paid ${paid}, got ${back}`)
      assert.ok(back <= (paid * 105n) / 100n, `${name}: ${winner} paid ${paid}, got ${back}`)
      for (const { name: move, cost } of settled.moves)
        most.set(move, Math.max(most.get(move) ?? 0, cost.gas))
    }
  }
  compareGas(most)
})

/** Whole transactions of the tiny task, calldata included; see Disputes.json for execution alone. */
const compareGas = (most: ReadonlyMap<string, number>): void => {
  const path = new URL('../snapshots/dispute-transactions.json', import.meta.url)
  const found = Object.fromEntries([...most].sort(([a], [b]) => (a < b ? -1 : 1)))
  if (process.env.LOCKSTEP_SNAPSHOT === '1') writeFileSync(path, `${JSON.stringify(found, undefined, 2)}\n`)
  const kept: Record<string, number> = JSON.parse(readFileSync(path, 'utf8'))
  assert.deepEqual(Object.keys(found), Object.keys(kept))
  for (const [move, gas] of most) {
    // Hashes that hold the time have more or fewer zero bytes.
    assert.ok(Math.abs(gas / kept[move]! - 1) < 0.01, `${move} costs ${gas}, not ${kept[move]}`)
  }
}

test('two players who only watch the chain settle a dispute by themselves', async () => {
  const liar = lyingSource(honest, task, lieAbout(nodeIndex('hidden')))
  const { dispute } = await openDispute(liar, honest, true)
  const player = (side: Side, source: TraceSource) =>
    play({
      side,
      source,
      committed: task.committed,
      chain: sides[side],
      dispute,
      now: sides[side].now,
      wait: (until) => sides[side].wait(dispute, until),
    })
  const outcomes = await Promise.all([player('claimant', liar), player('challenger', honest)])
  assert.deepEqual(outcomes, ['challenger', 'challenger'])
})

/** The same chain by a node that gives each event of a later block only when it is asked for it a second time. */
const laggingNode = async () => {
  const since = await deployer.reader.getBlockNumber()
  const told = new Set<string>()
  let held = 0
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    const answer = await fetch(anvil.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    const said = (await answer.json()) as { result?: unknown }
    const { method } = JSON.parse(body.toString()) as { method: string }
    if (method === 'eth_getLogs' && Array.isArray(said.result))
      said.result = said.result.filter(({ blockNumber, transactionHash, logIndex }) => {
        const name = `${transactionHash} ${logIndex}`
        if (BigInt(blockNumber) <= since || told.has(name)) return true
        told.add(name)
        held++
        return false
      })
    response.setHeader('content-type', 'application/json').end(JSON.stringify(said))
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    held: () => held,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

test('a player whose node tells of a move before its event does not wait for it until its own time is over', async (t) => {
  const liar = lyingSource(honest, task, lieAbout(nodeIndex('hidden')))
  const { dispute } = await openDispute(liar, honest, true)
  const node = await laggingNode()
  t.after(node.close)
  const behind = async (side: Side, number: number, source: TraceSource) => {
    const connection = await connect({
      ...{ url: node.url, chainId: LOCAL_CHAIN.id, account: account(number), pollingInterval: 5 },
    })
    const chain = await disputeChain(connection, address, { pollingInterval: 5 })
    return play({
      ...{ side, source, committed: task.committed, chain, dispute },
      ...{ now: chain.now, wait: (until: number) => chain.wait(dispute, until) },
    })
  }
  const outcomes = await Promise.all([behind('claimant', 1, liar), behind('challenger', 2, honest)])
  assert.deepEqual(outcomes, ['challenger', 'challenger'])
  assert.ok(node.held() > 5, `${node.held()} events were late`)
})

test('a claimant who says nothing loses by the clock, and the challenger has its gas back', async () => {
  const { claim, dispute } = await openDispute(honest, honest, true)
  await cheats.increaseTime({ seconds: 1000 })
  await cheats.mine({ blocks: 1 })
  unwrap(await challenger.timeout(dispute))
  assert.equal((await claimant.readClaim(claim)).status, 'fallen')
  const record = await challenger.record(dispute)
  assert.equal(record.decided, 'challenger')
  assert.ok((await spentOn(dispute, 'challenger')) > 0n)
})

test('a claim that stands is final after its window, and its bond can be withdrawn', async () => {
  const claim = unwrap(await claimant.claim(await createTask(), toHex(rootOf(await honest.checkpoints()))))
  const early = await claimant.finalize(claim)
  assert.equal(early.ok ? undefined : early.fault.value, 'WindowOpen')
  await cheats.increaseTime({ seconds: 100_000 })
  await cheats.mine({ blocks: 1 })
  unwrap(await challenger.finalize(claim))
  assert.equal((await claimant.readClaim(claim)).status, 'final')
  const to = '0x00000000000000000000000000000000000000bb'
  const credit = await claimant.credit(account(1).address)
  unwrap(await claimant.withdraw(to))
  assert.equal(await deployer.reader.getBalance({ address: to }), credit)
})

test('the same task made twice is one task, and disputes are found by their blocks', async () => {
  const terms = { header, ...fields, ...TIMING, window: 80_000, bond }
  assert.equal(unwrap(await claimant.createTask(terms)), unwrap(await challenger.createTask(terms)))
  const from = await deployer.reader.getBlockNumber()
  const { claim, dispute } = await openDispute(honest, honest, true)
  const { disputes, next } = await challenger.disputesSince(from)
  assert.deepEqual(disputes, [{ dispute, claim, challenger: account(2).address }])
  assert.ok(next > from)
})

test('another chain and an address without a contract are named', async () => {
  const wrong = connect({ url: anvil.url, chainId: 1, account: account(1) })
  await assert.rejects(wrong, (error) => error instanceof ChainError && error.code === 'wrong-chain')
  const nowhere = disputeChain(await at(1), TREASURY)
  await assert.rejects(nowhere, (error) => error instanceof ChainError && error.code === 'no-contract')
})
