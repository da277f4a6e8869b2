import {
  add,
  type Executor,
  estimateProgram,
  matmul,
  mul,
  type Program,
  type Tensor,
  traceProgram,
} from '@lockstep/tensor'

/** What an executor does a second where little but arithmetic, or little but memory, is asked of it. */
export type Speeds = {
  /** Multiply-adds of a product of square matrices. */
  readonly multiplyAdds: number
  /** Bytes that an elementwise step reads and writes. */
  readonly bytes: number
  /** Units of 10^6 scalar instructions, of the slower of the two: what a program that nobody has met may count on. */
  readonly units: number
}

/** Milliseconds that a measurement is to last, and a trial that is long enough to choose its size by. */
const LASTING_MS = 300
const TELLING_MS = 40
/** Rows of the product, and elements; each is doubled until a step takes long enough, or the last one is reached. */
const ROWS = [64, 128, 256, 512, 1024, 2048, 4096]
const ELEMENTS = [2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 26]

/** Measures an executor, in a few seconds on any. `now` is in milliseconds. */
export const measureSpeeds = async (executor: Executor, now: () => number): Promise<Speeds> => {
  const product = await fastest(executor, ROWS.map(productOf), now)
  const elementwise = await fastest(executor, ELEMENTS.map(elementwiseOf), now)
  return {
    multiplyAdds: product.amount,
    bytes: elementwise.amount,
    units: Math.min(product.units, elementwise.units),
  }
}

type Subject = {
  readonly make: () => { readonly program: Program; readonly state: Tensor[]; readonly inputs: Tensor[] }
  /** What a step of it does, in whatever is counted. */
  readonly amount: number
}

const productOf = (size: number): Subject => ({
  amount: size ** 3,
  make: () => {
    const matrix = { dtype: 'f32', shape: [size, size] } as const
    // The result is the next state: it stays where it is computed until somebody asks for it.
    const program = traceProgram({ state: { x: matrix }, inputs: { a: matrix } }, ({ x }, { a }) => ({
      state: { x: matmul(x, a) },
    }))
    return {
      program,
      state: [filled(size * size, 0.5, matrix.shape)],
      inputs: [filled(size * size, 0, matrix.shape)],
    }
  },
})

/** Each element is read twice and written once. */
const elementwiseOf = (count: number): Subject => ({
  amount: 12 * count,
  make: () => {
    const row = { dtype: 'f32', shape: [count] } as const
    const program = traceProgram({ state: { x: row }, inputs: { a: row } }, ({ x }, { a }) => ({
      state: { x: add(mul(x, a), a) },
    }))
    return { program, state: [filled(count, 0.5, row.shape)], inputs: [filled(count, 0.5, row.shape)] }
  },
})

const filled = (count: number, value: number, shape: readonly number[]): Tensor => ({
  dtype: 'f32',
  shape: [...shape],
  data: new Uint8Array(new Float32Array(count).fill(value).buffer),
})

const fastest = async (
  executor: Executor,
  subjects: readonly Subject[],
  now: () => number,
): Promise<{ amount: number; units: number }> => {
  let found = { amount: 0, units: 0 }
  for (const { amount, make } of subjects) {
    const { program, state, inputs } = make()
    const runner = await executor.compile(program, inputs).catch((error: unknown) => {
      // What does not fit in its memory any more was not needed to tell its speed.
      if (found.amount > 0) return undefined
      throw error
    })
    if (!runner) break
    try {
      runner.load(state)
      await runner.step()
      const timed = async (count: number): Promise<number> => {
        const began = now()
        await runner.step(count)
        return Math.max(now() - began, 1e-3)
      }
      const one = await timed(1)
      const count = Math.max(1, Math.min(10_000, Math.round(LASTING_MS / one)))
      const each = Math.min(one, (await timed(count)) / count)
      const { work } = estimateProgram(program)
      if ((1000 * amount) / each > found.amount)
        found = { amount: (1000 * amount) / each, units: work / 1000 / each }
      if (one >= TELLING_MS) break
    } finally {
      runner.close()
    }
  }
  return found
}
