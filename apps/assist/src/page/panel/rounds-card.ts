import { byId, make } from '../element.ts'
import { membersOf, standingInWords } from '../rounds/in-words.ts'
import { agree, agreedFor, type Room, type Rounds } from '../rounds/rounds.ts'

export type RoundsCardEvents = {
  readonly say: (words: string) => void
  readonly changed: () => void
  readonly failed: (error: unknown) => void
}

const CHOICES = { nothing: 'Nothing', updates: 'Updates', episodes: 'Redacted episodes' } as const

/** What may leave for the keeper of rounds, and how taking part in them stands. */
export const openRoundsCard = (room: Room, rounds: Rounds, events: RoundsCardEvents): { draw(): void } => {
  const { keeper } = rounds
  const button = byId<HTMLButtonElement>('take-part')
  const choices = [...document.querySelectorAll<HTMLInputElement>('input[name=leaves]')]
  byId('keeper').textContent = keeper
  for (const input of choices)
    input.addEventListener('change', () => {
      const what = input.value as keyof typeof CHOICES
      agree(room, keeper, what).then(() => {
        events.say(`${CHOICES[what]} may leave for ${keeper}.`)
        events.changed()
      }, events.failed)
    })
  button.addEventListener('click', () => {
    if (button.ariaDisabled === 'true') return
    rounds.take().then(() => events.say(standingInWords(rounds.standing()).join(' ')), events.failed)
  })

  let drawn = ''
  return {
    draw: () => {
      const agreed = agreedFor(room, keeper)?.what ?? 'nothing'
      for (const input of choices) input.checked = input.value === agreed
      const standing = rounds.standing()
      const isBusy = standing.step !== undefined
      button.textContent = agreed === 'nothing' ? 'Fetch now' : 'Give and fetch now'
      // It keeps the focus, which a disabled button would lose.
      button.ariaDisabled = String(isBusy)
      const words = standingInWords(standing)
      if (words.join('\n') === drawn) return
      drawn = words.join('\n')
      byId('standing').replaceChildren(...words.map((one) => make('p', {}, one)))
      const members = standing.came?.kind === 'base' ? membersOf(standing.came.lineage) : []
      const list = byId('members')
      list.hidden = members.length === 0
      list
        .querySelector('dl')
        ?.replaceChildren(
          ...members.flatMap(([name, what]) => [make('dt', {}, name.slice(0, 10)), make('dd', {}, what)]),
        )
    },
  }
}
