import { type CudaDevice, moduleText, PtxKernel } from '@lockstep/gpu/cuda'

/** What a card can do at most, measured with kernels of our own. */

const CHAINS = 32
const ROUNDS = 4096
const UNROLL = 8

/** Multiply-adds of numbers in registers: many independent chains in every thread, two floating-point operations each. */
const fmaKernel = (): PtxKernel => {
  const k = new PtxKernel('fma_ceiling', 256, 1)
  const tid = k.let('r', 'mov.u32', '%tid.x')
  const x = k.let('f', 'cvt.rn.f32.u32', tid)
  const y = k.let('f', 'mov.f32', '0f3F7FFFFE')
  const sums = Array.from({ length: CHAINS }, (_, i) =>
    k.let('f', 'mov.f32', `0f3F8000${i.toString(16).padStart(2, '0').toUpperCase()}`),
  )
  const round = k.let('r', 'mov.b32', 0)
  const loop = k.label()
  k.place(loop)
  for (let u = 0; u < UNROLL; u++) for (const s of sums) k.emit(`fma.rn.f32 ${s}, ${s}, ${y}, ${x}`)
  k.emit(`add.u32 ${round}, ${round}, 1`)
  k.emit(`@${k.let('p', 'setp.lt.u32', round, ROUNDS)} bra ${loop}`)
  const sum = sums.reduce((a, b) => k.let('f', 'add.rn.f32', a, b))
  // Never so: the work is kept because it might be.
  const never = k.let('p', 'setp.eq.f32', sum, '0f12345678')
  k.emit(`@${never} st.global.f32 [${k.parameter(0)}], ${sum}`)
  k.emit('ret')
  return k
}

/** Copies 64 bytes a thread, 16 at a time, neighbouring threads side by side. */
const copyKernel = (): PtxKernel => {
  const k = new PtxKernel('copy_ceiling', 256, 2)
  const block = k.let('r', 'mov.u32', '%ctaid.x')
  const tid = k.let('r', 'mov.u32', '%tid.x')
  const first = k.let('r', 'mad.lo.u32', block, 1024, tid)
  const offset = k.let('d', 'mul.wide.u32', first, 16)
  const from = k.let('d', 'add.s64', k.parameter(0), offset)
  const to = k.let('d', 'add.s64', k.parameter(1), offset)
  const fours = [0, 1, 2, 3].map((i) => {
    const r = Array.from({ length: 4 }, () => k.register('r'))
    k.emit(`ld.global.v4.u32 {${r.join(', ')}}, [${from}+${i * 4096}]`)
    return r
  })
  fours.forEach((r, i) => {
    k.emit(`st.global.v4.u32 [${to}+${i * 4096}], {${r.join(', ')}}`)
  })
  k.emit('ret')
  return k
}

export const ceilingText = (target: CudaDevice['target']): string =>
  moduleText(target, [fmaKernel(), copyKernel()])

/** Floating-point operations a second in fma, and bytes a second that a copy reads and writes together. */
export const measureCeilings = (device: CudaDevice): { readonly flops: number; readonly bytes: number } => {
  const { entries, unload } = device.module(ceilingText(device.target), ['fma_ceiling', 'copy_ceiling'])
  const [fma, copy] = entries as [(typeof entries)[0], (typeof entries)[0]]
  const size = 2 ** 29
  const memory = device.allocate(2 * size)
  try {
    const blocks = device.multiprocessors * 8
    const best = (run: () => void): number => {
      run()
      return Math.min(...Array.from({ length: 5 }, () => device.time(run)))
    }
    const seconds = best(() => device.launch(fma, blocks, 256, [memory]))
    const copied = best(() => device.launch(copy, size / 16384, 256, [memory, memory + size]))
    return { flops: (blocks * 256 * CHAINS * UNROLL * ROUNDS * 2) / seconds, bytes: (2 * size) / copied }
  } finally {
    device.free(memory)
    unload()
  }
}
