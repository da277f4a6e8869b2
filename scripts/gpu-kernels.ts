/**
 * Registers, spills and shared memory of the product kernels on this machine's card as its driver assembles them, and
 * the rate of each tiling, so that a choice that measurement overturns can be changed.
 *   node scripts/gpu-kernels.ts
 */
import { cudaDevices, openCudaDevice, type Tiling, tiledProduct } from '@lockstep/gpu/cuda'

const found = cudaDevices()
if ('why' in found) console.log(`skipped: ${found.why}`)
else {
  const device = openCudaDevice(0)
  const targets = device.target === 'sm_75' ? (['sm_75'] as const) : (['sm_75', device.target] as const)
  for (const [m, n, k] of [
    [4096, 4096, 4096],
    [1024, 768, 3072],
    [1024, 3072, 768],
  ] as const)
    for (const side of [128, 64])
      for (const split of [false, true])
        for (const target of targets) {
          const tiling: Tiling = { rows: side, columns: side, split }
          const { text, launches, scratch } = tiledProduct(m, n, k, tiling, target)
          const { entries, unload } = device.module(
            text,
            launches.map((l) => l.name),
          )
          const [a, b] = [4 * m * k, 4 * k * n]
          const out = Math.ceil((4 * m * n) / 256) * 256
          const memory = device.allocate(a + b + out + scratch)
          const places = {
            out: memory + a + b,
            left: memory,
            right: memory + a,
            scratch: memory + a + b + out,
          }
          const run = (): void =>
            launches.forEach(({ blocks, threads, parameters }, i) => {
              device.launch(
                entries[i]!,
                blocks,
                threads,
                parameters.map((p) => places[p]),
              )
            })
          run()
          const seconds = Math.min(...Array.from({ length: 5 }, () => device.time(run)))
          const { registers, local } = device.attributes(entries[0]!)
          const rate = (2 * m * n * k) / seconds / 1e12
          console.log(
            JSON.stringify({
              m,
              n,
              k,
              tile: side,
              split,
              asyncCopies: target !== 'sm_75',
              registers,
              spilled: local,
              rate,
            }),
          )
          device.free(memory)
          unload()
        }
  device.close()
}
