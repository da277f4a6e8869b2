import { ModuleWriter } from '../wasm/emitter.ts'
import { engine, type Kernels } from '../wasm/engine.ts'
import { type BatchHash, DIGEST_BYTES, LEAF_BYTES, LEAF_TAG, PARENT_TAG } from './batch-hash.ts'
import { fillConstants, LANES_END, lanesKernel } from './lanes-kernel.ts'
import { sha256 } from './sha256.ts'

/** Leaves that are hashed from one filling of the window, and how many levels above them at once. */
const WINDOW_LEAVES = 256
const WINDOW_LEVELS = 6
const WINDOW = WINDOW_LEAVES * LEAF_BYTES
const PAIR = 2 * DIGEST_BYTES
const GROUP = 4
/** A kernel loads the byte before its first message. */
const WINDOW_AT = LANES_END + 64
const DIGESTS_AT = WINDOW_AT + WINDOW + 64
const PAGES = Math.ceil((DIGESTS_AT + DIGEST_BYTES * WINDOW_LEAVES + 4096) / 65536)

const groupsOf = (messages: number): number => Math.ceil(messages / GROUP)

/**
 * SHA-256 with four messages in the lanes of 128-bit vectors; undefined where the engine has none. Data passes
 * through a window that stays in the cache; of a tree, six levels are hashed before the next window.
 */
export const lanesHash = (): BatchHash | undefined => {
  const limits = { initial: PAGES, maximum: PAGES, shared: false }
  const writer = new ModuleWriter()
  writer.add(lanesKernel(LEAF_TAG, 4))
  writer.add(lanesKernel(PARENT_TAG, 1))
  const code = writer.encode(limits)
  if (!engine?.validate(code)) return undefined
  const wasmMemory = new engine.Memory(limits)
  const memory = new Uint8Array(wasmMemory.buffer as ArrayBuffer)
  fillConstants(memory)
  const { exports } = new engine.Instance(new engine.Module(code), { e: { m: wasmMemory } })
  const [hashLeaves, hashPairs] = [exports[0]!, exports[1]!] as const satisfies readonly Kernels[string][]

  /** The digests of the leaves of `data`, at most a window of it, at DIGESTS_AT. */
  const leavesIn = (data: Uint8Array): number => {
    const whole = Math.floor(data.length / LEAF_BYTES)
    memory.set(data, WINDOW_AT)
    if (whole > 0) hashLeaves(WINDOW_AT, groupsOf(whole), DIGESTS_AT, 0)
    if (data.length === whole * LEAF_BYTES) return whole
    const message = new Uint8Array(1 + data.length - whole * LEAF_BYTES)
    message[0] = LEAF_TAG
    message.set(data.subarray(whole * LEAF_BYTES), 1)
    memory.set(sha256(message), DIGESTS_AT + DIGEST_BYTES * whole)
    return whole + 1
  }

  /** The digests above `count` ones, at the same address or lower down; returns how many they are. */
  const parentsIn = (at: number, count: number, to: number): number => {
    const pairs = Math.ceil(count / 2)
    const end = at + DIGEST_BYTES * count
    memory.fill(0, end, at + PAIR * GROUP * groupsOf(pairs))
    hashPairs(at, groupsOf(pairs), to, 0)
    return pairs
  }

  /** The top of the tree over rows of digests. */
  const top = (row: Uint8Array, root: Uint8Array): void => {
    let level = row
    while (level.length > DIGEST_BYTES) {
      const above = new Uint8Array(DIGEST_BYTES * Math.ceil(level.length / PAIR))
      parents(level, above)
      level = above
    }
    root.set(level)
  }

  const parents = (row: Uint8Array, above: Uint8Array): void => {
    for (let from = 0; from < row.length; from += WINDOW) {
      const part = row.subarray(from, from + WINDOW)
      memory.set(part, WINDOW_AT)
      const pairs = parentsIn(WINDOW_AT, part.length / DIGEST_BYTES, WINDOW_AT)
      above.set(memory.subarray(WINDOW_AT, WINDOW_AT + DIGEST_BYTES * pairs), from / 2)
    }
  }

  return {
    name: 'four lanes of WebAssembly',
    leaves: (data, digests) => {
      for (let from = 0; from < data.length; from += WINDOW) {
        const count = leavesIn(data.subarray(from, from + WINDOW))
        digests.set(
          memory.subarray(DIGESTS_AT, DIGESTS_AT + DIGEST_BYTES * count),
          (from / LEAF_BYTES) * DIGEST_BYTES,
        )
      }
    },
    parents,
    root: (data, root) => {
      const whole = Math.ceil(data.length / LEAF_BYTES)
      const levels = whole > WINDOW_LEAVES ? WINDOW_LEVELS : 0
      const row = new Uint8Array(DIGEST_BYTES * Math.ceil(whole / 2 ** levels))
      for (let from = 0; from < data.length; from += WINDOW) {
        let count = leavesIn(data.subarray(from, from + WINDOW))
        for (let level = 0; level < levels; level++) count = parentsIn(DIGESTS_AT, count, DIGESTS_AT)
        row.set(
          memory.subarray(DIGESTS_AT, DIGESTS_AT + DIGEST_BYTES * count),
          ((from / LEAF_BYTES) * DIGEST_BYTES) / 2 ** levels,
        )
      }
      root.fill(0, 0, DIGEST_BYTES)
      top(row, root)
    },
  }
}
