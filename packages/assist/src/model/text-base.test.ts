import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f32Tensor, f32Values } from '@lockstep/models'
import { textSymbols } from '../environment/text.ts'
import { publicCounts } from '../memory/public-counts.ts'
import { evenWeights } from '../memory/text-memory.ts'
import { programsOf, TEXT_MODEL } from './assist-model.ts'
import { readTextBase, writeTextBase } from './text-base.ts'

test('a base is read as it was written, its numbers to the nearest bf16, out of a part of other bytes too', () => {
  const parameters = programsOf(TEXT_MODEL).first(1)
  const texts = ['the whale and the sea', 'const sea = whale'].map((text) => ({
    counts: publicCounts([textSymbols(text)]),
    weights: evenWeights(2),
  }))
  const sources = ['moby-dick:0-0.5', 'package:viem@1.0.0']
  const file = writeTextBase({ model: TEXT_MODEL, parameters, texts, sources })
  const within = Buffer.concat([Buffer.of(1, 2, 3), file]).subarray(3)
  const base = readTextBase(within)
  assert.deepEqual(base.sources, sources)
  assert.equal(base.texts[1]!.counts.nodes.size, texts[1]!.counts.nodes.size)
  const [was, is] = [parameters, base.parameters].map((tensors) => f32Values(tensors[0]!))
  assert.ok(is!.every((value, i) => Math.abs(value - was![i]!) <= Math.abs(was![i]!) / 256))
  // What is a bf16 already stays as it is.
  assert.equal(Buffer.compare(writeTextBase(base), file), 0)
  const other = programsOf(TEXT_MODEL)
    .first(1)
    .map((tensor, i) => (i === 0 ? f32Tensor([1], Float32Array.of(1)) : tensor))
  const odd = writeTextBase({ model: TEXT_MODEL, parameters: other, texts, sources })
  assert.throws(() => readTextBase(odd), /base-malformed: token.embedding is .* allowed: .*bf16 \[272,128\]/)
})
