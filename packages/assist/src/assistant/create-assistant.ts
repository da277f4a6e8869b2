import { AssistError } from '../assist-error.ts'
import { type Consent, openConsent } from '../consent/consent.ts'
import type { Environment } from '../environment/environment.ts'
import { ENVIRONMENT_NAME, EPISODE_LIMITS, type Episode, type Signal } from '../episode/episode.ts'
import { splitEpisodes, symbolsIn } from '../episode/split.ts'
import type { AssistStorage } from '../episode/storage.ts'
import type { Acceptance, OfferFeatures } from '../offering/acceptance.ts'
import { bestOf, type Cut, cutsOf, type Moment, worthOf } from '../offering/decide.ts'
import { naturalLog } from '../offering/natural-log.ts'
import { createPatience } from '../offering/patience.ts'
import { createPrice } from '../offering/price.ts'
import { checked, jsonIn } from '../schema-fault.ts'
import { openVersions, type Versions } from '../versions/versions.ts'
import type { Assistant, Explanation, LearnOutcome, Offer } from './assistant.ts'
import { EpisodeKeeper, OPEN } from './episode-keeper.ts'
import { Outcomes } from './outcomes.ts'
import { checkedSettings, type Settings } from './settings.ts'
import type { Suggester } from './suggester.ts'
import { Tally, type TallyState, tallySchema } from './tally.ts'

export type AssistantOptions<State, Action> = {
  readonly environment: Environment<State, Action>
  /** The model: here, or in a worker. It stays its owner's to close. */
  readonly suggester: Suggester
  readonly acceptance: Acceptance
  /** The person's own: nobody else writes in it. */
  readonly storage: AssistStorage
  /** Consents that are kept elsewhere; in `storage` if absent. */
  readonly consent?: Consent
  /** Milliseconds since 1970. Everything that depends on time asks it. */
  readonly clock: () => number
  /** Where the person has set nothing yet. */
  readonly settings?: Partial<Settings>
}

/** Explanations that are kept, and offers that can still be taken back. */
const REMEMBERED = 100
/** Offers that the recent rate is of. */
const RECENT = 20
/** Seconds and actions beyond which more make no difference. */
const LONGEST_PAUSE = 10
const LONGEST_SINCE = 100
/** Fewer symbols are no basis for an update. */
const LEAST_SYMBOLS = 200
/** Symbols of the episodes that an update looks at, about: more are not learned in so many steps. */
const LESSON_SYMBOLS = 60_000

type Made<Action> = {
  readonly offer: Offer<Action>
  /** Its number in its episode, and which that is, counted from 0. */
  readonly number: number
  readonly episode: number
  readonly ticket: number // with the patience
  readonly explanation: Explanation
  /** What is left of it as the person types along. */
  rest: Uint16Array
  saved: number
  /** What is seen where the rest goes on. */
  seen: Uint16Array
  status: 'open' | 'taken' | 'ended'
  setWanted?: (wanted: boolean) => void
}

/**
 * Joins an application with a model. It watches what the person does, offers help where that is likely to be worth the
 * look, and learns from what becomes of it. Nothing runs by itself: time passes by the clock, and everything that is
 * begun is waited for by the promise of the call that began it; so a replay is as exact as the model.
 *
 * `acted` may be called without waiting for the one before. The sooner one of two calls of `offer` gives undefined.
 */
export const createAssistant = async <State, Action>(
  options: AssistantOptions<State, Action>,
): Promise<Assistant<State, Action>> => {
  const { environment, suggester, acceptance, storage, clock } = options
  checkEnvironment(environment, suggester)
  let settings = await storedSettings(storage, checkedSettings(options.settings))
  const consent = options.consent ?? (await openConsent(storage, clock))
  const opened = clock()
  const versions = await openVersions(storage, await suggester.state(), {
    at: opened,
    kept: () => settings.versions,
  })
  await loadCurrent(suggester, versions)
  const { name, bytes = false } = environment
  const keeper = await EpisodeKeeper.open(storage, suggester, { name, bytes }, clock)
  const outcomes = await Outcomes.open(storage, acceptance)
  const tally = new Tally(await storedTally(storage))
  const patience = createPatience(() => settings.patience)
  const price = createPrice(() => settings.patience)
  const terms = () => ({ attention: settings.attention, least: settings.least, price: price.now() })

  let turn = 0 // every action and every question begins another one
  let isClosed = false
  let episode = 0
  let open: Made<Action> | undefined
  let shadow: { readonly features: OfferFeatures; rest: Uint16Array } | undefined
  let isSentAway = false // until the next action
  let lastAction = Number.NEGATIVE_INFINITY
  let since = LONGEST_SINCE
  const recent: boolean[] = []
  const made = new Map<string, Made<Action>>()
  let serial = 0
  let fresh = 0 // symbols since the last update
  let isAdopting = false

  const alive = (): void => {
    if (isClosed)
      throw new AssistError('assistant-closed', 'assistant', 'closed', 'an open one', 'Create another one.')
  }
  const settled = async (): Promise<void> => {
    await keeper.settled()
    await outcomes.settled()
  }

  /** An offer that is open stays: what becomes of it is told to nobody but the counts. */
  const endEpisode = (): string | undefined => {
    shadow = undefined
    const id = keeper.end()
    if (id !== undefined) {
      outcomes.rename(OPEN, id)
      episode++
    }
    return id
  }

  /** A signal goes into the episode that the offer was made in, if that is still under way. */
  const signal = (one: Made<Action>, what: Signal): void => {
    if (one.episode === episode && keeper.isUnderWay)
      keeper.push({ kind: 'signal', offer: one.number, signal: what })
  }

  /** The offer that is open ends without being taken. */
  const close = (what: 'ignored' | 'dismissed'): void => {
    const one = open
    if (!one) return
    open = undefined
    one.status = 'ended'
    signal(one, what)
    patience.unwanted(one.ticket)
    price.unwanted()
    tally.worst = Math.max(tally.worst, patience.worst())
    tally.count('unwanted')
    ended(one, false)
  }

  const ended = (one: Made<Action>, wanted: boolean): void => {
    since = 0
    recent.push(wanted)
    if (recent.length > RECENT) recent.shift()
    one.setWanted = outcomes.add(OPEN, one.explanation.features, wanted)
  }

  /** What is seen now. Whatever was offered for something else is over. */
  const moveTo = (context: Uint16Array): ReturnType<EpisodeKeeper['moveTo']> => {
    const seen = keeper.moveTo(context)
    if (seen.context || seen.back !== undefined) {
      close('ignored')
      shadow = undefined
    }
    return seen
  }

  /** What the person did themselves goes along with an offer, or ends it. Of one that was held back it shows what it was worth. */
  const compare = (symbols: Uint16Array): void => {
    if (open) {
      if (symbols.length > 0 && beginsWith(open.rest, symbols)) {
        open.rest = open.rest.slice(symbols.length)
        open.seen = after(open.seen, symbols, mostSeen)
        if (open.rest.length === 0) close('ignored')
      } else close('ignored')
    }
    if (shadow) {
      const { features, rest } = shadow
      if (symbols.length > 0 && beginsWith(rest, symbols)) {
        shadow.rest = rest.slice(symbols.length)
        if (shadow.rest.length > 0) return
        outcomes.add(OPEN, features, true)
      } else outcomes.add(OPEN, features, false)
      shadow = undefined
    }
  }

  const countAction = (symbols: number): void => {
    patience.acted()
    price.acted()
    tally.count('actions')
    tally.symbols += symbols
    fresh += symbols
    since = Math.min(LONGEST_SINCE, since + 1)
    lastAction = clock()
    isSentAway = false
  }

  const mostSeen = Math.min(suggester.context, EPISODE_LIMITS.context)
  const contextOf = (state: State): Uint16Array => environment.context(state, mostSeen)

  const momentNow = (): Moment => ({
    pause: Math.min(LONGEST_PAUSE, Math.max(0, (clock() - lastAction) / 1000)),
    since,
    recent: (recent.filter((wanted) => wanted).length + 1) / (recent.length + 2),
  })

  const present = (
    { symbols, action, saved, features }: Cut<Action>,
    probability: number,
    latency: number,
    context: Uint16Array,
  ): Offer<Action> => {
    if (keeper.isOver) endEpisode()
    const seen = moveTo(context)
    const version = versions.current().id
    const number = keeper.current().offers++
    keeper.push({ kind: 'offered', offer: number, symbols, version, probability, saved, ...seen })
    const offer: Offer<Action> = { id: `offer-${serial++}`, symbols, action, saved, probability, version }
    const { attention, price } = terms()
    const explanation: Explanation = {
      ...{ probability, saved, expected: probability * saved, attention, price },
      value: worthOf(probability, saved, { attention, price }),
      ...{ features, version, latency },
      patience: { used: patience.used(), allowed: settings.patience },
    }
    const ticket = patience.offered()
    open = {
      ...{ offer, number, episode, ticket, explanation, rest: symbols, saved, seen: context },
      status: 'open',
    }
    made.set(offer.id, open)
    if (made.size > REMEMBERED) made.delete(made.keys().next().value!)
    tally.count('offered')
    return offer
  }

  /** The offer that is open, less what the person has typed of it since; no model is asked. */
  const narrowed = (one: Made<Action>, state: State): Offer<Action> | undefined => {
    if (one.rest.length === one.offer.symbols.length) return one.offer
    const action = environment.actionOf(one.rest, state)
    if (action === undefined) return undefined
    one.saved = environment.saved(one.rest, state)
    return { ...one.offer, symbols: one.rest, action, saved: one.saved }
  }

  const regret = (offer: Offer<Action>, what: 'edited' | 'undone'): void => {
    const one = made.get(offer.id)
    if (one?.status !== 'taken') return
    one.status = 'ended'
    signal(one, what)
    one.setWanted?.(false)
    if (!patience.unwanted(one.ticket)) return
    price.unwanted()
    tally.worst = Math.max(tally.worst, patience.worst())
    tally.count('unwanted')
    tally.count('saved', -one.saved)
  }

  const save = async (): Promise<void> => {
    await outcomes.save()
    await storage.put('metrics', new TextEncoder().encode(JSON.stringify(tally.state())))
  }

  // Training: one at a time. Where it was begun by `idle` it waits whenever the person acts, until `idle` again.
  let training: Promise<LearnOutcome> | undefined
  let isStopping = false
  let isPatient = false
  let resume: (() => void) | undefined
  let spent = 0
  let began = 0

  const between = async (): Promise<boolean> => {
    if (isPatient && !isStopping && turnOfTraining !== turn) {
      spent += clock() - began
      await new Promise<void>((go) => {
        resume = go
      })
      resume = undefined
      began = clock()
    }
    return !isStopping
  }
  let turnOfTraining = 0

  const lessons = async (): Promise<{ older: readonly Episode[]; newer: readonly Episode[] } | undefined> => {
    const episodes = await keeper.newest(settings.episodes, LESSON_SYMBOLS)
    const symbols = episodes.reduce((sum, one) => sum + symbolsIn(one), 0)
    return symbols < LEAST_SYMBOLS ? undefined : splitEpisodes(episodes, settings.heldOut)
  }

  const train = async (): Promise<LearnOutcome> => {
    endEpisode()
    await settled()
    const split = await lessons()
    if (!split) return { applied: false, why: 'too little' }
    began = clock()
    const learned = await suggester.learn({
      ...{ episodes: split.older, heldOut: split.newer, steps: settings.steps },
      ...{ seed: versions.list().length + Math.floor(tally.metrics().actions), between },
    })
    spent += clock() - began
    if (!learned || isStopping) return { applied: false, why: 'stopped' }
    fresh = 0
    const { heldOut, receipt, state } = learned
    if (!(heldOut.after < heldOut.before)) return { applied: false, why: 'no better', heldOut }
    // What was deleted meanwhile must not come back in a version.
    if (!receipt.episodes.every((id) => keeper.has(id))) return { applied: false, why: 'stopped' }
    const version = await versions.add({ state, receipt, heldOut, origin: 'own', at: clock() })
    await suggester.load(state)
    return { applied: true, version: version.id, heldOut }
  }

  const begin = (patient: boolean): Promise<LearnOutcome> => {
    isPatient = patient
    isStopping = false
    turnOfTraining = turn
    training = train().finally(() => {
      training = undefined
    })
    return training
  }
  const stopTraining = async (): Promise<void> => {
    isStopping = true
    resume?.()
    await training?.catch(() => undefined)
  }

  return {
    acted: async (state, action) => {
      alive()
      turn++
      suggester.cancel()
      if (keeper.isOver) {
        close('ignored')
        endEpisode()
      }
      const all = environment.symbolsOf(action, state)
      checkSymbols(all, environment)
      // A long paste is told by its end: what follows says what is seen.
      const symbols = all.length > EPISODE_LIMITS.symbols ? all.slice(0, 0) : all
      const seen = moveTo(contextOf(state))
      compare(symbols)
      keeper.push({ kind: 'acted', symbols, ...seen })
      countAction(symbols.length)
      await settled()
    },

    offer: async (state) => {
      alive()
      const context = contextOf(state)
      if (open && !sameSymbols(open.seen, context)) close('ignored')
      if (open) return narrowed(open, state)
      if (!settings.offers || isAdopting || isSentAway || !patience.allows()) return undefined
      const now = ++turn
      const started = clock()
      const moment = momentNow()
      const least = naturalLog(settings.least)
      const suggestion = await suggester.suggest(context, { most: environment.offers.most, least })
      const isPast = (): boolean => {
        if (now === turn && suggestion && !isClosed) return false
        tally.cancelled++
        return true
      }
      if (isPast()) return undefined
      const cuts = cutsOf(suggestion!, state, environment, moment)
      if (cuts.length === 0) return undefined
      const probabilities = await acceptance.probabilities(cuts.map(({ features }) => features))
      if (isPast()) return undefined
      const latency = clock() - started
      if (latency > settings.latency) {
        tally.late++
        return undefined
      }
      const best = bestOf(cuts, probabilities, terms())
      if (!best) return undefined
      const { cut, probability, isWorth } = best
      if (!isWorth || !patience.allows()) {
        shadow ??= { features: { ...cut.features, shown: 0 }, rest: cut.symbols }
        return undefined
      }
      return present(cut, probability, latency, context)
    },

    accepted: async (offer) => {
      alive()
      const one = open
      if (one?.offer.id !== offer.id) return
      turn++
      suggester.cancel()
      open = undefined
      shadow = undefined
      one.status = 'taken'
      const isHere = one.episode === episode && keeper.isUnderWay
      signal(one, 'accepted')
      const seen = moveTo(one.seen)
      keeper.push({ kind: 'acted', symbols: one.rest, ...seen, ...(isHere && { taken: one.number }) })
      patience.accepted(one.ticket)
      tally.count('accepted')
      tally.count('saved', one.saved)
      ended(one, true)
      countAction(one.rest.length)
      await settled()
    },

    dismissed: async (offer) => {
      alive()
      if (open?.offer.id !== offer.id) return
      close('dismissed')
      isSentAway = true
      await settled()
    },

    edited: async (offer) => {
      alive()
      regret(offer, 'edited')
      await settled()
    },
    undone: async (offer) => {
      alive()
      regret(offer, 'undone')
      await settled()
    },

    explain: ({ id }) => made.get(id)?.explanation,

    learn: async () => {
      alive()
      if (!training) return begin(false)
      // One that waits for an idle moment goes on now.
      isPatient = false
      resume?.()
      return training
    },

    idle: async () => {
      alive()
      if (training) {
        turnOfTraining = turn
        resume?.()
        return training
      }
      const isAllowed = spent <= settings.share * (clock() - opened)
      if (!settings.learns || fresh < settings.every || !isAllowed) return { applied: false, why: 'not now' }
      return begin(true)
    },

    adopt: async ({ state, lineage }) => {
      alive()
      if (training || isAdopting) return { applied: false, why: 'not now' }
      endEpisode()
      await settled()
      const split = await lessons()
      if (!split) return { applied: false, why: 'too little' }
      const exam = { after: split.older, on: split.newer }
      const own = await suggester.state()
      isAdopting = true
      turn++
      try {
        const before = await suggester.evaluate(exam)
        await suggester.load(state)
        const heldOut = { before, after: await suggester.evaluate(exam) }
        if (!(heldOut.after < heldOut.before)) {
          await suggester.load(own)
          return { applied: false, why: 'no better', heldOut }
        }
        const version = await versions.add({ state, lineage, heldOut, origin: 'shared', at: clock() })
        return { applied: true, version: version.id, heldOut }
      } catch (error) {
        await suggester.load(own)
        throw error
      } finally {
        isAdopting = false
      }
    },

    episodes: {
      list: async () => keeper.list(),
      get: (id) => keeper.get(id),
      delete: async (id) => {
        alive()
        await stopTraining()
        if (id === OPEN) {
          close('ignored')
          shadow = undefined
          episode++
        }
        await keeper.delete(id)
        await outcomes.delete(id)
        const state = await versions.unlearn(id)
        if (state) await suggester.load(state)
      },
      end: async () => {
        alive()
        close('ignored')
        const id = endEpisode()
        await settled()
        for (const old of keeper.tooMany) await keeper.delete(old)
        await save()
        return id
      },
      export: async () => {
        endEpisode()
        await settled()
        return keeper.export()
      },
      import: (exported) => keeper.import(exported),
    },

    versions: {
      list: versions.list,
      current: versions.current,
      state: versions.state,
      rollback: async (id) => {
        alive()
        await stopTraining()
        await suggester.load(await versions.rollback(id))
      },
    },
    consent,
    metrics: () => tally.metrics(),
    settings: () => settings,
    set: async (some) => {
      settings = checkedSettings({ ...settings, ...some })
      if (!settings.offers) close('ignored')
      await storage.put('settings', new TextEncoder().encode(JSON.stringify(settings)))
      return settings
    },
    close: async () => {
      if (isClosed) return
      await stopTraining()
      close('ignored')
      endEpisode()
      isClosed = true
      suggester.cancel()
      await settled()
      await save()
    },
  }
}

/** The version of the last time; where its state is damaged, or another model's, the base. */
const loadCurrent = async (suggester: Suggester, versions: Versions): Promise<void> => {
  const { id, origin } = versions.current()
  const base = versions.list().findLast((one) => one.origin === 'base')!
  if (origin === 'base' && id === base.id) return
  try {
    await suggester.load(await versions.state(id))
  } catch {
    await suggester.load(await versions.rollback(base.id))
  }
}

const beginsWith = (symbols: Uint16Array, beginning: Uint16Array): boolean =>
  beginning.length <= symbols.length && beginning.every((symbol, i) => symbols[i] === symbol)

const sameSymbols = (a: Uint16Array, b: Uint16Array): boolean => a.length === b.length && beginsWith(a, b)

/** What is seen after some symbols: as much as before, the oldest of it gone. */
const after = (seen: Uint16Array, symbols: Uint16Array, most: number): Uint16Array =>
  Uint16Array.from([...seen, ...symbols].slice(-most))

const checkEnvironment = <State, Action>(
  { name, symbols, offers }: Environment<State, Action>,
  suggester: Suggester,
): void => {
  const bad = (field: string, value: unknown, limit: string): AssistError =>
    new AssistError('environment-invalid', field, value, limit, 'Describe the application within the limits.')
  if (!ENVIRONMENT_NAME.test(name)) throw bad('environment.name', name, String(ENVIRONMENT_NAME))
  const most = EPISODE_LIMITS.symbol
  if (!Number.isInteger(symbols) || symbols < 2 || symbols > most)
    throw bad('environment.symbols', symbols, `2 to ${most}`)
  if (symbols > suggester.symbols)
    throw bad('environment.symbols', symbols, `at most ${suggester.symbols}, which the model knows`)
  if (!Number.isInteger(offers.most) || offers.most < 1 || offers.most > 256)
    throw bad('environment.offers.most', offers.most, '1 to 256')
}

const checkSymbols = (symbols: Uint16Array, environment: { readonly symbols: number }): void => {
  const wrong = symbols.find((symbol) => symbol >= environment.symbols)
  if (wrong === undefined) return
  const limit = `below ${environment.symbols}`
  throw new AssistError('environment-invalid', 'symbol of an action', wrong, limit, 'Mend symbolsOf.')
}

/** What the person has set, or what is given where that cannot be read. */
const storedSettings = async (storage: AssistStorage, given: Settings): Promise<Settings> => {
  const stored = await storage.get('settings')
  if (!stored) return given
  const json = jsonIn(stored, 2 ** 16, {
    code: 'storage-invalid',
    whole: 'settings',
    remedy: 'Set them again.',
  })
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return given
  try {
    return checkedSettings({ ...given, ...json.value })
  } catch (error) {
    if (error instanceof AssistError) return given
    throw error
  }
}

/** Counts are told, not trusted: where they cannot be read they begin again. */
const storedTally = async (storage: AssistStorage): Promise<TallyState | undefined> => {
  const stored = await storage.get('metrics')
  if (!stored) return undefined
  const about = { code: 'storage-invalid', whole: 'metrics', remedy: 'They begin again.' }
  const json = jsonIn(stored, 2 ** 22, about)
  const read = json.ok ? checked(tallySchema, json.value, about) : json
  return read.ok ? read.value : undefined
}
