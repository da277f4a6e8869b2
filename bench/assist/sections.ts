import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../row.ts'
import { type Interval, interval } from '../swarm/interval.ts'
import { plotLines } from '../swarm/plot.ts'
import type { Context, Section } from '../swarm/section.ts'
import type { Condition } from './conditions.ts'
import { acceptRateOf, savedOf, sum, type Use, unwantedOf } from './measure.ts'
import type { Kind } from './person.ts'
import { PLAN } from './plan.ts'
import { codeHash, type StudyPiece, type StudyResult, writersOf } from './study.ts'

/** Characters that each writer types, and how many writers there are. */
export const SIZES = {
  whole: { length: 4800, writers: 13 },
  quick: { length: 1200, writers: 3 },
}

/** What is plotted and compared for everybody; the others are compared with `ours` on the first writers alone. */
const MAIN: readonly Condition[] = ['static', 'recency', 'public', 'ours']
const ABLATIONS: readonly Condition[] = ['memory', 'no-network', 'no-preference', 'no-deciding']

/** How conditions are called in rows and plots. */
export const CALLED: { readonly [C in Condition]: string } = {
  ours: 'ours',
  static: 'static model',
  recency: 'n-gram',
  public: 'public n-gram',
  memory: 'memory alone',
  'no-network': 'without training the network',
  'no-preference': 'without preference loss',
  'no-deciding': 'without learned offering',
}

type Measure = {
  readonly name: string
  readonly unit: string
  readonly of: (use: Use) => number
  readonly less?: true
}
export const SAVED: Measure = { name: 'keystrokes saved', unit: 'per 100 characters', of: savedOf }
const ACCEPTED: Measure = { name: 'accept rate', unit: '%', of: acceptRateOf }
export const UNWANTED: Measure = {
  ...{ name: 'unwanted offers', unit: 'per 100 actions', of: unwantedOf, less: true },
}
const MEASURES = [
  ['saved', SAVED],
  ['accepted', ACCEPTED],
  ['unwanted', UNWANTED],
] as const

/** A row of ours beside another's, with the interval of ours; met where the difference of pairs is surely above 0. */
export const pairRow = (
  what: string,
  { unit, less }: Measure,
  ours: readonly number[],
  against: string,
  theirs: readonly number[],
): Row => {
  const [own, other] = [interval(ours), interval(theirs)]
  const better = interval(ours.map((x, i) => (less ? theirs[i]! - x : x - theirs[i]!)))
  const ratio = less ? other.mean / own.mean : own.mean / other.mean
  return {
    ...{ what, ours: own.mean, unit, against, theirs: other.mean, ratio, target: 1 },
    ...{ met: better.low > 0, low: own.low, high: own.high },
  }
}

/** A figure with its interval over the writers, beside nothing. */
export const meanRow = (what: string, unit: string, { mean, low, high }: Interval): Row => ({
  ...{ what, ours: mean, unit, against: null, theirs: null, ratio: null, target: null, met: null },
  ...{ low, high },
})

const said = ({ mean, low, high }: Interval): string =>
  `${mean.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`

/** The section of a kind of text: curves of the main conditions, comparisons in pairs, and what is left without each part. */
export const typingSection =
  (kind: Kind): Section =>
  async (context) => {
    const { quick, tell } = context
    const { length, writers } = quick ? SIZES.quick : SIZES.whole
    const all = writersOf(kind, length).slice(0, writers)
    const results = await resultsOf(context, kind, quick ? ['recency', 'ours'] : [...MAIN, ...ABLATIONS], {
      length,
      writers: all.length,
    })
    const title = kind === 'prose' ? 'prose' : 'code'
    tell(`${title}, writers`, `${all.length}, ${length} characters each`)
    const wholes = (condition: Condition, { of }: Measure): number[] =>
      results.get(condition)!.map(({ parts }) => of(sum(parts)))
    const rows: Row[] = []
    const ours = results.get('ours')!
    rows.push(
      meanRow(`${title}, ${SAVED.name}, beside no assistant`, SAVED.unit, interval(wholes('ours', SAVED))),
    )
    for (const condition of results.keys()) {
      if (condition === 'ours') continue
      for (const [, measure] of MEASURES) {
        const theirs = wholes(condition, measure)
        const own = wholes('ours', measure).slice(0, theirs.length)
        rows.push(pairRow(`${title}, ${measure.name}`, measure, own, CALLED[condition], theirs))
        const better = interval(own.map((x, i) => (measure.less ? theirs[i]! - x : x - theirs[i]!)))
        tell(`${title}, ${measure.name}, better than ${CALLED[condition]} by`, said(better))
      }
    }
    // It learns: the last third of use against the first, writer by writer.
    const third = Math.max(1, Math.floor(PLAN.parts / 3))
    for (const measure of [SAVED, ACCEPTED]) {
      const late = ours.map(({ parts }) => measure.of(sum(parts.slice(-third))))
      const early = ours.map(({ parts }) => measure.of(sum(parts.slice(0, third))))
      rows.push(
        pairRow(`${title}, ${measure.name}, last third of use`, measure, late, 'ours, first third', early),
      )
      for (const condition of ['recency', 'public'] as const) {
        const theirs = results.get(condition)?.map(({ parts }) => measure.of(sum(parts.slice(-third))))
        if (theirs)
          rows.push(
            pairRow(`${title}, ${measure.name}, last third of use`, measure, late, CALLED[condition], theirs),
          )
      }
    }
    tell(`${title}, updates tried and applied`, `${ours.map(({ updates }) => updates.join('/')).join(' ')}`)
    if (!quick)
      for (const [file, measure] of MEASURES)
        draw(
          `${kind === 'prose' ? 'text' : 'code'}-${file}.svg`,
          plotLines(
            `${title}: ${measure.name}, ${all.length} writers`,
            'thousands of characters typed',
            `${measure.name} (${measure.unit})`,
            MAIN.map((condition) => ({
              name: CALLED[condition],
              x: Array.from({ length: PLAN.parts }, (_, i) => ((i + 1) * length) / PLAN.parts / 1000),
              seeds: results.get(condition)!.map(({ parts }) => parts.map(measure.of)),
            })),
          ),
        )
    return rows
  }

/** What each condition comes to with each writer; ablations with the first four of them. */
const resultsOf = async (
  { folderOf, results }: Context,
  kind: Kind,
  conditions: readonly Condition[],
  { length, writers }: { readonly length: number; readonly writers: number },
): Promise<Map<Condition, StudyResult[]>> => {
  const pieces: StudyPiece[] = conditions.flatMap((condition) =>
    Array.from({ length: ABLATIONS.includes(condition) ? Math.min(4, writers) : writers }, (_, writer) => ({
      ...{ name: `${condition}-${writer}`, kind, writer, condition, length, plan: PLAN },
    })),
  )
  const folder = folderOf({ code: codeHash(), kind, length, plan: PLAN })
  const found: StudyResult[] = await results(folder, pieces)
  const by = new Map<Condition, StudyResult[]>()
  for (const [i, { condition }] of pieces.entries())
    by.set(condition, [...(by.get(condition) ?? []), found[i]!])
  return by
}

/** Keeps a plot among the documents. */
export const draw = (name: string, svg: string): void => {
  const folder = join(import.meta.dirname, '..', '..', 'docs', 'assist')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), svg)
}
