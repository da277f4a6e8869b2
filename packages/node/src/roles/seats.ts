import { join } from 'node:path'
import { claimIdOf } from '@lockstep/market'
import { digestFromHex, type Hex, pathOf, segmentSteps, toHex, treeOf, ZERO_HEX } from '@lockstep/proof'
import { describeFault, type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { openChallenge, openChallenger, openClaimant } from '../dispute/index.ts'
import type { LiveSeat, SeatPlace } from '../flow/live.ts'
import type { Findings } from '../flow/verify.ts'
import type { Limits } from '../run/limits.ts'
import { auditsOf, changeAudit, readAudit, type StoredAudit } from '../store/audits.ts'
import { defenceOf, type Finding, findingOf, holds } from './audit-finding.ts'
import { type Hands, sendIntent } from './carry-out.ts'
import type { NodeParts } from './parts.ts'
import { createPlayers } from './players.ts'
import { BEGINS_ELSEWHERE, type Execute, executePart, type SegmentPart } from './segment-part.ts'
import { takeBondsBack } from './take-bonds-back.ts'

export type SeatsOptions = {
  readonly parts: NodeParts
  /** Where everything about a claim is kept. */
  readonly directoryOf: (claim: Hex) => string
  readonly execute: (seconds: number) => Execute
  readonly limits: Omit<Limits, 'time'>
}

/** What a verifier does about seats that matched a claim which fell: others' and its own. */
export type Seats = {
  readonly hands: Pick<
    Hands,
    'accuse' | 'defendSeat' | 'uphold' | 'challengeDefence' | 'attackDefence' | 'takeBond'
  >
  readonly findings: Pick<Findings, 'holds' | 'defence' | 'bonds'>
  /** Makes known what the store says of a seat of ours. */
  readonly take: (stored: StoredAudit) => void
  readonly stop: () => Promise<void>
}

/** Seconds that an execution takes at most which no deadline presses. */
const UNPRESSED_SECONDS = 3_600

export const createSeats = ({ parts, directoryOf, execute, limits }: SeatsOptions): Seats => {
  const { store, self, calls, disputes, view, log } = parts
  const { query } = store
  const audited = new Map<string, StoredAudit & { readonly finding: Finding }>()
  const found = new Map<string, 'sound' | 'false'>()
  const bonds = new Map<string, SeatPlace>()
  const players = createPlayers(parts)

  const take = (stored: StoredAudit): void => {
    const finding = findingOf(stored)
    if (finding === undefined) return
    const { audit: claim, seat, status } = stored
    const name = nameOf(claim, seat)
    audited.set(name, { ...stored, finding })
    if (finding.defence === 'impossible') found.set(name, 'false')
    if (defenceOf(finding) !== undefined && status !== 'ended') bonds.set(name, { claim, seat })
    else bonds.delete(name)
  }
  const change = async (
    { claim, seat }: SeatPlace,
    changes: Parameters<typeof changeAudit>[2],
  ): Promise<void> => {
    const key = { audit: claim, seat }
    await changeAudit(query, key, changes)
    take((await readAudit(query, key))!)
  }

  const seatOf = async (claim: Hex, seat: number): Promise<{ seat: LiveSeat; now: number } | undefined> => {
    const { audits, now } = await view.market()
    const live = audits.get(claim)?.seats[seat]
    return live && { seat: live, now }
  }

  /** Executes one segment of a claim alone, out of what an audit of ours has left. */
  const partOf = async (
    claim: Hex,
    segment: number,
    start: Hex,
    seconds = UNPRESSED_SECONDS,
  ): Promise<Result<SegmentPart>> => {
    for (const stored of await auditsOf(query, claim)) {
      const finding = findingOf(stored)
      if (finding === undefined) continue
      const { files, items } = finding
      const checkpoints = new Map(finding.checkpoints)
      const directory = join(directoryOf(claim), 'parts')
      const whole = { files, items, checkpoints, directory, executor: parts.executor }
      return executePart(whole, segment, start, execute(seconds))
    }
    return fail(lost(claim))
  }
  /** The segment that a defence claims, executed here. */
  const partOfDefence = async (claim: Hex, segment: number, defence: Hex): Promise<Result<SegmentPart>> => {
    const { task } = await disputes.readClaim(defence)
    return partOf(claim, segment, (await disputes.readTerms(task)).initialItem)
  }

  const defendSeat = async (claim: Hex, seat: number, segment: number): Promise<Result<unknown>> => {
    const live = await seatOf(claim, seat)
    const finding = audited.get(nameOf(claim, seat))?.finding
    if (live === undefined) return ok(undefined)
    if (finding?.items === undefined) return refuse(claim, seat, lost(claim))
    log.info({ claim, seat, segment }, 'the seat is accused')
    const { items, files } = finding
    const said = items[segment]!
    const start = segment === 0 ? files.expect.initialItem : items[segment - 1]!
    const part = await partOf(claim, segment, start, Math.max(1, live.seat.deadline - live.now))
    const ended = part.ok
      ? part.value.item
      : part.fault.code === BEGINS_ELSEWHERE
        ? String(part.fault.value)
        : undefined
    if (ended === undefined) return refuse(claim, seat, (part as { readonly fault: Fault }).fault)
    if (ended !== said) {
      // The audit's answer came from a machine that computed wrong, then: a defence would only lose its bond as well.
      await change({ claim, seat }, { detail: { ...finding, defence: 'impossible' } as never })
      log.warn({ claim, seat, segment, said, ended }, NOT_DEFENDED)
      return ok(undefined)
    }
    const terms = await disputes.readTerms((await disputes.readClaim(claim)).task)
    await takeBondsBack(parts, `defence:${claim}:${seat}`, terms.bond)
    const steps = segmentSteps(terms, segment)
    const task = await disputes.createTask({ ...terms, initialItem: start, steps, context: claim })
    if (!task.ok) return refuse(claim, seat, task.fault)
    // Known before it is made: a bond that was forgotten would not be taken back.
    const defence = claimIdOf(task.value, said, self.key)
    await change({ claim, seat }, { detail: { ...finding, defence } as never })
    const made = await disputes.claim(task.value, said)
    if (!made.ok && made.fault.value !== 'AlreadyExists') return refuse(claim, seat, made.fault)
    log.info({ claim, seat, segment, defence }, 'claim of a segment alone')
    const tree = treeOf(items.map(digestFromHex))
    const path = (position: number): Hex[] => pathOf(tree, position, 0, tree.height).map(toHex)
    return sendIntent(
      parts,
      `defendSeat:${claim}:${seat}`,
      calls.defendSeat(
        claim,
        seat,
        defence,
        path(segment),
        segment === 0 ? ZERO_HEX : start,
        segment === 0 ? [] : path(segment - 1),
      ),
    )
  }
  const refuse = (claim: Hex, seat: number, fault: Fault): Result<never> => {
    log.warn({ claim, seat, fault }, `the seat is not defended yet: ${describeFault(fault)}`)
    return fail(fault)
  }

  const uphold = async (dispute: number, claim: Hex, seat: number): Promise<Result<unknown>> => {
    const { defence, segment } = (await seatOf(claim, seat))?.seat ?? {}
    if (defence === undefined || segment === undefined) return ok(undefined)
    return players.play(dispute, defence.id, async () => {
      const part = await partOfDefence(claim, segment, defence.id)
      return part.ok ? openClaimant({ chain: disputes, spec: part.value.spec, limits }) : part
    })
  }

  const attackDefence = async (dispute: number, claim: Hex, seat: number): Promise<Result<unknown>> => {
    const { defence, segment } = (await seatOf(claim, seat))?.seat ?? {}
    if (defence === undefined || segment === undefined) return ok(undefined)
    return players.play(dispute, defence.id, async () => {
      const part = await partOfDefence(claim, segment, defence.id)
      return part.ok ? openChallenger({ chain: disputes, spec: part.value.spec, limits }) : part
    })
  }

  const challengeDefence = async (claim: Hex, seat: number): Promise<Result<unknown>> => {
    const { defence, segment } = (await seatOf(claim, seat))?.seat ?? {}
    if (defence === undefined || segment === undefined) return ok(undefined)
    const part = await partOfDefence(claim, segment, defence.id)
    if (!part.ok && part.fault.code !== BEGINS_ELSEWHERE) return part
    const { root } = await disputes.readClaim(defence.id)
    if (!part.ok || part.value.item === root) {
      // The claim is false elsewhere: about this segment we know nothing against the seat.
      found.set(nameOf(claim, seat), 'sound')
      return ok(undefined)
    }
    const own = { items: [part.value.item] }
    const opened = await openChallenge({ chain: disputes, claim: defence.id, claimed: [root], own })
    if (opened.ok) log.info({ claim, seat, dispute: opened.value }, 'challenge of a defence')
    else log.warn({ claim, seat, fault: opened.fault }, `challenge: ${describeFault(opened.fault)}`)
    return opened
  }

  const takeBond = async (claim: Hex, seat: number): Promise<Result<unknown>> => {
    const finding = audited.get(nameOf(claim, seat))?.finding
    const defence = finding && defenceOf(finding)
    if (defence === undefined) return ok(undefined)
    const { status, until, open } = await disputes.readClaim(defence)
    if (status === 'standing') {
      // The seat has ended without it: it is a claim like any other.
      if (open > 0 || parts.now() < until) return fail(notYet(defence, until))
      const ended = await disputes.finalize(defence)
      if (!ended.ok) return ended
    }
    if (status !== 'fallen') {
      const taken = await takeBondsBack(parts, `${defence}`, 1n)
      if (!taken.ok) return taken
    }
    await change({ claim, seat }, { status: 'ended' })
    return ok(undefined)
  }

  return {
    take,
    findings: {
      holds: (claim, segment) =>
        [...audited.values()].some(
          ({ audit, finding, segments }) => audit === claim && holds(finding, segments, segment),
        ),
      defence: (claim, seat) => found.get(nameOf(claim, seat)),
      bonds: () => [...bonds.values()],
    },
    hands: {
      accuse: ({ claim, seat, dispute }) =>
        sendIntent(parts, `accuse:${claim}:${seat}:${dispute}`, calls.accuseSeat(claim, seat, dispute)),
      defendSeat: ({ claim, seat, segment }) => defendSeat(claim, seat, segment),
      uphold: ({ dispute, claim, seat }) => uphold(dispute, claim, seat),
      challengeDefence: ({ claim, seat }) => challengeDefence(claim, seat),
      attackDefence: ({ dispute, claim, seat }) => attackDefence(dispute, claim, seat),
      takeBond: ({ claim, seat }) => takeBond(claim, seat),
    },
    stop: players.close,
  }
}

const NOT_DEFENDED =
  'this machine does not find again what it matched: the seat cannot be defended, and will be slashed; test its memory and cooling'

const nameOf = (claim: Hex, seat: number): string => `${claim}:${seat}`

const lost = (claim: Hex): Fault => ({
  code: 'audit-lost',
  field: 'audit',
  value: claim,
  limit: 'one that this store holds',
  remedy: 'Restore the store that the audit was made with.',
})
const notYet = (defence: Hex, until: number): Fault => ({
  code: 'claim-standing',
  field: 'defence',
  value: defence,
  limit: `final, after ${until}`,
  remedy: 'It is ended when its window has passed and no dispute is open.',
})
