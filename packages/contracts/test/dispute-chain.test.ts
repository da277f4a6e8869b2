import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  isJudgedAtOnce,
  type MoveKind,
  nextMove,
  type Outcome,
  replay,
  rootOf,
  runRemembering,
  type TraceSource,
  taskFields,
  toHex,
} from '@lockstep/proof'
import { type FoldNode, referenceExecutor, size, unwrap } from '@lockstep/tensor'
import { createTestClient, toHex as hex, http, parseEther } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { type Lie, lyingSource } from '../../proof/test/lying-source.ts'
import { segmentNamed, TIMING } from '../../proof/test/settle.ts'
import { NODES, tinyTask } from '../../proof/test/tiny-task.ts'
import {
  connect,
  deployDisputes,
  disputeChain,
  disputesAbi,
  LOCAL_CHAIN,
  readMinimumBond,
  startLocalChain,
} from '../src/index.ts'

const chain = await startLocalChain()
after(() => chain.stop())
const account = (addressIndex: number) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex })
const at = (index: number) =>
  connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account: account(index), pollingInterval: 5 })
const clock = createTestClient({ mode: 'anvil', transport: http(chain.url) })

const deployer = await at(0)
const TREASURY = '0x00000000000000000000000000000000000000aa' as const
const address = await deployDisputes(deployer, {
  treasury: TREASURY,
  rewardShare: 2_000,
  gasPriceCap: 100n * 10n ** 9n,
  minimumTime: 1,
})
const claimant = await disputeChain(await at(1), address)
const challenger = await disputeChain(await at(2), address)
const bond = await readMinimumBond(deployer, address)

const task = tinyTask()
const { trace: honest } = await runRemembering(task, referenceExecutor)
const { header, program } = task.committed
const { initialItem, inputsRoot, steps, segmentLength } = taskFields(task)
const create = async (salt: number) =>
  unwrap(
    await claimant.createTask({
      header,
      initialItem: initialItem,
      inputsRoot,
      steps,
      segmentLength,
      ...TIMING,
      window: 86_400 + salt,
      bond,
    }),
  )
const gas = new Map<string, bigint[]>()

const settle = async (
  sources: { claimant: TraceSource; challenger: TraceSource },
  claim: `0x${string}`,
  dispute: number,
) => {
  const moves: MoveKind[] = []
  for (;;) {
    const { game, posted } = unwrap(replay(await claimant.record(dispute)))
    if (game.outcome !== 'open') return { outcome: game.outcome as Outcome, moves, gaveUp: false }
    const chainOf = game.turn === 'claimant' ? claimant : challenger
    const found = await chainOf.connection.reader.readContract({
      address,
      abi: disputesAbi,
      functionName: 'getDispute',
      args: [BigInt(dispute)],
    })
    assert.equal(found.at, game.at)
    assert.equal(found.disputed, game.disputed)
    const move = await nextMove(
      { side: game.turn, committed: task.committed, source: sources[game.turn] },
      { game, posted },
    )
    const sent = move && (await chainOf.submit(dispute, move))
    if (sent?.ok) {
      moves.push(move!.kind)
      const key = `${game.phase} ${move!.kind}`
      gas.set(key, [...(gas.get(key) ?? []), chainOf.lastReceipt()!.gasUsed])
      continue
    }
    await clock.increaseTime({ seconds: 1000 })
    await clock.mine({ blocks: 1 })
    const over = await (game.turn === 'claimant' ? challenger : claimant).timeout(dispute)
    assert.ok(over.ok)
    const end = unwrap(replay(await claimant.record(dispute)))
    return { outcome: end.game.outcome, moves, gaveUp: true, why: sent }
  }
}

let first = 0
test('whoever lies about an item or an element loses on the chain', async () => {
  for (let item = 0; item < header.items; item++) {
    const node = program.nodes[item]
    const lie: Lie = node
      ? { step: 3, item, element: { index: size(node.shape) - 1, xor: 1 }, foldAt: 0.5 }
      : { step: 3, item }
    const liar = lyingSource(honest, task, lie)
    const claim = unwrap(await claimant.claim(await create(item), toHex(rootOf(await liar.checkpoints()))))
    const dispute =
      item % 2 === 0
        ? unwrap(await challenger.challenge(claim))
        : unwrap(await challenger.challengeSegment(claim, (await segmentNamed(liar, honest))!))
    first ||= dispute
    const settled = await settle({ claimant: liar, challenger: honest }, claim, dispute)
    assert.equal(
      settled.outcome,
      'challenger',
      `${NODES[item] ?? item} ${JSON.stringify(settled, (_, v) => (typeof v === 'bigint' ? String(v) : v))}`,
    )
    assert.equal(settled.gaveUp, false, `${NODES[item] ?? item} ${JSON.stringify(settled)}`)
  }
  for (const [key, used] of gas)
    console.log(key, Math.min(...used.map(Number)), Math.max(...used.map(Number)), used.length)
})
