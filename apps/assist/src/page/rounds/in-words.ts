import { type BaseFinding, type BaseLineage, describeBase } from '@lockstep/assist/federated'
import { bits, counted } from '../panel/in-words.ts'
import type { Standing, Used } from './rounds.ts'
import type { Came, Gave } from './turn.ts'

const STEPS: Readonly<Record<NonNullable<Standing['step']>, string>> = {
  asking: 'Asking the keeper …',
  learning: 'Learning from the shared base …',
  fetching: 'Fetching the newest base, and making it again …',
  trying: 'Trying it on what you did last …',
}

/** How taking part stands, in sentences. */
export const standingInWords = ({ step, gave, came, used, failed }: Standing): readonly string[] => {
  const said = [...(gave ? [gaveInWords(gave)] : []), ...(came ? cameInWords(came) : [])]
  if (used) said.push(usedInWords(used))
  if (failed !== undefined) said.push(`The keeper could not be asked: ${failed}. Nothing has changed.`)
  if (step) said.push(STEPS[step])
  return said
}

const at = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, { timeStyle: 'short' })

const gaveInWords = (gave: Gave): string => {
  switch (gave.kind) {
    case 'nothing':
      return 'Nothing was given: you have not allowed it.'
    case 'closed':
      return 'Nothing was given: no round is open now.'
    case 'already':
      return `You have given to round ${gave.round.round} already. It ends at ${at(gave.closes)}.`
    case 'given':
      return `Given to round ${gave.round.round}, which ends at ${at(gave.closes)}. What left is listed below.`
    case 'refused':
      return `Nothing came of giving: ${gave.why}`
  }
}

const cameInWords = (came: Came): readonly string[] => {
  switch (came.kind) {
    case 'first':
      return ['The keeper still has the base that everybody begins with.']
    case 'tried':
      return ['The keeper has no newer base than the one that was tried here.']
    case 'refused':
      return [`What the keeper sent was not used: ${came.why}`]
    case 'base':
      return [...describeBase(came.lineage), checkedInWords(came.finding)]
  }
}

const checkedInWords = ({ reExecuted, private: closed }: BaseFinding): string =>
  [
    'This page made the base again from what was given: same bits.',
    ...(reExecuted.length > 0 ? [`${was(reExecuted.length)} run again here.`] : []),
    ...(closed.length > 0 ? [`${was(closed.length)} not, for only the owner could.`] : []),
  ].join(' ')

const was = (receipts: number): string => `${counted(receipts, 'receipt')} ${receipts === 1 ? 'was' : 'were'}`

const usedInWords = (used: Used): string => {
  const heldOut = 'heldOut' in used ? used.heldOut : undefined
  const measured = heldOut
    ? ` (${bits(heldOut.before)} → ${bits(heldOut.after)} bits a symbol on what you did last)`
    : ''
  if (used.applied) return `It is better for you, and in use${measured}.`
  const why = {
    'no better': 'It is no better for you, and is not used',
    'in use': 'It is in use already',
    'too little': 'It is not used: you have written too little to try it on',
    'not now': 'It is not used yet: your assistant is learning. Ask again',
    stopped: 'It is not used: trying it was stopped',
  }
  return `${why[used.why]}${measured}.`
}

/** Whose updates are in a base, by the names that they drew for its round. */
export const membersOf = ({ members }: BaseLineage): readonly (readonly [string, string])[] =>
  members.map(({ participant, share, checked, norm }) => [
    participant,
    `${share === 'episodes' ? 'with episodes' : 'update alone'}, ${checked === 're-executed' ? 'receipt run again' : 'receipt not checkable'}, moved the base by ${norm.toFixed(2)}`,
  ])
