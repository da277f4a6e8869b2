import { moduleText } from '../ptx/kernel-text.ts'
import { leafKernel, parentKernel } from '../ptx/sha256-kernel.ts'
import type { Device, Entry } from './device.ts'

const LEAF_BYTES = 256
const DIGEST_BYTES = 32

/** Trees over leaves of what lies on a device, hashed there: only their roots come back. */
export class Roots {
  readonly #device: Device
  readonly #leaves: Entry
  readonly #parents: Entry
  readonly #threads: number
  readonly #unload: () => void

  constructor(device: Device) {
    const kernels = [leafKernel(), parentKernel()]
    const { entries, unload } = device.module(
      moduleText(device.target, kernels),
      kernels.map((k) => k.name),
    )
    this.#device = device
    this.#leaves = entries[0]!
    this.#parents = entries[1]!
    this.#threads = kernels[0]!.threads
    this.#unload = unload
  }

  /** The 32 bytes at the top of the tree over the leaves of so many bytes at an address; zero where there are none. */
  of(address: number, bytes: number): Uint8Array {
    const root = new Uint8Array(DIGEST_BYTES)
    if (bytes === 0) return root
    if (bytes >= 2 ** 32) throw new RangeError(`a tensor has ${bytes} bytes; allowed: fewer than 2^32`)
    let count = Math.ceil(bytes / LEAF_BYTES)
    const room = Math.ceil((count * DIGEST_BYTES) / 256) * 256
    const memory = this.#device.allocate(2 * room)
    try {
      const blocks = (n: number): number => Math.ceil(n / this.#threads)
      this.#device.launch(this.#leaves, blocks(count), this.#threads, [memory, address, bytes])
      let [from, to] = [memory, memory + room]
      while (count > 1) {
        const pairs = Math.ceil(count / 2)
        this.#device.launch(this.#parents, blocks(pairs), this.#threads, [to, from, count])
        ;[from, to] = [to, from]
        count = pairs
      }
      this.#device.download(from, root)
      return root
    } finally {
      this.#device.free(memory)
    }
  }

  close(): void {
    this.#unload()
  }
}
