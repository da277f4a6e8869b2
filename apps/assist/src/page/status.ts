import { byId } from './element.ts'

/** What the assistant is doing. */
export type Mood = 'opening' | 'watching' | 'offering' | 'learning' | 'off' | 'failed'

export type Status = {
  /** Replaces what is said until the next one. Learning goes before watching: it is told until it ends. */
  set(mood: Mood, words: string): void
  /** Says something to whoever does not see the page, once they have stopped typing. */
  announce(words: string, after?: number): void
  /** Something went wrong that the person should know of. */
  problem(error: unknown): void
}

export const openStatus = (): Status => {
  const line = byId('status')
  const words = byId('status-words')
  const spoken = byId('spoken')
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    set: (mood, said) => {
      line.dataset.mood = mood
      if (words.textContent !== said) words.textContent = said
    },
    announce: (said, after = 0) => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        spoken.textContent = said
      }, after)
    },
    problem: (error) => {
      const box = byId('problem')
      box.textContent = error instanceof Error ? error.message : String(error)
      box.hidden = false
    },
  }
}
