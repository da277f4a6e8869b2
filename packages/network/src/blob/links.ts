import { ok, type Result } from '@lockstep/tensor'
import type { PeerId } from '../peer-key.ts'
import { type BlobPeer, Link } from './link.ts'

/** How long a link that nobody uses stays open: many small blobs from one source take one stream. */
const KEEP_MS = 5_000
const MAX_KEPT = 64

/** Links that are open, for whoever asks next. */
export type Links = {
  take(peer: PeerId, signal: AbortSignal): Promise<Result<Link>>
  /** Back from use; one that is not in order any more is ended. */
  give(link: Link): void
  stop(): void
}

export const createLinks = (network: BlobPeer, deadlineMs: number): Links => {
  const kept = new Map<Link, NodeJS.Timeout>()
  const forget = (link: Link): void => {
    clearTimeout(kept.get(link))
    kept.delete(link)
  }
  return {
    async take(peer, signal) {
      for (const link of kept.keys()) {
        if (link.peer !== peer) continue
        forget(link)
        if (link.reusable) return ok(link)
      }
      // The signal ends the opening only: the link may serve others later.
      const opening = new AbortController()
      const cancel = (): void => opening.abort()
      signal.addEventListener('abort', cancel)
      if (signal.aborted) cancel()
      try {
        return await Link.open(network, peer, deadlineMs, opening.signal)
      } finally {
        signal.removeEventListener('abort', cancel)
      }
    },
    give(link) {
      if (!link.reusable) link.abort('no longer needed')
      else if (kept.size >= MAX_KEPT) void link.close()
      else {
        const end = (): void => {
          forget(link)
          void link.close()
        }
        kept.set(link, setTimeout(end, KEEP_MS).unref())
      }
    },
    stop() {
      for (const link of kept.keys()) {
        forget(link)
        link.abort('stopped')
      }
    },
  }
}
