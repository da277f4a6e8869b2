/**
 * Makes the base of the building game, data/assist-base-grid.safetensors: `npm run assist:base-grid`. Its network
 * learns from games of scripted people who build goals of the training families. What is done is kept under runs/assist-base-grid and gone on from,
 * so that the same file comes of it however often it is stopped. About four minutes of one core.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  encodeGridBase,
  GRID_ADVICE,
  GRID_BASE,
  GRID_MODEL,
  GRID_ROW,
  gameRows,
  TRAINING_FAMILIES,
} from '@lockstep/assist'
import {
  advisedPrograms,
  decodeTensors,
  encodeTensors,
  examplesProgram,
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
const { seed } = GRID_BASE
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
const { rows, train: how } = GRID_BASE
const state = await train(
  'alone',
  examplesProgram(GRID_MODEL, how, { rows, length, dtype: 'u32' }),
  async () => [
    words([rows, length], await gameRows(TRAINING_FAMILIES, rows, length, seed)),
    words([rows], new Uint32Array(rows).fill(1)),
    words([rows], new Uint32Array(rows).fill(length)),
  ],
  () => initialState(GRID_MODEL, seed),
  how.steps,
)
const gate = advisedPrograms(GRID_MODEL, GRID_ADVICE).first(seed).slice(parametersOf(GRID_MODEL).length)
const file = encodeGridBase([...trainedParameters(GRID_MODEL, how, state), ...gate])
writeFileSync(join(root, 'data', 'assist-base-grid.safetensors'), file)
console.log(`data/assist-base-grid.safetensors: ${file.length} bytes`)
await executor.close()
