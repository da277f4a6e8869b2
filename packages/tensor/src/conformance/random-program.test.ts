import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWordCoord } from '../node.ts'
import { validateProgram } from '../validate.ts'
import { randomContraction } from './random-contraction.ts'
import { randomProgram } from './random-program.ts'

test('random programs are valid and use every feature', () => {
  const seen = new Map<string, number>()
  const count = (feature: string): void => {
    seen.set(feature, (seen.get(feature) ?? 0) + 1)
  }
  for (let seed = 1; seed <= 1000; seed++) {
    const { program } = randomProgram(seed)
    const result = validateProgram(program)
    assert.ok(result.ok, `seed ${seed}: ${result.ok ? '' : JSON.stringify(result.fault)}`)
    for (const node of program.nodes) {
      count(`dtype ${node.dtype}`)
      for (const read of node.reads) {
        if (read.pad !== undefined) count('pad')
        if (read.coords.some(isWordCoord)) count('gather')
        if (read.coords.some((c) => !isWordCoord(c) && c.terms.some((t) => t.by < 0))) count('negative')
      }
      if (node.kind === 'map') continue
      count(node.order.kind)
      if (typeof node.order.init !== 'number') count(`${node.order.kind} from a read`)
      for (const guard of node.guards) {
        count(guard.test)
        if ('word' in guard.left || 'word' in guard.right) count(`${guard.test} with a word`)
      }
      const points = node.box.reduce((n, e) => n * e, 1)
      if ([0, 1, 255, 256, 257, 513].includes(points)) count(`${points} steps`)
    }
  }
  const features =
    'pad,gather,negative,blocked,chain,scan,chain from a read,scan from a read,lt,eq,lt with a word,eq with a word'
  for (const feature of features.split(',').concat([0, 1, 255, 256, 257, 513].map((n) => `${n} steps`)))
    assert.ok((seen.get(feature) ?? 0) >= 20, `${feature}: ${seen.get(feature) ?? 0} times`)
})

test('random contractions are valid', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const result = validateProgram(randomContraction(seed).program)
    assert.ok(result.ok, `seed ${seed}: ${result.ok ? '' : JSON.stringify(result.fault)}`)
  }
})
