import { unwrap } from '@lockstep/tensor'
import { AssistError } from '../assist-error.ts'
import {
  decodeEpisode,
  type Episode,
  encodeEpisode,
  exportEpisodes,
  importEpisodes,
  type Seen,
  withId,
} from '../episode/episode.ts'
import { passagesOf } from '../episode/passages.ts'
import { symbolsIn } from '../episode/split.ts'
import type { AssistStorage } from '../episode/storage.ts'
import type { EpisodeSummary } from './assistant.ts'
import { type NewEvent, OpenEpisode } from './open-episode.ts'
import { Pending } from './pending.ts'
import type { Passage, Suggester } from './suggester.ts'

/** Id of the episode under way. */
export const OPEN = 'open'
/** Episodes that are kept; the oldest go. */
export const MOST_EPISODES = 2000
/** Events after which an episode ends, and after how many it is written down again while it goes on. */
const MOST_EVENTS = 1024
const WRITE_EVERY = 64
/** Milliseconds without an action after which the next one begins another episode. */
const PAUSE = 10 * 60 * 1000

const keyOf = (id: string): string => `episodes/${id}`

export type KeptEnvironment = { readonly name: string; readonly bytes: boolean }

/**
 * The episodes of one assistant in its storage and in its memory. What happens is taken in at once, so that one thing
 * cannot come between another; `settled` waits until memory and storage have it too.
 */
export class EpisodeKeeper {
  readonly #storage: AssistStorage
  readonly #suggester: Pick<Suggester, 'remember' | 'forget' | 'remembers'>
  readonly #environment: KeptEnvironment
  readonly #clock: () => number
  readonly #known = new Map<string, EpisodeSummary>()
  /** What the memory was taught of episodes that began since this was opened. Of others it is what `passagesOf` gives. */
  readonly #taught = new Map<string, readonly Passage[]>()
  #open: OpenEpisode | undefined
  #writing: Promise<unknown> = Promise.resolve()
  readonly #pending = new Pending()

  private constructor(
    storage: AssistStorage,
    suggester: Pick<Suggester, 'remember' | 'forget' | 'remembers'>,
    environment: KeptEnvironment,
    clock: () => number,
  ) {
    this.#storage = storage
    this.#suggester = suggester
    this.#environment = environment
    this.#clock = clock
  }

  /** Teaches the memory all episodes that are kept, oldest first. One that was under way when all ended is ended. */
  static async open(
    storage: AssistStorage,
    suggester: Pick<Suggester, 'remember' | 'forget' | 'remembers'>,
    environment: KeptEnvironment,
    clock: () => number,
  ): Promise<EpisodeKeeper> {
    const keeper = new EpisodeKeeper(storage, suggester, environment, clock)
    const left = await storage.get(keyOf(OPEN))
    const ended = left && decodeEpisode(left)
    if (ended?.ok) {
      await storage.put(keyOf(ended.value.id), encodeEpisode(ended.value))
      await storage.delete(keyOf(OPEN))
    }
    const episodes: Episode[] = []
    for (const key of await storage.list('episodes/')) {
      const episode = decodeEpisode((await storage.get(key)) ?? new Uint8Array(0))
      // One that cannot be read must not keep the others from being used; it is left where it lies.
      if (episode.ok && episode.value.environment === environment.name) episodes.push(episode.value)
    }
    for (const episode of inTime(episodes)) await keeper.#take(episode)
    return keeper
  }

  /** The episode under way, which begins with the first thing that happens. */
  current(): OpenEpisode {
    const now = this.#clock()
    this.#open ??= new OpenEpisode(Math.max(0, Math.round(now)))
    return this.#open
  }

  get isUnderWay(): boolean {
    return this.#open !== undefined
  }

  /** Whether the episode under way is at its end, by its length or by the time since the last thing in it. */
  get isOver(): boolean {
    const open = this.#open
    if (!open) return false
    return open.events.length >= MOST_EVENTS || this.#clock() - open.ended > PAUSE
  }

  /** Goes to what is seen now; the memory forgets what was taken back on the way. */
  moveTo(context: Uint16Array): Seen {
    const open = this.current()
    const seen = open.moveTo(context)
    if (seen.back !== undefined && this.#suggester.remembers !== 'episodes') {
      const { forget, learn } = open.takeBack(seen.back)
      for (const passage of forget) this.#pending.add(this.#suggester.forget(passage))
      for (const passage of learn) this.#pending.add(this.#suggester.remember(passage))
    }
    return seen
  }

  /** Writes an event down. What was done is taught to the memory. */
  push(event: NewEvent): void {
    const open = this.current()
    const now = this.#clock()
    open.push(event, now)
    if (event.kind === 'acted' && event.symbols.length > 0) {
      const passage = open.add(event.symbols, Math.round(now))
      if (this.#suggester.remembers !== 'episodes') {
        open.taught.push(passage)
        this.#pending.add(this.#suggester.remember(passage))
      }
    }
    if (open.events.length % WRITE_EVERY === 0) {
      const encoded = encodeEpisode(this.#plain(open))
      this.#write(() => this.#storage.put(keyOf(OPEN), encoded))
    }
  }

  /** Ends the episode under way and gives its id; undefined where nothing was under way. */
  end(): string | undefined {
    const open = this.#open
    this.#open = undefined
    if (!open || open.events.length === 0) return undefined
    const episode = withId(this.#plain(open))
    this.#known.set(episode.id, summaryOf(episode))
    if (this.#suggester.remembers === 'episodes')
      for (const passage of passagesOf(episode)) this.#pending.add(this.#suggester.remember(passage))
    else this.#taught.set(episode.id, open.taught)
    this.#write(async () => {
      await this.#storage.put(keyOf(episode.id), encodeEpisode(episode))
      await this.#storage.delete(keyOf(OPEN))
    })
    return episode.id
  }

  /** Everything so far is in the memory and in the storage. */
  settled(): Promise<void> {
    return this.#pending.settled()
  }

  list(): readonly EpisodeSummary[] {
    const open = this.#open && summaryOf({ ...this.#plain(this.#open), id: OPEN })
    const ended = [...this.#known.values()].sort((a, b) => b.began - a.began || (a.id < b.id ? -1 : 1))
    return open ? [open, ...ended] : ended
  }

  async get(id: string): Promise<Episode | undefined> {
    if (id === OPEN) return this.#open && { ...this.#plain(this.#open), id }
    if (!this.#known.has(id)) return undefined
    await this.#writing
    const encoded = await this.#storage.get(keyOf(id))
    return encoded && unwrap(decodeEpisode(encoded))
  }

  /** The newest that have ended, oldest first: at most `count`, and no more than hold `symbols` symbols but for the last. */
  async newest(count: number, symbols = Number.POSITIVE_INFINITY): Promise<readonly Episode[]> {
    const episodes: Episode[] = []
    let sum = 0
    for (const { id } of this.list()) {
      if (id === OPEN) continue
      if (episodes.length === count || sum >= symbols) break
      const episode = await this.get(id)
      if (!episode) continue
      episodes.push(episode)
      sum += symbolsIn(episode)
    }
    return inTime(episodes)
  }

  has(id: string): boolean {
    return this.#known.has(id)
  }

  /** Takes an episode out of storage and memory. */
  async delete(id: string): Promise<void> {
    const open = id === OPEN ? this.#open : undefined
    if (open) this.#open = undefined
    const episode = open ? undefined : await this.get(id)
    const taught = open?.taught ?? this.#taught.get(id) ?? (episode ? passagesOf(episode) : [])
    // What memory has been told so far of it, it has to know before it can forget it.
    await this.settled()
    this.#known.delete(id)
    this.#taught.delete(id)
    for (const passage of taught.toReversed()) this.#pending.add(this.#suggester.forget(passage))
    this.#write(() => this.#storage.delete(keyOf(id)))
    await this.settled()
  }

  async export(): Promise<Uint8Array> {
    return exportEpisodes(await this.newest(MOST_EPISODES))
  }

  /** Adds those of an export that are not here yet; says how many. Episodes of other environments are refused. */
  async import(exported: Uint8Array): Promise<number> {
    const episodes = unwrap(importEpisodes(exported))
    const other = episodes.find(({ environment }) => environment !== this.#environment.name)
    if (other)
      throw new AssistError(
        'episode-malformed',
        'environment',
        other.environment,
        this.#environment.name,
        'Import it where it comes from.',
      )
    let added = 0
    for (const episode of inTime(episodes)) {
      if (this.#known.has(episode.id)) continue
      this.#write(() => this.#storage.put(keyOf(episode.id), encodeEpisode(episode)))
      await this.#take(episode)
      added++
    }
    await this.settled()
    return added
  }

  /** Ids of the oldest episodes, where there are too many. */
  get tooMany(): readonly string[] {
    const ended = this.list().filter(({ id }) => id !== OPEN)
    return ended.slice(MOST_EPISODES).map(({ id }) => id)
  }

  async #take(episode: Episode): Promise<void> {
    this.#known.set(episode.id, summaryOf(episode))
    for (const passage of passagesOf(episode)) await this.#suggester.remember(passage)
  }

  #plain(open: OpenEpisode): Omit<Episode, 'id'> {
    const { name: environment, bytes } = this.#environment
    return { version: 1, environment, bytes, began: open.began, redacted: false, events: [...open.events] }
  }

  /** One write after another, so that what is written last stays. */
  #write(work: () => Promise<void>): void {
    const done = this.#writing.then(work)
    this.#writing = done.catch(() => undefined)
    this.#pending.add(done)
  }
}

const inTime = (episodes: readonly Episode[]): readonly Episode[] =>
  episodes.toSorted((a, b) => a.began - b.began || (a.id < b.id ? -1 : 1))

const summaryOf = ({ id, began, events }: Episode): EpisodeSummary => ({
  ...{ id, began, lasted: events.at(-1)?.at ?? 0, events: events.length },
  offered: events.filter(({ kind }) => kind === 'offered').length,
  accepted: events.filter((event) => event.kind === 'signal' && event.signal === 'accepted').length,
})
