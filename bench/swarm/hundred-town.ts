import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { swarmPartOf, swarmTermsOf } from '@lockstep/client'
import {
  type Call,
  callsOf,
  connect,
  deployMarket,
  LOCAL_CHAIN,
  LOCAL_RULES,
  MARKET_ABIS,
  marketChain,
  readMinimumBond,
  startLocalChain,
} from '@lockstep/contracts'
import { unwrap } from '@lockstep/tensor'
import { type Hex, parseEther, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { gasByKind } from '../jobs/chain-gas.ts'
import { processorTime } from '../jobs/processor-time.ts'
import type { HouseOrder, HouseTurn, HouseUsage } from './hundred-house.ts'
import { hundredManifest, type Setting } from './hundred-manifest.ts'
import { PARTS, type PartName } from './hundred-parts.ts'

/** What a whole swarm came to, each figure for one participant and one round. */
export type TownReport = Setting & {
  /** Rounds in which every participant has submitted and opened every stage. */
  readonly played: number
  readonly wall: number // seconds in all
  readonly processes: number
  readonly cpu: Readonly<Record<PartName | 'all', number>> // milliseconds
  readonly chainCpu: number // milliseconds of the chain's own process
  readonly chainCalls: number
  readonly turns: number
  readonly transactions: number
  readonly gas: number
  readonly heard: number // messages of others that reached it
  readonly traffic: Readonly<Record<string, number>>
  readonly memory: number // bytes of a participant
  readonly misconduct: number // in all
  readonly gaveUp: number // times that time went on although something was waited for
  readonly gasByKind: readonly { readonly kind: string; readonly calls: number; readonly gas: number }[]
}

/** The first account of every local chain: its key is public, and worth nothing anywhere else. */
const DEPLOYER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
/** How long time stands still for what was not heard, and where nothing at all happens. */
const MOST_WAIT_MS = 20_000
const PAUSE_MS = 30
const MOST_COMPANY_MS = 60_000

/** Plays a swarm of so many participants to its end: in two processes, over one chain and one network. */
export const playTown = async (setting: Setting, tell: (line: string) => void): Promise<TownReport> => {
  const { count, rounds, parts } = setting
  const manifest = hundredManifest(setting)
  const chain = await startLocalChain({ args: ['--prune-history'] })
  const houses: { child: ChildProcess; ask: <T>(order: unknown) => Promise<T> }[] = []
  try {
    const account = { privateKey: DEPLOYER } as const
    const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 5 })
    const deployment = await deployMarket(connection, LOCAL_RULES)
    const { addresses } = deployment
    const market = await marketChain(connection, addresses)
    const does = async (call: Call) => unwrap(await market.send(call)).events
    const rpc = <T>(method: string, ...params: unknown[]) =>
      connection.reader.request({ method, params } as never) as Promise<T>
    const passTo = async (time: number): Promise<void> => {
      const wait = time - (await market.now())
      if (wait > 0) await rpc('evm_increaseTime', wait)
      await rpc('evm_mine')
    }
    await does(callsOf('token', addresses.token, MARKET_ABIS.token)('approve', [addresses.vault, 2n ** 255n]))
    await does(market.calls.deposit(connection.account.address, parseEther('10000')))
    const minimumBond = await readMinimumBond(connection, addresses.disputes)
    const events = await does(
      market.calls.createSwarm(swarmTermsOf(manifest, { now: await market.now(), minimumBond })),
    )
    const created = events.find((event) => event.contract === 'swarms' && event.name === 'SwarmCreated')
    if (created?.contract !== 'swarms' || created.name !== 'SwarmCreated') throw new Error('no swarm')
    const swarm = Number(created.args.swarm)

    const keys: Hex[] = Array.from({ length: count }, (_, i) => toHex(0x10c5 * 2 ** 16 + i, { size: 32 }))
    for (const key of keys) {
      const { address } = privateKeyToAccount(key)
      await rpc('anvil_setBalance', address, toHex(parseEther('100')))
      await does(market.calls.deposit(address, parseEther('1000')))
    }
    const processes = count >= 20 ? 2 : 1
    const met = await Promise.all(
      Array.from({ length: processes }, async (_, h) => {
        const child = fork(join(import.meta.dirname, 'hundred-house.ts'), {
          execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=4096'],
        })
        const own = keys.filter((_, i) => i % processes === h)
        const house = { child, ask: asking(child) }
        houses.push(house)
        const order: HouseOrder = { url: chain.url, deployment, swarm, setting, keys: own }
        const addresses = await house.ask<string[]>(order)
        return { house, own: own.map((key, i) => ({ part: partOf(key, parts), address: addresses[i]! })) }
      }),
    )
    const everybody = met.flatMap(({ own }) => own)
    for (const { house, own } of met)
      await house.ask({
        meet: own.map(({ part, address }) => {
          const mates = everybody.filter((one) => one.part === part).map((one) => one.address)
          const at = mates.indexOf(address)
          const ahead = [1, ...[1, 2, 3].map((k) => Math.ceil((k * mates.length) / 4))]
          return [...new Set(ahead.map((k) => mates[(at + k) % mates.length]!))].filter(
            (one) => one !== address,
          )
        }),
      })
    tell(`${count} participants are open`)
    const turnAll = async (): Promise<HouseTurn> => {
      const all = await Promise.all(houses.map(({ ask }) => ask<HouseTurn>('turn')))
      const times = all.flatMap(({ next }) => next ?? [])
      return {
        did: all.reduce((sum, { did }) => sum + did, 0),
        waits: all.reduce((sum, { waits }) => sum + waits, 0),
        over: all.every(({ over }) => over),
        next: times.length === 0 ? undefined : Math.min(...times),
        listeners: Math.min(...all.map(({ listeners }) => listeners)),
      }
    }
    const sizes = Array.from(
      { length: parts },
      (_, part) => everybody.filter((one) => one.part === part).length,
    )
    const fewest = Math.max(1, Math.min(4, ...sizes.filter((size) => size > 0).map((size) => size - 1)))
    // Everybody joins and finds company before anything is counted.
    for (const end = performance.now() + MOST_COMPANY_MS; ; ) {
      const { listeners } = await turnAll()
      const { participants } = await market.read.swarm(swarm)
      if (participants === count && listeners >= fewest) break
      if (performance.now() > end) throw new Error(`no company: ${participants} joined, ${listeners} peers`)
      await sleep(PAUSE_MS)
    }
    const fromBlock = Number(await connection.reader.getBlockNumber()) + 1
    await Promise.all(houses.map(({ ask }) => ask('begin')))
    const chainBegan = processorTime(chain.pid)?.own ?? Number.NaN
    const began = performance.now()
    tell('all have joined')

    let waitsSince: number | undefined
    let gaveUp = 0
    for (;;) {
      const { did, waits, over, next } = await turnAll()
      if (over) break
      if (did > 0) {
        waitsSince = undefined
        continue
      }
      if (waits > 0) {
        waitsSince ??= performance.now()
        if (performance.now() - waitsSince < MOST_WAIT_MS) {
          await sleep(PAUSE_MS)
          continue
        }
        gaveUp++
        tell(`${waits} wait for something that nobody says`)
      }
      waitsSince = undefined
      if (next === undefined) throw new Error('nobody has anything to do, now or later')
      await passTo(next)
      tell(`time ${next}, ${((performance.now() - began) / 1000).toFixed(1)} s`)
    }
    const wall = (performance.now() - began) / 1000
    const played = await houses[0]!.ask<number>('played')
    const used = await Promise.all(houses.map(({ ask }) => ask<HouseUsage>('usage')))
    const chainUsed = (processorTime(chain.pid)?.own ?? Number.NaN) - chainBegan
    const kinds = await gasByKind(
      connection,
      addresses,
      fromBlock,
      Number(await connection.reader.getBlockNumber()),
    )
    const each = (total: number): number => total / count / rounds
    const sum = (of: (usage: HouseUsage) => number): number => used.reduce((all, one) => all + of(one), 0)
    const names = Object.keys(used[0]!.gossip[0]!)
    return {
      ...{ ...setting, played, wall, processes, gaveUp },
      cpu: Object.fromEntries([
        ...PARTS.map((part) => [part, each(1000 * sum(({ seconds, shares }) => seconds * shares[part]))]),
        ['all', each(1000 * sum(({ seconds }) => seconds))],
      ]) as TownReport['cpu'],
      chainCpu: each(1000 * chainUsed),
      chainCalls: each(sum(({ chainCalls }) => chainCalls)),
      turns: each(sum(({ turns }) => turns)),
      transactions: each(kinds.reduce((all, { calls }) => all + calls, 0)),
      gas: each(kinds.reduce((all, { gas }) => all + gas, 0)),
      heard: each(sum(({ delivered }) => delivered)),
      traffic: Object.fromEntries(
        names.map((name) => [
          name,
          each(sum(({ gossip }) => gossip.reduce((all, one) => all + one[name]!, 0))),
        ]),
      ),
      memory: sum(({ memory }) => memory) / count,
      misconduct: sum(({ misconduct }) => misconduct),
      gasByKind: kinds,
    }
  } finally {
    await Promise.all(houses.map(({ ask }) => Promise.race([ask('stop').catch(() => {}), sleep(5_000)])))
    for (const { child } of houses) if (child.exitCode === null) child.kill('SIGKILL')
    await chain.stop()
  }
}

const partOf = (key: Hex, parts: number): number => swarmPartOf(privateKeyToAccount(key).address, parts)

/** One question at a time to a process. */
const asking =
  (child: ChildProcess) =>
  <T>(order: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('a house has ended'))
      child.once('close', ended)
      child.once('message', (message: { readonly answer: T }) => {
        child.off('close', ended)
        resolve(message.answer)
      })
      child.send(order as never)
    })
