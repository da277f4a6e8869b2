import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from '@lockstep/assist'
import type { Piece, Work } from '../swarm/section.ts'
import { type Condition, helperOf } from './conditions.ts'
import type { Use } from './measure.ts'
import type { Kind } from './person.ts'
import { SETTINGS } from './plan.ts'
import { type ReplayPlan, replay } from './replay.ts'
import { codeWriters, proseWriters, type Writer } from './writers.ts'

/** One writer with one helper. */
export type StudyPiece = Piece & {
  readonly kind: Kind
  readonly writer: number
  readonly condition: Condition
  /** Characters that each writer types. */
  readonly length: number
  readonly plan: ReplayPlan
  readonly settings?: Partial<Settings>
}
export type StudyResult = {
  readonly name: string
  readonly parts: readonly Use[]
  /** The most offers made within any hundred actions that were not kept. */
  readonly worst: number
  /** Updates of the model that were tried, and applied. */
  readonly updates: readonly [tried: number, applied: number]
}

export const writersOf = (kind: Kind, length: number): Writer[] =>
  kind === 'prose' ? proseWriters(length) : codeWriters(length)

export const work: Work<StudyPiece, StudyResult> = async (executor, _, piece) => {
  const writer = writersOf(piece.kind, piece.length)[piece.writer]!
  const { helper, told } = await helperOf(executor, writer, piece.condition, {
    ...SETTINGS,
    ...piece.settings,
  })
  const { parts, worst } = await replay(writer, helper, piece.plan)
  const updates = told()
  await helper.close()
  return { name: writer.name, parts, worst, updates }
}

const root = join(import.meta.dirname, '..', '..')

/** What results depend on beside their settings: the assistant's code, the study's, and the base models. */
export const codeHash = (): string => {
  const hash = createHash('sha256')
  for (const file of globSync(
    [
      'packages/assist/src/**/*.ts',
      'bench/assist/*.ts',
      'data/assist-base-text*',
      'data/addresses-later.txt',
    ],
    { cwd: root },
  ).sort())
    if (!file.endsWith('.test.ts')) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 16)
}
