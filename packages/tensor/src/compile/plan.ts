import type { Program } from '../program.ts'
import { type Draft, prune } from './prune.ts'

/** Passes of the compiler that can be switched off. The bits are the same with and without. */
export type FuseOptions = Readonly<Record<never, never>>

/** A program as an executor's code follows it: nodes in the order in which they run. */
export type Plan = Draft

/** What a step needs, made cheap. */
export const planProgram = (program: Program): Plan => prune(asWritten(program))

/** Every node as it is written. */
export const asWritten = (program: Program): Plan => ({ program, origin: program.nodes.map((_, i) => [i]) })
