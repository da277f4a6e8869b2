import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { callsOf, disputesAbi } from '@lockstep/contracts'
import { answerCommitment, answerOf, boundTally, segmentsOf } from '@lockstep/market'
import { checkpointCount, claimRoot, digestFromHex, type Hex, toHex } from '@lockstep/proof'
import { describeFault, fail, ok, type Result } from '@lockstep/tensor'
import { openChallenge, openChallenger, type Player } from '../dispute/index.ts'
import type { LiveMarket } from '../flow/live.ts'
import { type Findings, verifyDuties } from '../flow/verify.ts'
import { auditSegments } from '../run/audit-segments.ts'
import type { AuditResult } from '../run/messages.ts'
import type { RunSpec } from '../run/run-spec.ts'
import { type RunResult, startRun } from '../run/start-run.ts'
import {
  auditsWith,
  changeAudit,
  openAudit,
  readAudit,
  type StoredAudit,
  sealAnswer,
} from '../store/audits.ts'
import { readSecret, writeSecret } from '../store/secrets.ts'
import { type Finding, findingOf } from './audit-finding.ts'
import { type Hands, sendIntent } from './carry-out.ts'
import { onExecutors } from './on-executors.ts'
import type { NodeParts } from './parts.ts'
import { createPlayers } from './players.ts'
import { createSeats } from './seats.ts'
import { BONDS_LEFT, takeBondsBack } from './take-bonds-back.ts'
import { fetchFile, fetchTask, type TaskFiles } from './task-files.ts'

export type Verifier = {
  readonly duties: (market: LiveMarket) => ReturnType<typeof verifyDuties>
  readonly hands: Hands
  readonly restore: () => Promise<void>
  readonly stop: () => Promise<void>
}

export const createVerifier = (parts: NodeParts): Verifier => {
  const { store, self, calls, read, addresses, chainId, mailbox, config, log } = parts
  const { query } = store
  const disputeCall = callsOf('disputes', addresses.disputes, disputesAbi)
  const audits = new Map<string, 'answered' | 'missing'>()
  const falseClaims = new Map<Hex, Finding>()
  const rounds = new Map<number, 'committed' | 'revealed'>()
  const players = createPlayers(parts)
  const busy = new Set<{ readonly stop: () => Promise<void> }>()
  const limits = { memory: config.policy.caps.memory, nice: 5 }
  const directoryOf = (claim: Hex): string => join(parts.directory, 'audits', claim)

  /** A run of our own, under way until it ends or this node stops. */
  const run = async (spec: RunSpec, time?: number): Promise<Result<RunResult>> => {
    const handle = startRun(spec, { limits: { ...limits, ...(time !== undefined && { time }) } })
    busy.add(handle)
    const result = await handle.result
    busy.delete(handle)
    return result
  }
  const seats = createSeats({
    ...{ parts, directoryOf, limits },
    execute: (seconds) => (spec) => run(spec, seconds),
  })

  const findings: Findings = {
    ...seats.findings,
    runs: config.policy.caps.runs,
    audit: (claim, seat) => audits.get(seatName(claim, seat)),
    isFalse: (claim) => falseClaims.has(claim),
    round: (round) => rounds.get(round),
  }

  const placeOf = async (claim: Hex) => {
    const market = await parts.view.market()
    const audit = market.audits.get(claim)
    const job = audit && market.jobs.get(audit.job)
    const slice = audit && job?.slices[audit.slice]
    return audit && job && slice ? { market, audit, job, slice } : undefined
  }

  /** The task of a claim as files, fetched where they are not here. */
  const filesOf = async (claim: Hex, seconds: number): Promise<Result<TaskFiles>> => {
    const place = await placeOf(claim)
    if (place === undefined) return fail(gone(claim))
    const signal = AbortSignal.any([parts.stopped, AbortSignal.timeout(1000 * Math.max(1, seconds))])
    const inputs = join(directoryOf(claim), 'inputs')
    return fetchTask(parts, place.job, place.slice, inputs, config.policy.caps.memory, signal)
  }
  const specFrom = (claim: Hex, { expect, ...files }: TaskFiles): RunSpec => ({
    ...files,
    expect,
    steps: expect.steps,
    segmentLength: expect.segmentLength,
    directory: join(directoryOf(claim), 'run'),
    executor: parts.executor,
  })
  const specOf = async (claim: Hex, seconds: number): Promise<Result<RunSpec>> => {
    const files = await filesOf(claim, seconds)
    return files.ok ? ok(specFrom(claim, files.value)) : files
  }

  /** The items of a claim and the checkpoints that these segments begin with, as far as they are to be had. */
  const publishedOf = async (claim: Hex, segments: readonly number[], signal: AbortSignal) => {
    if (mailbox.history(claim) === undefined) await mailbox.askHistory(claim)
    const history = mailbox.history(claim)
    const checkpoints = new Map<number, string>()
    if (history === undefined) return { claimed: undefined, checkpoints }
    const directory = join(directoryOf(claim), 'checkpoints')
    await mkdir(directory, { recursive: true })
    for (const segment of segments) {
      const blob =
        segment === 0 || segments.includes(segment - 1) ? undefined : history.checkpoints[segment - 1]
      if (blob === undefined) continue
      const file = await fetchFile(parts, blob, history.holders, `job:${history.job}`, directory, signal)
      if (file.ok) checkpoints.set(segment - 1, file.value)
    }
    return { claimed: history.items, checkpoints }
  }

  const audit = async (claim: Hex, seat: number): Promise<Result<unknown>> => {
    const place = await placeOf(claim)
    if (place === undefined) return ok(undefined)
    const { market, audit: drawn, slice } = place
    const { task } = slice.progress
    const count = checkpointCount(slice.slice)
    const wanted = segmentsOf({ ...drawn, claim }, slice.slice, seat)
    const key = { audit: claim, seat }
    const of = { job: drawn.job, slice: drawn.slice, attempt: slice.progress.attempt }
    const known = await openAudit(query, key, of, wanted, { deadline: drawn.deadline })
    if (known.sealed) {
      take(known)
      return ok(undefined)
    }
    const seconds = drawn.deadline - market.now
    const files = await filesOf(claim, seconds)
    if (!files.ok) return files
    const signal = AbortSignal.any([parts.stopped, AbortSignal.timeout(1000 * Math.max(1, seconds))])
    const { claimed, checkpoints } = await publishedOf(claim, wanted, signal)
    // Without the claim's items only the whole history can be compared: its root is on the chain.
    const segments = claimed ? wanted : Array.from({ length: count }, (_, i) => i)
    log.info({ claim, seat, segments: segments.length, withheld: claimed === undefined }, 'audit')
    const spec = specFrom(claim, files.value)
    const program = files.value.expect.program as Hex
    const result = await onExecutors(
      parts,
      { spec, program, limits, about: { claim, seat } },
      async (onto) => {
        const { now } = await parts.view.market()
        const handle = auditSegments(onto, segments, {
          limits: { ...limits, time: Math.max(1, drawn.deadline - now) },
          spares: parts.spares,
          ...(claimed && { claimed }),
          checkpoints,
        })
        busy.add(handle)
        const ended = await handle.result
        busy.delete(handle)
        return ended
      },
    )
    if (!result.ok) {
      log.warn({ claim, seat, fault: result.fault }, `audit: ${describeFault(result.fault)}`)
      return result
    }
    const said = await compared(claim, claimed, result.value)
    const finding: Finding = { ...said, files: files.value, checkpoints: [...checkpoints] }
    const tallies = new Map(result.value.segments.map(({ segment, tally }) => [segment, tally]))
    const answer = answerOf(wanted.map((segment) => boundTally(task, digestFromHex(tallies.get(segment)!))))
    await changeAudit(query, key, { status: 'answered', detail: finding as never })
    await sealAnswer(query, key, { answer: toHex(answer), salt: toHex(randomBytes(32)) })
    take((await readAudit(query, key))!)
    log.info(
      { claim, seat, isFalse: said.isFalse, differs: said.differs },
      said.isFalse ? 'the claim is false' : 'the claim holds',
    )
    return ok(undefined)
  }

  /** Whether a claim is what was executed. Where its items are withheld but its root is ours, so are they. */
  const compared = async (
    claim: Hex,
    claimed: readonly Hex[] | undefined,
    { segments, differs }: AuditResult,
  ): Promise<Pick<Finding, 'isFalse' | 'differs' | 'items'>> => {
    if (claimed) {
      const items = [...claimed]
      if (differs === undefined) return { isFalse: false, items }
      return { isFalse: true, differs: { segment: differs.segment, found: differs.found }, items }
    }
    const items = segments.map(({ item }) => item)
    const own = toHex(claimRoot({ checkpoints: items.map(digestFromHex) }))
    const isFalse = own !== (await parts.disputes.readClaim(claim)).root
    return { isFalse, ...(!isFalse && { items }) }
  }

  /** Makes known what the store says of a seat. */
  const take = (stored: StoredAudit): void => {
    const { audit: claim, seat, sealed } = stored
    if (sealed) audits.set(seatName(claim, seat), 'answered')
    const finding = findingOf(stored)
    if (finding?.isFalse) falseClaims.set(claim, finding)
    seats.take(stored)
  }

  const commit = async (claim: Hex, seat: number): Promise<Result<unknown>> => {
    const sealed = (await readAudit(query, { audit: claim, seat }))?.sealed
    if (sealed === undefined) return fail(gone(claim))
    const { answer, salt } = sealed
    const at = { chainId, audits: addresses.audits, claim }
    const commitment = answerCommitment(at, seat, self.account, digestFromHex(answer), salt)
    return sendIntent(parts, `commit:${claim}:${seat}`, calls.commitAnswer(claim, seat, toHex(commitment)))
  }

  const reveal = async (claim: Hex, seat: number): Promise<Result<unknown>> => {
    const sealed = (await readAudit(query, { audit: claim, seat }))?.sealed
    if (sealed === undefined) return fail(gone(claim))
    return sendIntent(
      parts,
      `reveal:${claim}:${seat}`,
      calls.revealAnswer(claim, seat, sealed.answer, sealed.salt),
    )
  }

  /** A history of one's own is needed to dispute a claim whose items are withheld: the slice is run here, too. */
  const ownRun = async (spec: RunSpec): Promise<Result<readonly Hex[]>> => {
    const result = await run(spec)
    return result.ok ? ok(result.value.checkpoints) : result
  }

  const challenge = async (claim: Hex): Promise<Result<unknown>> => {
    const finding = falseClaims.get(claim)
    const claimed = mailbox.history(claim)?.items
    const spec = await specOf(claim, 600)
    if (!spec.ok) return spec
    let own: Parameters<typeof openChallenge>[0]['own']
    if (finding?.differs && claimed) own = finding.differs
    else {
      const items = await ownRun(spec.value)
      if (!items.ok) return items
      own = { items: items.value }
    }
    const bond = (await parts.disputes.readTerms((await parts.disputes.readClaim(claim)).task)).bond
    await takeBondsBack(parts, `challenge:${claim}`, BONDS_LEFT * bond)
    const opened = await openChallenge({ chain: parts.disputes, claim, own, ...(claimed && { claimed }) })
    if (opened.ok) log.info({ claim, dispute: opened.value }, 'challenge')
    else log.warn({ claim, fault: opened.fault }, `challenge: ${describeFault(opened.fault)}`)
    return opened
  }

  const openPlayer = async (claim: Hex): Promise<Result<Player>> => {
    const spec = await specOf(claim, 600)
    if (!spec.ok) return spec
    // A dispute is about single steps: a history of one's own shows each of them, whoever withholds what.
    const items = await ownRun(spec.value)
    if (!items.ok) return items
    return openChallenger({ chain: parts.disputes, spec: spec.value, limits })
  }

  const drawCommit = async (round: number): Promise<Result<unknown>> => {
    const name = `draw:${round}`
    await writeSecret(query, name, toHex(randomBytes(32)))
    const secret = (await readSecret(query, name))!
    const seal = await read.sealSecret(round, self.account, secret)
    const { half } = await read.roundTimes(round)
    const sent = await sendIntent(parts, `drawCommit:${round}`, calls.commitSecret(round, seal), half)
    if (sent.ok) rounds.set(round, 'committed')
    return sent
  }

  const drawReveal = async (round: number): Promise<Result<unknown>> => {
    const secret = await readSecret(query, `draw:${round}`)
    if (secret === undefined) return fail(gone(`round ${round}`))
    const call = calls.revealSecret(round, self.account, secret)
    const sent = await sendIntent(parts, `drawReveal:${round}`, call)
    if (sent.ok) rounds.set(round, 'revealed')
    return sent
  }

  return {
    duties: (market) => verifyDuties(market, self, findings),
    hands: {
      drawCommit: ({ round }) => drawCommit(round),
      drawReveal: ({ round }) => drawReveal(round),
      audit: ({ claim, seat }) => audit(claim, seat),
      commit: ({ claim, seat }) => commit(claim, seat),
      miss: ({ claim, seat }) => sendIntent(parts, `miss:${claim}:${seat}`, calls.missAudit(claim, seat)),
      reveal: ({ claim, seat }) => reveal(claim, seat),
      challenge: ({ claim }) => challenge(claim),
      attack: ({ dispute, claim }) => players.play(dispute, claim, () => openPlayer(claim)),
      closeDispute: ({ dispute }) =>
        sendIntent(parts, `closeDispute:${dispute}`, disputeCall('close', [BigInt(dispute)])),
      bounty: ({ dispute, claim }) => sendIntent(parts, `bounty:${claim}`, calls.bounty(claim, dispute)),
      ...seats.hands,
    },
    restore: async () => {
      for (const stored of await auditsWith(query, ['drawn', 'running', 'answered', 'committed', 'revealed']))
        take(stored)
      // A secret that was stored may have been committed to: the chain knows.
      const market = await parts.view.market()
      for (const { number } of market.rounds) {
        if ((await readSecret(query, `draw:${number}`)) === undefined) continue
        const held = await read.secretCommitment(number, self.account)
        if (BigInt(held) !== 0n) rounds.set(number, 'committed')
      }
    },
    stop: async () => {
      await Promise.all([...busy].map(({ stop }) => stop()))
      await players.close()
      await seats.stop()
    },
  }
}

const seatName = (claim: Hex, seat: number): string => `${claim}:${seat}`

const gone = (what: string) => ({
  code: 'not-under-way',
  field: 'audit',
  value: what,
  limit: 'one that is under way and known here',
  remedy: 'Nothing is left to do about it.',
})
