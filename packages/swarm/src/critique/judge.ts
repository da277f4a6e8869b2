import type { Tensor } from '@lockstep/tensor'
import { chanceOf, fitScale, type Scale } from './calibrate.ts'
import type { Reader, Reading } from './read.ts'
import type { Asked } from './verdict.ts'

/**
 * By what a judge goes. `likelihood`: how likely its policy is to write the answer. `trained`: the verdict of a copy of its
 * policy that has learned to tell right from wrong answers. `both`.
 */
export const JUDGING = ['likelihood', 'trained', 'both'] as const
export type Judging = (typeof JUDGING)[number]

export const readingsOf = (judging: Judging, { sum, mean, odds }: Reading): readonly number[] =>
  ({ likelihood: [sum, mean], trained: [odds], both: [sum, mean, odds] })[judging]

/** A participant as a judge: its models, and what their readings meant where the scores are known. */
export type Judge = {
  readonly judging: Judging
  readonly policy: readonly Tensor[]
  readonly verdicts: readonly Tensor[] | undefined // of one that goes by more than likelihood
  readonly scale: Scale | undefined // undefined as long as no answer's score is known
}

/** An answer whose score is known, as a judge reads it. */
export type Experience = { readonly reading: Reading | undefined; readonly right: boolean }

/** The scale that a judge's experience gives; undefined without any. What cannot be read teaches nothing. */
export const scaleOf = (judging: Judging, experience: readonly Experience[]): Scale | undefined => {
  const samples = experience.flatMap(({ reading, right }) =>
    reading === undefined ? [] : [{ readings: readingsOf(judging, reading), right }],
  )
  return samples.length === 0 ? undefined : fitScale(samples)
}

/** How likely an answer is right, of its reading; 0 of what cannot be read, and of everything before any experience. */
export const chanceByReading = (
  judging: Judging,
  scale: Scale | undefined,
  reading: Reading | undefined,
): number =>
  reading === undefined || scale === undefined ? 0 : chanceOf(scale, readingsOf(judging, reading))

/** How likely each answer is right, 0 to 1, by a judge. */
export const judge = async (
  reader: Reader,
  { judging, policy, verdicts, scale }: Judge,
  asked: readonly Asked[],
): Promise<number[]> =>
  (await reader.read(policy, verdicts, asked)).map((reading) => chanceByReading(judging, scale, reading))
