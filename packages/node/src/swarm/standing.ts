import { scoreTaskTerms } from '@lockstep/contracts'
import { taskFields, toHex } from '@lockstep/proof'
import { answerPath, claimScore, scoreTask } from '@lockstep/swarm'
import { fail, type Result } from '@lockstep/tensor'
import { answerBytes } from './arithmetic.ts'
import { ANSWER, type Inside, RESOLVE, ZERO } from './inside.ts'

/** What a participant does about challenges. */
export type Standing = {
  /** Stands by an own score that is challenged: a claim of its history in Disputes, and the answer. */
  readonly stand: (challenge: number) => Promise<Result<unknown>>
  /** Ends a challenge, whoever's it is; `later` while its claim can still fall. */
  readonly finish: (challenge: number, now: number) => Promise<Result<unknown> | 'later'>
}

export const openStanding = (inside: Inside): Standing => {
  const { market, own, arithmetic, learner, send } = inside
  const { disputes } = market
  const stand = async (number: number): Promise<Result<unknown>> => {
    const { round: at, stage, task } = inside.view().challenges.get(number)!
    const mine = own.at(at)
    const texts = mine?.texts[stage]
    if (mine === undefined || texts === undefined)
      return fail({ code: 'answer-missing', field: 'round', value: at, limit: 'own answers', remedy: '' })
    const { family, seed, level } = arithmetic.tasksOf(inside.roundAt(at)!)[task]!
    const answer = answerBytes(texts[task]!)
    const question = { family: learner.families.get(family)!, seed, level, answer }
    const { root, opening } = claimScore(question)
    const { proof, families } = inside.terms
    const place = { chainId: market.connection.chainId, contract: market.addresses.swarms }
    const { inputsRoot } = taskFields(scoreTask(question))
    const made = await disputes.createTask(scoreTaskTerms(place, number, proof, inputsRoot))
    if (!made.ok) return made
    const claim = await disputes.claim(made.value, toHex(root))
    if (!claim.ok) return claim
    const bytes = texts.map(answerBytes)
    return send(
      market.calls.standByScore(number, families, proof, {
        ...{ answer: `0x${Buffer.from(answer).toString('hex')}`, path: answerPath(bytes, task) },
        ...{ answersRoot: mine.parts[ANSWER]?.root ?? ZERO, finalsRoot: mine.parts[RESOLVE]?.root ?? ZERO },
        ...{ claim: claim.value, stateRoot: toHex(opening.stateRoot) },
        lastPath: opening.siblings.map(toHex),
      }),
    )
  }

  const finish = async (number: number, now: number): Promise<Result<unknown> | 'later'> => {
    const { status, claim } = inside.view().challenges.get(number)!
    if (status === 'open') return send(market.calls.finishChallenge(number))
    const { status: stands, until, open } = await disputes.readClaim(claim!)
    if (stands === 'standing') {
      if (now <= until || open > 0) return 'later'
      const final = await disputes.finalize(claim!)
      if (!final.ok) return final
    }
    return send(market.calls.finishChallenge(number))
  }

  return { stand, finish }
}
