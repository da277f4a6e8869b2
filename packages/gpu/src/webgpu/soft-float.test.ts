import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planProgram, randomNetwork, randomProgram } from '@lockstep/tensor'
import { planDevice } from '../kernel/index.ts'
import { arithmeticText, everywhere, INTEGERS } from './arithmetic.ts'
import { nodeText } from './node-text.ts'
import { SOFT } from './soft-float.ts'

/** Names that a module calls or declares, without the language's own. */
const declared = (text: string): Set<string> =>
  new Set([...text.matchAll(/\bfn (\w+)\(/g)].map(([, n]) => n!))
const called = (text: string): string[] =>
  [
    ...text.matchAll(
      /\b((?:soft|guarded|fused|native)_\w+|canon|pack|part|jam\w*|is_nan|wide|to_\w+|from_\w+)\(/g,
    ),
  ].map(([, n]) => n!)

test('a kernel has every function that it calls, once and before its callers', () => {
  for (const way of ['integer', 'guarded', 'fused', 'native'] as const)
    for (let seed = 1; seed <= 12; seed++)
      for (const { program } of [randomProgram(seed), randomNetwork(seed)])
        for (const { code: text } of planDevice(planProgram(program, { group: false })).kernels.flatMap((k) =>
          nodeText(k, everywhere(way)),
        )) {
          const names = declared(text)
          for (const name of called(text)) assert.ok(names.has(name), `${name} of seed ${seed}`)
          assert.equal([...text.matchAll(/\bfn \w+\(/g)].length, names.size)
        }
})

test('integer arithmetic has no floating-point operation at all', () => {
  const text = arithmeticText(Object.keys(SOFT))
  assert.doesNotMatch(text, /\bf32\b|bitcast/)
  assert.deepEqual(new Set(Object.values(INTEGERS)), new Set(['integer']))
})
