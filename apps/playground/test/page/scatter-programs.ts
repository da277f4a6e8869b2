import {
  equals,
  f32Bits,
  fold,
  type Grid,
  lessThan,
  Random,
  type RandomProgram,
  type Tensor,
  traceProgram,
} from '@lockstep/tensor'

/** Rows added to, or put at, places that words name: some twice, some outside, some behind a second guard. */
export const scatterProgram = (seed: number): RandomProgram => {
  const r = new Random(seed)
  const [places, width, rows] = [r.between(2, 20), r.between(1, 9), r.between(1, 40)]
  const adds = seed % 2 === 0
  const shifted = r.between(0, 3)
  const guarded = r.between(0, 2) === 0
  const program = traceProgram(
    {
      state: { table: { dtype: 'f32', shape: [places, width] } },
      inputs: {
        fresh: { dtype: 'f32', shape: [rows, width] },
        words: { dtype: 'u32', shape: [rows] },
      },
    },
    ({ table }, { fresh, words }) => {
      const [old, x, w] = [table as Grid<'f'>, fresh as Grid<'f'>, words as Grid<'u'>]
      const next = fold({
        shape: [places, width],
        box: [rows],
        register: 'f',
        order: 'chain',
        init: ([p, c]) => old.at(p!, c!),
        reads: ([, c], [t]) => [x.at(t!, c!)],
        guards: ([p, c], [t]) => [
          equals(w.at(t!), p!.add(shifted - 1)),
          ...(guarded ? [lessThan(c!, t!.add(p!))] : []),
        ],
        step: (sum, value) => (adds ? sum.add(value) : value),
      })
      return { state: { table: next }, outputs: { next } }
    },
  )
  const floats = (shape: readonly number[]): Tensor => ({
    ...{ dtype: 'f32', shape },
    data: new Uint8Array(
      Uint32Array.from({ length: shape.reduce((n, e) => n * e, 1) }, () =>
        f32Bits(r.sign() * r.between(1, 1 << 20) * 2 ** r.between(-20, 5)),
      ).buffer,
    ),
  })
  const words = Uint32Array.from({ length: rows }, () =>
    r.between(0, 8) === 0 ? r.word() : r.between(0, places),
  )
  return {
    program,
    state: [floats([places, width])],
    inputs: [floats([rows, width]), { dtype: 'u32', shape: [rows], data: new Uint8Array(words.buffer) }],
  }
}
