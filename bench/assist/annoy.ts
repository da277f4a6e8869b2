import { limitRow, type Row } from '../row.ts'
import { interval } from '../swarm/interval.ts'
import type { Section } from '../swarm/section.ts'
import { sum } from './measure.ts'
import { PLAN } from './plan.ts'
import { meanRow, SAVED, SIZES, UNWANTED } from './sections.ts'
import { codeHash, type StudyPiece, type StudyResult } from './study.ts'

export { work } from './study.ts'

const KINDS = ['prose', 'code'] as const
const PATIENCE = [2, 5, 10, 20]

/**
 * It does not annoy: the most unwanted offers within any hundred actions of any writer, beside the setting that bounds it, and
 * what patience is worth.
 */
export const section: Section = async ({ quick, folderOf, results }) => {
  const { length } = quick ? SIZES.quick : SIZES.whole
  const writers = quick ? 1 : 4
  const rows: Row[] = []
  for (const patience of quick ? [2] : PATIENCE) {
    const pieces = KINDS.flatMap((kind) =>
      Array.from(
        { length: writers },
        (_, writer): StudyPiece => ({
          ...{ name: `${patience}-${kind}-${writer}`, kind, writer, condition: 'ours', length, plan: PLAN },
          settings: { patience },
        }),
      ),
    )
    const folder = folderOf({ code: codeHash(), annoy: length, plan: PLAN })
    const found: StudyResult[] = await results(folder, pieces)
    const worst = Math.max(...found.map((of) => of.worst))
    rows.push(
      limitRow(
        `patience ${patience}: most unwanted offers in any 100 actions`,
        worst,
        'offers',
        'setting',
        patience,
      ),
      ...[UNWANTED, SAVED].map(({ name, unit, of }) =>
        meanRow(`patience ${patience}: ${name}`, unit, interval(found.map(({ parts }) => of(sum(parts))))),
      ),
    )
  }
  return rows
}
