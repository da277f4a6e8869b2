import { withRefs } from '../compile/prune.ts'
import type { Node, Ref } from '../node.ts'
import type { ModuleWriter } from './emitter.ts'
import type { Fma } from './fma.ts'
import { type NodeKind, nodeKind, nodePhases } from './node-code.ts'

/** A phase whose function is in the module. */
export type Kernel = {
  readonly fn: number
  readonly slots: readonly Ref[] // as Phase has them
  readonly units: number
  readonly cost: number
  readonly scratch: number
  readonly copiesInit?: boolean
  readonly shared?: number
}
type Written = { readonly kind: NodeKind; readonly kernels: readonly Kernel[] }

/** Kernels of a module: nodes that differ in nothing but whom they read share them, as a network's layers do. */
export class NodeKernels {
  readonly #writer: ModuleWriter
  readonly #fma: Fma
  readonly #known = new Map<string, Written>()
  readonly #alone = new Map<Node, Written>()
  readonly #grouped = new Map<Node, Written>()

  constructor(writer: ModuleWriter, fma: Fma) {
    this.#writer = writer
    this.#fma = fma
  }

  /** `alone`: the node's phases run one after another, each by all threads, and may share memory. */
  of(node: Node, alone = true): Written {
    const nodes = alone ? this.#alone : this.#grouped
    let written = nodes.get(node)
    if (!written) {
      written = this.#make(node, alone)
      nodes.set(node, written)
    }
    return written
  }

  #make(node: Node, alone: boolean): Written {
    const refs: Ref[] = []
    const nameless = withRefs(node, (ref) => {
      const known = refs.findIndex((r) => r.from === ref.from && r.index === ref.index)
      return { from: 'input', index: known >= 0 ? known : refs.push(ref) - 1 }
    })
    const key = `${alone} ${JSON.stringify(nameless)}`
    let written = this.#known.get(key)
    if (!written) {
      const phases = nodePhases(nameless, this.#fma, alone)
      written = {
        kind: nodeKind(nameless),
        kernels: phases.map((p) => ({ ...p, fn: this.#writer.add(p.fn) })),
      }
      this.#known.set(key, written)
    }
    return {
      kind: written.kind,
      kernels: written.kernels.map((k) => ({ ...k, slots: k.slots.map((s) => refs[s.index]!) })),
    }
  }
}
