import type { Explanation, Offer, TextKind } from '@lockstep/assist'
import { openAssistants } from './assistants.ts'
import { openDocuments } from './documents.ts'
import { byId } from './element.ts'
import { mountGame } from './game/mount.ts'
import { openIdling } from './idling.ts'
import type { Unit } from './panel/in-words.ts'
import { openPanel, type Room } from './panel/panel.ts'
import { openRoundsCard } from './panel/rounds-card.ts'
import { openRounds, type Rounds } from './rounds/rounds.ts'
import { openStatus } from './status.ts'
import { openTabs } from './tabs.ts'
import { openEditor } from './writing/editor.ts'
import type { Ghost } from './writing/ghost-text.ts'

type Place = 'write' | 'build'

/** Milliseconds of rest after which what the assistant does then is told as learning, and of typing after which an offer is read aloud. */
const NOTICED = 400
const READ_ALOUD = 600
/** Milliseconds for which what was done gathers before the panel is drawn anew. */
const GATHERS = 1000

const status = openStatus()
const opened = await openAssistants().catch((error: unknown) => {
  status.set('failed', 'It could not be opened')
  status.problem(error)
  throw error
})
const { text, grid } = opened
const documents = openDocuments(opened.documents, status.problem)

let place: Place = 'write'
const rooms: Readonly<Record<Place, Room>> = { write: text, build: grid }
const units: Readonly<Record<Place, Unit>> = { write: 'keystroke', build: 'move' }
const explanations: Partial<Record<Place, Explanation>> = {}
let learning = 0
let shown: Ghost | undefined

/** What it is doing, in one line. */
const tell = (): void => {
  const { offers, learns } = rooms[place].settings()
  if (shown && place === 'write')
    status.set('offering', `Offers to spare you ${shown.offer.saved} keystrokes`)
  else if (learning > 0) status.set('learning', 'Learning from what you did')
  else if (!offers) status.set('off', 'Watches, and offers nothing')
  else status.set('watching', learns ? 'Watches, learns when you rest' : 'Watches; learning is paused')
}
const learns = (isLearning: boolean): void => {
  learning += isLearning ? 1 : -1
  tell()
}

/** The keeper's address, as the page that is served says it: empty where it takes part in no rounds. */
const keeper = document.querySelector<HTMLMetaElement>('meta[name=keeper]')?.content ?? ''
let wasUsed: unknown
const rounds: Rounds | undefined =
  keeper === ''
    ? undefined
    : openRounds({
        ...{ keeper: new URL(keeper, location.href).href, room: text, storage: opened.documents },
        changed: () => {
          const { used } = rounds!.standing()
          // Offers that are seen are of the model before.
          if (used?.applied && used !== wasUsed) editor.clear()
          wasUsed = used
          panel.refresh()
        },
        failed: status.problem,
      })
const say = (words: string): void => status.announce(words)
const panel = openPanel(
  {
    say,
    failed: status.problem,
    changed: () => editor.clear(),
    settled: tell,
    learning: learns,
  },
  rounds && {
    room: text,
    card: openRoundsCard(text, rounds, { say, changed: () => panel.refresh(), failed: status.problem }),
  },
)

/** Keeps what was offered last, so that the panel can tell why, and tells it. */
const explain = (where: Place, offer: Pick<Offer<unknown>, 'id'>): void => {
  const explanation = rooms[where].explain(offer)
  if (explanation) explanations[where] = explanation
  if (where === place) panel.explain(explanation)
}

const take = byId<HTMLButtonElement>('take')
const dismiss = byId<HTMLButtonElement>('dismiss')
const show = (ghost: Ghost | undefined): void => {
  const isNew = ghost !== undefined && ghost.offer.id !== shown?.offer.id
  const was = shown
  shown = ghost
  take.disabled = dismiss.disabled = ghost === undefined
  if (ghost)
    byId('offer').textContent =
      `Offer: “${ghost.text.trim()}”, taken with a chance of ${Math.round(100 * ghost.offer.probability)} %`
  else byId('offer').textContent = 'No offer.'
  if (isNew) {
    explain('write', ghost.offer)
    status.announce(`Offer: ${ghost.text}. Tab takes it.`, READ_ALOUD)
  } else if (was && !ghost) status.announce('')
  tell()
}

const resting = (room: Room & Parameters<typeof openIdling>[0], rested?: () => void) =>
  openIdling(room, {
    busy: (isBusy) => learns(isBusy),
    after: NOTICED,
    outcome: (outcome) => {
      if (outcome.applied || outcome.why === 'no better') panel.learned(outcome)
      if (outcome.applied) editor.clear()
      panel.refresh()
      rested?.()
    },
    failed: status.problem,
  })
/** The person did something: the panel is not drawn anew for every key. */
let gathering: ReturnType<typeof setTimeout> | undefined
const gather = (): void => {
  if (gathering) return
  gathering = setTimeout(() => {
    gathering = undefined
    panel.refresh()
  }, GATHERS)
}
const idle = { write: resting(text, () => rounds?.idle()), build: resting(grid) }

const editor = openEditor(byId('editor'), text, {
  shown: show,
  acted: () => {
    idle.write.acted()
    gather()
  },
  failed: status.problem,
  written: documents.write,
})
take.addEventListener('click', () => editor.take())
dismiss.addEventListener('click', () => editor.dismiss())
// The caret stays where it is for those who point.
for (const one of [take, dismiss]) one.addEventListener('pointerdown', (event) => event.preventDefault())

const openKind = async (kind: TextKind): Promise<void> => {
  await documents.flush()
  editor.open(kind, await documents.read(kind))
}
const kinds = [...document.querySelectorAll<HTMLInputElement>('input[name=kind]')]
for (const input of kinds)
  input.addEventListener('change', () => void openKind(input.value as TextKind).catch(status.problem))

let isMounted = false
openTabs(byId('tabs'), (chosen) => {
  place = chosen as Place
  if (place === 'build' && !isMounted) {
    isMounted = true
    mountGame(byId('game'), grid, {
      announce: (words) => status.announce(words),
      acted: () => {
        idle.build.acted()
        gather()
      },
      offered: (offer) => explain('build', offer),
      failed: status.problem,
    })
  }
  panel.show(rooms[place], units[place])
  panel.explain(explanations[place])
  tell()
})

await openKind('prose')
panel.show(rooms[place], units[place])
tell()
// For the browser's console, and for whoever measures: see docs/assist-app.md.
Object.assign(globalThis, { assistant: text, builder: grid })
document.documentElement.dataset.ready = 'true'
editor.focus()

document.addEventListener('visibilitychange', () => {
  if (document.hidden) documents.flush().catch(status.problem)
})
addEventListener('pagehide', () => void documents.flush())

// Browsers without service workers, and pages that are not served safely, have the page only while it is served.
if ('serviceWorker' in navigator)
  navigator.serviceWorker
    .register('service-worker.js')
    .then(() => navigator.serviceWorker.ready)
    .then(
      () => {
        document.documentElement.dataset.offline = 'true'
      },
      () => undefined,
    )
