import type { Assistant, Episode, Explanation, LearnOutcome } from '@lockstep/assist'
import { textOf } from '@lockstep/assist'
import { button, byId, make } from '../element.ts'
import { bits, counted, lasted, numbersOf, percent, size, type Unit, when, whyOffered } from './in-words.ts'
import { drawUse } from './use-plot.ts'

/** What of an assistant has nothing to do with what it assists in. */
export type Room = Pick<
  Assistant<never, never>,
  'episodes' | 'versions' | 'consent' | 'metrics' | 'settings' | 'set' | 'learn' | 'explain'
>

export type Panel = {
  /** Shows the assistant of another application. */
  show(room: Room, unit: Unit): void
  /** Has it drawn anew soon, for something has changed. */
  refresh(): void
  explain(explanation: Explanation | undefined): void
  /** Says what came of an update. */
  learned(outcome: LearnOutcome): void
}

export type PanelEvents = {
  /** Says something at once, to whoever listens too. */
  readonly say: (words: string) => void
  readonly failed: (error: unknown) => void
  /** Something was forgotten or gone back to: offers that are seen may not be what the assistant would say now. */
  readonly changed: () => void
  /** What a button asked for is done. */
  readonly settled: () => void
  readonly learning: (isLearning: boolean) => void
}

/** Versions and episodes and destinations, newest first, that are listed at once. */
const LISTED = 50

/** Who of those shown takes part in rounds, and the card of it. */
export type Shared = { readonly room: Room; readonly card: { draw(): void } }

export const openPanel = (events: PanelEvents, shared?: Shared): Panel => {
  let room: Room | undefined
  let unit: Unit = 'keystroke'
  let isDue = false
  let shownEpisode: string | undefined

  /** Does what a button asks for, and shows what has changed. */
  const act = (work: (room: Room) => Promise<unknown>, words?: string): void => {
    if (!room) return
    work(room).then(
      () => {
        if (words) events.say(words)
        events.settled()
        refresh()
      },
      (error: unknown) => events.failed(error),
    )
  }

  const drawFigures = (room: Room): void => {
    const { actions, symbols, offered, accepted, acceptRate, saved, unwantedPerHundred, worstHundred } =
      room.metrics()
    const spared = Math.max(0, saved) / Math.max(1, symbols)
    const figures: [string, string, string][] = [
      [
        `${unit}s spared`,
        percent(spared),
        `${counted(saved, unit)} of ${counted(symbols, unit === 'move' ? 'move' : 'character')}`,
      ],
      ['offers taken', percent(acceptRate), `${accepted} of ${offered}`],
      [
        'unwanted in 100',
        unwantedPerHundred.toFixed(1),
        `at worst ${worstHundred}, in ${counted(actions, 'action')}`,
      ],
    ]
    byId('figures').replaceChildren(
      ...figures.map(([name, figure, more]) =>
        make('div', {}, make('dt', {}, name), make('dd', {}, make('b', {}, figure), make('small', {}, more))),
      ),
    )
    drawUse(byId('plot'), room.metrics())
  }

  const drawVersions = (room: Room): void => {
    const current = room.versions.current().id
    const items = room.versions
      .list()
      .slice(0, LISTED)
      .map((version) => {
        const isCurrent = version.id === current
        const { heldOut, receipt } = version
        const origin = { base: 'What it came with', own: 'Learned from you', shared: 'Shared by others' }
        const item = make(
          'li',
          isCurrent ? { class: 'current', 'aria-current': 'true' } : {},
          make(
            'div',
            { class: 'row' },
            make('b', {}, origin[version.origin]),
            make('span', { class: 'quiet' }, when(version.at)),
          ),
        )
        if (heldOut)
          item.append(
            make(
              'p',
              {},
              `${bits(heldOut.before)} → ${bits(heldOut.after)} bits a symbol on what you did last`,
            ),
          )
        if (receipt)
          item.append(
            make(
              'details',
              {},
              make(
                'summary',
                {},
                `Receipt: ${counted(receipt.steps, 'step')} from ${counted(receipt.episodes.length, 'episode')}`,
              ),
              pairs([
                ['Program', receipt.program],
                ['State before', receipt.before],
                ['State after', receipt.after],
                ...receipt.inputs.map((root, i): [string, string] => [`Data ${i + 1}`, root]),
              ]),
            ),
          )
        if (version.lineage !== undefined)
          item.append(make('p', { class: 'quiet lineage' }, `Lineage ${version.lineage}`))
        if (isCurrent) item.append(make('p', { class: 'quiet' }, 'In use'))
        else
          item.append(
            button('Go back to this', `Go back to ${origin[version.origin]}, ${when(version.at)}`, () =>
              act(async (room) => {
                await room.versions.rollback(version.id)
                events.changed()
              }, 'Went back to another version.'),
            ),
          )
        return item
      })
    byId('versions').replaceChildren(...items)
  }

  const drawEpisodes = async (room: Room): Promise<void> => {
    const list = await room.episodes.list()
    const items = list
      .slice(0, LISTED)
      .map(({ id, began, lasted: time, events: count, offered, accepted }) => {
        const name = id === 'open' ? 'This one, still open' : when(began)
        return make(
          'li',
          {},
          make('div', { class: 'row' }, make('b', {}, name), make('span', { class: 'quiet' }, lasted(time))),
          make(
            'p',
            { class: 'quiet' },
            `${counted(count, 'event')}, ${accepted} of ${counted(offered, 'offer')} taken`,
          ),
          make(
            'div',
            { class: 'buttons' },
            button('Look', `Look into ${name}`, () => act((room) => showEpisode(room, id))),
            button('Delete', `Delete ${name}`, () =>
              act(async (room) => {
                await room.episodes.delete(id)
                if (shownEpisode === id) hideEpisode()
                events.changed()
              }, 'Deleted, and forgotten.'),
            ),
          ),
        )
      })
    if (list.length > LISTED)
      items.push(make('li', { class: 'quiet' }, `and ${list.length - LISTED} older ones`))
    if (items.length === 0) items.push(make('li', { class: 'quiet' }, 'Nothing yet.'))
    byId('episodes').replaceChildren(...items)
  }

  const hideEpisode = (): void => {
    shownEpisode = undefined
    byId('episode').hidden = true
  }

  const showEpisode = async (room: Room, id: string): Promise<void> => {
    const episode = await room.episodes.get(id)
    const host = byId('episode')
    shownEpisode = id
    const head = make(
      'div',
      { class: 'row' },
      make('b', {}, episode ? `Began ${when(episode.began)}` : 'It is gone.'),
      button('Close', 'Close this episode', hideEpisode),
    )
    host.replaceChildren(head, ...(episode ? eventsOf(episode) : []))
    host.hidden = false
    host.focus()
  }

  const drawConsent = (room: Room): void => {
    const { consent } = room
    const given = consent.list()
    byId('rounds').hidden = room !== shared?.room
    if (room === shared?.room) shared.card.draw()
    byId('consent-words').textContent =
      given.length === 0
        ? 'Nothing may leave this browser.'
        : `You have allowed ${counted(given.length, 'destination')}. All else stays here.`
    byId('consents').replaceChildren(
      ...given.map(({ destination, what, at }) =>
        make(
          'li',
          {},
          make('b', {}, destination),
          make(
            'p',
            { class: 'quiet' },
            `${what === 'episodes' ? 'Redacted episodes and updates' : 'Updates of the model only'}, since ${when(at)}`,
          ),
          button('Withdraw', `Withdraw consent for ${destination}`, () =>
            act(({ consent }) => consent.withdraw(destination), `Nothing more leaves to ${destination}.`),
          ),
        ),
      ),
    )
    const log = consent.log().slice(0, LISTED)
    byId('left').replaceChildren(
      ...(log.length === 0
        ? [make('li', { class: 'quiet' }, 'Nothing has ever left.')]
        : log.map(({ destination, what, at, bytes, digest, episodes }) =>
            make(
              'li',
              {},
              make('b', {}, destination),
              make(
                'p',
                { class: 'quiet' },
                `${when(at)}: ${what === 'episodes' ? 'episodes' : 'an update'} of ${size(bytes)}, from ${counted(episodes.length, 'episode')}`,
              ),
              make('code', {}, digest),
            ),
          )),
    )
  }

  const drawSettings = (room: Room): void => {
    const { offers, learns, patience, attention } = room.settings()
    byId<HTMLInputElement>('offers').checked = offers
    byId<HTMLInputElement>('learns').checked = learns
    for (const [id, value] of [
      ['patience', patience],
      ['attention', attention],
    ] as const) {
      const field = byId<HTMLInputElement>(id)
      if (document.activeElement !== field) field.value = String(value)
      byId(`${id}-now`).textContent = field.value
    }
  }

  /** What is folded up is not drawn: people with years of episodes should not wait for them at every offer. */
  const isOpen = (id: string): boolean => byId<HTMLDetailsElement>(id).open

  const redraw = async (): Promise<void> => {
    isDue = false
    if (!room || document.hidden) return
    drawFigures(room)
    if (isOpen('learned')) drawVersions(room)
    if (isOpen('consent-card')) drawConsent(room)
    if (isOpen('settings-card')) drawSettings(room)
    if (isOpen('episodes-card')) await drawEpisodes(room)
  }
  const refresh = (): void => {
    if (isDue) return
    isDue = true
    // Typing goes first: what changes with every key is drawn when there is time, once a second at least.
    const draw = (): void => void redraw().catch(events.failed)
    if ('requestIdleCallback' in globalThis) requestIdleCallback(draw, { timeout: 1000 })
    else setTimeout(draw, 200)
  }

  for (const details of document.querySelectorAll('#panel > details'))
    details.addEventListener('toggle', refresh)
  document.addEventListener('visibilitychange', refresh)

  const learned = (outcome: LearnOutcome): void => {
    byId('learn-words').textContent = wordsOf(outcome)
    refresh()
  }
  byId('learn').addEventListener('click', () => {
    const learn = byId<HTMLButtonElement>('learn')
    if (!room || learn.ariaDisabled === 'true') return
    // It keeps the focus, which a disabled button would lose.
    learn.ariaDisabled = 'true'
    byId('learn-words').textContent = 'Learning …'
    events.learning(true)
    room
      .learn()
      .then((outcome) => {
        learned(outcome)
        events.say(wordsOf(outcome))
        if (outcome.applied) events.changed()
      }, events.failed)
      .finally(() => {
        learn.ariaDisabled = 'false'
        events.learning(false)
      })
  })
  byId('end').addEventListener('click', () =>
    act(({ episodes }) => episodes.end(), 'The next key begins another.'),
  )
  byId('export').addEventListener('click', () =>
    act(async ({ episodes }) => {
      const bytes = await episodes.export()
      const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: 'application/jsonl' }))
      const link = make('a', { href: url, download: 'episodes.jsonl' })
      link.click()
      setTimeout(() => URL.revokeObjectURL(url), 10_000)
    }, 'Exported.'),
  )
  const file = byId<HTMLInputElement>('import-file')
  byId('import').addEventListener('click', () => file.click())
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? []
    file.value = ''
    if (!chosen) return
    act(async ({ episodes }) => {
      const added = await episodes.import(new Uint8Array(await chosen.arrayBuffer()))
      events.say(`${counted(added, 'episode')} imported.`)
      events.changed()
    })
  })
  byId('settings').addEventListener('submit', (event) => event.preventDefault())
  for (const name of ['offers', 'learns'] as const)
    byId(name).addEventListener('change', ({ target }) =>
      act(async (room) => {
        await room.set({ [name]: (target as HTMLInputElement).checked })
        // Who wants no offers does not want to see the last one either.
        if (!room.settings().offers) events.changed()
      }),
    )
  for (const name of ['patience', 'attention'] as const) {
    const field = byId<HTMLInputElement>(name)
    field.addEventListener('input', () => {
      byId(`${name}-now`).textContent = field.value
    })
    field.addEventListener('change', () => act((room) => room.set({ [name]: Number(field.value) })))
  }

  return {
    show: (next, nextUnit) => {
      room = next
      unit = nextUnit
      hideEpisode()
      refresh()
    },
    refresh,
    explain: (explanation) => {
      byId('why').textContent = explanation ? whyOffered(explanation, unit) : 'It has offered nothing yet.'
      byId('why-numbers').replaceChildren(...(explanation ? pairsIn(numbersOf(explanation)) : []))
    },
    learned,
  }
}

const pairsIn = (all: readonly (readonly [string, string])[]): HTMLElement[] =>
  all.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)])
const pairs = (all: readonly (readonly [string, string])[]): HTMLElement =>
  make('dl', { class: 'pairs' }, ...pairsIn(all))

const wordsOf = (outcome: LearnOutcome): string => {
  const { heldOut } = outcome
  const measured = heldOut ? `: ${bits(heldOut.before)} → ${bits(heldOut.after)} bits a symbol` : ''
  if (outcome.applied) return `Better than before, and in use${measured}.`
  const why = {
    'too little': 'There is too little to learn from yet',
    'no better': 'What it learned is no better on what you did last, so nothing changed',
    stopped: 'It stopped learning because you went on',
    'not now': 'It learns later',
  }
  return `${why[outcome.why]}${measured}.`
}

/** Events of an episode that are shown; the export has them all. */
const SHOWN = 400

const eventsOf = (episode: Episode): HTMLElement[] => {
  const written = (symbols: Uint16Array): string =>
    (episode.bytes ? textOf(symbols) : undefined) ?? [...symbols].join(' ')
  const rows: HTMLElement[] = []
  let typed = ''
  const endTyped = (): void => {
    if (typed) rows.push(make('li', {}, make('span', { class: 'quiet' }, 'You: '), make('code', {}, typed)))
    typed = ''
  }
  for (const event of episode.events) {
    if (event.kind === 'acted') {
      if (event.context) endTyped()
      if (event.back) typed += '⌫'.repeat(Math.min(event.back, 20))
      typed += episode.bytes ? written(event.symbols) : `${written(event.symbols)} `
      if (event.taken !== undefined) endTyped()
      continue
    }
    endTyped()
    if (event.kind === 'offered') {
      const words = `offer ${event.offer}, ${percent(event.probability)}: `
      rows.push(
        make('li', {}, make('span', { class: 'quiet' }, words), make('code', {}, written(event.symbols))),
      )
    } else
      rows.push(make('li', {}, make('span', { class: 'quiet' }, `offer ${event.offer} was ${event.signal}`)))
  }
  endTyped()
  const left = rows.length - SHOWN
  const more = left > 0 ? [make('p', { class: 'quiet' }, `and ${left} more, in the export`)] : []
  return [make('ol', { class: 'events' }, ...rows.slice(0, SHOWN)), ...more]
}
