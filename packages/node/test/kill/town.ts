import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, type NetworkFile, openClient } from '@lockstep/client'
import {
  type Connection,
  connect,
  type Deployment,
  deployMarket,
  LOCAL_CHAIN,
  LOCAL_RULES,
  type LocalChain,
  type MarketChain,
  marketChain,
  startLocalChain,
} from '@lockstep/contracts'
import { type Result, unwrap } from '@lockstep/tensor'
import type { Address, Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { HUB_ADDRESS, type Machine } from '../../../network/test/machines.ts'
import { dripFrom, prepareAccount } from '../../src/daemon/prepare-account.ts'
import { Secret } from '../../src/keys/secret.ts'
import { createStriker, type StrikePoint, type Striker } from './kill-points.ts'
import { type ClientFile, createMember, type Line, type Member, type NodeFile } from './members.ts'
import { passTime } from './pass-time.ts'

/** The first account of every local chain: its key is public, and worth nothing anywhere else. */
const DEPLOYER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
/** Long rounds: a verifier that is struck in one half is back in the other. Time that nobody needs is passed over. */
const rulesOf = (period: number) => ({
  ...LOCAL_RULES,
  verifiers: { ...LOCAL_RULES.verifiers, delay: 2 * period + 1 },
  draw: { ...LOCAL_RULES.draw, period },
})

export type Role = 'relay' | 'provider' | 'verifier'
export type JoinOptions = {
  readonly open?: number
  readonly executor?: NodeFile['executor']
  readonly auditExecutor?: NodeFile['auditExecutor']
}

/** A local chain with a market, and nodes and requesters that are processes of their own. */
export type Town = {
  readonly rpc: string
  readonly market: MarketChain
  readonly deployment: Deployment
  readonly directory: string
  readonly striker: Striker
  readonly lines: readonly Line[]
  readonly accounts: ReadonlyMap<string, Secret>
  readonly join: (name: string, role: Role, options?: JoinOptions) => Promise<void>
  /** Tokens and coins, from the faucet. */
  readonly drip: (to: readonly Address[]) => Promise<Result<unknown>>
  readonly member: (name: string) => Member
  /** Lets a requester post a job. Its number is known when it says so. */
  readonly post: (manifest: object, text: string) => Promise<Requester>
  readonly client: () => Promise<Client>
  readonly line: (matches: (line: Line) => boolean, milliseconds: number, from?: number) => Promise<Line>
  readonly settled: (job: number, milliseconds: number) => Promise<void>
  /** Looks again and again, and passes over the time in which nobody has anything to do for this job. */
  readonly until: (job: number, isReached: () => Promise<boolean>, milliseconds: number) => Promise<void>
  /** Passes over the time until then, whatever anybody has to do. */
  readonly passTo: (time: number) => Promise<void>
  /** Somebody of the test will challenge a claim: no window is passed over. */
  readonly hold: () => void
  /** A connection in the name of somebody who is no node, with coins. */
  readonly stranger: () => Promise<MarketChain>
  /** Kills the chain's process and starts it again on its port, out of the copies of its state. */
  readonly killChain: () => Promise<void>
  /** Ends all nodes in the ordinary way. */
  readonly stopNodes: () => Promise<void>
  readonly close: () => Promise<void>
}
export type Requester = {
  readonly member: Member
  /** The same requester again, after a kill: it publishes what was posted. */
  readonly publishAgain: (job: number) => Member
}

export type TownOptions = {
  readonly keepsState?: boolean
  /** Seconds of each half of a draw's round. */
  readonly period?: number
  /** Everybody gets one of these; left out, all are on this machine. */
  readonly machines?: readonly Machine[]
  /** What happens to a point's victim; left out, it is killed and started again. Fulfilled when it is back. */
  readonly strike?: (victim: string, machine: Machine, point: string) => Promise<void>
}

const TOKEN = 10n ** 18n
const LAST_LINES = 60
const BACK_LOOK_MS = 50
const BACK_LOOKS = 2_400

export const openTown = async (options: TownOptions = {}): Promise<Town> => {
  const { period = 20 } = options
  const machines = [...(options.machines ?? [])]
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-kill-'))
  const stateDirectory = join(directory, 'chain')
  const startChain = (port?: number): Promise<LocalChain> =>
    startLocalChain({
      ...(options.keepsState && { stateDirectory }),
      ...(port !== undefined && { port }),
      ...(options.machines && { hosts: [LOCAL_CHAIN.host, HUB_ADDRESS] }),
    })
  if (options.keepsState) await mkdir(stateDirectory)
  // With several addresses the port has to be chosen: each would get one of its own.
  let chain = await startChain(options.machines && (await freePort()))
  const rpc = chain.url
  const connection: Connection = await connect({
    url: rpc,
    chainId: LOCAL_CHAIN.id,
    account: { privateKey: DEPLOYER },
    pollingInterval: 100,
  })
  /** The chain as the machines reach it. */
  const outer = options.machines ? rpc.replace(LOCAL_CHAIN.host, HUB_ADDRESS) : rpc
  const deployment = await deployMarket(connection, rulesOf(period))
  const market = await marketChain(connection, deployment.addresses)
  const drip = dripFrom(connection, deployment.addresses.faucet!)
  const members = new Map<string, Member>()
  const accounts = new Map<string, Secret>()
  const clients: Client[] = []
  const lines: Line[] = []
  const listeners = new Set<(line: Line) => void>()
  let crashed: Error | undefined
  const memberOf = (name: string): Member => {
    const member = members.get(name)
    if (member === undefined) throw new Error(`nobody is called ${name}`)
    return member
  }
  const machineOf = new Map<string, Machine>()
  const settle = (name: string): Machine | undefined => {
    const machine = machines.shift()
    if (machine) machineOf.set(name, machine)
    return machine
  }
  const kill = async ({ victim, who, back }: StrikePoint): Promise<void> => {
    const member = memberOf(victim ?? who)
    await member.kill()
    for (let i = 0; back !== undefined && !(await back()); i++) {
      if (i === BACK_LOOKS) throw new Error(`${member.name} could not be started again in time`)
      await new Promise((resolve) => setTimeout(resolve, BACK_LOOK_MS))
    }
    member.start()
    await line(({ who, msg }) => who === member.name && msg === 'node is up', 120_000, lines.length)
  }
  const { strike } = options
  const striker = createStriker(
    strike === undefined
      ? kill
      : ({ victim, who, name }) => strike(victim ?? who, machineOf.get(victim ?? who)!, name),
  )
  const bootstrap: string[] = []
  const heard = (line: Line): void => {
    lines.push(line)
    if (line.msg === 'ended' && line.code !== 0)
      crashed ??= new Error(`${line.who} ended with code ${line.code}`)
    for (const listener of listeners) listener(line)
    striker.heard(line)
  }
  const network = (): NetworkFile => ({ ...deployment, rpc, bootstrap })
  const outerNetwork = (): NetworkFile => ({ ...network(), rpc: outer })
  const time = passTime({
    market,
    rpc,
    verifiers: () =>
      [...accounts].filter(([name]) => roles.get(name) === 'verifier').map(([, a]) => a.address),
    mayPass: () => !striker.isDown(),
    windowOver: () => heard({ who: 'chain', msg: 'window over' }),
    isDisputed: (claim) => isHeld || lines.some((line) => line.claim === claim && line.isFalse === true),
  })
  let isHeld = false
  const roles = new Map<string, Role>()

  const line: Town['line'] = (matches, milliseconds, from = 0) =>
    new Promise((resolve, reject) => {
      const known = lines.slice(from).find(matches)
      if (known) return resolve(known)
      const timer = setTimeout(() => {
        listeners.delete(listener)
        reject(new Error(`no such line in ${milliseconds} ms; the last lines:\n${lastLines(lines)}`))
      }, milliseconds)
      const listener = (found: Line): void => {
        if (!matches(found)) return
        clearTimeout(timer)
        listeners.delete(listener)
        resolve(found)
      }
      listeners.add(listener)
    })

  const until: Town['until'] = async (job, isReached, milliseconds) => {
    const end = Date.now() + milliseconds
    while (!(await isReached().catch(() => false))) {
      const fault = striker.fault() ?? crashed
      if (fault) throw new Error(`${fault.message}\n${lastLines(lines)}`, { cause: fault })
      if (Date.now() > end) {
        const { slices = 0 } = await market.read.job(job)
        const progress = await Promise.all([...Array(slices).keys()].map((s) => market.read.progress(job, s)))
        const state = JSON.stringify(progress, (_, v) => (typeof v === 'bigint' ? String(v) : v))
        throw new Error(`job ${job} has not come so far in time: ${state}\n${lastLines(lines)}`)
      }
      await time.pass(job).catch(() => {}) // a chain that is down for a moment
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  const stopNodes = async (): Promise<void> => {
    await Promise.all([...members.values()].map((member) => member.stop()))
  }
  return {
    ...{ rpc, drip, market, deployment, directory, striker, lines, accounts, line, until, stopNodes },
    passTo: async (to) => void (await time.passTo(to)),
    hold: () => {
      isHeld = true
    },
    stranger: async () => {
      const account = privateKeyToAccount(`0x${randomBytes(32).toString('hex')}`)
      unwrap(await drip([account.address]))
      const own = await connect({ url: rpc, chainId: LOCAL_CHAIN.id, account, pollingInterval: 50 })
      return marketChain(own, deployment.addresses)
    },
    member: memberOf,
    join: async (name, role, { open = 0.9, executor, auditExecutor } = {}) => {
      const account = Secret.generate()
      const keyBytes = randomBytes(32)
      const key = unwrap(Secret.from(Uint8Array.from(keyBytes)))
      const machine = settle(name)
      const port = await freePort()
      unwrap(
        await prepareAccount({
          ...{ rpc, deployment, account, key, drip },
          scopes: ['provide', 'verify'],
          stake: role === 'provider' ? 5_000n * TOKEN : 0n,
          seat: role === 'verifier' ? 1_000n * TOKEN : 0n,
        }),
      )
      accounts.set(name, account)
      roles.set(name, role)
      const config = {
        name,
        roles: [role],
        chain: { rpc: outer, confirmations: 0, deployment },
        network: {
          listen: [`/ip4/${machine?.address ?? '127.0.0.1'}/tcp/${port}`],
          bootstrap: [...bootstrap],
        },
        policy: {
          price: { floor: '0.0001', open },
          caps: { cores: 1, memory: '1 GiB', disk: '1 GiB' },
          pause: { battery: false },
        },
        faucet: role === 'relay',
      }
      const file: NodeFile = {
        ...{ name, config, deployment, account: account.address },
        key: keyBytes.toString('hex'),
        directory: join(directory, name),
        ...(executor && { executor }),
        ...(auditExecutor && { auditExecutor }),
      }
      const program = 'node-main.ts'
      const member = createMember({ name, program, file, directory, heard, ...(machine && { machine }) })
      members.set(name, member)
      member.start()
      const up = await line(({ who, msg }) => who === name && msg === 'node is up', 120_000)
      if (role === 'relay') {
        const [address] = up.addresses as string[]
        bootstrap.push(address!)
      }
    },
    post: async (manifest, text) => {
      const key = `0x${randomBytes(32).toString('hex')}` as Hex
      unwrap(await drip([privateKeyToAccount(key).address]))
      const machine = machines.shift()
      const start = (job?: number): Member => {
        const file: ClientFile = {
          network: outerNetwork(),
          key,
          manifest,
          text,
          ...(job !== undefined && { job }),
        }
        const name = `requester${members.size}`
        if (machine) machineOf.set(name, machine)
        const program = 'client-main.ts'
        const member = createMember({ name, program, file, directory, heard, ...(machine && { machine }) })
        members.set(name, member)
        member.start()
        return member
      }
      return { member: start(), publishAgain: start }
    },
    client: async () => {
      const account = privateKeyToAccount(`0x${randomBytes(32).toString('hex')}`)
      const client = await openClient({ network: network(), account })
      clients.push(client)
      return client
    },
    settled: (job, milliseconds) =>
      until(job, async () => (await market.read.job(job)).status === 'closed', milliseconds),
    killChain: async () => {
      process.kill(chain.pid, 'SIGKILL')
      await chain.ended
      await chain.stop().catch(() => {})
      chain = await startChain(Number(new URL(rpc).port))
    },
    close: async () => {
      striker.disarm()
      for (const client of clients) await client.close()
      await Promise.all([...members.values()].map((member) => member.kill()))
      await chain.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

const lastLines = (lines: readonly Line[]): string =>
  lines
    .filter(({ msg }) => msg !== 'a peer said hello')
    .slice(-LAST_LINES)
    .map((line) => JSON.stringify(line).slice(0, 400))
    .join('\n')
