import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { f32Values, parametersOf } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'
import { generationTask, LLAMA_100M } from '../generation-model.ts'
import { llamaOnnx } from '../onnx/llama.ts'
import { alternate, ceilingRow, type Row } from '../row.ts'
import type { Context } from './section.ts'
import { versus } from './versus.ts'

const PAST = 64
const CAPACITY = 256

/**
 * Tokens a second of a Llama with 64 tokens behind each text: one text against the bandwidth with which its weights can
 * be read, and any number beside onnxruntime on the same graph and the same numbers.
 */
export const tokenRows = async (context: Context, batch: number): Promise<Row[]> => {
  if (LLAMA_100M.kind !== 'llama') throw new Error(`the model is a ${LLAMA_100M.kind}; allowed: llama`)
  const task = generationTask(LLAMA_100M, { batch, storage: 'f32', prompt: PAST, capacity: CAPACITY })
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-llama-'))
  const rows: Row[] = []
  try {
    let model: string | undefined
    for (const threads of [1, 2])
      for (const addon of context.addon ? [null, context.addon] : [null]) {
        const executor = await context.executor({ threads, ...addon })
        const prefill = await executor.compile(task.prefill, task.inputs)
        prefill.load(task.state)
        await prefill.step()
        const state = prefill.state()
        prefill.close()
        const decode = await executor.compile(task.decode, task.inputs)
        decode.load(state)
        await decode.step()
        const check = [...new Uint32Array(decode.outputs()[0]!.data.buffer)]
        await decode.step()
        const texts = `${batch} ${batch === 1 ? 'text' : 'texts'}`
        const what = `Llama of 100M, ${texts}, ${threads} ${threads === 1 ? 'thread' : 'threads'}${addon ? ', addon' : ''}`
        const [times] = await alternate(context.rounds, [() => decode.step()])
        const read = context.ceilings.read[threads - 1]!
        const target = batch === 1 ? 0.8 : null
        const perSecond = (1e9 * read) / task.weightBytes
        const against = 'weights at read bandwidth'
        rows.push(ceilingRow(what, batch, 'tokens/s', times!, against, perSecond * batch, target))
        model ??= writeModel(directory, task.inputs, state, batch)
        const ours = { what, run: () => decode.step(), check, threads }
        const rate = { work: batch, unit: 'tokens/s' }
        const order = { case: 'llama', model } as const
        // many texts are multiply-adds, where an addon may have wider ones: its row is then the one that counts
        const counts = batch === 1 || addon !== null || context.addon === null
        const rival = { name: 'onnxruntime-node', target: counts ? 1 : null } as const
        rows.push(await versus(context, ours, rival, order, rate))
        decode.close()
        await executor.close()
      }
    return rows
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The graph with our weights; our caches, (B, K, D, capacity) and (B, K, capacity, D), cut to what stands in them; and our state before the first decoded token as its inputs. */
const writeModel = (
  directory: string,
  parameters: readonly Tensor[],
  state: readonly Tensor[],
  batch: number,
): string => {
  if (LLAMA_100M.kind !== 'llama') throw new Error(`the model is a ${LLAMA_100M.kind}; allowed: llama`)
  const { config } = LLAMA_100M
  const names = parametersOf(LLAMA_100M).map(({ name }) => name)
  const bytes = llamaOnnx(config, { batch, past: PAST }, (name) => {
    const { shape, data } = parameters[names.indexOf(name)]!
    return { shape, data: new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4) }
  })
  const model = join(directory, 'llama.onnx')
  writeFileSync(model, bytes)
  const feeds: object[] = []
  const feed = (
    name: string,
    type: 'f32' | 'i64',
    shape: number[],
    data: Float32Array | BigInt64Array,
  ): void => {
    const file = join(directory, name)
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    feeds.push({ name, type, shape, file })
  }
  const [text, length, , , , ...caches] = state
  const words = (tensor: Tensor): Uint32Array => new Uint32Array(tensor.data.slice().buffer)
  const [ids, lengths] = [words(text!), words(length!)]
  const last = BigInt64Array.from({ length: batch }, (_, b) => BigInt(ids[b * CAPACITY + lengths[b]! - 1]!))
  feed('tokens', 'i64', [batch], last)
  const { keyHeads, width, heads } = config
  const each = width / heads
  caches.forEach((cache, i) => {
    const values = f32Values(cache)
    const isKeys = i % 2 === 0
    const out = new Float32Array(batch * keyHeads * PAST * each)
    for (let g = 0; g < batch * keyHeads; g++)
      for (let p = 0; p < PAST; p++)
        for (let d = 0; d < each; d++) {
          const at = isKeys ? (g * each + d) * PAST + p : (g * PAST + p) * each + d
          out[at] = values[isKeys ? (g * each + d) * CAPACITY + p : (g * CAPACITY + p) * each + d]!
        }
    const shape = isKeys ? [batch, keyHeads, each, PAST] : [batch, keyHeads, PAST, each]
    feed(`${isKeys ? 'keys' : 'values'}.${i >> 1}`, 'f32', shape, out)
  })
  writeFileSync(`${model}.json`, JSON.stringify({ feeds }))
  return model
}
