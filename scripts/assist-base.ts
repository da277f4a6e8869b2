import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  CODE,
  DOCUMENT_END,
  encodePublicCounts,
  type Passage,
  PROSE,
  type PublicCounts,
  type PublicTexts,
  programsOf,
  publicCounts,
  type Row,
  rowLogs,
  rowsOf,
  shapeOf,
  TEXT_MODEL,
  TEXT_SYMBOLS,
  tensorsOf,
  textMemory,
  UPDATE,
  weightsFor,
  writeTextBase,
} from '@lockstep/assist'
import {
  DEFAULT_TRAIN,
  decodeTensors,
  encodeTensors,
  f32Tensor,
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
const steps = Number(process.argv[2] ?? 600)
const [STRETCH, PASSAGE, ROWS, SEED] = [20_000, 64, 128, 1] as const
const train: TrainConfig = {
  ...DEFAULT_TRAIN,
  ...{ batch: 16, steps, warmup: Math.min(40, steps), rate: 1.5e-3, decay: 0.05 },
}

/**
 * Packages whose sources are read, all under the MIT licence; none that a replay study types. What the public counts are made of
 * is no part of what the network learns from: there it would learn to trust them as they are only trusted with their own texts.
 */
const COUNTED = ['@codemirror/view', '@codemirror/state', '@codemirror/language', '@lezer/common', 'hono']
const LEARNED = ['viem', 'abitype', 'zod', 'ox']
const MOST_OF_A_PACKAGE = 400_000
/** Parts of the book, and the year of the last address, that are counted; what follows is learned from. */
const [COUNTED_BOOK, LEARNED_BOOK, COUNTED_YEAR] = [0.55, 0.8, 1852]
/** Contexts met fewer times are left out of the public counts. */
const LEAST = [9, 9] as const
/** And of those that are shipped, prose and code: docs/decisions/0058 says what fewer are worth. */
const LEAST_SHIPPED = [2, 8] as const

type Text = { readonly kind: number; readonly symbols: Uint8Array; readonly source: string }

/** Lines that a paragraph was cut into are joined: nobody types a book's line ends. */
const unwrapped = (text: Uint8Array): Uint8Array =>
  text.map((byte, i) => (byte === 10 && text[i - 1] !== 10 && text[i + 1] !== 10 ? 32 : byte))

const prose = (): { readonly counted: Text[]; readonly learned: Text[] } => {
  const book = readFileSync(join(root, 'data/moby-dick.txt'))
  const partOf = (from: number, to: number): Text => ({
    ...{ kind: PROSE, source: `moby-dick:${from}-${to}` },
    symbols: unwrapped(book.subarray(Math.floor(from * book.length), Math.floor(to * book.length))),
  })
  const [counted, learned] = [[partOf(0, COUNTED_BOOK)], [partOf(COUNTED_BOOK, LEARNED_BOOK)]]
  const addresses = readFileSync(join(root, 'data/addresses-earlier.txt'), 'utf8')
  for (const [, year, text] of addresses.matchAll(/^== .*, (\d+)\n((?:(?!== ).*\n?)*)/gm)) {
    const one = { kind: PROSE, source: `address:${year}`, symbols: new Uint8Array(Buffer.from(text!)) }
    ;(Number(year) <= COUNTED_YEAR ? counted : learned).push(one)
  }
  return { counted, learned }
}

const codeOf = (packages: readonly string[]): Text[] =>
  packages.flatMap((name) => {
    const folder = join(root, 'node_modules', name)
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
    const found: Text[] = []
    let left = MOST_OF_A_PACKAGE
    for (const file of globSync(['**/*.ts', '**/*.js'], { cwd: folder }).sort()) {
      if (/\.d\.ts$|\.min\.|_cjs|cjs\/|node_modules|locales|_esm|_types/.test(file) || left <= 0) continue
      const text = readFileSync(join(folder, file))
      if (text.length < 500) continue
      const symbols = new Uint8Array(text.subarray(0, Math.min(left, 150_000)))
      found.push({ kind: CODE, source: `package:${name}@${version}`, symbols })
      left -= symbols.length
    }
    return found
  })

/** All texts cut into stretches, in an order that is drawn, half of them prose. */
const stretchesOf = (texts: readonly Text[]): Uint16Array[] => {
  const byKind = new Map<number, number[]>([
    [PROSE, []],
    [CODE, []],
  ])
  for (const { kind, symbols } of texts) {
    const all = byKind.get(kind)!
    all.push(kind)
    for (const symbol of symbols) all.push(symbol)
    all.push(DOCUMENT_END)
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
        return rowsOf(passagesIn(stretch.subarray(from)), textMemory(TEXT_SYMBOLS, texts), shape)
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
const { counted, learned } = prose()
counted.push(...codeOf(COUNTED))
learned.push(...codeOf(LEARNED))
const sources = [...new Set([...counted, ...learned].map(({ source }) => source))].sort()
/** Texts of each kind as counts: contexts met fewer than `least` times are left out. */
const countsOf = (texts: readonly Text[], least: readonly [prose: number, code: number]): PublicCounts[] =>
  [PROSE, CODE].map((kind, k) =>
    publicCounts(
      texts.filter((text) => text.kind === kind).map(({ symbols }) => Uint16Array.from(symbols)),
      least[k]!,
    ),
  )
/** What is weighed from: so much of each kind, text after text. */
const WEIGHED = 16
const counts = countsOf(counted, LEAST)
const weights = [PROSE, CODE].map((kind) => {
  const some = learned.filter((text) => text.kind === kind)
  const each = Array.from({ length: WEIGHED }, (_, i) => some[Math.floor((i * some.length) / WEIGHED)]!)
  // Twice, as weights move slowly.
  return weightsFor(
    [...each, ...each].map(({ symbols }) => Uint16Array.from(symbols.subarray(0, STRETCH / 4))),
    TEXT_SYMBOLS,
    counts,
  )
})
const textsOf = (of: readonly PublicCounts[]): PublicTexts[] =>
  of.map((some, k) => ({ counts: some, weights: weights[k]! }))
const texts = textsOf(counts)
console.error(
  `public counts: ${counted.reduce((n, { symbols }) => n + symbols.length, 0)} symbols as ${counts.map((some) => encodePublicCounts(some).length).join(' and ')} bytes`,
)
const stretches = stretchesOf(learned)
const heldOut = stretches.splice(0, 4)
console.error(
  `${programs.parameters.reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0)} parameters, ${stretches.length} stretches of ${STRETCH} symbols`,
)
const rows = rowsForever(stretches)
const program = programs.train(train, { rows: ROWS, length: UPDATE.length, dtype: 'u32' })
const kept = join(root, 'runs/assist-base', `${steps}.state`)
let done = 0
/** The network begins with a low voice, so that it does not first have to unlearn noise beside a memory that knows much. */
const quiet = (tensor: Tensor, name: string): Tensor =>
  name === 'norm.gain'
    ? f32Tensor(
        tensor.shape,
        f32Values(tensor).map((gain) => 0.1 * gain),
      )
    : tensor
let state: Tensor[] = program.state.map(({ dtype, shape: of }, i) =>
  i < programs.parameters.length
    ? quiet(programs.first(SEED)[i]!, programs.parameters[i]!.name)
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
    rows: [...rowsOf(passagesIn(stretch), textMemory(TEXT_SYMBOLS, texts), shape)].slice(-80),
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
if (done < steps) for (let skip = 0; skip < done / perGive; skip++) take()
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
  if (done % 200 < perGive) {
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
// What is shipped is counted in everything: a person's own texts are none of it. The network has learned beside counts of less, so
// its voice is lowered to what it is worth beside these (docs/decisions/0058).
const shipped = textsOf(countsOf([...counted, ...learned], LEAST_SHIPPED))
const VOICE = 0.3
const lowered = parameters.map((tensor, i) =>
  /^(norm|gate)[.]/.test(programs.parameters[i]!.name)
    ? f32Tensor(
        tensor.shape,
        f32Values(tensor).map((value) => VOICE * value),
      )
    : tensor,
)
writeFileSync(
  join(root, 'data/assist-base-text.safetensors'),
  writeTextBase({ model: TEXT_MODEL, parameters: lowered, texts: shipped, sources }),
)
runner.close()
await executor.close()
