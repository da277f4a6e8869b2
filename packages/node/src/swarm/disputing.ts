import { ChainError, callsOf, disputesAbi } from '@lockstep/contracts'
import { fromHex, type Hex, playTurn, type Side, toHex } from '@lockstep/proof'
import { claimScore, type ScoreQuestion, scoreTask } from '@lockstep/swarm'
import { type Executor, fail, ok, type Result } from '@lockstep/tensor'
import { openChallenge, traceMover } from '../dispute/index.ts'
import type { Inside } from './inside.ts'
import type { ChallengeView } from './view.ts'

/** What a participant does in Disputes about scores, its own and others'. Nothing waits for the other side. */
export type Disputing = {
  /** Challenges that were answered with another history than the shown answer has. */
  readonly falselyStood: () => readonly number[]
  /** Disputes the claim by which somebody stands by a false score, or finds the own dispute about it. */
  readonly dispute: (challenge: number) => Promise<Result<unknown>>
  /** Makes the move that is due in a dispute, or calls a timeout; `later` where the other side has time left. */
  readonly play: (dispute: number, side: Side) => Promise<Result<unknown> | 'later'>
  /** Ends a dispute about a claim that has fallen elsewhere: the bond comes back. */
  readonly closeDispute: (dispute: number) => Promise<Result<unknown>>
  /** Takes bonds and rewards of what has ended out of Disputes. */
  readonly takeBack: () => Promise<void>
  /** When the other side's time ends in the disputes that were looked at: the earliest. */
  readonly next: () => number | undefined
  readonly close: () => void
}

type Mover = Awaited<ReturnType<typeof traceMover>>

/** Movers that are kept at once: each has a compiled program. */
const MOVERS = 4

/**
 * @param executor Opened with the first dispute
 * @param fromBlock The first block that can have anything of the market
 */
export const openDisputing = (
  inside: Inside,
  executor: () => Promise<Executor>,
  fromBlock: number,
): Disputing => {
  const { market, arithmetic, families, send } = inside
  const { disputes } = market
  const key = keyOf(inside)

  /** What a shown answer is about: its history and its score follow from it. */
  const questionOf = ({ round, task, answer }: ChallengeView): ScoreQuestion => {
    const { family, seed, level } = arithmetic.tasksOf(inside.roundAt(round)!)[task]!
    return { family: families.get(family)!, seed, level, answer: fromHex(answer!)! }
  }
  const challengeOf = (claim: Hex): ChallengeView | undefined =>
    [...inside.view().challenges.values()].find((one) => one.claim === claim)

  const roots = new Map<number, Hex>()
  const rootOf = (challenge: ChallengeView): Hex => {
    const known = roots.get(challenge.challenge) ?? toHex(claimScore(questionOf(challenge)).root)
    roots.set(challenge.challenge, known)
    return known
  }

  const movers = new Map<string, Mover>()
  const drop = (name: string): void => {
    movers.get(name)?.close()
    movers.delete(name)
  }
  const moverOf = async (challenge: ChallengeView, side: Side): Promise<Mover> => {
    const name = `${challenge.claim} ${side}`
    const known = movers.get(name)
    if (known !== undefined) return known
    const question = questionOf(challenge)
    const { claim, state } = claimScore(question)
    const stateAt = async (checkpoint: number) => state(checkpoint)
    const table = { task: scoreTask(question), executor: await executor(), claim, state: stateAt }
    const made = await traceMover(side, table)
    movers.set(name, made)
    for (const other of [...movers.keys()].slice(0, -MOVERS)) drop(other)
    return made
  }

  const deadlines = new Map<number, number>()
  const taken = new Set<string>()

  return {
    falselyStood: () =>
      [...inside.view().challenges.values()].flatMap((one) => {
        const claim = one.status === 'stood' ? inside.view().claims.get(one.claim!) : undefined
        return claim?.status === 'standing' && claim.root !== rootOf(one) ? [one.challenge] : []
      }),
    dispute: (number) => {
      const { claim } = inside.view().challenges.get(number)!
      const since = BigInt(fromBlock)
      return unlessReverted('dispute', () =>
        openChallenge({ chain: disputes, claim: claim!, since, own: undefined }),
      )
    },
    play: async (number, side) => {
      const challenge = challengeOf(inside.view().disputes.get(number)!.claim)
      if (challenge === undefined) return 'later'
      const mover = await moverOf(challenge, side)
      const table = { side, chain: disputes, dispute: number, now: disputes.now }
      deadlines.delete(number)
      let why = ''
      const refused = (_: unknown, result: Result<void>): void => {
        if (!result.ok) why = String(result.fault.value)
      }
      const played = await unlessReverted('move', async () =>
        ok(await playTurn({ ...table, refused }, (record) => mover.next(record))),
      )
      if (!played.ok) return played
      const { value } = played
      if (value.outcome !== 'open') {
        drop(`${challenge.claim} ${side}`)
        return 'later'
      }
      if (value.acted) return ok(undefined)
      deadlines.set(number, value.until)
      return why === '' ? 'later' : fail(refusedAs('move', why))
    },
    closeDispute: (number) => unlessReverted('close', () => disputes.close(number)),
    takeBack: async () => {
      const { claims, disputes: all } = inside.view()
      const ended = [
        ...[...claims].flatMap(([id, one]) =>
          one.claimant === key && one.status !== 'standing' ? [`claim ${id}`] : [],
        ),
        ...[...all.values()].flatMap(({ dispute, claim, challenger, outcome }) =>
          outcome !== 'open' && (challenger === key || claims.get(claim)!.claimant === key)
            ? [`dispute ${dispute}`]
            : [],
        ),
      ].filter((name) => !taken.has(name))
      if (ended.length === 0) return
      const address = market.connection.account.address
      if ((await disputes.credit(address)) > 0n) {
        const withdraw = callsOf('disputes', disputes.address, disputesAbi)
        const sent = await send(withdraw('withdraw', [address]))
        if (!sent.ok) return
      }
      for (const name of ended) taken.add(name)
    },
    next: () => {
      for (const number of deadlines.keys())
        if (inside.view().disputes.get(number)?.outcome !== 'open') deadlines.delete(number)
      return deadlines.size === 0 ? undefined : Math.min(...deadlines.values())
    },
    close: () => {
      for (const name of [...movers.keys()]) drop(name)
    },
  }
}

/** The key that a participant claims and disputes with, in lower case. */
export const keyOf = ({ market }: Pick<Inside, 'market'>): Hex =>
  market.connection.account.address.toLowerCase() as Hex

const refusedAs = (field: string, value: string) => ({
  code: 'call-refused',
  ...{ field, value, limit: 'what the chain takes now' },
  remedy: 'It is looked at again with the next turn.',
})

/** Somebody else was first between the look and the block, or the own call of before a kill: the next look sees it. */
export const unlessReverted = async <T>(
  field: string,
  call: () => Promise<Result<T>>,
): Promise<Result<T>> => {
  try {
    return await call()
  } catch (error) {
    if (error instanceof ChainError && error.code === 'reverted') return fail(refusedAs(field, 'reverted'))
    throw error
  }
}
