import type { Mailbox } from '@lockstep/client'
import type { DisputeChain, MarketAddresses, MarketCalls, MarketReads } from '@lockstep/contracts'
import type { BlobService, BlobStore, Peer } from '@lockstep/network'
import type { Hex, ProgramHeader } from '@lockstep/proof'
import type { Logger } from 'pino'
import type { LocalAccount } from 'viem'
import type { Transactor } from '../chain/transactor.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { NodeExecutors } from '../executors/node-executors.ts'
import type { Self } from '../flow/live.ts'
import type { MarketView } from '../flow/market-view.ts'
import type { Capability } from '../policy/capability.ts'
import type { SurroundingsProbe } from '../policy/surroundings.ts'
import type { ExecutorSpec } from '../run/run-spec.ts'
import type { Spares } from '../run/spares.ts'
import type { Store } from '../store/open-store.ts'

/** What the roles of a node work with. Each part is opened and closed by the daemon. */
export type NodeParts = {
  readonly config: NodeConfig
  readonly self: Self
  /** Signs bids, and nothing else that moves money. */
  readonly signer: LocalAccount
  readonly chainId: number
  readonly addresses: MarketAddresses
  readonly store: Store
  readonly view: MarketView
  readonly read: MarketReads
  readonly calls: MarketCalls
  readonly transactor: Transactor
  readonly disputes: DisputeChain
  readonly peer: Peer
  readonly blobs: BlobService
  readonly blobStore: BlobStore
  readonly mailbox: Mailbox
  readonly programs: (job: number) => Promise<readonly ProgramHeader[]>
  readonly surroundings: SurroundingsProbe
  readonly capability: () => Capability | undefined
  /** What runs and audits are carried out on. */
  readonly executors: NodeExecutors
  /** How the processor executes: threads, and an executor of one's own where the config names one. */
  readonly executor: ExecutorSpec
  /** Processes that have ended a run or an audit and wait for the next. */
  readonly spares: Spares
  /** Where runs and audits have their files. */
  readonly directory: string
  readonly log: Logger
  /** The time of the chain's next block, in its seconds. */
  readonly now: () => number
  /** 32 secret bytes of this node's own, the same each time that they are asked for by this name. */
  readonly secret: (name: string) => Promise<Hex>
  /** Aborted when the node stops. */
  readonly stopped: AbortSignal
  /** Waits until what is in this block can be seen in the view, so that nothing is done a second time. */
  readonly seen: (block: number) => Promise<void>
  /** Asks for another look at what is due. */
  readonly wake: () => void
}
