import type { Assistant } from '@lockstep/assist'

/**
 * Times of keys in the page, for whoever measures it from outside. `assistant` and `builder` are what the page itself gives to its
 * console; where there are none, only letters are timed.
 */
export type Watch = {
  /** Milliseconds from a key's event to the end of the frame that shows its letter. */
  readonly paints: number[]
  /** To the end of the first frame that shows an offer after it. */
  readonly offers: number[]
  /** To what the assistant says when it is asked after it, be that an offer or none. */
  readonly answers: number[]
  clear(): void
  /** Questions that the next key made pointless, so far. */
  overtaken(): number
  /** One update of the editor's model after another, whatever comes of them, until `rest`, which says how many were begun. */
  learn(): void
  rest(): number
}

type Watched = Assistant<unknown, unknown>
const { assistant, builder } = globalThis as unknown as { assistant?: Watched; builder?: Watched }

const [paints, offers, answers]: [number[], number[], number[]] = [[], [], []]
let pressed = 0
let isOffered = true // for the key before
let isLearning = false
let begun = 0

const afterFrame = (then: () => void): void => {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = then
    port2.postMessage(undefined)
  })
}

addEventListener(
  'keydown',
  ({ timeStamp }) => {
    pressed = timeStamp
    isOffered = false
    afterFrame(() => paints.push(performance.now() - timeStamp))
  },
  true,
)

let was: Element | null = null
new MutationObserver(() => {
  const ghost = document.querySelector('.ghost')
  const isNew = ghost !== null && was === null
  was = ghost
  if (!isNew || isOffered) return
  isOffered = true
  const since = pressed
  afterFrame(() => offers.push(performance.now() - since))
}).observe(document, { subtree: true, childList: true })

for (const one of [assistant, builder]) {
  if (!one) continue
  const { offer } = one
  const timed: Watched['offer'] = async (state) => {
    const since = pressed
    const found = await offer(state)
    answers.push(performance.now() - since)
    return found
  }
  Object.assign(one, { offer: timed })
}

const learnOn = async (): Promise<void> => {
  while (isLearning && assistant) {
    begun++
    await assistant.learn()
  }
}

const watch: Watch = {
  ...{ paints, offers, answers },
  clear: () => {
    paints.length = offers.length = answers.length = 0
  },
  overtaken: () => (assistant?.metrics().cancelled ?? 0) + (builder?.metrics().cancelled ?? 0),
  learn: () => {
    isLearning = true
    void learnOn()
  },
  rest: () => {
    isLearning = false
    return begun
  },
}
Object.assign(globalThis, { watch })
