import type { Instruction, ScalarProgram } from '../../scalar/scalar-program.ts'

/**
 * One factor of a fold's step: which of the node's reads it depends on, and what it computes of them. Without a
 * program it is the read itself. The program's arguments are those reads, in their order here.
 */
export type Factor = { readonly reads: readonly number[]; readonly program?: ScalarProgram }

/** The two factors of a step that is fma(x, y, accumulator), where neither x nor y looks at the accumulator. */
export const factorsOf = (step: ScalarProgram): readonly [Factor, Factor] | undefined => {
  const last = step.code[step.result - step.args.length]
  if (last === undefined || last.op !== 'fma') return undefined
  const [x, y, accumulator] = last.args as readonly [number, number, number]
  if (accumulator !== 0) return undefined
  const [first, second] = [factorOf(step, x), factorOf(step, y)]
  return first && second && [first, second]
}

const factorOf = (step: ScalarProgram, value: number): Factor | undefined => {
  const { args, code } = step
  const needed = new Set<number>()
  const need = (v: number): void => {
    if (needed.has(v)) return
    needed.add(v)
    const instruction = code[v - args.length]
    if (instruction && 'args' in instruction) instruction.args.forEach(need)
  }
  need(value)
  if (needed.has(0)) return undefined
  const of = [...needed].sort((a, b) => a - b)
  const reads = of.filter((v) => v < args.length).map((v) => v - 1)
  if (value < args.length) return { reads }
  const place = new Map(of.map((v, i) => [v, i]))
  const moved = of
    .filter((v) => v >= args.length)
    .map((v): Instruction => {
      const instruction = code[v - args.length]!
      return 'args' in instruction
        ? { ...instruction, args: instruction.args.map((a) => place.get(a)!) }
        : instruction
    })
  return {
    reads,
    program: { args: reads.map((r) => args[r + 1]!), code: moved, result: place.get(value)! },
  }
}

/** Whether a combine adds its arguments. */
export const isSum = ({ code, result }: ScalarProgram): boolean => {
  const [only] = code
  return code.length === 1 && result === 2 && only?.op === 'fadd' && only.args[0] !== only.args[1]
}
