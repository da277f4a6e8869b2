// TensorFlow.js on its WebAssembly backend: eager operations, gradients by its tape. Plain JavaScript, because its types
// are there only where it is installed.
import { dirname, join } from 'node:path'
import { pattern, patternWords } from '../engine/pattern.ts'
import { absent, installed, serve, weightValues } from './serve.ts'

const version = installed('@tensorflow/tfjs-backend-wasm') ?? absent('tfjs is not installed')
const { createRequire } = await import('node:module')
const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs')
const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm')

const ends = (c) => [c[0], c[c.length >> 1], c.at(-1)]

const lossMlp =
  ({ widths }) =>
  (p, x, wanted) => {
    let h = x
    for (let l = 0; l + 1 < widths.length; l++) {
      h = tf.add(tf.matMul(h, p[2 * l]), p[2 * l + 1])
      if (l + 2 < widths.length) h = tf.relu(h)
    }
    return tf.losses.softmaxCrossEntropy(wanted, h)
  }

const lossGpt =
  ({ width, heads, layers, batch, context }) =>
  (p, tokens, wanted) => {
    const rest = [...p]
    const next = () => rest.shift()
    const token = next()
    const each = width / heads
    const norm = (x) => {
      const centred = tf.sub(x, tf.mean(x, -1, true))
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5))
      return tf.add(tf.mul(tf.mul(centred, scale), next()), next())
    }
    // Rows are kept flat: a product of three dimensions with one of two is slower here.
    const dense = (x) => tf.add(tf.matMul(x, next()), next())
    const ahead = tf.tidy(() => {
      const at = tf.range(0, context)
      return tf.mul(tf.cast(tf.greater(tf.expandDims(at, 0), tf.expandDims(at, 1)), 'float32'), -1e30)
    })
    const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
    // A lookup's gradient has no kernel in this backend: the rows are chosen by a product with ones and zeros.
    const embedded = tf.reshape(tf.matMul(tokens, token), [batch, context, width])
    let x = tf.reshape(tf.add(embedded, next()), [batch * context, width])
    for (let l = 0; l < layers; l++) {
      const qkv = tf.transpose(tf.reshape(dense(norm(x)), [batch, context, 3, heads, each]), [2, 0, 3, 1, 4])
      const [q, k, v] = tf.unstack(qkv, 0)
      const scores = tf.add(tf.matMul(tf.mul(q, 1 / Math.sqrt(each)), k, false, true), ahead)
      const mixed = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3])
      x = tf.add(x, dense(tf.reshape(mixed, [batch * context, width])))
      x = tf.add(x, dense(gelu(dense(norm(x)))))
    }
    return tf.losses.softmaxCrossEntropy(wanted, tf.matMul(norm(x), token, false, true))
  }

const train = async (order, lossOf, inputs) => {
  const gpt = order.case === 'gpt'
  const values = order.weights.map((w, i) => tf.variable(tf.tensor(weightValues(w, i), w.shape)))
  const optimiser = tf.train.adam(order.rate, 0.9, 0.95, 1e-8)
  const run = async () => {
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => lossOf(values, ...inputs), values)
      let gradients = values.map((v) => grads[v.name])
      if (gpt) {
        const norm = tf.sqrt(tf.addN(gradients.map((g) => tf.sum(tf.square(g)))))
        const scale = tf.minimum(tf.div(1, norm), 1)
        gradients = gradients.map((g) => tf.mul(g, scale))
        for (const [i, w] of order.weights.entries())
          if (w.decay) values[i].assign(tf.mul(values[i], 1 - 0.1 * order.rate))
      }
      optimiser.applyGradients(Object.fromEntries(values.map((v, i) => [v.name, gradients[i]])))
      return value
    })
    const [number] = await loss.data()
    loss.dispose()
    return number
  }
  const check = []
  for (let i = 0; i < (order.warm ?? 3); i++) check.push(await run())
  return { check, run }
}

await serve(version, async (order) => {
  const wasm = dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))
  setWasmPaths(`${join(wasm, '..', 'wasm-out')}/`)
  await tf.setBackend('wasm')
  await tf.ready()
  if (order.case === 'product') {
    const { batch, m, n, k } = order
    const lead = batch === 1 ? [] : [batch]
    const a = tf.tensor(pattern(1, batch * m * k), [...lead, m, k])
    const b = tf.tensor(pattern(2, batch * k * n), [...lead, k, n])
    const once = async () => {
      const c = tf.matMul(a, b)
      const values = await c.data()
      c.dispose()
      return values
    }
    return { check: ends(await once()), run: once }
  }
  if (order.case === 'mlp') {
    const [features, classes] = [order.widths[0], order.widths.at(-1)]
    const x = tf.tensor(pattern(1, order.batch * features), [order.batch, features])
    const labels = tf.tensor1d(Int32Array.from(patternWords(2, order.batch, classes)), 'int32')
    return train(order, lossMlp(order), [x, tf.cast(tf.oneHot(labels, classes), 'float32')])
  }
  if (order.case === 'gpt') {
    const { batch, context, vocab } = order
    const windows = patternWords(2, batch * (context + 1), vocab)
    const [seen, wanted] = [0, 1].map((by) =>
      Int32Array.from({ length: batch * context }, (_, i) => {
        const [b, t] = [Math.floor(i / context), i % context]
        return windows[b * (context + 1) + t + by]
      }),
    )
    const ones = [seen, wanted].map((x) => tf.cast(tf.oneHot(tf.tensor1d(x, 'int32'), vocab), 'float32'))
    return train(order, lossGpt(order), ones)
  }
  return absent('not built for this peer')
})
