import { DEFAULT_SEED, isSize, MOST_SEED, SIZES } from '../choice.ts'
import { createLossChart } from './loss-chart.ts'
import { type FromTrainer, isEngine, type ToTrainer } from './messages.ts'
import { createRootsTable } from './roots-table.ts'

/** The page: it shows, and tells a worker what to do. Nothing is computed here. */
const find = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E
const [size, engine, threads] = ['size', 'engine', 'threads'].map((id) => find(id)) as [
  HTMLSelectElement,
  HTMLSelectElement,
  HTMLSelectElement,
]
const [seed, prompt] = [find<HTMLInputElement>('seed'), find<HTMLInputElement>('prompt')]
const [runButton, writeButton] = [find<HTMLButtonElement>('run'), find<HTMLButtonElement>('write')]
const [problem, verdict, sample, spoken] = ['problem', 'verdict', 'sample', 'spoken'].map((id) =>
  find(id),
) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement]
const bar = find<HTMLProgressElement>('bar')

/** More than this many threads help a model of these sizes no more. */
const MOST_THREADS = 8

/** Where a training is; `opening` and `stopping` wait for the worker. */
type Phase = 'new' | 'opening' | 'running' | 'stopping' | 'paused' | 'done' | 'failed'
let phase: Phase = 'new'
let trainer: Worker | undefined
let began = 0 // when step `from` was done
let from = 0
let step = 0

const chosenSize = () => SIZES[isSize(size.value) ? size.value : 'tour']
const chart = createLossChart(find('chart'), SIZES.tour.steps, (words) => {
  find('point').textContent = words
})
let told: string = ''
const roots = createRootsTable(find('roots'), find<HTMLInputElement>('whole'), ({ state, words }) => {
  verdict.className = `verdict ${state}`
  verdict.textContent = words
  if (state === 'differs' && told !== state) say(words)
  told = state
})

/** Says something to whoever listens to the page instead of looking at it. */
const say = (words: string): void => {
  spoken.textContent = words
}

const LABEL: { readonly [P in Phase]: string } = {
  new: 'Start',
  opening: 'Starting…',
  running: 'Pause',
  stopping: 'Pausing…',
  paused: 'Continue',
  done: 'Done',
  failed: 'Failed',
}
const enter = (next: Phase): void => {
  phase = next
  runButton.textContent = LABEL[phase]
  // A disabled button loses the focus of whoever uses the keyboard, so that it only looks so while it waits.
  runButton.setAttribute('aria-disabled', String(!['new', 'running', 'paused'].includes(phase)))
  writeButton.disabled = phase !== 'paused' && phase !== 'done'
  for (const field of [size, seed, engine, threads]) field.disabled = phase !== 'new'
}

const showProgress = (): void => {
  const { steps } = chosenSize()
  bar.value = step / steps
  const rate = step > from ? ((step - from) * 1000) / (performance.now() - began) : 0
  const pace = phase === 'running' && rate > 0 ? ` · ${rate.toPrecision(3)} steps a second` : ''
  find('progress').textContent = `Step ${step} of ${steps}${pace}`
}

const describeWith = (rows: readonly (readonly [string, string])[]): void => {
  find('about').replaceChildren(
    ...rows.flatMap(([name, value]) => {
      const [dt, dd] = [document.createElement('dt'), document.createElement('dd')]
      dt.textContent = name
      if (value.startsWith('0x')) {
        const code = document.createElement('code')
        code.textContent = value
        dd.append(code)
      } else dd.textContent = value
      return [dt, dd]
    }),
  )
}
const isolation = crossOriginIsolated
  ? 'Cross-origin isolated, so threads share memory.'
  : 'Not cross-origin isolated, so there is one thread. The bits are the same.'
const aboutNothing = (): void =>
  describeWith([
    ['Page', isolation],
    ['Where', 'Everything runs on this machine: in workers of this page, and in the Node that serves it.'],
  ])

const fail = (message: string): void => {
  problem.textContent = message
  problem.hidden = false
  enter('failed')
}

/** Asks Node for its root after as many steps; it computes no further than it is asked. */
const askNode = async (of: Worker, at: number): Promise<void> => {
  const query = new URLSearchParams({ size: size.value, seed: seed.value, step: String(at) })
  const answer = await fetch(`node-root?${query}`)
  if (trainer !== of) return
  if (!answer.ok) throw new Error(`Node did not compute step ${at}: ${(await answer.text()).trim()}`)
  const { root } = (await answer.json()) as { root: string }
  if (trainer === of) roots.addTheirs(at, root)
}

const tell = (message: ToTrainer): void => trainer?.postMessage(message)

const hear = (of: Worker, message: FromTrainer): void => {
  if (trainer !== of) return
  switch (message.kind) {
    case 'opened': {
      const { program, rows } = message
      describeWith([
        ['Page', isolation],
        ...rows,
        ['Program', program],
        ['Text', 'moby-dick.txt, its first nine tenths'],
      ])
      run()
      break
    }
    case 'stepped':
      step = message.step
      chart.add(message.loss)
      showProgress()
      break
    case 'rooted':
      roots.addOurs(message.step, message.root)
      askNode(of, message.step).catch((error: unknown) => {
        if (trainer !== of) return
        problem.textContent = error instanceof Error ? error.message : String(error)
        problem.hidden = false
      })
      break
    case 'stopped':
      enter(message.done ? 'done' : 'paused')
      showProgress()
      say(message.done ? `Trained ${step} steps.` : `Paused after step ${step}.`)
      if (message.done) write()
      break
    case 'wrote':
      sample.classList.add('text')
      sample.textContent = message.text
      writeButton.disabled = phase !== 'paused' && phase !== 'done'
      say(`Written after step ${message.at}.`)
      break
    case 'failed':
      fail(message.message)
  }
}

const run = (): void => {
  enter('running')
  from = step
  began = performance.now()
  say(step === 0 ? 'Training.' : 'Training goes on.')
  tell({ kind: 'run' })
}

const open = async (): Promise<void> => {
  enter('opening')
  const of = new Worker(new URL('./trainer.ts', import.meta.url), {
    type: 'module',
    name: 'lockstep trainer',
  })
  trainer = of
  of.onmessage = ({ data }: MessageEvent<FromTrainer>) => hear(of, data)
  of.onerror = ({ message }) => {
    if (trainer === of) fail(message || 'The worker that trains could not be loaded.')
  }
  const answer = await fetch('moby-dick.txt')
  if (!answer.ok) throw new Error(`The text could not be loaded: status ${answer.status}.`)
  const text = new Uint8Array(await answer.arrayBuffer())
  if (trainer !== of) return
  const choice = { size: isSize(size.value) ? size.value : 'tour', seed: Number(seed.value) } as const
  tell({
    kind: 'open',
    choice,
    engine: isEngine(engine.value) ? engine.value : 'auto',
    threads: Number(threads.value),
    text,
  })
}

const write = (): void => {
  writeButton.disabled = true
  sample.textContent = 'Writing…'
  sample.classList.remove('text')
  tell({ kind: 'write', prompt: prompt.value })
}

/** Has the worker end after its step, and its threads; one that does not is ended with all that it owns. */
const dismiss = (): void => {
  const old = trainer
  tell({ kind: 'close' })
  trainer = undefined
  if (old) setTimeout(() => old.terminate(), PATIENCE_MS)
}
const PATIENCE_MS = 5000

const reset = (): void => {
  dismiss()
  step = 0
  from = 0
  problem.hidden = true
  chart.clear(chosenSize().steps)
  roots.clear()
  sample.classList.remove('text')
  sample.textContent = 'Pause the training, or let it end, and have it write.'
  aboutNothing()
  enter('new')
  showProgress()
}

find('controls').addEventListener('submit', (event) => {
  event.preventDefault()
  if (phase === 'new')
    open().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)))
  else if (phase === 'paused') run()
  else if (phase === 'running') {
    enter('stopping')
    tell({ kind: 'pause' })
  }
})
find('reset').addEventListener('click', () => {
  reset()
  say('Reset.')
})
find('writing').addEventListener('submit', (event) => {
  event.preventDefault()
  if (!writeButton.disabled) write()
})
size.addEventListener('change', reset)

for (const [value, { name }] of Object.entries(SIZES)) size.add(new Option(name, value))
const most = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1
for (let n = 1; n <= most; n++) threads.add(new Option(String(n), String(n)))
threads.value = String(most)
seed.max = String(MOST_SEED)
seed.value = String(DEFAULT_SEED)
reset()
