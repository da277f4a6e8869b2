import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Hex } from 'viem'
import { type Attacker, attackerOf, frame, pause } from './attacker.ts'
import type { AnyProtocol, AnyTopic } from './definitions.ts'
import type { Stage } from './stage.ts'

const random = (): Hex => `0x${randomBytes(32).toString('hex')}`

/** What a participant of some swarm has answered. */
export const SWARM_ANSWERS = {
  ...{ kind: 'answers', swarm: 1, round: 1, stage: 0 },
  ...{ participant: `0x${'0a'.repeat(20)}`, answers: ['1 2 3'] },
} as const

/** For each topic messages without end: each fits the schema, is another one, and is nothing that can be held against it. */
export const FLOODS: { readonly [topic: string]: (stage: Stage, i: number) => unknown } = {
  jobs: (_, i) => ({ job: 5_000 + i, manifest: `${i}`.padEnd(8_000, 'x'), holders: [] }),
  bids: ({ bid: { bid, signature } }, i) => ({ bid: { ...bid, expiry: 1, salt: `${i}` }, signature }),
  histories: ({ history }) => ({ ...history, claim: random(), items: Array(256).fill(history.claim) }),
  progress: ({ job }, i) => ({ job, slice: 0, attempt: 1, step: i, steps: 2 ** 30, loss: i }),
  swarms: (_, i) => ({ ...SWARM_ANSWERS, answers: [`${i}`] }),
}

/** For each protocol a question that is answered. */
export const REQUESTS: { readonly [protocol: string]: (stage: Stage) => unknown } = {
  job: ({ job }) => ({ job }),
  bids: ({ job }) => ({ job }),
  history: ({ history: { claim } }) => ({ claim }),
  faucet: ({ provider }) => ({ to: [provider.account.address.toLowerCase()] }),
  peers: () => ({}),
}

export type FloodOptions = { readonly milliseconds: number; readonly names: number }
export type Flooded = { readonly sent: number; readonly ids: readonly string[] }

const LONGEST_MS = 15_000
const BATCH = 20
const BYTES_PER_MS = 10_000

/** Attacks for so long, and until it is held against it, under another name after each ban, up to so many names. */
const flood = async (
  stage: Stage,
  { milliseconds, names }: FloodOptions,
  send: (attacker: Attacker, i: number) => Promise<unknown>,
): Promise<Flooded> => {
  const begin = Date.now()
  const ids: string[] = []
  let sent = 0
  const isHeld = (): boolean =>
    ids.some((id) => stage.linesOf(id).some(({ misconduct }) => misconduct === 'flood'))
  const isOver = (): boolean => {
    const took = Date.now() - begin
    return took > LONGEST_MS + milliseconds || (took > milliseconds && isHeld())
  }
  while (!isOver() && ids.length < names) {
    const attacker = await attackerOf(stage)
    ids.push(attacker.id)
    let bytes = 0
    for (let i = 0; attacker.isConnected() && !isOver(); i += BATCH) {
      // What a peer that drops us does not take would wait for ever.
      const batch = Array.from({ length: BATCH }, (_, k) => send(attacker, sent + i + k))
      await Promise.race([Promise.allSettled(batch), pause(500)])
      // As fast as it can be sent: what waits for more than that is lost at this end.
      await pause(1 + (attacker.sentBytes() - bytes) / BYTES_PER_MS)
      bytes = attacker.sentBytes()
    }
    await attacker.stop()
    sent += attacker.sent()
  }
  return { sent, ids }
}

export const floodTopic = (stage: Stage, topic: AnyTopic, options: FloodOptions): Promise<Flooded> =>
  flood(stage, options, (attacker, i) => attacker.say(topic, FLOODS[topic.name]!(stage, i)))

export const floodProtocol = (
  stage: Stage,
  protocol: AnyProtocol,
  options: FloodOptions,
): Promise<Flooded> => {
  const { name, version } = protocol
  const request = frame(REQUESTS[name]!(stage) as object)
  return flood(stage, options, (attacker) => attacker.ask(`${name}/${version}`, request))
}

/** Resident memory of a process in bytes, as the system says it. */
export const residentBytes = async (pid: number): Promise<number> => {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
  return 1024 * Number(stdout)
}

/** Looks at a process's memory until it is asked for the most that it was. */
export const watchMemory = (pid: number): (() => Promise<number>) => {
  let most = 0
  let over = false
  const watching = (async () => {
    while (!over) {
      most = Math.max(most, await residentBytes(pid))
      await pause(200)
    }
  })()
  return async () => {
    over = true
    await watching
    return most
  }
}
