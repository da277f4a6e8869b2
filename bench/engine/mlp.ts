import { MLP, mlpCase } from './cases.ts'
import type { Section } from './section.ts'
import { trainingRows } from './training-rows.ts'

/** Training step of an MLP of 784-512-512-10 on 128 rows with Adam. */
export const section: Section = async (context) => {
  const oneCase = mlpCase(MLP)
  const order = { case: 'mlp', ...MLP } as const
  const rivals = [
    { name: 'jax-js', target: 2.5 },
    { name: 'tfjs-wasm', target: 20 },
    { name: 'pytorch', target: null },
  ] as const
  return [
    ...(await trainingRows(context, 'MLP step', 1, oneCase, order, rivals)),
    // jax-js and tfjs have one thread under Node.
    ...(await trainingRows(context, 'MLP step', 2, oneCase, order, rivals.slice(2))),
  ]
}
