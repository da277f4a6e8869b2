import type { Program } from '../program.ts'
import { checkProgram, checkSamePromise } from './check.ts'
import { alone, checkTurns, groupNodes, type Turns } from './group.ts'
import { inlineMaps } from './inline.ts'
import { type Draft, prune } from './prune.ts'
import { shareValues } from './share.ts'

/** Passes of the compiler, each of which can be switched off. The bits are the same with and without. */
export type FuseOptions = {
  /** What a fold and a map compute of the same elements is computed once. */
  readonly share?: boolean
  /** Fusion in registers: a map is computed where it is read. */
  readonly inline?: boolean
  /** Fusion in the cache: nodes run together, a part of their tensors after the other. */
  readonly group?: boolean
}

/** A program as an executor's code follows it. */
export type Plan = Turns

/** What a step needs, made cheap. The graph is checked as data before and after each pass. */
export const planProgram = (
  program: Program,
  { share = true, inline = true, group = true }: FuseOptions = {},
): Plan => {
  const checked = <D extends Draft>(draft: D, pass: string): D => {
    checkProgram(draft.program, pass)
    checkSamePromise(program, draft.program, pass)
    return draft
  }
  checkProgram(program, 'none')
  let draft = checked(prune(asWritten(program)), 'prune')
  if (share) draft = checked(shareValues(draft), 'share')
  if (inline) draft = checked(inlineMaps(draft), 'inline')
  if (!group) return alone(draft)
  const turns = checked(groupNodes(draft), 'group')
  checkTurns(turns)
  return turns
}

/** Every node as it is written. */
export const asWritten = (program: Program): Plan =>
  alone({ program, origin: program.nodes.map((_, i) => [i]) })
