import { decodeJobManifest, faucetProtocol, type HistoryMessage } from '@lockstep/client'
import { dripCall } from '@lockstep/contracts'
import { type Accept, blobLength, parseBlobId } from '@lockstep/network'
import { catchFault, describeFault, type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { sendIntent } from './carry-out.ts'
import type { NodeParts } from './parts.ts'

/** The longest blob that a relay keeps for others, as a part of its disk. */
const SHARE = 8

/** Whether a blob that somebody offers belongs to a job on the chain: its manifest says so, and the chain binds that. */
export const acceptForJobs =
  ({
    mailbox,
    read,
    addresses,
    chainId,
    config,
  }: Pick<NodeParts, 'mailbox' | 'read' | 'addresses' | 'chainId' | 'config'>): Accept =>
  async ({ id, reason }) => {
    const job = Number(reason.job)
    if (reason.chain !== chainId || reason.market.toLowerCase() !== addresses.market.toLowerCase())
      return fail(refused('market', `${reason.market} on chain ${reason.chain}`, 'this relay’s market'))
    const most = Math.floor(config.policy.caps.disk / SHARE)
    if (blobLength(id) > most)
      return fail(refused('blob', `${blobLength(id)} bytes`, `at most ${most} bytes`))
    if (mailbox.announcement(job) === undefined) await mailbox.ask(job)
    const announced = mailbox.announcement(job)
    // Asked of the chain itself: its events come a little later.
    const { status } = await read.job(job)
    if (announced === undefined || (status !== 'open' && status !== 'cancelled'))
      return fail(refused('job', job, 'an open job whose manifest was announced'))
    const manifest = decodeJobManifest(new TextEncoder().encode(announced.manifest))
    if (!manifest.ok) return manifest
    const { programs, tokenizer, states, inputs } = manifest.value
    if (![...programs, tokenizer, ...states, ...inputs].includes(id))
      return fail(refused('blob', id, 'one that the job’s manifest names'))
    return ok(`job:${job}`)
  }

/** Keeps the final states of claimed slices, so that who comes after need not wait for their maker. */
export const keepState = async (
  { blobs, blobStore, peer, mailbox, config, log, stopped }: NodeParts,
  history: HistoryMessage,
): Promise<void> => {
  const id = parseBlobId(history.state)
  if (!id.ok || blobStore.has(id.value)) return
  if (blobLength(id.value) > config.policy.caps.disk / SHARE) return
  const sources = history.holders.filter((holder) => holder !== peer.id)
  const fetched = await blobs.fetch(id.value, sources, { signal: stopped })
  if (!fetched.ok) {
    log.debug(
      { claim: history.claim, fault: fetched.fault },
      `state not kept: ${describeFault(fetched.fault)}`,
    )
    return
  }
  const pinned = catchFault(() => blobStore.pin(id.value, `job:${history.job}`))
  if (!pinned.ok) {
    log.warn({ claim: history.claim, fault: pinned.fault }, `state not kept: ${describeFault(pinned.fault)}`)
    return
  }
  await mailbox.tell({ ...history, holders: [peer.id, ...history.holders].slice(0, 16) })
}

/** Gives newcomers what they need to begin, where the network has a faucet and this node is to serve it. */
export const serveFaucet = (parts: NodeParts): void => {
  const { peer, addresses, log } = parts
  const { faucet } = addresses
  if (faucet === undefined) return
  peer.protocol(faucetProtocol).serve(async ({ to }, from): Promise<Result<{ given: `0x${string}`[] }>> => {
    const given: `0x${string}`[] = []
    for (const address of new Set(to)) {
      const hour = Math.floor(parts.now() / 3600)
      const sent = await sendIntent(parts, `drip:${address}:${hour}`, dripCall(faucet, address))
      if (!sent.ok) return given.length > 0 ? ok({ given }) : sent
      given.push(address)
    }
    log.info({ given, from }, 'faucet')
    return ok({ given })
  })
}

const refused = (field: string, value: string | number, limit: string): Fault => ({
  code: 'offer-refused',
  field,
  value,
  limit,
  remedy: 'Post and announce the job first.',
})
