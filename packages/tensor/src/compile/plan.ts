import type { Program } from '../program.ts'
import { checkProgram, checkSamePromise } from './check.ts'
import { inlineMaps } from './inline.ts'
import { type Draft, prune } from './prune.ts'

/** Passes of the compiler, each of which can be switched off. The bits are the same with and without. */
export type FuseOptions = {
  /** Fusion in registers: a map is computed where it is read. */
  readonly inline?: boolean
}

/** A program as an executor's code follows it: nodes in the order in which they run. */
export type Plan = Draft

/** What a step needs, made cheap. The graph is checked as data before and after each pass. */
export const planProgram = (program: Program, { inline = true }: FuseOptions = {}): Plan => {
  const passes: [string, (draft: Draft) => Draft][] = [['prune', prune]]
  if (inline) passes.push(['inline', inlineMaps])
  checkProgram(program, 'none')
  return passes.reduce((draft: Draft, [name, pass]) => {
    const done = pass(draft)
    checkProgram(done.program, name)
    checkSamePromise(program, done.program, name)
    return done
  }, asWritten(program))
}

/** Every node as it is written. */
export const asWritten = (program: Program): Plan => ({ program, origin: program.nodes.map((_, i) => [i]) })
