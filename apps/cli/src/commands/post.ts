import { type Client, type JobEstimate, type Plan, type PostStage, planJob } from '@lockstep/client'
import { formatAmount, type History, parseAmount } from '@lockstep/market'
import { hashBlob } from '@lockstep/network'
import { describeFault, unwrap } from '@lockstep/tensor'
import { badEnvironment, badInput, EXIT, type ExitCode } from '../cli-error.ts'
import { type ActingOptions, actingKey, namesIn } from '../network/accounts.ts'
import { confirm } from '../network/ask.ts'
import { homeOf } from '../network/home.ts'
import { untilInterrupted, withClient } from '../network/join.ts'
import { machineSpeed } from '../network/machine-speed.ts'
import { networkFor } from '../network/network-source.ts'
import { historyOfNetwork } from '../network/reach.ts'
import { readManifest, readText } from '../run/run-directory.ts'
import { bytes, count, seconds, type Terminal } from '../terminal.ts'
import { watchJob } from './watch.ts'

export type PostOptions = ActingOptions & {
  readonly yes?: boolean
  readonly watch?: boolean
  readonly job?: number
  /** Although a job of this manifest is open. */
  readonly again?: boolean
}

/** Settled slices whose prices are looked at. */
const LATELY = 64

/** Posts a job: says what it takes and costs, asks, pays its escrow, announces it, and hands out its blobs. */
export const postCommand = async (
  path: string,
  options: PostOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  const home = homeOf(options.home)
  const manifest = await readManifest(path)
  if (manifest.market === undefined)
    throw badInput(
      'manifest-malformed',
      `market of ${path}`,
      'missing',
      'on what terms others train',
      'Add a line such as `market: { workers: 2 }`; `lockstep init --set market.workers=2` writes all of its fields.',
    )
  const text = await readText(path, manifest)
  const network = await networkFor(home, options.network)
  const secret = await actingKey(home, options)
  terminal.note('measuring this machine, and planning')
  const throughput = await machineSpeed(home)
  const plan = planJob(manifest, text, { blobId: (blob) => hashBlob(blob).id, throughput })
  return withClient(network, secret.account(), async (client) => {
    if (options.job !== undefined) {
      await publishAgain(client, options.job, plan, path, terminal)
      return EXIT.ok
    }
    const history = await historyOfNetwork(network, client.chain)
    if (options.again !== true) refuseTwice(history, secret.address, plan, path)
    const estimate = await client.estimate(plan, throughput)
    const paid = pricesOf(history)
    const price = priceOf(plan, estimate, paid)
    showEstimate(plan, estimate, price, terminal)
    await requireMoney(client, options.account, estimate.escrow)
    if (
      !(await confirm(`Post it, and pay ${lock(estimate.escrow)} into escrow?`, {
        yes: options.yes ?? false,
      }))
    ) {
      terminal.say('Nothing was posted.')
      terminal.result({ posted: false })
      return EXIT.ok
    }
    const { job, escrow, blobs } = await post(client, plan, terminal)
    const result = {
      posted: true,
      job,
      escrow: String(escrow),
      manifest: plan.manifestHash,
      blobs,
      work: String(estimate.work),
      price: price.json,
      seconds: { running: estimate.running, settled: estimate.settled },
    }
    if (options.watch === true) {
      const names = await namesIn(home)
      return untilInterrupted((signal) => watchJob(client, job, { terminal, names, signal, also: result }))
    }
    terminal.say(`Next: lockstep watch ${job}, then lockstep fetch ${job}. It goes on without this machine.`)
    terminal.result(result)
    return EXIT.ok
  })
}

/**
 * A post that was cut off between its transaction and its number has paid already: whoever gives the command once more
 * most likely does not mean to pay twice.
 */
const refuseTwice = (history: History, requester: string, plan: Plan, path: string): void => {
  const known = [...history.jobs.values()].find(
    (job) =>
      job.status === 'open' &&
      job.requester === requester.toLowerCase() &&
      job.post.manifest === plan.manifestHash,
  )
  if (known)
    throw badInput(
      'posted-already',
      path,
      `what job ${known.number} of this account was posted of, and that is open`,
      'a manifest of which no job of the account is open',
      `Publish that job with --job ${known.number}, watch it with \`lockstep watch ${known.number}\`, or post another one with --again.`,
    )
}

const lock = (units: bigint): string => `${formatAmount(units)} LOCK`

type Paid = { readonly least: bigint; readonly most: bigint; readonly slices: number }

/** What a unit of work was paid for lately; undefined where nothing has settled yet. */
export const pricesOf = (history: History): Paid | undefined => {
  const settled = [...history.jobs.values()]
    .flatMap(({ slices }) => slices.flatMap(({ attempts }) => attempts))
    .flatMap(({ settled: end, leaders }) => {
      const leader = leaders.at(-1)
      return end && leader ? [{ block: end.source.block, price: leader.pricePerUnit }] : []
    })
    .sort((a, b) => b.block - a.block)
    .slice(0, LATELY)
    .map(({ price }) => price)
    .sort((a, b) => (a < b ? -1 : 1))
  if (settled.length === 0) return undefined
  return { least: settled[0]!, most: settled.at(-1)!, slices: settled.length }
}

/** What is known of the price: its most for certain, and what others took lately. Bids are made after posting. */
const priceOf = (plan: Plan, { work, escrow }: JobEstimate, paid: Paid | undefined) => {
  const { ceiling, auditPrice, auditors } = plan.manifest.market
  const most = parseAmount(ceiling)! * work
  const audits = BigInt(auditors) * parseAmount(auditPrice)! * work
  const capped = (price: bigint): bigint => (price * work < most ? price * work : most)
  const lately = paid && { least: capped(paid.least), most: capped(paid.most), slices: paid.slices }
  return {
    work: most,
    audits,
    fee: escrow - most - audits,
    lately,
    json: {
      most: String(escrow),
      work: String(most),
      audits: String(audits),
      fee: String(escrow - most - audits),
      lately: lately
        ? { least: String(lately.least), most: String(lately.most), slices: lately.slices }
        : null,
    },
  }
}

const showEstimate = (
  plan: Plan,
  estimate: JobEstimate,
  price: ReturnType<typeof priceOf>,
  terminal: Terminal,
): void => {
  const { manifest, slices, results } = plan
  const { mode, workers, rounds, ceiling, auditRate, auditors } = manifest.market
  terminal.say(
    `job       ${manifest.name}: ${mode}, workers ${workers}, rounds ${rounds}; ${slices.length} slices, ${results.length} result${results.length === 1 ? '' : 's'}`,
  )
  terminal.say(`work      ${count(Number(estimate.work) * 1e6)} instructions: ${estimate.work} units`)
  terminal.say(`memory    at most ${bytes(estimate.memory)} of a provider`)
  terminal.say(`publish   ${bytes(estimate.published)}, handed to peers that keep it`)
  terminal.say(
    `time      about ${seconds(1000 * estimate.running)} of running on machines like this one, side by side; settled about ${seconds(1000 * estimate.settled)} after posting`,
  )
  terminal.say(
    `price     at most ${lock(estimate.escrow)}, which is taken into escrow: ${lock(price.work)} for the work at the ceiling of ${ceiling} a unit, ${lock(price.audits)} for audits, ${lock(price.fee)} fee. What is not spent comes back.`,
  )
  terminal.say(
    price.lately === undefined
      ? '          how far below it bids will be is not known: nothing has settled on this network yet'
      : `          ${price.lately.slices} slices settled lately: at their prices the work takes ${lock(price.lately.least)} to ${lock(price.lately.most)}; bids for this job are not known yet`,
  )
  terminal.say(
    `audit     ${auditors} verifier${auditors === 1 ? '' : 's'} a slice, each of ${auditRate / 100}% of its segments`,
  )
}

const requireMoney = async (client: Client, account: string, escrow: bigint): Promise<void> => {
  const { read, connection } = client.chain
  const { address } = connection.account
  const has = (await read.tokens(address)) + (await read.account(address)).credit
  const gas = await connection.reader.getBalance({ address })
  if (has >= escrow && gas > 0n) return
  throw badEnvironment(
    'unfunded',
    `account ${account}`,
    has < escrow ? `${lock(has)} of tokens and credit` : 'no coins',
    has < escrow ? `at least the escrow, ${lock(escrow)}` : 'coins for a transaction',
    'Fund it with `lockstep account fund` where there is a faucet; or lower market.ceiling, or post less work.',
  )
}

const post = async (client: Client, plan: Plan, terminal: Terminal) => {
  let escrow = 0n
  let blobs = 0
  let job: number | undefined
  const posted = await client.post(plan, (stage) => {
    sayUnkept(stage, terminal)
    if (stage.stage === 'posted') {
      job = stage.job
      escrow = stage.escrow
      terminal.say(`posted    job ${stage.job}: ${lock(stage.escrow)} in escrow`)
    }
    if (stage.stage === 'published')
      terminal.note(`published ${++blobs} of ${plan.blobs.size} blobs, kept by ${stage.holders} peers`)
  })
  if (!posted.ok && job !== undefined) {
    const { code, field, value, limit } = posted.fault
    throw badEnvironment(
      code,
      field,
      value,
      limit,
      `Job ${job} is posted, but others cannot get all of it: give the same command with --job ${job}.`,
    )
  }
  return { job: unwrap(posted).job, escrow, blobs }
}

const sayUnkept = (stage: PostStage, terminal: Terminal): void => {
  if (stage.stage === 'unkept')
    terminal.note(`nobody keeps the job's blobs yet: ${describeFault(stage.why)} It is tried again.`)
}

/** For a post that was cut off: the job is on the chain, and nobody has its blobs. */
const publishAgain = async (
  client: Client,
  job: number,
  plan: Plan,
  path: string,
  terminal: Terminal,
): Promise<void> => {
  const { job: found } = unwrap(await client.state(job))
  const { manifest } = await client.chain.read.spec(job)
  if (manifest !== plan.manifestHash)
    throw badInput(
      'manifest-differs',
      path,
      `a plan with the hash ${plan.manifestHash}`,
      `that of job ${job}, ${manifest}`,
      'Give the manifest and the text that it was posted with.',
    )
  if (found.status === 'closed')
    throw badInput('job-closed', '--job', job, 'a job that is not closed', 'Post it anew, without --job.')
  let blobs = 0
  unwrap(
    await client.publish(job, plan, (stage) => {
      sayUnkept(stage, terminal)
      if (stage.stage === 'published')
        terminal.note(`published ${++blobs} of ${plan.blobs.size} blobs, kept by ${stage.holders} peers`)
    }),
  )
  terminal.say(`Job ${job} is published. Next: lockstep watch ${job}`)
  terminal.result({ posted: false, job, blobs })
}
