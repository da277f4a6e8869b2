import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { kept } from './kept.ts'
import type { Piece } from './section.ts'

/** Processes that do pieces side by side: two, or as LOCKSTEP_BENCH_PROCESSES says. Results do not depend on it. */
const PROCESSES = Number(process.env.LOCKSTEP_BENCH_PROCESSES ?? 2)

/** The results of pieces, in their order. What is not kept in the folder is done by `work` of the module first. */
export const pieceResults = async <P extends Piece, R>(
  module: string,
  folder: string,
  pieces: readonly P[],
): Promise<R[]> => {
  const fileOf = ({ name }: Piece): string => join(folder, `${name}.json`)
  const left = pieces.filter((piece) => !existsSync(fileOf(piece)))
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(join(import.meta.dirname, 'work.ts'), [module, folder])
      const next = (): void => {
        const piece = left.shift()
        if (piece) child.send(piece)
        else child.disconnect()
      }
      child.on('message', next)
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`a process of ${module} ended with ${code}`)),
      )
      next()
    })
  await Promise.all(Array.from({ length: Math.min(PROCESSES, left.length) }, one))
  return pieces.map((piece) => kept<R>(fileOf(piece))!)
}
