import { join } from 'node:path'
import { createFastestExecutor } from '@lockstep/native'
import { keep } from './kept.ts'
import type { Piece, Work } from './section.ts'

/**
 * A process that does one piece after another, on one thread: `node work.ts MODULE FOLDER`. It is told what to do over its
 * parent's channel, keeps the result and says so.
 */
const [module, folder] = process.argv.slice(2) as [string, string]
const { work } = (await import(module)) as { work: Work<Piece, unknown> }
const executor = await createFastestExecutor()

process.on('message', async (piece: Piece) => {
  keep(join(folder, `${piece.name}.json`), JSON.stringify(await work(executor, folder, piece)))
  process.send!('done')
})
process.on('disconnect', () => process.exit(0))
