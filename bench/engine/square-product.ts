import { f32Tensor, f32Values } from '@lockstep/models'
import type { Executor, Runner } from '@lockstep/tensor'
import { product } from '../matmul.ts'
import { pattern } from './pattern.ts'

/** A product of two square matrices, ready to run, as peers build it from the order `product`. */
export const squareProduct = async (executor: Pick<Executor, 'compile'>, size: number): Promise<Runner> => {
  const inputs = [1, 2].map((seed) => f32Tensor([size, size], pattern(seed, size * size)))
  const runner = await executor.compile(product(size, size, size, 'nn'), inputs)
  runner.load([])
  await runner.step(2)
  return runner
}

/** The first, the middle and the last number of its result: what a peer must have too. */
export const ends = (runner: Runner): number[] => {
  const c = f32Values(runner.outputs()[0]!)
  return [c[0]!, c[c.length >> 1]!, c.at(-1)!]
}
