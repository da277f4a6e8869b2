import type { Row } from '../row.ts'
import { GPT, gptCase } from './cases.ts'
import type { Section } from './section.ts'
import { trainingRows } from './training-rows.ts'
import type { Rival } from './versus.ts'

/** Training step of a GPT of 4 layers, d 256, T 128, batch 8, with AdamW. */
export const section: Section = async (context) => {
  const gpt = context.quick ? { ...GPT, layers: 1, batch: 2 } : GPT
  const oneCase = gptCase(gpt)
  const order = { case: 'gpt', ...gpt } as const
  const rows = (how: { threads: number; addon?: boolean }, rivals: readonly Rival[]): Promise<Row[]> =>
    trainingRows(context, 'GPT step', how, oneCase, order, rivals)
  // jax-js has one thread under Node.
  return [
    ...(await rows({ threads: 1 }, [
      { name: 'jax-js', target: 2.5 },
      { name: 'pytorch', target: null },
    ])),
    ...(await rows({ threads: 2 }, [{ name: 'pytorch', target: null }])),
    ...(await rows({ threads: 1, addon: true }, [
      { name: 'jax-js', target: 4 },
      { name: 'pytorch', target: 1 },
    ])),
    ...(await rows({ threads: 2, addon: true }, [{ name: 'pytorch', target: 1 }])),
  ]
}
