import { readdir } from 'node:fs/promises'
import type { MarketChain } from '@lockstep/contracts'
import { formatAmount, type Job } from '@lockstep/market'
import { createNodeClient, isRunning, readConfig, readHolder } from '@lockstep/node'
import { badInput } from '../cli-error.ts'
import { namesIn } from '../network/accounts.ts'
import { short } from '../network/describe-event.ts'
import { type Home, homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import type { Terminal } from '../terminal.ts'

export type StatusOptions = { readonly home?: string; readonly network?: string }

/** Jobs of the overview. */
const LATEST = 10
const ASK_MS = 3_000

export const statusCommand = async (
  job: number | undefined,
  options: StatusOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const market = await openMarket(network)
  if (job !== undefined) return jobStatus(market, home, job, terminal)
  const block = Number(await market.connection.reader.getBlockNumber())
  terminal.say(`network   chain ${network.chainId} at ${network.rpc}, block ${block}`)
  terminal.say(`          market ${network.addresses.market}`)
  const holder = await readHolder(home.lock)
  const parts = (holder && isRunning(holder) ? holder.children : []).filter(isRunning)
  if (parts.length > 0)
    terminal.say(`up        ${parts.map(({ name }) => name).join(', ')}; logs in ${home.logs}`)
  const nodes = await nodesOf(home)
  for (const node of nodes) terminal.say(`node      ${node.line}`)
  const total = await market.read.jobCount()
  terminal.say(`jobs      ${total}`)
  const jobs: object[] = []
  for (let number = total; number > Math.max(0, total - LATEST); number--) {
    const { status, slices, escrow, requester } = await market.read.job(number)
    const progress = await progressOf(market, number, slices)
    const settled = progress.filter(({ status: s }) => s === 'settled').length
    terminal.say(
      `          ${String(number).padStart(4)}  ${status.padEnd(9)} ${settled}/${slices} slices settled, ${formatAmount(escrow)} LOCK in escrow`,
    )
    jobs.push({ job: number, status, slices, settled, escrow: String(escrow), requester })
  }
  terminal.result({
    chainId: network.chainId,
    rpc: network.rpc,
    block,
    market: network.addresses.market,
    parts: parts.map(({ name, pid }) => ({ name, pid })),
    nodes: nodes.map(({ json }) => json),
    total,
    jobs,
  })
}

const progressOf = (market: MarketChain, job: number, slices: number) =>
  Promise.all(Array.from({ length: slices }, (_, slice) => market.read.progress(job, slice)))

/** A job that there is. */
export const requireJob = async (market: MarketChain, number: number): Promise<Job> => {
  const job = await market.read.job(number)
  if (job.status !== 'none') return job
  const total = await market.read.jobCount()
  throw badInput(
    'job-unknown',
    'job',
    number,
    total === 0 ? 'a job: none was posted on this network yet' : `1 to ${total}`,
    '`lockstep status` lists the latest; check that the network is the one that it was posted on.',
  )
}

const jobStatus = async (
  market: MarketChain,
  home: Home,
  number: number,
  terminal: Terminal,
): Promise<void> => {
  const job = await requireJob(market, number)
  const nameOf = await namesIn(home)
  const name = (address: string): string => {
    const found = nameOf(address)
    return found.startsWith('0x') ? short(found) : found
  }
  const progress = await progressOf(market, number, job.slices)
  terminal.say(
    `job       ${number}: ${job.status}, posted by ${name(job.requester)}, ${formatAmount(job.escrow)} LOCK in escrow`,
  )
  const slices: object[] = []
  for (const [slice, p] of progress.entries()) {
    const audit = BigInt(p.claim) === 0n ? undefined : await market.read.audit(p.claim)
    const isTaken = BigInt(p.account) !== 0n
    terminal.say(
      `slice ${String(slice).padStart(3)} ${p.status.padEnd(9)} attempt ${p.attempt}${isTaken ? `, ${name(p.account)} at ${formatAmount(p.pricePerUnit)} LOCK a unit` : ''}${audit === undefined ? '' : `, audit ${audit.status}`}`,
    )
    slices.push({
      slice,
      status: p.status,
      attempt: p.attempt,
      since: p.since,
      until: p.until,
      provider: isTaken ? p.account : null,
      pricePerUnit: isTaken ? String(p.pricePerUnit) : null,
      claim: audit === undefined ? null : p.claim,
      audit: audit?.status ?? null,
    })
  }
  terminal.result({
    job: number,
    status: job.status,
    requester: job.requester,
    escrow: String(job.escrow),
    slices,
  })
}

/** The nodes of this home, as each says of itself; one that does not answer is down. */
const nodesOf = async (home: Home): Promise<{ line: string; json: object }[]> => {
  const names = await readdir(home.nodes).catch(() => [])
  return Promise.all(
    names.sort().map(async (name) => {
      const config = await readConfig(home.node(name).config).catch(() => undefined)
      if (!config?.ok) return { line: `${name}: its config cannot be read`, json: { node: name, up: false } }
      const { host, port } = config.value.http
      const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
      const client = createNodeClient({ url, timeout: ASK_MS })
      const [status, health] = await Promise.all([client.status(), client.health()])
      if (!status.ok) return { line: `${name}: down`, json: { node: name, up: false } }
      const { roles, peer, runs, account } = status.value
      const trouble = health.ok ? health.value.reasons.map(({ message }) => message) : []
      const doing = runs.map(({ job, slice, step, steps }) => `job ${job} slice ${slice} ${step}/${steps}`)
      return {
        line: [
          `${name}: ${roles.join(', ')}`,
          `${peer?.peers ?? 0} peers`,
          ...doing,
          ...(trouble.length === 0 ? ['ready'] : trouble),
          url,
        ].join(', '),
        json: {
          node: name,
          up: true,
          ready: trouble.length === 0,
          reasons: trouble,
          roles,
          account,
          url,
          runs,
        },
      }
    }),
  )
}
