import { GPT, gptCase } from './cases.ts'
import type { Section } from './section.ts'
import { trainingRows } from './training-rows.ts'

/** Training step of a GPT of 4 layers, d 256, T 128, batch 8, with AdamW. */
export const section: Section = async (context) => {
  const gpt = context.quick ? { ...GPT, layers: 1, batch: 2 } : GPT
  const oneCase = gptCase(gpt)
  const order = { case: 'gpt', ...gpt } as const
  const rivals = [
    { name: 'jax-js', target: 2.5 },
    { name: 'pytorch', target: null },
  ] as const
  return [
    ...(await trainingRows(context, 'GPT step', 1, oneCase, order, rivals)),
    // jax-js has one thread under Node.
    ...(await trainingRows(context, 'GPT step', 2, oneCase, order, rivals.slice(1))),
  ]
}
