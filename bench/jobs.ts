import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { gasByKind } from './jobs/chain-gas.ts'
import type { NodeUsage } from './jobs/node.ts'
import { openPoster } from './jobs/poster.ts'
import { processorTime } from './jobs/processor-time.ts'
import { openStreet } from './jobs/street.ts'
import { watchJobs } from './jobs/watch-jobs.ts'
import { type Bench, figure, type Row } from './row.ts'

/**
 * Small jobs through all states on one local chain: posted, bid for, run in processes of their own, claimed, drawn for,
 * audited by re-execution, settled when their windows have ended, closed. Nodes are real ones, each a process; a block
 * comes every second. New jobs are posted as long as few wait for a claim, so that the nodes are never idle.
 */
const JOBS = 1_000
const [PROVIDERS, VERIFIERS, RUNS, BLOCK_TIME] = [2, 2, 6, 1]
/** Jobs that have been posted and not claimed. */
const WAITING = 24
const POSTS_AT_ONCE = 4
/** No job is posted after so many seconds; those under way then still end. */
const BUDGET = 1_800
const AFTER = 300
/** Seconds for which the nodes are left alone at the end: what they cost when nothing happens. */
const IDLE = 30

export const bench: Bench = async ({ quick, count = quick ? 30 : JOBS }) => {
  const tell = (line: string): void => console.error(line)
  const street = await openStreet({
    ...{ providers: PROVIDERS, verifiers: VERIFIERS, runs: RUNS, blockTime: BLOCK_TIME, tell },
    level: (process.env.LOCKSTEP_BENCH_LOG ?? 'error') as 'error',
  })
  try {
    const { connection, requester, directory } = street
    const poster = await openPoster(street.network(), requester, directory)
    try {
      const { reader } = connection
      const first = Number(await reader.getBlockNumber()) + 1
      const jobs = watchJobs(poster.client, first)
      const before = { nodes: await street.usage(), chain: street.chainUsage(), poster: ownTime() }
      const start = performance.now()
      const seconds = (): number => (performance.now() - start) / 1000

      let [posted, posting] = [0, 0]
      let trouble: unknown
      let lastTold = 0
      let lastPost = 0
      for (;;) {
        await jobs.look()
        if (trouble !== undefined) throw trouble
        const [all, late] = [posted + posting >= count, seconds() > BUDGET]
        if (posting === 0 && (all || late) && jobs.closed() >= posted) break
        if (seconds() > Math.max(lastPost, 1) + AFTER) break
        while (!late && posted + posting < count && posting < POSTS_AT_ONCE) {
          if (posted + posting - jobs.claimed() >= WAITING) break
          posting++
          poster.post(posted + posting).then(
            () => {
              posting--
              posted++
              lastPost = seconds()
            },
            (error) => {
              trouble = error
            },
          )
        }
        if (seconds() - lastTold > 15) {
          lastTold = seconds()
          tell(
            `${lastTold.toFixed(0)} s: ${posted} posted, ${jobs.claimed()} claimed, ${jobs.settled()} settled, ${jobs.closed()} closed`,
          )
        }
        await sleep(250)
      }
      const whole = seconds()
      const after = { nodes: await street.usage(), chain: street.chainUsage(), poster: ownTime() }
      const last = Number(await reader.getBlockNumber())
      const done = jobs.closed()
      for (const [reason, times] of jobs.failed) tell(`attempts that failed, reason ${reason}: ${times}`)

      const label = `jobs, ${done} of ${count}`
      const rows: Row[] = []
      const say = (what: string, value: number, unit: string): void => {
        rows.push(figure(`${label}: ${what}`, value, unit))
      }
      const gas = await gasByKind(connection, street.network().addresses, first, last)
      const totalGas = gas.reduce((sum, kind) => sum + kind.gas, 0)
      say('closed', done, 'jobs')
      say('jobs per minute, from the first post to the last close', (60 * done) / whole, '1/min')
      say('jobs per minute, while jobs were posted', (60 * posted) / Math.max(lastPost, 1), '1/min')
      say('gas per job', totalGas / done, 'gas')
      for (const { kind, calls, gas: of } of gas)
        say(
          `gas per job: ${kind}, ${(calls / done).toFixed(2)} calls of ${Math.round(of / calls)}`,
          of / done,
          'gas',
        )

      const used = (role: string, what: (usage: NodeUsage) => number): number =>
        street.members
          .filter((member) => member.role === role)
          .reduce((sum, { name }) => sum + what(after.nodes.get(name)!) - what(before.nodes.get(name)!), 0) /
        done
      let total = 0
      const spent = (what: string, value: number): void => {
        if (!Number.isNaN(value)) total += value
        say(`processor time per job: ${what}`, value, 's')
      }
      for (const role of ['provider', 'verifier', 'relay']) {
        spent(
          `${role}s`,
          used(role, ({ own }) => own),
        )
        if (role !== 'relay')
          spent(
            `${role}s' child processes`,
            used(role, ({ children }) => children),
          )
      }
      say('processor time per job, all nodes together', total, 's')
      spent('chain', (after.chain - before.chain) / done)
      spent('poster', (after.poster - before.poster) / done)
      say('processor time per job, chain and poster too', total, 's')
      say(`cores kept busy, of ${availableParallelism()}`, (total * done) / whole, 'cores')
      say('settle lag, 50th percentile', percentile(jobs.lags, 0.5), 's')
      say('settle lag, 95th percentile', percentile(jobs.lags, 0.95), 's')
      say('from posting to settlement, 50th percentile', percentile(jobs.lives, 0.5), 's')
      say('from posting to settlement, 95th percentile', percentile(jobs.lives, 0.95), 's')
      for (const [name, { memory, store }] of after.nodes) {
        const first = before.nodes.get(name)!
        say(
          `memory of ${name}: ${mib(first.memory)} MiB at first, grown by`,
          mib(memory - first.memory),
          'MiB',
        )
        say(`store of ${name}, per job`, (store - first.store) / done / 1024, 'KiB')
      }
      tell(`nodes are left alone for ${IDLE} s`)
      const resting = await street.usage()
      await sleep(1_000 * IDLE)
      for (const [name, { own }] of await street.usage())
        say(`idle ${name}`, (100 * (own - resting.get(name)!.own)) / IDLE, '% of a core')
      return rows
    } finally {
      await poster.close()
    }
  } finally {
    await street.close()
  }
}

const ownTime = (): number => processorTime('self')?.own ?? process.cpuUsage().user / 1e6

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)

const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
