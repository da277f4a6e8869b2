import type { Affine } from '../node.ts'
import { Formula, type Step, traceFormula } from '../scalar/formula.ts'
import type { Instruction } from '../scalar/scalar-program.ts'
import * as affine from './affine.ts'
import type { GuardLookup, Lookup, WordLookup } from './vertex.ts'

// Moving reads, guards and formulas to another iteration space: old coordinate p becomes the form `by[p]`.

export const substituteLookup = (l: Lookup, by: readonly Affine[]): Lookup => ({
  ...l,
  coords: l.coords.map((c) => substituteSide(c, by)),
})

export const substituteGuard = (g: GuardLookup, by: readonly Affine[]): GuardLookup => ({
  test: g.test,
  left: substituteSide(g.left, by),
  right: substituteSide(g.right, by),
})

type Side = Affine | { readonly word: WordLookup }
export const substituteSide = (s: Side, by: readonly Affine[]): Side =>
  'word' in s
    ? { word: { ...s.word, coords: s.word.coords.map((a) => affine.substitute(a, by)) } }
    : affine.substitute(s, by)

/** Whether coordinate `at` is used, directly or to find a word. */
export const usesCoordinate = (s: Side, at: number): boolean =>
  ('word' in s ? s.word.coords : [s]).some((a) => a.terms.some((t) => t.at === at))

/** The same formula where `index p` is the value of `by[p]`, in words modulo 2^32. */
export const substituteIndices = (formula: Formula, by: readonly Affine[]): Formula => {
  if (!formula.code.some((s) => s.op === 'index')) return formula
  const code: Step[] = []
  const arity = formula.args.length
  const names = new Map<number, number>(formula.args.map((_, i) => [i, i]))
  const emit = (step: Step): number => arity + code.push(step) - 1
  formula.code.forEach((step, i) => {
    const to =
      step.op === 'index'
        ? emitAffine(by[step.immediate]!, emit)
        : emit('args' in step ? { ...step, args: step.args.map((a) => names.get(a)!) } : step)
    names.set(arity + i, to)
  })
  const moved = new Formula({ args: formula.args, code, result: names.get(formula.result)! })
  return traceFormula(formula.args, (...values) => moved.on(...values)) // shares equal steps
}

const emitAffine = (form: Affine, emit: (i: Instruction) => number): number => {
  let total =
    form.base === 0 && form.terms.length > 0 ? undefined : emit({ op: 'const_u', immediate: form.base >>> 0 })
  for (const { at, by } of form.terms) {
    let term = emit({ op: 'index', immediate: at })
    if (by !== 1) term = emit({ op: 'umul', args: [term, emit({ op: 'const_u', immediate: by >>> 0 })] })
    total = total === undefined ? term : emit({ op: 'uadd', args: [total, term] })
  }
  return total!
}
