import { createWasmExecutor } from '@lockstep/tensor'
import { runSharing, startOf } from './run.ts'
import { regimeOf, type Sharing } from './setting.ts'

/**
 * A process that does one piece of the sweep after another, on one thread: `node work.ts FOLDER QUICK`. It is told what to do
 * over its parent's channel and answers when that is done.
 */
export type Piece =
  | { readonly kind: 'start'; readonly seed: number }
  | { readonly kind: 'run'; readonly seed: number; readonly sharing: Sharing }

const [folder, quick] = process.argv.slice(2) as [string, string]
const regime = regimeOf(quick === 'quick')
const executor = await createWasmExecutor()

process.on('message', async (piece: Piece) => {
  if (piece.kind === 'start') await startOf(executor, regime, folder, piece.seed)
  else await runSharing(executor, regime, folder, piece.sharing, piece.seed)
  process.send!('done')
})
process.on('disconnect', () => process.exit(0))
