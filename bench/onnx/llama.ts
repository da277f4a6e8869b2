import type { LlamaConfig } from '../../packages/models/src/llama/config.ts'
import { type Graph, onnxModel, type Step, type Value, type Weight } from './model.ts'

/** What the graph needs to know beside the model: how many texts, and how many tokens each has behind it. */
export type LlamaStep = { readonly batch: number; readonly past: number }

/**
 * One token of each text through a Llama, as an ONNX model with the operators of the standard: inputs `tokens` (B) and,
 * for each layer, `keys.L` (B, K, D, P) and `values.L` (B, K, P, D), the cache; outputs `logits` (B, V) and the new keys
 * and values. The new token's scores are computed beside those of the cache, so that the cache is read and never copied.
 */
export const llamaOnnx = (
  config: LlamaConfig,
  { batch, past }: LlamaStep,
  weight: (name: string) => { readonly shape: readonly number[]; readonly data: Float32Array },
): Uint8Array<ArrayBuffer> => {
  const { vocab, width, layers, heads, keyHeads, theta, epsilon, tied } = config
  const each = width / heads
  const steps: Step[] = []
  const weights: Weight[] = []
  const inputs: Value[] = [{ name: 'tokens', type: 'i64', shape: [batch] }]
  const outputs: Value[] = [{ name: 'logits', type: 'f32', shape: [batch, vocab] }]

  const constant = (name: string, shape: readonly number[], values: readonly number[]): string => {
    weights.push({ name, type: 'f32', shape, data: Float32Array.from(values) })
    return name
  }
  const shapes = new Set<string>()
  const shapeOf = (shape: readonly number[]): string => {
    const name = `shape.${shape.join('.')}`
    if (!shapes.has(name)) {
      const data = BigInt64Array.from(shape, (n) => BigInt(n))
      weights.push({ name, type: 'i64', shape: [shape.length], data })
      shapes.add(name)
    }
    return name
  }
  const given = (name: string): string => {
    weights.push({ name, type: 'f32', ...weight(name) })
    return name
  }
  let made = 0
  const node = (op: string, ins: readonly string[], attributes: Step['attributes'] = {}): string => {
    const out = `x${made++}`
    steps.push({ op, inputs: ins, outputs: [out], attributes })
    return out
  }
  const split = (x: string, axis: number, sizes: readonly number[]): string[] => {
    const outs = sizes.map(() => `x${made++}`)
    steps.push({ op: 'Split', inputs: [x, shapeOf(sizes)], outputs: outs, attributes: { axis } })
    return outs
  }
  const reshaped = (x: string, shape: readonly number[]): string => node('Reshape', [x, shapeOf(shape)])

  const two = constant('two', [], [2])
  const small = constant('epsilon', [], [epsilon])
  const scale = constant('scale', [], [1 / Math.sqrt(each)])
  const norm = (x: string, name: string): string => {
    const squares = node('ReduceMean', [node('Pow', [x, two])], { axes: [-1], keepdims: 1 })
    const root = node('Sqrt', [node('Add', [squares, small])])
    return node('Mul', [node('Div', [x, root]), given(`${name}.gain`)])
  }
  const angles = Array.from({ length: each / 2 }, (_, i) => past * theta ** ((-2 * i) / each))
  const cos = constant('cos', [each], [...angles, ...angles].map(Math.cos))
  const sin = constant('sin', [each], [...angles, ...angles].map(Math.sin))
  const turned = (x: string): string => {
    const [low, high] = split(x, 2, [each / 2, each / 2])
    const crossed = node('Concat', [node('Neg', [high!]), low!], { axis: 2 })
    return node('Add', [node('Mul', [x, cos]), node('Mul', [crossed, sin])])
  }

  let x = node('Gather', [given('token.embedding'), 'tokens'], { axis: 0 })
  for (let l = 0; l < layers; l++) {
    const name = `layer.${l}`
    const [keys, values] = [`keys.${l}`, `values.${l}`]
    inputs.push({ name: keys, type: 'f32', shape: [batch, keyHeads, each, past] })
    inputs.push({ name: values, type: 'f32', shape: [batch, keyHeads, past, each] })
    const seen = norm(x, `${name}.attention.norm`)
    const part = (of: string, into: number): string =>
      reshaped(node('MatMul', [seen, given(`${name}.attention.${of}.weight`)]), [batch, into, each])
    const shared = heads / keyHeads
    const query = reshaped(node('Mul', [turned(part('query', heads)), scale]), [
      batch,
      keyHeads,
      shared,
      each,
    ])
    const key = reshaped(turned(part('key', keyHeads)), [batch, keyHeads, each, 1])
    const value = reshaped(part('value', keyHeads), [batch, keyHeads, 1, each])
    const scores = node('Concat', [node('MatMul', [query, keys]), node('MatMul', [query, key])], { axis: 3 })
    const [before, now] = split(node('Softmax', [scores], { axis: -1 }), 3, [past, 1])
    const mixed = node('Add', [node('MatMul', [before!, values]), node('MatMul', [now!, value])])
    const out = node('MatMul', [reshaped(mixed, [batch, width]), given(`${name}.attention.out.weight`)])
    x = node('Add', [x, out])
    const inner = norm(x, `${name}.mlp.norm`)
    const gate = node('MatMul', [inner, given(`${name}.mlp.gate.weight`)])
    const up = node('MatMul', [inner, given(`${name}.mlp.up.weight`)])
    const gated = node('Mul', [node('Mul', [gate, node('Sigmoid', [gate])]), up])
    x = node('Add', [x, node('MatMul', [gated, given(`${name}.mlp.down.weight`)])])
    for (const [from, to, shape] of [
      [key, `new.keys.${l}`, [batch, keyHeads, each, 1]],
      [value, `new.values.${l}`, [batch, keyHeads, 1, each]],
    ] as const) {
      steps.push({ op: 'Identity', inputs: [from], outputs: [to] })
      outputs.push({ name: to, type: 'f32', shape })
    }
  }
  const last = norm(x, 'norm')
  const head = tied ? node('Transpose', ['token.embedding'], { perm: [1, 0] }) : given('head.weight')
  steps.push({ op: 'MatMul', inputs: [last, head], outputs: ['logits'] })
  const graph: Graph = { inputs, outputs, weights, steps }
  return onnxModel(graph)
}
