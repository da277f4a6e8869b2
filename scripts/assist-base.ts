import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  CODE,
  DOCUMENT_END,
  ngramMemory,
  type Passage,
  PROSE,
  programsOf,
  type Row,
  rowLogs,
  rowsOf,
  shapeOf,
  TEXT_MODEL,
  TEXT_SYMBOLS,
  tensorsOf,
  UPDATE,
} from '@lockstep/assist'
import {
  DEFAULT_TRAIN,
  decodeTensors,
  encodeSafetensors,
  encodeTensors,
  f32Values,
  type TrainConfig,
} from '@lockstep/models'
import { createFastestExecutor } from '@lockstep/native'
import { draws } from '@lockstep/swarm'
import type { Tensor } from '@lockstep/tensor'

/**
 * Trains the base of the assistant for text from scratch: `npm run assist:base [-- STEPS]`. It is fed as a person's writing would be,
 * stretch by stretch, with a memory that begins empty and has seen what came before in its stretch, so the network
 * learns what to leave to the memory. The same sources and steps give the same bytes. What is done is kept in runs/assist-base.
 */
const root = dirname(import.meta.dirname)
const steps = Number(process.argv[2] ?? 6000)
const [STRETCH, PASSAGE, ROWS, SEED] = [20_000, 64, 128, 1] as const
const train: TrainConfig = {
  ...DEFAULT_TRAIN,
  ...{ batch: 16, steps, warmup: Math.min(100, steps), rate: 2.5e-3, decay: 0.05 },
}

/** Packages whose sources are read, all under the MIT licence; none that a replay study types. */
const PACKAGES = ['viem', 'abitype', 'zod', 'ox', 'hono', 'multiformats']
const MOST_OF_A_PACKAGE = 600_000

const textsOf = (): { readonly kind: number; readonly text: Uint8Array }[] => {
  const book = readFileSync(join(root, 'data/moby-dick.txt'))
  const addresses = readFileSync(join(root, 'data/addresses-earlier.txt'), 'utf8')
  const texts = addresses
    .split(/^== .*\n/m)
    .filter((text) => text !== '')
    .map((text) => ({ kind: PROSE, text: new Uint8Array(Buffer.from(text)) }))
  texts.push({ kind: PROSE, text: new Uint8Array(book.subarray(0, Math.floor(0.8 * book.length))) })
  for (const name of PACKAGES) {
    const folder = join(root, 'node_modules', name)
    let left = MOST_OF_A_PACKAGE
    for (const file of globSync(['**/*.ts', '**/*.js'], { cwd: folder }).sort()) {
      if (/\.d\.ts$|\.min\.|_cjs|\/cjs\/|node_modules|locales/.test(file) || left <= 0) continue
      const text = readFileSync(join(folder, file))
      if (text.length > 60_000 || text.length < 500) continue
      texts.push({ kind: CODE, text: new Uint8Array(text) })
      left -= text.length
    }
  }
  return texts
}

/** All texts cut into stretches, in an order that is drawn, half of them prose. */
const stretchesOf = (): Uint16Array[] => {
  const byKind = new Map<number, number[]>([
    [PROSE, []],
    [CODE, []],
  ])
  for (const { kind, text } of textsOf()) {
    const symbols = byKind.get(kind)!
    symbols.push(kind)
    for (const byte of text) symbols.push(byte)
    symbols.push(DOCUMENT_END)
  }
  const all: Uint16Array[] = []
  const lot = draws(SEED, 1)
  for (const symbols of byKind.values()) {
    const cut: Uint16Array[] = []
    for (let at = 0; at < symbols.length; at += STRETCH)
      cut.push(Uint16Array.from(symbols.slice(at, at + STRETCH)))
    for (let i = cut.length - 1; i > 0; i--) {
      const j = lot.below(i + 1)
      ;[cut[i], cut[j]] = [cut[j]!, cut[i]!]
    }
    all.push(...cut)
  }
  const half = Math.ceil(all.length / 2)
  return all.flatMap((_, i) => (i < half ? [all[i]!, ...(all[half + i] ? [all[half + i]!] : [])] : []))
}

function* rowsForever(stretches: readonly Uint16Array[]): Generator<Row, never, void> {
  const shape = shapeOf(TEXT_MODEL)
  for (let epoch = 0; ; epoch++)
    // Four stretches take turns, so that a batch is not of one text alone.
    for (let s = 0; s < stretches.length; s += 4) {
      const lanes = stretches.slice(s, s + 4).map((stretch) => {
        const from = (epoch * 4096) % Math.max(1, stretch.length - STRETCH / 2)
        return rowsOf(passagesIn(stretch.subarray(from)), ngramMemory(TEXT_SYMBOLS), shape)
      })
      while (lanes.length > 0)
        for (let l = 0; l < lanes.length; l++) {
          const next = lanes[l]!.next()
          if (next.done) lanes.splice(l--, 1)
          else yield next.value
        }
    }
}

export function* passagesIn(symbols: Uint16Array): Generator<Passage, void, void> {
  for (let at = 0; at < symbols.length; at += PASSAGE)
    yield {
      context: symbols.subarray(Math.max(0, at - 96), at),
      symbols: symbols.subarray(at, at + PASSAGE),
      at,
    }
}

const programs = programsOf(TEXT_MODEL)
const shape = shapeOf(TEXT_MODEL)
const executor = await createFastestExecutor({ threads: Number(process.env.THREADS ?? 2) })
const stretches = stretchesOf()
const heldOut = stretches.splice(0, 4)
console.error(
  `${programs.parameters.reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0)} parameters, ${stretches.length} stretches of ${STRETCH} symbols`,
)
const rows = rowsForever(stretches)
const program = programs.train(train, { rows: ROWS, length: UPDATE.length, dtype: 'u32' })
const kept = join(root, 'runs/assist-base', `${steps}.state`)
let done = 0
let state: Tensor[] = program.state.map(({ dtype, shape: of }, i) =>
  i < programs.parameters.length
    ? programs.first(SEED)[i]!
    : { dtype, shape: of, data: new Uint8Array(4 * of.reduce((a, b) => a * b, 1)) },
)
if (existsSync(kept)) {
  const read = decodeTensors(readFileSync(kept), program.state)
  if (read.ok) state = read.value
  done = new Uint32Array(state.at(-2)!.data.slice().buffer)[0]!
}
const measure = async (parameters: readonly Tensor[]): Promise<string> => {
  const found = [...heldOut.entries()].map(([i, stretch]) => ({
    i,
    rows: [...rowsOf(passagesIn(stretch), ngramMemory(TEXT_SYMBOLS), shape)].slice(-80),
  }))
  const parts: string[] = []
  for (const { rows: some } of found) {
    const logs = await rowLogs(executor, TEXT_MODEL, parameters, some)
    const bits =
      -logs.reduce((s, { log }) => s + log, 0) / Math.LN2 / logs.reduce((s, one) => s + one.symbols, 0)
    const alone = some.map(({ tokens, from, advice }) => {
      let log = 0
      for (let p = from; p < tokens.length; p++)
        log += Math.log2(advice[(p - 1) * shape.symbols + tokens[p]!]!)
      return { log, n: tokens.length - from }
    })
    const memory = -alone.reduce((s, { log }) => s + log, 0) / alone.reduce((s, { n }) => s + n, 0)
    parts.push(`${bits.toFixed(3)} (memory alone ${memory.toFixed(3)})`)
  }
  return parts.join(', ')
}
const take = (): Row[] => Array.from({ length: ROWS }, () => rows.next().value)
const perGive = ROWS / train.batch
for (let skip = 0; skip < done / perGive; skip++) take()
const runner = await executor.compile(program, tensorsOf(take(), ROWS, shape))
runner.load(state)
mkdirSync(dirname(kept), { recursive: true })
const began = performance.now()
let loss = 0
for (let first = true; done < steps; first = false) {
  if (!first) runner.give(tensorsOf(take(), ROWS, shape))
  for (let i = 0; i < perGive && done < steps; i++, done++) {
    await runner.step()
    loss = 0.98 * (loss || f32Values(runner.outputs()[0]!)[0]!) + 0.02 * f32Values(runner.outputs()[0]!)[0]!
  }
  if (done % 400 < perGive) {
    state = runner.state(state)
    writeFileSync(`${kept}.new`, encodeTensors(program.state, state))
    renameSync(`${kept}.new`, kept)
    const held = await measure(state.slice(0, programs.parameters.length))
    console.error(
      `step ${done}: ${(loss / Math.LN2).toFixed(3)} bits a symbol; held out ${held}; ${((performance.now() - began) / 1000).toFixed(0)} s`,
    )
  }
}
state = runner.state()
const parameters = state.slice(0, programs.parameters.length)
console.error(`held out: ${await measure(parameters)}`)
const stored = new Map(
  programs.parameters.map(
    ({ name, shape: of }, i) =>
      [name, narrow({ dtype: 'f32', shape: of, data: parameters[i]!.data })] as const,
  ),
)
writeFileSync(
  join(root, 'data/assist-base-text.safetensors'),
  encodeSafetensors(
    stored,
    new Map([
      ['format', 'lockstep-assist-base-1'],
      ['steps', String(steps)],
    ]),
  ),
)
runner.close()
await executor.close()

/** bf16, rounded to the nearest, halves to even. */
function narrow(tensor: Tensor): Tensor {
  const words = new Uint32Array(tensor.data.slice().buffer)
  const half = Uint16Array.from(words, (w) => (w + 0x7fff + ((w >>> 16) & 1)) >>> 16)
  return { dtype: 'bf16', shape: tensor.shape, data: new Uint8Array(half.buffer) }
}
