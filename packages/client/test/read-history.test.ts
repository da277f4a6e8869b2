import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Connection,
  connect,
  deploy,
  LOCAL_CHAIN,
  type MarketAddresses,
  startLocalChain,
} from '@lockstep/contracts'
import { type Address, discountOf, explainScore, historyOf, OUTCOMES, scoreAt } from '@lockstep/market'
import type { Abi, Hex } from 'viem'
import { Reputation, Token, Vault } from '../../contracts/src/generated/index.ts'
import { readHistory } from '../src/index.ts'

/** The first of the public keys that every anvil has. */
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const ALICE: Address = `0x${'a1'.repeat(20)}`
const BOB: Address = `0x${'b0'.repeat(20)}`
const SCALE = 10n ** 21n
const LOCK = 10n ** 18n

type Stage = {
  readonly connection: Connection
  readonly addresses: MarketAddresses
  /** The office's and the owner's account: this test's own. */
  readonly own: Address
  readonly send: (contract: { abi: Abi }, at: Address, name: string, ...args: unknown[]) => Promise<void>
  readonly ask: (contract: { abi: Abi }, at: Address, name: string, ...args: unknown[]) => Promise<unknown>
  readonly pass: (seconds: number) => Promise<void>
}

/** A vault and a reputation whose office is this test. */
const withStage = async (run: (stage: Stage) => Promise<void>): Promise<void> => {
  const chain = await startLocalChain()
  try {
    const account = { privateKey: KEY } as const
    const connection = await connect({
      url: chain.url,
      chainId: LOCAL_CHAIN.id,
      account,
      pollingInterval: 20,
    })
    const { reader, wallet, mined } = connection
    const own = connection.account.address.toLowerCase() as Address
    const token = await deploy(connection, Token, [own, 1_000_000n * LOCK])
    const vault = await deploy(connection, Vault, [token, own, own, own, 60n])
    const reputation = await deploy(connection, Reputation, [own, own, SCALE])
    const addresses = { token, vault, reputation } as unknown as MarketAddresses
    await run({
      connection,
      addresses,
      own,
      send: async ({ abi }, address, functionName, ...args) => {
        const call = { address, abi, functionName, args, gas: 1_000_000n }
        await mined(await wallet.writeContract(call as never))
      },
      ask: ({ abi }, address, functionName, ...args) =>
        reader.readContract({ address, abi, functionName, args } as never),
      pass: async (seconds) => {
        await reader.request({ method: 'evm_increaseTime', params: [seconds] } as never)
      },
    })
  } finally {
    await chain.stop()
  }
}

test("a history's books are the vault's", () =>
  withStage(async ({ connection, addresses, own, send, ask, pass }) => {
    const { token, vault } = addresses
    const duty: Hex = `0x${'01'.repeat(32)}`
    const other: Hex = `0x${'02'.repeat(32)}`
    await send(Token, token, 'approve', vault, 1_000_000n * LOCK)
    const vaulted = (name: string, ...args: unknown[]) => send(Vault, vault, name, ...args)
    await vaulted('deposit', own, 1_000n * LOCK)
    await vaulted('deposit', ALICE, 7n)
    await vaulted('stake', 600n * LOCK)
    await vaulted('lock', own, duty, 200n * LOCK)
    await vaulted('lock', own, other, 90n * LOCK + 1n)
    await vaulted('unlock', own, duty, 30n * LOCK)
    await vaulted('slash', own, duty, 5n * LOCK + 3n, BOB)
    await vaulted('slashInto', own, other, 11n, 9n)
    await vaulted('fund', own, 9n, 50n * LOCK)
    await vaulted('pay', 9n, ALICE, 20n * LOCK + 4n)
    await vaulted('unstake', 100n * LOCK)
    const half = Number(await connection.reader.getBlockNumber())
    await pass(61)
    await vaulted('release')
    await vaulted('withdraw', BOB, 3n * LOCK)
    const end = Number(await connection.reader.getBlockNumber())

    const history = await readHistory(connection, addresses, 0, end)
    assert.equal(history.unknown, 0)
    for (const account of [own, ALICE, BOB]) {
      const wanted = (await ask(Vault, vault, 'getAccount', account)) as Record<string, bigint>
      const { credit, stake, locked, unbonding } = history.accounts.get(account)!
      assert.deepEqual(
        { credit, stake, locked, unbonding },
        { credit: wanted.credit, stake: wanted.stake, locked: wanted.locked, unbonding: wanted.unbonding },
      )
    }
    const { obligations } = history.accounts.get(own)!
    for (const obligation of [duty, other])
      assert.equal(
        obligations.get(`${own} ${obligation}`),
        await ask(Vault, vault, 'lockedFor', own, own, obligation),
      )
    assert.equal(history.escrows.get(`${own} 9`), await ask(Vault, vault, 'escrowOf', own, 9n))

    const pieces = await readHistory(connection, addresses, 0, half)
    assert.deepEqual(await readHistory(connection, addresses, half - 2, end, pieces), history)
  }))

test("a history's scores and discounts are the reputation's, day after day", () =>
  withStage(async ({ connection, addresses, send, ask, pass }) => {
    const { reputation } = addresses
    const course: [outcome: (typeof OUTCOMES)[number], fee: bigint, days: number][] = [
      ['completed', 3n * LOCK + 7n, 1],
      ['completed', 900n * LOCK, 17],
      ['declined', 0n, 45],
      ['completed', 1n, 0],
      ['late', 0n, 3],
      ['completed', 12_345_678_901n, 200],
      ['completed', 5n * LOCK, 4_000],
      ['failed', 0n, 1],
      ['slashed', 0n, 1],
    ]
    for (const [outcome, fee, days] of course) {
      await send(Reputation, reputation, 'record', ALICE, OUTCOMES.indexOf(outcome), fee)
      await pass(days * 86_400)
      // A block of the new time.
      await send(Reputation, reputation, 'record', BOB, OUTCOMES.indexOf('declined'), 0n)
      const { number, timestamp } = await connection.reader.getBlock()
      const history = await readHistory(connection, addresses, 0, Number(number))
      const score = scoreAt(history.accounts.get(ALICE)!.reputation, Number(timestamp))
      assert.equal(score, await ask(Reputation, reputation, 'scoreOf', ALICE), `${outcome} ${days}`)
      assert.equal(discountOf(score, SCALE), await ask(Reputation, reputation, 'discountOf', ALICE))
      const lines = explainScore(history, ALICE)
      assert.ok(lines.every(({ differs }) => differs === undefined))
    }
    const kept = (await ask(Reputation, reputation, 'recordOf', ALICE)) as Record<string, number>
    const number = Number(await connection.reader.getBlockNumber())
    const found = (await readHistory(connection, addresses, 0, number, historyOf([]))).accounts.get(
      ALICE,
    )!.reputation
    for (const outcome of OUTCOMES) assert.equal(found[outcome], kept[outcome], outcome)
  }))
