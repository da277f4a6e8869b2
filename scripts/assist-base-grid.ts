/**
 * Makes the base of the building game, data/assist-base-grid.safetensors: `npm run assist:base-grid`. First the network
 * alone learns from many games of scripted people who build goals of the training families; then it learns beside
 * its memory, from people's games in time order. What is done is kept under runs/assist-base-grid and gone on from,
 * so that the same file comes of it however often it is stopped. About four minutes of one core.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  advisedGames,
  commonGoals,
  encodeGridBase,
  GRID_ADVICE,
  GRID_BASE,
  GRID_MODEL,
  GRID_ROW,
  gameRows,
  goalsOf,
  gridEnvironment,
  personOf,
  playGame,
  shapesMemory,
  TRAINING_FAMILIES,
} from '@lockstep/assist'
import {
  advisedPrograms,
  decodeTensors,
  encodeTensors,
  examplesProgram,
  f32Tensor,
  f32Values,
  initialState,
  parametersOf,
  trainedParameters,
  u32Tensor,
} from '@lockstep/models'
import { createWasmExecutor, type Program, type Tensor, unwrap } from '@lockstep/tensor'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'runs', 'assist-base-grid')
mkdirSync(folder, { recursive: true })
const executor = await createWasmExecutor({ threads: 1 })
const { seed, alone, together } = GRID_BASE
const length = GRID_ROW

/** Trains until the step `steps`, a hundred at a time, from where it was left. */
const train = async (
  name: string,
  program: Program,
  inputs: () => Promise<Tensor[]>,
  first: () => Tensor[],
  steps: number,
): Promise<Tensor[]> => {
  const file = join(folder, `${name}.state`)
  let [state, done] = [first(), 0]
  if (existsSync(file)) {
    state = unwrap(decodeTensors(readFileSync(file), program.state))
    done = new DataView(state.at(-2)!.data.buffer, state.at(-2)!.data.byteOffset).getUint32(0, true)
  }
  if (done >= steps) return state
  const runner = await executor.compile(program, await inputs())
  runner.load(state)
  while (done < steps) {
    const count = Math.min(100, steps - done)
    await runner.step(count)
    done += count
    writeFileSync(`${file}.new`, encodeTensors(program.state, runner.state()))
    renameSync(`${file}.new`, file)
    console.error(
      `${name}: step ${done} of ${steps}, ${f32Values(runner.outputs()[0]!)[0]!.toFixed(3)} nats a symbol`,
    )
  }
  state = runner.state()
  runner.close()
  return state
}

const words = (shape: number[], of: Uint32Array<ArrayBuffer>): Tensor => u32Tensor(shape, of)
const rowsAlone = { rows: alone.rows, length, dtype: 'u32' } as const
const learned = await train(
  'alone',
  examplesProgram(GRID_MODEL, alone.train, rowsAlone),
  async () => [
    words([alone.rows, length], await gameRows(TRAINING_FAMILIES, alone.rows, length, seed)),
    words([alone.rows], new Uint32Array(alone.rows).fill(1)),
    words([alone.rows], new Uint32Array(alone.rows).fill(length)),
  ],
  () => initialState(GRID_MODEL, seed),
  alone.train.steps,
)

const programs = advisedPrograms(GRID_MODEL, GRID_ADVICE)
const rows = together.people * together.games
const world = gridEnvironment()
const { vocab } = GRID_MODEL.config
/** What people built, one after another, with what their memories said of it then. */
const games = async (): Promise<Tensor[]> => {
  const made = {
    tokens: new Uint32Array(rows * length),
    from: new Uint32Array(rows),
    until: new Uint32Array(rows),
  }
  const said = new Float32Array(rows * (length - 1) * vocab)
  const sure = new Float32Array(rows * (length - 1) * GRID_ADVICE.features)
  for (let p = 0; p < together.people; p++) {
    const families = TRAINING_FAMILIES.filter((_, i) => (i + p) % 3 > 0)
    const person = personOf(0x6000_0000 + p, families)
    const played: { symbols: Uint16Array; at: number }[] = []
    for (const [at, goal] of goalsOf(person, together.games).entries())
      played.push({ symbols: world.context((await playGame(person, at, goal)).last, 128), at })
    const found = advisedGames(played, shapesMemory(undefined, commonGoals()), length, vocab)
    // Rows of one person lie apart: a batch has games of many, and early and late ones.
    for (let g = 0; g < together.games; g++) {
      const row = g * together.people + p
      made.tokens.set(found.tokens.subarray(g * length, (g + 1) * length), row * length)
      made.from[row] = found.from[g]!
      made.until[row] = found.until[g]!
      const [a, b] = [(length - 1) * vocab, (length - 1) * GRID_ADVICE.features]
      said.set(found.advice.subarray(g * a, (g + 1) * a), row * a)
      sure.set(found.features.subarray(g * b, (g + 1) * b), row * b)
    }
  }
  return [
    words([rows, length], made.tokens),
    words([rows], made.from),
    words([rows], made.until),
    f32Tensor([rows, length - 1, vocab], said),
    f32Tensor([rows, length - 1, GRID_ADVICE.features], sure),
  ]
}
const both = programs.train(together.train, { rows, length, dtype: 'u32' })
const networks = parametersOf(GRID_MODEL).length
const state = await train(
  'together',
  both,
  games,
  () => {
    const blank = both.state.map(({ dtype, shape }): Tensor => {
      return { dtype, shape, data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) }
    })
    const own = [
      ...trainedParameters(GRID_MODEL, alone.train, learned),
      ...programs.first(seed).slice(networks),
    ]
    return blank.map((tensor, i) => own[i] ?? tensor)
  },
  together.train.steps,
)
const file = encodeGridBase(state.slice(0, programs.parameters.length))
writeFileSync(join(root, 'data', 'assist-base-grid.safetensors'), file)
console.log(`data/assist-base-grid.safetensors: ${file.length} bytes`)
await executor.close()
