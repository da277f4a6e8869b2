import {
  decodeProgram,
  type Executor,
  encodeProgram,
  type Program,
  type RandomProgram,
  randomContraction,
  randomNetwork,
  randomProgram,
  sha256,
  type Tensor,
  type TensorType,
  unwrap,
} from '@lockstep/tensor'
import { record, trainingRuns } from './runs.ts'

/**
 * The golden vectors in vectors/programs.json: whole programs with what they run on and the digest of what comes out, for
 * any executor anywhere. Needs nothing but the language, so that a browser reads it as Node does.
 */
export type ProgramVector = {
  readonly name: string
  readonly steps: number
  /** The program's encoding and the bytes of its tensors, in base64; absent where the repository's code makes them. */
  readonly program?: string
  readonly state?: readonly string[]
  readonly inputs?: readonly string[]
  /** Of every node of the first step (of cases with a program), the outputs of every step and the last state. */
  readonly digest: string
}

const STEPS = 3
const TRAINING_STEPS = 10
/** Bytes of the tensors that a case starts from, so that the file stays small. */
const MOST_BYTES = 4096
const CASES = [
  ['random program', randomProgram, 30],
  ['random network', randomNetwork, 6],
  ['random product', randomContraction, 10],
] as const

/** All vectors as this executor computes them. */
export const programVectors = async (executor: Executor): Promise<ProgramVector[]> => {
  const made = CASES.flatMap(([name, make, count]) =>
    Array.from({ length: count }, (_, i) => ({ name: `${name} ${i + 1}`, ...make(i + 1) })).filter(
      ({ state, inputs }) => [...state, ...inputs].reduce((n, { data }) => n + data.length, 0) <= MOST_BYTES,
    ),
  )
  const vectors: ProgramVector[] = []
  for (const { name, ...run } of made) {
    const steps = run.program.state.length > 0 ? STEPS : 1
    vectors.push({
      ...{ name, steps, program: toBase64(encodeProgram(run.program)) },
      ...{
        state: run.state.map(({ data }) => toBase64(data)),
        inputs: run.inputs.map(({ data }) => toBase64(data)),
      },
      digest: await digestOf(executor, run, steps),
    })
  }
  return [...vectors, ...(await trainingVectors(executor))]
}

const trainingVectors = async (
  executor: Executor,
  asked: (name: string) => boolean = () => true,
): Promise<ProgramVector[]> => {
  const vectors: ProgramVector[] = []
  for (const { name, ...run } of trainingRuns(TRAINING_STEPS).filter((r) => asked(r.name))) {
    const digest = digestTensors(await record(executor, run, TRAINING_STEPS))
    vectors.push({ name, steps: TRAINING_STEPS, digest })
  }
  return vectors
}

/** The digest of each committed vector as this executor computes it, one after another. */
export async function* vectorDigests(
  executor: Executor,
  committed: readonly ProgramVector[],
): AsyncGenerator<{ readonly vector: ProgramVector; readonly digest: string | undefined }> {
  for (const vector of committed) {
    const run = readRun(vector)
    const digest = run
      ? await digestOf(executor, run, vector.steps)
      : (await trainingVectors(executor, (name) => name === vector.name))[0]?.digest
    yield { vector, digest }
  }
}

/** What an executor makes of committed vectors: the names of those whose digest is another one. */
export const wrongVectors = async (
  executor: Executor,
  committed: readonly ProgramVector[],
): Promise<string[]> => {
  const wrong: string[] = []
  for await (const { vector, digest } of vectorDigests(executor, committed))
    if (digest !== vector.digest) wrong.push(vector.name)
  return wrong
}

const readRun = ({ program, state = [], inputs = [] }: ProgramVector): RandomProgram | undefined => {
  if (program === undefined) return undefined
  const decoded: Program = unwrap(decodeProgram(fromBase64(program)))
  const tensors = (types: readonly TensorType[], bytes: readonly string[]): Tensor[] =>
    types.map(({ dtype, shape }, i) => ({ dtype, shape, data: fromBase64(bytes[i]!) }))
  return {
    program: decoded,
    state: tensors(decoded.state, state),
    inputs: tensors(decoded.inputs, inputs),
  }
}

const digestOf = async (executor: Executor, run: RandomProgram, steps: number): Promise<string> => {
  const runner = await executor.compile(run.program, run.inputs)
  runner.load(run.state)
  const nodes = await runner.trace()
  runner.close()
  return digestTensors([...nodes, ...(await record(executor, run, steps))])
}

/** SHA-256 over `dtype extents;` and the bytes of each tensor, in hexadecimal. */
const digestTensors = (tensors: readonly Tensor[]): string => {
  const parts = tensors.flatMap(({ dtype, shape, data }) => [
    new TextEncoder().encode(`${dtype} ${shape};`),
    data,
  ])
  const bytes = new Uint8Array(parts.reduce((n, part) => n + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return Array.from(sha256(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const toBase64 = (bytes: Uint8Array): string => {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
const fromBase64 = (written: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(written), (character) => character.charCodeAt(0))

/** The committed file: a row a vector. */
export const programVectorsFile = (vectors: readonly ProgramVector[]): string =>
  `[\n${vectors.map((vector) => JSON.stringify(vector)).join(',\n')}\n]\n`
