import { scoreTaskTerms } from '@lockstep/contracts'
import { type Hex, taskFields, toHex } from '@lockstep/proof'
import { answerPath, claimScore, scoreTask } from '@lockstep/swarm'
import { fail, type Result } from '@lockstep/tensor'
import { answerBytes } from './arithmetic.ts'
import { unlessReverted } from './disputing.ts'
import { ANSWER, type Inside, RESOLVE, ZERO } from './inside.ts'

/** What a participant does about challenges. */
export type Standing = {
  /** Stands by an own score that is challenged: a claim of its history in Disputes, and the answer. */
  readonly stand: (challenge: number) => Promise<Result<unknown>>
  /** Ends a challenge, whoever's it is; `later` where its claim has fallen in a dispute that was not read yet. */
  readonly finish: (challenge: number) => Promise<Result<unknown> | 'later'>
}

export const openStanding = (inside: Inside): Standing => {
  const { market, own, arithmetic, send } = inside
  const { disputes } = market
  const stand = async (number: number): Promise<Result<unknown>> => {
    const { round: at, stage, task: index } = inside.view().challenges.get(number)!
    const mine = own.at(inside.roundAt(at)!)
    const texts = mine?.texts[stage]
    if (mine === undefined || texts === undefined)
      return fail({ code: 'answer-missing', field: 'round', value: at, limit: 'own answers', remedy: '' })
    const { family, seed, level } = arithmetic.tasksOf(inside.roundAt(at)!)[index]!
    const answer = answerBytes(texts[index]!)
    const question = { family: inside.families.get(family)!, seed, level, answer }
    const { root, opening } = claimScore(question)
    const { proof, families } = inside.terms
    const place = { chainId: market.connection.chainId, contract: market.addresses.swarms }
    const { inputsRoot } = taskFields(scoreTask(question))
    const task = scoreTaskTerms(place, number, proof, inputsRoot)
    const made = await unlessReverted('createTask', () => disputes.createTask(task))
    if (!made.ok) return made
    const claim = await unlessReverted('claim', () => disputes.claim(made.value, toHex(root)))
    // One that was killed between claiming and standing has its claim on the chain.
    const claimed = claim.ok
      ? claim.value
      : claim.fault.value === 'AlreadyExists'
        ? claim.fault.limit
        : undefined
    if (claimed === undefined) return claim
    const bytes = texts.map(answerBytes)
    return send(
      market.calls.standByScore(number, families, proof, {
        ...{ answer: `0x${Buffer.from(answer).toString('hex')}`, path: answerPath(bytes, index) },
        ...{ answersRoot: mine.parts[ANSWER]?.root ?? ZERO, finalsRoot: mine.parts[RESOLVE]?.root ?? ZERO },
        ...{ claim: claimed as Hex, stateRoot: toHex(opening.stateRoot) },
        lastPath: opening.siblings.map(toHex),
      }),
    )
  }

  const finish = async (number: number): Promise<Result<unknown> | 'later'> => {
    const { challenges, disputes: known } = inside.view()
    const { status, claim } = challenges.get(number)!
    if (status === 'open') return send(market.calls.finishChallenge(number))
    const { status: stands } = await disputes.readClaim(claim!)
    if (stands === 'standing') {
      const final = await unlessReverted('finalize', () => disputes.finalize(claim!))
      if (!final.ok) return final
    }
    // Whose dispute brought the claim down has the bounty.
    const won = [...known.values()].find((one) => one.claim === claim && one.outcome === 'challenger')
    if (stands === 'fallen' && won === undefined) return 'later'
    return send(market.calls.finishChallenge(number, won?.dispute ?? 0))
  }

  return { stand, finish }
}
