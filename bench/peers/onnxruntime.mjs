// onnxruntime on the processor, native or WebAssembly. Plain JavaScript, because its types are there only where it is
// installed. Models are written by bench/onnx.
import { readFileSync } from 'node:fs'
import { pattern } from '../engine/pattern.ts'
import { onnxModel } from '../onnx/model.ts'
import { absent, given, installed, serve } from './serve.ts'

const { peer, threads } = given()
const version = installed(peer) ?? absent(`${peer} is not installed`)
let ort
try {
  ort = await import(peer)
} catch (error) {
  absent(String(error))
}
ort = ort.default?.InferenceSession ? ort.default : ort
if (peer === 'onnxruntime-web') ort.env.wasm.numThreads = threads

const options = {
  executionProviders: [peer === 'onnxruntime-web' ? 'wasm' : 'cpu'],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
}

const ends = (c) => [c[0], c[c.length >> 1], c.at(-1)]

await serve(version, async (order) => {
  if (order.case === 'product') {
    const { batch, m, n, k } = order
    const lead = batch === 1 ? [] : [batch]
    const a = { name: 'a', type: 'f32', shape: [...lead, m, k] }
    const b = { name: 'b', type: 'f32', shape: [...lead, k, n] }
    const c = { name: 'c', type: 'f32', shape: [...lead, m, n] }
    const steps = [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['c'] }]
    const model = onnxModel({ inputs: [a, b], outputs: [c], weights: [], steps })
    const session = await ort.InferenceSession.create(model, options)
    const feeds = {
      a: new ort.Tensor('float32', pattern(1, batch * m * k), a.shape),
      b: new ort.Tensor('float32', pattern(2, batch * k * n), b.shape),
    }
    const run = () => session.run(feeds)
    const result = await run()
    return { check: ends(result.c.data), run }
  }
  if (order.case === 'softmax' || order.case === 'norm') {
    const { rows, columns } = order
    const x = { name: 'x', type: 'f32', shape: [rows, columns] }
    const y = { ...x, name: 'y' }
    const vector = (name, value) => ({
      ...{ name, type: 'f32', shape: [columns] },
      data: new Float32Array(columns).fill(value),
    })
    const steps =
      order.case === 'softmax'
        ? [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: -1 } }]
        : [
            {
              op: 'LayerNormalization',
              inputs: ['x', 'gain', 'bias'],
              outputs: ['y'],
              attributes: { axis: -1, epsilon: { float: 1e-5 } },
            },
          ]
    const weights = order.case === 'softmax' ? [] : [vector('gain', 1), vector('bias', 0)]
    const session = await ort.InferenceSession.create(
      onnxModel({ inputs: [x], outputs: [y], weights, steps }),
      options,
    )
    const feeds = { x: new ort.Tensor('float32', pattern(1, rows * columns, 4), x.shape) }
    const run = () => session.run(feeds)
    return { check: ends((await run()).y.data), run }
  }
  if (order.case === 'llama') {
    const { feeds: named } = JSON.parse(readFileSync(`${order.model}.json`, 'utf8'))
    const session = await ort.InferenceSession.create(order.model, options)
    const feeds = {}
    for (const { name, type, shape, file } of named) {
      const { buffer } = Uint8Array.from(readFileSync(file))
      feeds[name] =
        type === 'i64'
          ? new ort.Tensor('int64', new BigInt64Array(buffer), shape)
          : new ort.Tensor('float32', new Float32Array(buffer), shape)
    }
    const run = () => session.run(feeds)
    const { logits } = await run()
    const [batch, vocab] = logits.dims
    const likeliest = (b) => {
      let best = 0
      for (let v = 1; v < vocab; v++) if (logits.data[b * vocab + v] > logits.data[b * vocab + best]) best = v
      return best
    }
    return { check: Array.from({ length: batch }, (_, b) => likeliest(b)), run }
  }
  return absent('not built for this peer')
})
