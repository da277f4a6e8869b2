import { availableParallelism, cpus, totalmem } from 'node:os'

/** What every benchmark says of where it ran. */
export const machine = (): [what: string, value: string | number][] => [
  ['processor', `${cpus()[0]?.model.trim() || 'unknown'}, ${process.arch}`],
  ['cores', availableParallelism()],
  ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
  ['system', process.platform],
  ['node', process.versions.node],
  ['v8', process.versions.v8],
]
