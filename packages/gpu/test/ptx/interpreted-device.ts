import type { Device, Entry, Sequence } from '../../src/cuda/device.ts'
import type { PtxTarget } from '../../src/ptx/kernel-text.ts'
import { BASE, Interpreter } from './interpreter.ts'

/** A device that the interpreter plays: the executor and its kernels as they are, without a GPU. */
export const interpretedDevice = (
  bytes = 1 << 22,
  target: PtxTarget = 'sm_80',
): Device & { readonly interpreter: Interpreter; readonly texts: string[] } => {
  const interpreter = new Interpreter(BASE + bytes)
  const texts: string[] = []
  let modules = 0
  let next = BASE
  let recording: (() => void)[] | undefined
  const ask = (work: () => void): void => {
    if (recording) recording.push(work)
    else work()
  }
  return {
    interpreter,
    texts,
    name: `interpreted ${target}`,
    target,
    multiprocessors: 1,
    allocate: (wanted) => {
      const at = next
      next += Math.ceil(wanted / 256) * 256
      if (next > BASE + bytes) throw new Error(`the interpreted device has ${bytes} bytes`)
      return at
    },
    free: () => {},
    module: (text, names) => {
      const prefix = `m${modules++}_`
      texts.push(text)
      interpreter.load(text.replaceAll('.visible .entry ', `.visible .entry ${prefix}`))
      return { entries: names.map((name) => `${prefix}${name}` as unknown as Entry), unload: () => {} }
    },
    upload: (address, data) => interpreter.memory.set(data, address),
    download: (address, into) => into.set(interpreter.memory.subarray(address, address + into.length)),
    copy: (from, to, n) => ask(() => interpreter.memory.copyWithin(to, from, from + n)),
    launch: (entry, blocks, threads, parameters) =>
      ask(() => interpreter.launch(entry as unknown as string, blocks, threads, parameters)),
    record: (run) => {
      recording = []
      run()
      const work = recording
      recording = undefined
      return work as unknown as Sequence
    },
    replay: (sequence) => {
      for (const work of sequence as unknown as (() => void)[]) work()
    },
    drop: () => {},
    done: async () => {},
    close: () => {},
  }
}
