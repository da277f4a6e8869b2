import type { Executor } from '@lockstep/tensor'
import type { Row } from '../row.ts'

/** Something that one process does by itself. Its result is kept as NAME.json. Sent between processes, so plain data. */
export type Piece = { readonly name: string }

/** Exported as `work` by a file whose pieces are done in processes of their own. Results are plain data too. */
export type Work<P extends Piece, R> = (executor: Executor, folder: string, piece: P) => Promise<R>

/** What a section of the swarm's benchmark is given. */
export type Context = {
  readonly quick: boolean
  /** The folder of what was computed from a setting, all of which is in the setting: runs/swarm/HASH. */
  readonly folderOf: (setting: unknown) => string
  /**
   * Results of pieces, in their order: those that are not kept yet are done by `work` of the section's file, or of another
   * section's, in two processes.
   */
  readonly results: <P extends Piece, R>(folder: string, pieces: readonly P[], by?: string) => Promise<R[]>
  /** Says beside the rows what was compared. */
  readonly tell: (what: string, value: string | number) => void
}

/** Exported as `section`. */
export type Section = (context: Context) => Promise<Row[]>
