import { type AnvilProcess, startAnvil } from './anvil-process.ts'
import { type KeptChain, keepState } from './kept-state.ts'

export type LocalChain = Omit<AnvilProcess, 'stop'> & {
  /** Ends the chain and waits until its port is free again; with a state directory its state is copied before. */
  readonly stop: () => Promise<void>
  /** Copies the state now. Nothing happens without a state directory. */
  readonly save: () => Promise<void>
}

export type LocalChainOptions = {
  /** A port of the caller's choice; left out, the system picks a free one. */
  readonly port?: number
  /**
   * A directory of its own for copies of the chain's state: a chain that is started there again goes on where the
   * newest good copy was taken. Without one a chain begins anew each time.
   */
  readonly stateDirectory?: string
  /** Addresses to listen on, loopback or all among them; left out, loopback alone. Whoever reaches it can change it. */
  readonly hosts?: readonly string[]
  /** A further argument list for anvil: block times, gas limits. */
  readonly args?: readonly string[]
  /** Milliseconds to wait for the chain to listen. */
  readonly timeout?: number
}

/** Starts a chain on a loopback port and returns when it answers. */
export const startLocalChain = async (options: LocalChainOptions = {}): Promise<LocalChain> => {
  const { port = 0, args = [], timeout = 20_000, stateDirectory, hosts } = options
  const start = (more: readonly string[]) => startAnvil(port, [...args, ...more], timeout, hosts)
  if (stateDirectory === undefined) {
    return { ...(await start([])), save: async () => {} }
  }
  const kept: KeptChain = await keepState(stateDirectory, start)
  return { ...kept.anvil, stop: kept.stop, save: kept.save }
}
