import type { KernelTime } from '@lockstep/tensor'
import type { Ceilings } from './ceilings.ts'

/** One kernel, or all of one kind, in one step. */
export type ProfileLine = {
  readonly label: string
  readonly kind: KernelTime['kind']
  /** The program's nodes that it computes. */
  readonly nodes: readonly number[]
  readonly milliseconds: number
  /** Its part of the time of all kernels. */
  readonly share: number
  readonly gflops: number // 10^9 operations a second
  readonly bytes: number
  readonly gigabytes: number // 10^9 bytes a second
  /** Which of the machine's ceilings it comes nearest to, and how near: 1 is at the ceiling. */
  readonly binds: 'fma' | 'copy'
  readonly ofCeiling: number
}
export type ProfileReport = {
  readonly threads: number
  readonly steps: number
  /** Of a whole step by the clock outside, and of its kernels together. */
  readonly milliseconds: number
  readonly inKernels: number
  readonly ceilings: { readonly fma: number; readonly copy: number }
  readonly kinds: readonly ProfileLine[]
  readonly kernels: readonly ProfileLine[]
  readonly total: ProfileLine
}

/**
 * What a profile says of one step, slowest first. `seconds` is what all `steps` took by a clock around them. A kernel
 * that reads from the caches can move more bytes a second than memory copies: then more than all of that ceiling.
 */
export const profileReport = (
  times: readonly KernelTime[],
  { threads, steps, seconds }: { threads: number; steps: number; seconds: number },
  measured: Ceilings,
): ProfileReport => {
  const at = threads === 1 ? 0 : 1
  const ceilings = { fma: measured.fma[at], copy: measured.copy[at] }
  const all = sum(times, ({ seconds }) => seconds)
  const line = (label: string, of: readonly KernelTime[]): ProfileLine => {
    const spent = sum(of, (k) => k.seconds)
    const rate = (what: (k: KernelTime) => number): number =>
      spent === 0 ? 0 : sum(of, (k) => k.calls * what(k)) / spent / 1e9
    const [gflops, gigabytes] = [rate(flopsOf), rate((k) => k.bytes)]
    const [fma, copy] = [gflops / ceilings.fma, gigabytes / ceilings.copy]
    return {
      ...{ label, kind: of[0]?.kind ?? 'map', nodes: of.flatMap((k) => k.nodes) },
      ...{ milliseconds: (1000 * spent) / steps, share: all === 0 ? 0 : spent / all },
      ...{ gflops, bytes: sum(of, (k) => k.calls * k.bytes) / steps, gigabytes },
      ...{ binds: fma >= copy ? 'fma' : 'copy', ofCeiling: Math.max(fma, copy) },
    }
  }
  const kinds = [...new Set(times.map(({ kind }) => kind))]
  return {
    ...{ threads, steps, milliseconds: (1000 * seconds) / steps, inKernels: (1000 * all) / steps, ceilings },
    kinds: slowestFirst(
      kinds.map((kind) =>
        line(
          kind,
          times.filter((k) => k.kind === kind),
        ),
      ),
    ),
    kernels: slowestFirst(times.map((k) => line(k.label, [k]))),
    total: line('all', times),
  }
}

/** A scatter's operations are counted as if its guards held, and they hold for one place in a thousand. */
const flopsOf = ({ kind, flops }: KernelTime): number => (kind === 'scatter' ? 0 : flops)

const sum = <T>(xs: readonly T[], of: (x: T) => number): number => xs.reduce((n, x) => n + of(x), 0)
const slowestFirst = (lines: readonly ProfileLine[]): ProfileLine[] =>
  lines.toSorted((a, b) => b.milliseconds - a.milliseconds)

/** The report in lines of at most 100 columns; at most so many kernels, the slowest. */
export const profileText = (report: ProfileReport, most = 24): string[] => {
  const { threads, steps, milliseconds, inKernels, ceilings, kinds, kernels, total } = report
  const shown = kernels.slice(0, most)
  const rest = kernels.length - shown.length
  return [
    `${milliseconds.toFixed(2)} ms a step (mean of ${steps}) on ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${inKernels.toFixed(2)} ms of it in ${kernels.length} kernels`,
    `ceilings: ${ceilings.fma.toFixed(1)} GFLOP/s of fma, ${ceilings.copy.toFixed(1)} GB/s of copy`,
    '',
    row(['kind', 'ms', 'share', 'GFLOP/s', 'MB', 'GB/s', 'of ceiling', 'nodes']),
    ...kinds.map((line) => row(cells(line, `${line.nodes.length}`))),
    row(cells(total, `${total.nodes.length}`)),
    '',
    row(['kernel', 'ms', 'share', 'GFLOP/s', 'MB', 'GB/s', 'of ceiling', 'nodes']),
    ...shown.map((line) => row(cells(line, nodesText(line.nodes)))),
    ...(rest > 0 ? [`and ${rest} more, which --json lists`] : []),
  ]
}

const WIDTHS = [39, 8, 6, 7, 7, 6, 10, 10]
const row = (cells: readonly string[]): string =>
  cells
    .map((cell, c) => {
      const cut = cell.length > WIDTHS[c]! ? `${cell.slice(0, WIDTHS[c]! - 1)}~` : cell
      return c === 0 || c === 7 ? cut.padEnd(WIDTHS[c]!) : cut.padStart(WIDTHS[c]!)
    })
    .join(' ')
    .trimEnd()

const cells = (line: ProfileLine, nodes: string): string[] => [
  line.label,
  line.milliseconds.toFixed(3),
  `${(100 * line.share).toFixed(1)}%`,
  line.gflops.toFixed(1),
  (line.bytes / 1e6).toFixed(2),
  line.gigabytes.toFixed(1),
  `${line.binds} ${(100 * line.ofCeiling).toFixed(0)}%`,
  nodes,
]

const nodesText = (nodes: readonly number[]): string =>
  nodes.length <= 2 ? nodes.join(', ') : `${nodes[0]}..${nodes.at(-1)} (${nodes.length})`
