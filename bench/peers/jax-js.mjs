// jax-js on its WebAssembly backend, under jit. Plain JavaScript, because its types are there only where it is installed.
// Every function takes ownership of its arrays; `.ref` keeps one for another use.
import { pattern, patternWords } from '../engine/pattern.ts'
import { absent, installed, serve, weightValues } from './serve.ts'

const version = installed('@jax-js/jax') ?? absent('@jax-js/jax is not installed')
const { init, defaultDevice, jit, nn, numpy: np, valueAndGrad, blockUntilReady } = await import('@jax-js/jax')

const lossMlp = (order) => (p, x, labels) => {
  let h = x
  const layers = order.widths.length - 1
  for (let l = 0; l < layers; l++) {
    h = np.matmul(h, p[2 * l]).add(p[2 * l + 1])
    if (l + 1 < layers) h = nn.relu(h)
  }
  return crossEntropy(h, labels)
}

const crossEntropy = (logits, oneHot) => {
  const rows = logits.shape[0]
  return np.sum(nn.logSoftmax(logits, -1).mul(oneHot)).mul(-1 / rows)
}

const lossGpt =
  ({ width, heads, layers, batch, context }) =>
  (p, tokens, wanted) => {
    const rest = [...p]
    const next = () => rest.shift()
    const token = next()
    const norm = (x) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(next()).add(next())
    const dense = (x) => np.matmul(x, next()).add(next())
    // A lookup's gradient is a scatter, which its jit refuses: the rows are chosen by a product with ones and zeros.
    const embedded = np.matmul(tokens, token.ref).reshape([batch, context, width])
    let x = embedded.add(next())
    for (let l = 0; l < layers; l++) {
      const qkv = dense(norm(x.ref)).reshape([batch, context, 3, heads, width / heads])
      const [q, k, v] = [0, 1, 2].map((i) => (i < 2 ? qkv.ref : qkv).slice([], [], i))
      const mixed = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch, context, width])
      x = x.add(dense(mixed))
      const inner = nn.gelu(dense(norm(x.ref)), { approximate: false })
      x = x.add(dense(inner))
    }
    const logits = np.matmul(norm(x).reshape([batch * context, width]), np.transpose(token))
    return crossEntropy(logits, wanted)
  }

const train = async (order, lossOf, inputs) => {
  const gpt = order.case === 'gpt'
  const [beta1, beta2, epsilon] = [0.9, 0.95, 1e-8]
  const differentiate = valueAndGrad(lossOf)
  const step = jit((p, m, v, fixed, wide, ...given) => {
    const [loss, raw] = differentiate(
      p.map((w) => w.ref),
      ...given,
    )
    let gradients = raw
    if (gpt) {
      const squares = raw.map((g) => np.sum(np.square(g.ref)))
      const total = np.sqrt(squares.reduce((a, b) => a.add(b)))
      const scale = np.minimum(np.reciprocal(total), 1)
      gradients = raw.map((g) => g.mul(scale.ref))
      scale.dispose()
    }
    const [values, firsts, seconds] = [[], [], []]
    for (const [i, g] of gradients.entries()) {
      const first = m[i].mul(beta1).add(g.ref.mul(1 - beta1))
      const second = v[i].mul(beta2).add(np.square(g).mul(1 - beta2))
      const moved = first.ref.mul(fixed.ref).div(np.sqrt(second.ref.mul(wide.ref)).add(epsilon))
      const kept = gpt && order.weights[i].decay ? p[i].mul(1 - order.rate * 0.1) : p[i]
      values.push(kept.sub(moved))
      firsts.push(first)
      seconds.push(second)
    }
    fixed.dispose()
    wide.dispose()
    return [loss, values, firsts, seconds]
  })
  let values = order.weights.map((w, i) => np.array(weightValues(w, i)).reshape(w.shape))
  let firsts = order.weights.map((w) => np.zeros(w.shape))
  let seconds = order.weights.map((w) => np.zeros(w.shape))
  let t = 0
  const run = async () => {
    t++
    const fixed = np.array(order.rate / (1 - beta1 ** t))
    const wide = np.array(1 / (1 - beta2 ** t))
    const [loss, ...state] = step(values, firsts, seconds, fixed, wide, ...inputs.map((x) => x.ref))
    ;[values, firsts, seconds] = state
    await blockUntilReady(values)
    return (await loss.data())[0]
  }
  const check = []
  for (let i = 0; i < order.warm; i++) check.push(await run())
  return { check, run }
}

await serve(version, async (given) => {
  await init()
  defaultDevice('wasm')
  const order = { warm: 3, ...given }
  if (order.case === 'product') {
    const { m, n, k } = order
    const a = np.array(pattern(1, m * k)).reshape([m, k])
    const b = np.array(pattern(2, k * n)).reshape([k, n])
    const times = jit((x, y) => np.matmul(x, y))
    const run = async () => {
      const c = times(a.ref, b.ref)
      await c.blockUntilReady()
      return c
    }
    const c = await (await run()).data()
    return { check: [c[0], c[c.length >> 1], c.at(-1)], run: async () => (await run()).dispose() }
  }
  if (order.case === 'mlp') {
    const [features, classes] = [order.widths[0], order.widths.at(-1)]
    const x = np.array(pattern(1, order.batch * features)).reshape([order.batch, features])
    const labels = np.array(Int32Array.from(patternWords(2, order.batch, classes)))
    return train(order, lossMlp(order), [x, nn.oneHot(labels, classes)])
  }
  if (order.case === 'gpt') {
    const { batch, context, vocab } = order
    const windows = patternWords(2, batch * (context + 1), vocab)
    const seen = []
    const wanted = []
    for (let b = 0; b < batch; b++)
      for (let t = 0; t < context; t++) {
        seen.push(windows[b * (context + 1) + t])
        wanted.push(windows[b * (context + 1) + t + 1])
      }
    const inputs = [seen, wanted].map((words) => nn.oneHot(np.array(Int32Array.from(words)), vocab))
    return train(order, lossGpt(order), inputs)
  }
  return absent('not built for this peer')
})
