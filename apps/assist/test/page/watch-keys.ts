import type { Assistant, TextAction, TextState } from '@lockstep/assist'

/** Times of keys in the page, for whoever measures it from outside; `assistant` is what the page itself gives to its console. */
export type Watch = {
  /** Milliseconds from a key's event to the end of the frame that shows its letter. */
  readonly paints: number[]
  /** And to the end of the first frame that shows an offer after it. */
  readonly offers: number[]
  clear(): void
  /** One update after another, whatever comes of them, until `rest`, which says how many were begun. */
  learn(): void
  rest(): number
}

const paints: number[] = []
const offers: number[] = []
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
  ({ timeStamp, key }) => {
    if (key.length !== 1) return
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

const assistant = (): Assistant<TextState, TextAction> =>
  (globalThis as unknown as { assistant: Assistant<TextState, TextAction> }).assistant

const learnOn = async (): Promise<void> => {
  while (isLearning) {
    begun++
    await assistant().learn()
  }
}

const watch: Watch = {
  paints,
  offers,
  clear: () => {
    paints.length = offers.length = 0
  },
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
