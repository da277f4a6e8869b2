import type { WasmExecutor, WasmOptions } from '@lockstep/tensor'
import type { Ceilings } from '../../apps/cli/src/profile/ceilings.ts'
import type { Row } from '../row.ts'
import type { Order, Peer, PeerName } from './peer.ts'

/** What a section of the engine's benchmark is given. */
export type Context = {
  readonly quick: boolean
  /** How many times each side of a comparison runs. */
  readonly rounds: number
  readonly ceilings: Ceilings
  /** Options of an executor with the addon; null where it is not built. */
  readonly addon: Pick<WasmOptions, 'accelerator'> | null
  /** An executor that is closed when the section ends. */
  executor(options?: WasmOptions): Promise<WasmExecutor>
  /** A process of a peer that has built this case, or null where it is not installed. Ended with the section. */
  peer(name: PeerName, order: Order, threads: number): Promise<Peer | null>
  /** Says beside the rows what was compared. */
  tell(what: string, value: string | number): void
}
export type Section = (context: Context) => Promise<Row[]>
