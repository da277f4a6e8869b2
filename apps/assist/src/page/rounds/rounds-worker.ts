import { AssistError, type Consent, type Leaving, readTextBase } from '@lockstep/assist'
import {
  adoptionOf,
  bytesHash,
  contribute,
  decodeOffer,
  fetchNewest,
  httpCarriage,
  type Part,
  textTraining,
} from '@lockstep/assist/federated'
import { createWasmExecutor, type Fault, FaultError } from '@lockstep/tensor'
import type { Came, Gave, Leave, Said, Turn } from './turn.ts'

/** The worker that takes part in a round: it learns, gives what may leave, fetches the newest base and makes it again. */
const port = globalThis as unknown as {
  postMessage(said: Said): void
  onmessage: (event: { readonly data: Turn | Leave }) => void
}

/** Milliseconds after which a keeper that does not answer is given up. */
const PATIENCE = 60_000

let answered: (leave: Leave) => void = () => {}
const leave = async (what: Leaving, update: Uint8Array, episodes: readonly string[]): Promise<Uint8Array> => {
  const answer = new Promise<Leave>((resolve) => {
    answered = resolve
  })
  port.postMessage({ kind: 'leaving', what, update, episodes })
  const said = await answer
  if (said.ok) return said.update
  throw new AssistError('consent-missing', said.field, said.value, said.limit, said.remedy)
}

/** The person's consent as it is in the page, which is asked again before anything leaves, and writes down what does. */
const consentOf = ({ agreed }: Turn): Pick<Consent, 'list' | 'episodes' | 'update'> => ({
  list: () => (agreed ? [agreed] : []),
  episodes: async (_, episodes) => {
    const ids = episodes.map(({ id }) => id)
    await leave('episodes', new Uint8Array(0), ids)
    return episodes
  },
  update: (_, update, ids) => leave('updates', update, ids),
})

const give = async (part: Part, turn: Turn): Promise<Gave> => {
  const { agreed, gave } = turn
  if (!agreed) return { kind: 'nothing' }
  const offered = await part.carriage.offer()
  if (!offered) return { kind: 'closed' }
  const offer = decodeOffer(offered)
  if (!offer.ok) return refused(offer.fault)
  const { round, opened, closes } = offer.value
  if (gave?.round === round && gave.opened === opened) return { kind: 'already', round: gave, closes }
  port.postMessage({ kind: 'step', step: 'learning' })
  const drawn = crypto.getRandomValues(new Uint8Array(16))
  const given = await contribute(part, {
    consent: consentOf(turn),
    destination: agreed.destination,
    episodes: turn.episodes,
    participant: bytesHash(drawn).slice(0, 34) as `0x${string}`,
  })
  if (!given.ok) return refused(given.fault)
  const of = given.value.offer
  return { kind: 'given', round: { round: of.round, opened: of.opened }, closes: of.closes }
}

const fetchBase = async (part: Part, { tried }: Turn): Promise<Came> => {
  port.postMessage({ kind: 'step', step: 'fetching' })
  const named = await part.carriage.base()
  if (!named.ok) return refused(named.fault)
  if (named.value.lineage === null) return { kind: 'first' }
  if (named.value.root === tried) return { kind: 'tried' }
  const arrived = await fetchNewest(part, { check: true })
  if (!arrived.ok) return refused(arrived.fault)
  const { name, lineage, finding } = arrived.value
  if (!lineage || !finding) return { kind: 'first' }
  const { state, lineage: from } = adoptionOf(part.training, arrived.value)
  return { kind: 'base', name, lineage, finding, state, from }
}

const refused = ({
  field,
  value,
  limit,
  remedy,
}: Fault): { readonly kind: 'refused'; readonly why: string } => ({
  kind: 'refused',
  why: `${field} is ${value}; allowed: ${limit}. ${remedy}`,
})

const take = async (turn: Turn): Promise<void> => {
  port.postMessage({ kind: 'step', step: 'asking' })
  const file = await fetch('base-text.safetensors')
  if (!file.ok) throw new Error(`base-text.safetensors: ${file.status}; start the page's server again.`)
  const executor = await createWasmExecutor({ threads: 1 })
  const training = textTraining(executor, readTextBase(new Uint8Array(await file.arrayBuffer())))
  const carriage = httpCarriage(turn.address, (url, init) =>
    fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) }),
  )
  const part = { executor, training, carriage }
  port.postMessage({ kind: 'gave', gave: await give(part, turn) })
  port.postMessage({ kind: 'came', came: await fetchBase(part, turn) })
}

port.onmessage = ({ data }) => {
  if ('ok' in data) return answered(data)
  take(data).catch((error: unknown) => {
    const why =
      error instanceof FaultError ? error.fault.code : error instanceof Error ? error.message : `${error}`
    port.postMessage({ kind: 'failed', why })
  })
}
