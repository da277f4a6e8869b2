import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type HistoryMessage, progressTopic } from '@lockstep/client'
import { bidData, callsOf, disputesAbi, hashData, signData } from '@lockstep/contracts'
import { type Bid, boundTally, claimIdOf, sealOf } from '@lockstep/market'
import { digestFromHex, encodeHeader, type Hex, programDigest, toHex } from '@lockstep/proof'
import { describeFault, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { openClaimant } from '../dispute/index.ts'
import type { Place } from '../flow/duty.ts'
import type { LiveBid, LiveJob } from '../flow/live.ts'
import { provideDuties, type WorkStage, type Works } from '../flow/provide.ts'
import type { Capability } from '../policy/capability.ts'
import { mayBid, type OfferedSlice } from '../policy/may-bid.ts'
import type { Limits } from '../run/limits.ts'
import { runLayout } from '../run/run-directory.ts'
import type { RunSpec } from '../run/run-spec.ts'
import { type RunHandle, type RunResult, startRun } from '../run/start-run.ts'
import { recordBid, standingBids } from '../store/bids.ts'
import { changeRun, openRun, readRun, runsWith, type StoredRun, sealClaim } from '../store/runs.ts'
import { type Hands, sendIntent } from './carry-out.ts'
import { onExecutors } from './on-executors.ts'
import type { NodeParts } from './parts.ts'
import { createPlayers } from './players.ts'
import { BONDS_LEFT, takeBondsBack } from './take-bonds-back.ts'
import { fetchTask, type TaskFiles, taskFilesSchema } from './task-files.ts'

/** Seconds for which a bid holds. */
const BID_SECONDS = 1_800
/** What a job's programs need, before they are known: their declared work does not say it. */
const UNKNOWN_MEMORY = 512 * 2 ** 20

/** Milliseconds between two messages about the same run. */
const PROGRESS_MS = 1_000

/** A run that lasts less says little about the speed of its executor. */
const TELLING_MS = 2_000

const claimSchema = z.strictObject({
  root: z.string(),
  stateRoot: z.string(),
  outputsRoot: z.string(),
  path: z.array(z.string()),
  items: z.array(z.string()),
  checkpoints: z.array(z.string()),
  state: z.string(),
})
type ClaimDetail = { readonly [K in keyof z.output<typeof claimSchema>]: z.output<typeof claimSchema>[K] }

/** A run that is under way, for who wants to see it. */
export type RunningSlice = Place & {
  readonly steps: number
  readonly started: number
  step: number
  loss: number | undefined
}

export type Provider = {
  /** Which jobs the policy takes: to be asked before `duties`, which is pure. */
  readonly look: (jobs: ReadonlyMap<number, LiveJob>, now: number) => Promise<void>
  readonly duties: (market: Parameters<typeof provideDuties>[0]) => ReturnType<typeof provideDuties>
  readonly hands: Hands
  readonly running: () => readonly RunningSlice[]
  /** Brings back what was known before a restart. */
  readonly restore: () => Promise<void>
  /** Forgets what belongs to other jobs than these. */
  readonly retain: (jobs: ReadonlySet<number>) => void
  /** No bids, and no new runs, while this is so. */
  readonly setPaused: (paused: boolean) => void
  readonly stop: () => Promise<void>
}

export const createProvider = (parts: NodeParts): Provider => {
  const { store, self, calls, addresses, chainId, mailbox, config, log } = parts
  const { query } = store
  const disputeCall = callsOf('disputes', addresses.disputes, disputesAbi)
  const stages = new Map<string, WorkStage>()
  const running = new Map<string, RunningSlice & { readonly handle: RunHandle }>()
  const players = createPlayers(parts)
  let wanted = new Map<number, { readonly price: bigint; readonly time: number; readonly slices: number }>()
  let isPaused = false
  /** Claims are made beside each other; what they would take back is there once. */
  let isTakingBack = false
  const progress = parts.peer.topic(progressTopic)
  const told = new Map<string, number>()

  const works: Works = {
    stage: (place) => stages.get(nameOf(place)),
    wants: (job) => wanted.has(job.number),
    runs: config.policy.caps.runs,
    ownBid: (job) => {
      const bid = mailbox.bids(job).find(({ bid: { key } }) => key === self.key)
      return bid === undefined || bid.bid.expiry <= parts.now() + 30 ? undefined : (bid as LiveBid)
    },
  }

  /** What was measured here, at the speed of the executor that a slice of this job would get. */
  const capabilityFor = async ({ number, slices }: LiveJob): Promise<Capability | undefined> => {
    const capability = parts.capability()
    const { executors } = parts
    if (capability === undefined || executors.devices().length === 0) return executors.speed([]) && capability
    const open = slices.filter(({ progress: { status } }) => status === 'bidding' || status === 'waiting')
    const headers = await parts.programs(number).catch(() => [])
    const named = new Set(open.flatMap(({ slice: { program } }) => headers[program] ?? []))
    const speed = executors.speed([...named].map((header) => toHex(programDigest(encodeHeader(header)))))
    return speed && { ...capability, executor: speed.name, unitsPerSecond: speed.unitsPerSecond }
  }

  /** Which jobs the policy takes at the moment. Looked at before duties are worked out, because that is pure. */
  const look = async (jobs: ReadonlyMap<number, LiveJob>, now: number): Promise<void> => {
    const open = [...jobs.values()].filter(
      ({ job, slices }) =>
        job.status === 'open' &&
        slices.some(
          ({ progress: { status } }) => status === 'bidding' || status === 'waiting' || status === 'assigned',
        ),
    )
    const next: typeof wanted = new Map()
    if (open.length > 0 && !isPaused) {
      const seen = await parts.surroundings.look()
      const freeStake = await parts.view.freeStake(self.account)
      const discount = await parts.view.discount(self.account)
      const { runs } = config.policy.caps
      let taken = 0
      for (const { number, slices } of jobs.values()) {
        for (const { number: slice, progress } of slices) {
          const { key, status, attempt } = progress
          if (key !== self.key || (status !== 'assigned' && status !== 'running')) continue
          if (stages.get(nameOf({ job: number, slice, attempt })) !== 'done') taken++
        }
      }
      for (const job of open) {
        const { ceiling, charges, times, allowed, banned } = job.spec
        if (allowed.length > 0 && !includes(allowed, self.account)) continue
        if (includes(banned, self.account)) continue
        const decision = mayBid(
          {
            ...{ job: job.number, ceiling, deadline: times.deadline, receipt: times.receipt, discount },
            minimumImprovement: BigInt(charges.minimumImprovement),
            slices: job.slices
              .filter(({ progress: { status } }) => status === 'bidding' || status === 'waiting')
              .map(
                ({ number, slice: { work, time }, stake }): OfferedSlice => ({
                  ...{ slice: number, work, time, stake },
                  memory: UNKNOWN_MEMORY,
                  disk: UNKNOWN_MEMORY,
                }),
              ),
          },
          config.policy,
          { runs: taken, memory: Math.min(taken, runs - 1) * UNKNOWN_MEMORY, disk: 0, stake: 0n },
          { now, capability: await capabilityFor(job), freeStake, ...seen },
        )
        if (decision.kind === 'bid') next.set(job.number, decision)
        else log.debug({ job: job.number, ...decision }, 'no bid')
        // A bid is a promise: whoever has heard it can put it in.
        if (decision.kind === 'bid' || works.ownBid(job.number) !== undefined)
          taken += Math.min(
            runs,
            job.slices.filter(({ progress: { status } }) => status === 'bidding').length,
          )
      }
    }
    wanted = next
  }

  const bid = async (job: number): Promise<Result<unknown>> => {
    const decision = wanted.get(job)
    if (decision === undefined) return ok(undefined)
    const made: Bid = {
      ...{ job, account: self.account, key: self.key },
      pricePerUnit: decision.price,
      time: decision.time,
      slices: config.policy.caps.runs,
      expiry: parts.now() + BID_SECONDS,
      salt: BigInt(`0x${randomBytes(16).toString('hex')}`),
    }
    const data = bidData({ chainId, contract: addresses.market }, made)
    const signature = await signData(parts.signer, data)
    await recordBid(query, { digest: hashData(data), bid: made, signature })
    await mailbox.bid({ bid: made, signature })
    log.info({ job, pricePerUnit: String(made.pricePerUnit), seconds: made.time }, 'bid')
    return ok(undefined)
  }

  const directoryOf = (place: Place): string =>
    join(parts.directory, 'runs', `job-${place.job}-slice-${place.slice}-attempt-${place.attempt}`)

  const fetch = async (place: Place): Promise<Result<unknown>> => {
    const market = await parts.view.market()
    const job = market.jobs.get(place.job)
    const slice = job?.slices[place.slice]
    if (!job || !slice) return ok(undefined)
    const left = Math.max(1, slice.progress.until - market.now)
    const signal = AbortSignal.any([parts.stopped, AbortSignal.timeout(1000 * left)])
    const directory = join(directoryOf(place), 'inputs')
    const found = await fetchTask(parts, job, slice, directory, config.policy.caps.memory, signal)
    if (!found.ok) return found
    await openRun(query, place, { detail: found.value as never })
    stages.set(nameOf(place), 'fetched')
    log.info(place, 'inputs are here')
    return found
  }

  const specOf = async (
    place: Place,
  ): Promise<Result<{ readonly spec: RunSpec; readonly run: StoredRun }>> => {
    const run = await readRun(query, place)
    const files = taskFilesSchema.safeParse(run?.detail)
    if (run === undefined || !files.success) {
      // The store was lost, or the slice was received by another node of the account: its files are got again.
      const got = (await fetch(place)) as Result<TaskFiles>
      return got.ok ? specOf(place) : got
    }
    const { expect, ...rest } = files.data
    const spec: RunSpec = {
      ...rest,
      expect,
      steps: expect.steps,
      segmentLength: expect.segmentLength,
      directory: join(directoryOf(place), 'run'),
      executor: parts.executor,
      ...(config.selfAudit > 0 && {
        selfAudit: { share: config.selfAudit, seed: await parts.secret('self-audit') },
      }),
    }
    return ok({ spec, run })
  }

  const limits = (time?: number): Limits => ({
    memory: config.policy.caps.memory,
    nice: 10,
    ...(time !== undefined && { time }),
  })

  /** Tells whoever watches how far a run is: at its end, and now and then before. */
  const tellProgress = ({ job, slice, attempt, step, steps, loss }: RunningSlice): void => {
    const name = nameOf({ job, slice, attempt })
    const now = performance.now()
    if (step < steps && now - (told.get(name) ?? Number.NEGATIVE_INFINITY) < PROGRESS_MS) return
    told.set(name, now)
    if (step === steps) told.delete(name)
    const message = { job, slice, attempt, step, steps, ...(loss !== undefined && { loss }) }
    void progress.publish(message).catch(() => {})
  }

  const execute = async (place: Place): Promise<Result<unknown>> => {
    const found = await specOf(place)
    if (!found.ok) return found
    const market = await parts.view.market()
    const progress = market.jobs.get(place.job)?.slices[place.slice]?.progress
    if (progress === undefined || progress.status !== 'running' || progress.attempt !== place.attempt)
      return ok(undefined)
    const { spec } = found.value
    const name = nameOf(place)
    const { work: units } = market.jobs.get(place.job)!.slices[place.slice]!.slice
    const program = spec.expect!.program as Hex
    const runOn = async (task: RunSpec): Promise<Result<RunResult>> => {
      const seconds = Math.max(1, progress.until - (await parts.view.market()).now)
      const timed = timeSteps(Number(units) / spec.steps)
      const handle = startRun(task, {
        limits: limits(seconds),
        spares: parts.spares,
        tell: (event) => {
          const known = running.get(name)
          if (!known) return
          if (event.kind === 'progress') {
            known.step = event.step
            known.loss = event.loss ?? known.loss
            timed.at(event.step)
            tellProgress(known)
            log.debug({ ...place, step: event.step, loss: event.loss }, 'progress')
          } else log.info({ ...place, ...event }, event.kind)
        },
      })
      const shown = { ...place, steps: spec.steps, started: market.now, step: 0, loss: undefined, handle }
      running.set(name, shown)
      log.info({ ...place, steps: spec.steps, pid: handle.pid }, 'run')
      if (isPaused && config.policy.pause.runs) await handle.pause()
      const result = await handle.result
      const speed = timed.unitsPerSecond()
      if (result.ok && speed !== undefined && parts.executors.devices().length > 0)
        parts.executors.ran(task.executor?.on, program, speed)
      return result
    }
    try {
      const work = { spec, program, limits: limits(), about: place }
      const result = await onExecutors(parts, work, runOn)
      if (!result.ok) {
        const last = result.fault.code
        // What says nothing about the task is tried again while there is time; what does, is not.
        if (last === 'run-invalid' || last === 'run-unsound' || last === 'run-over-memory')
          stages.set(name, 'impossible')
        log.warn({ ...place, fault: result.fault }, `run: ${describeFault(result.fault)}`)
        return result
      }
      const { root, stateRoot, outputsRoot, path, tallies, checkpoints, state } = result.value
      const layout = runLayout(spec.directory)
      const pin = `job:${place.job}`
      const names: string[] = []
      for (let segment = 0; segment < checkpoints.length - 1; segment++) {
        const put = await parts.blobStore.put({ file: layout.checkpoint(segment) }, { pin })
        if (!put.ok) return put
        names.push(put.value)
      }
      const put = await parts.blobStore.put({ file: state }, { pin })
      if (!put.ok) return put
      const claim: ClaimDetail = {
        ...{ root, stateRoot, outputsRoot, path: [...path], items: [...checkpoints] },
        ...{ checkpoints: names, state: put.value },
      }
      await sealClaim(query, place, {
        claim: claim as never,
        salt: toHex(randomBytes(32)),
        tallies: tallies.map((tally) => toHex(boundTally(progress.task, digestFromHex(tally)))),
      })
      await changeRun(query, place, { status: 'executed', stepsDone: spec.steps, task: progress.task })
      stages.set(name, 'done')
      log.info({ ...place, root, repaired: result.value.repaired }, 'executed')
      return ok(undefined)
    } finally {
      running.delete(name)
    }
  }

  const claim = async (place: Place): Promise<Result<unknown>> => {
    const run = await readRun(query, place)
    const { sealed, task } = run ?? {}
    if (sealed === undefined || task === undefined) {
      stages.delete(nameOf(place))
      return ok(undefined)
    }
    const detail = claimSchema.parse(sealed.claim)
    const spec = (await parts.view.market()).jobs.get(place.job)?.spec
    if (spec === undefined) return ok(undefined)
    const root = detail.root as Hex
    const suffix = `${place.job}:${place.slice}:${place.attempt}`
    if (!isTakingBack) {
      isTakingBack = true
      await takeBondsBack(parts, suffix, BONDS_LEFT * spec.bond).finally(() => {
        isTakingBack = false
      })
    }
    const bonded = await sendIntent(parts, `bond:${suffix}`, disputeCall('claim', [task, root], spec.bond))
    if (!bonded.ok && bonded.fault.value !== 'AlreadyExists') return bonded
    const id = claimIdOf(task, root, self.key)
    const place32 = { chainId, audits: addresses.audits, claim: id }
    const sent = await sendIntent(
      parts,
      `claim:${suffix}`,
      calls.claim(place.job, place.slice, {
        root,
        stateRoot: detail.stateRoot as Hex,
        outputsRoot: detail.outputsRoot as Hex,
        path: detail.path as Hex[],
        sealedTallies: toHex(sealOf(place32, sealed.salt, sealed.tallies.map(digestFromHex))),
      }),
    )
    if (!sent.ok) return sent
    await changeRun(query, place, { status: 'claimed' })
    await mailbox.tell(historyOf(place, id, detail))
    return sent
  }

  const historyOf = (place: Place, id: Hex, detail: ClaimDetail): HistoryMessage => ({
    claim: id,
    ...{ job: place.job, slice: place.slice, attempt: place.attempt },
    items: detail.items as Hex[],
    checkpoints: [...detail.checkpoints],
    state: detail.state,
    holders: [parts.peer.id],
  })

  const runOfClaim = async (id: Hex): Promise<StoredRun | undefined> => {
    const isOf = ({ sealed, task }: StoredRun): boolean => {
      const made = claimSchema.safeParse(sealed?.claim)
      return made.success && task !== undefined && claimIdOf(task, made.data.root as Hex, self.key) === id
    }
    const { jobs, audits } = await parts.view.market()
    const place = audits.get(id)
    const progress = place && jobs.get(place.job)?.slices[place.slice]?.progress
    const held =
      progress && (await readRun(query, { job: place.job, slice: place.slice, attempt: progress.attempt }))
    if (held && isOf(held)) return held
    // The slice has gone on to another attempt.
    for (const run of await runsWith(query, ['executed', 'claimed', 'opened', 'settled', 'failed'])) {
      if (isOf(run)) return run
    }
    return undefined
  }

  const open = async (id: Hex): Promise<Result<unknown>> => {
    const sealed = (await runOfClaim(id))?.sealed
    if (sealed === undefined) return fail(lost(id))
    return sendIntent(parts, `open:${id}`, calls.openTallies(id, sealed.salt, sealed.tallies))
  }

  const defend = async (dispute: number, id: Hex): Promise<Result<unknown>> => {
    const run = await runOfClaim(id)
    if (run === undefined) return fail(lost(id))
    return players.play(dispute, id, async () => {
      const found = await specOf(run)
      if (!found.ok) return found
      return openClaimant({ chain: parts.disputes, spec: found.value.spec, limits: limits() })
    })
  }

  return {
    duties: (market) => provideDuties(market, self, works),
    look,
    hands: {
      bid: ({ job }) => bid(job),
      assign: async ({ job, slice, bid: { bid: chosen, signature } }) => {
        const digest = hashData(bidData({ chainId, contract: addresses.market }, chosen))
        // A bid holds for several slices, one after another, and for a slice that is open again.
        const { attempt, since } = (await parts.view.market()).jobs.get(job)?.slices[slice]?.progress ?? {}
        const intent = `assign:${job}:${slice}:${attempt}:${since}:${digest}`
        return sendIntent(parts, intent, calls.assign(slice, chosen, signature))
      },
      fetch,
      receipt: ({ job, slice, attempt }) =>
        sendIntent(parts, `receipt:${job}:${slice}:${attempt}`, calls.receipt(job, slice)),
      decline: ({ job, slice, attempt }) =>
        sendIntent(parts, `decline:${job}:${slice}:${attempt}`, calls.decline(job, slice)),
      run: execute,
      claim,
      open: ({ claim: id }) => open(id),
      defend: ({ dispute, claim: id }) => defend(dispute, id),
    },
    running: () => [...running.values()],
    restore: async () => {
      const { jobs } = await parts.view.market()
      // What was bid binds: a second bid for the same work would be another promise.
      for (const { bid: made, signature } of await standingBids(query, parts.now()))
        if (made.key === self.key && jobs.has(made.job)) await mailbox.bid({ bid: made, signature })
      for (const run of await runsWith(query, ['assigned', 'running', 'executed', 'claimed', 'opened'])) {
        const stage = run.sealed
          ? 'done'
          : taskFilesSchema.safeParse(run.detail).success
            ? 'fetched'
            : undefined
        if (stage) stages.set(nameOf(run), stage)
        const detail = claimSchema.safeParse(run.sealed?.claim)
        // What became of a job that is over is known to all who asked.
        if (!detail.success || !run.task || !jobs.has(run.job)) continue
        const id = claimIdOf(run.task, detail.data.root as Hex, self.key)
        // It may have been claimed just before the node ended, and told to nobody.
        if (run.status !== 'executed' || jobs.get(run.job)?.slices[run.slice]?.progress.claim === id)
          await mailbox.tell(historyOf(run, id, detail.data))
      }
    },
    retain: (jobs) => {
      for (const name of stages.keys()) if (!jobs.has(Number.parseInt(name, 10))) stages.delete(name)
      for (const name of told.keys()) if (!jobs.has(Number.parseInt(name, 10))) told.delete(name)
    },
    setPaused: (paused) => {
      isPaused = paused
      if (!config.policy.pause.runs) return
      for (const { handle } of running.values()) void (paused ? handle.pause() : handle.resume())
    },
    stop: async () => {
      await Promise.all([...running.values()].map(({ handle }) => handle.stop()))
      await players.close()
    },
  }
}

/** What a run shows of its executor's speed, from the first step that it tells of to the last. */
const timeSteps = (unitsPerStep: number) => {
  let first: { readonly step: number; readonly time: number } | undefined
  let last = first
  return {
    at: (step: number): void => {
      last = { step, time: performance.now() }
      first ??= last
    },
    /** Undefined where it went by too quickly to tell. */
    unitsPerSecond: (): number | undefined => {
      if (!first || !last || last.time - first.time < TELLING_MS) return undefined
      return (1000 * unitsPerStep * (last.step - first.step)) / (last.time - first.time)
    },
  }
}

const nameOf = ({ job, slice, attempt }: Place): string => `${job}:${slice}:${attempt}`

const includes = (list: readonly string[], address: string): boolean =>
  list.some((one) => one.toLowerCase() === address.toLowerCase())

const lost = (claim: Hex) => ({
  code: 'claim-lost',
  field: 'claim',
  value: claim,
  limit: 'one that this store holds',
  remedy: 'Restore the store that the claim was made from: without it its stake is lost.',
})
