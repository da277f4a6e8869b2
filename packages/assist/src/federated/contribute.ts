import type { Hex } from '@lockstep/proof'
import { fail, type Result } from '@lockstep/tensor'
import { AssistError } from '../assist-error.ts'
import type { Given as Agreed, Consent } from '../consent/consent.ts'
import { type Episode, encodeEpisode } from '../episode/episode.ts'
import { redact } from '../episode/redact.ts'
import { ROUND_LIMITS } from './offer.ts'
import { sharedEpisode } from './shared-episode.ts'
import { type Given, type Part, takePart } from './take-part.ts'

export type Contribution = {
  readonly consent: Pick<Consent, 'list' | 'episodes' | 'update'>
  /** The keeper, as the person knows it: what consent is asked for. */
  readonly destination: string
  /** What to learn from, oldest first. */
  readonly episodes: readonly Episode[]
  /** 16 bytes drawn for this round. */
  readonly participant: Hex
}

/**
 * Takes part in the open round with as much as the person has agreed to for this destination. What is learned from is
 * redacted in either case, since parameters may keep what they were learned from. Without consent the keeper is not even asked. Consent is looked at again at the moment of sending, when what leaves is logged too: who withdraws
 * it while the assistant learns has sent nothing.
 */
export const contribute = async (
  part: Part,
  { consent, destination, episodes, participant }: Contribution,
): Promise<Result<Given>> => {
  const agreed = consent.list().find((one) => one.destination === destination)
  if (agreed === undefined) return takePart(part, [], 'nothing', participant)
  const all = redacted(episodes, agreed)
  const chosen = agreed.what === 'episodes' ? newest(all) : all
  const ids = chosen.map(({ from }) => from.id)
  const { carriage } = part
  const give = async (update: Uint8Array): ReturnType<typeof carriage.give> => {
    if (agreed.what === 'episodes')
      await consent.episodes(
        destination,
        chosen.map(({ from }) => from),
      )
    return carriage.give(await consent.update(destination, update, ids))
  }
  const share = agreed.what === 'episodes' ? 'episodes' : 'update'
  const bytes = chosen.map((one) => one.bytes)
  try {
    return await takePart({ ...part, carriage: { ...carriage, give } }, bytes, share, participant)
  } catch (error) {
    if (!(error instanceof AssistError) || error.code !== 'consent-missing') throw error
    const { code, field, value, limit, remedy } = error
    return fail({ code, field, value, limit, remedy })
  }
}

type Chosen = { readonly from: Episode; readonly bytes: Uint8Array }

const redacted = (episodes: readonly Episode[], { rules }: Agreed): Chosen[] =>
  episodes.map((from) => ({ from, bytes: encodeEpisode(sharedEpisode(redact(from, rules))) }))

/** As many of the newest as an update has room for, oldest first. */
const newest = (chosen: readonly Chosen[]): Chosen[] => {
  const fitting: Chosen[] = []
  let left: number = ROUND_LIMITS.shared
  for (const one of chosen.toReversed()) {
    left -= one.bytes.length
    if (left < 0 || fitting.length === ROUND_LIMITS.episodes) break
    fitting.unshift(one)
  }
  return fitting
}
