import type { Row } from '../row.ts'
import type { Section } from './section.ts'
import { ends, squareProduct } from './square-product.ts'
import { type Rival, versus } from './versus.ts'

/** Square products beside peers: in WebAssembly beside all of them, with the addon beside the native ones. */
export const section: Section = async (context) => {
  const rows: Row[] = []
  for (const size of context.quick ? [256] : [256, 512, 1024, 2048])
    for (const threads of [1, 2])
      for (const addon of context.addon ? [null, context.addon] : [null]) {
        const executor = await context.executor({ threads, ...addon })
        const runner = await squareProduct(executor, size)
        const how = addon ? 'addon' : 'WebAssembly'
        const what = `product ${size}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${how}`
        const ours = { what, run: () => runner.step(), check: ends(runner), threads }
        const rate = { work: (2 * size ** 3) / 1e9, unit: 'GFLOP/s' }
        const order = { case: 'product', batch: 1, m: size, n: size, k: size } as const
        // The peers in WebAssembly once, where all fit the time of a section; two of them have one thread only.
        const inWasm: Rival[] =
          size !== 1024
            ? []
            : threads === 1
              ? [rival('onnxruntime-web'), rival('tfjs-wasm'), rival('jax-js')]
              : [rival('onnxruntime-web')]
        const native = [rival('openblas', addon ? 1 : null), rival('onnxruntime-node', addon ? 1 : null)]
        if (addon) for (const one of native) rows.push(await versus(context, ours, one, order, rate))
        else if (size === 1024)
          for (const one of [...inWasm, ...native]) rows.push(await versus(context, ours, one, order, rate))
        runner.close()
        await executor.close()
      }
  return rows
}

const rival = (name: Rival['name'], target: number | null = null): Rival => ({ name, target })
