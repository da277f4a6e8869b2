import type { Node } from '../node.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'

/** Whether a fold sums products: its step is fma(x, y, accumulator) and neither factor looks at the accumulator. */
export const isProduct = (node: Node): boolean => node.kind === 'fold' && isProductStep(node.step)

export const isProductStep = ({ args, code, result }: ScalarProgram): boolean => {
  const last = code[result - args.length]
  if (last?.op !== 'fma' || last.args[2] !== 0) return false
  return !code.some((c) => 'args' in c && c.args.some((a, i) => a === 0 && !(c === last && i === 2)))
}
