import { readFileSync } from 'node:fs'
import { byteTokenizer, DEFAULT_GPT, DEFAULT_TRAIN, type ResnetConfig, splitCorpus } from '@lockstep/models'
import { createWasmExecutor } from '@lockstep/tensor'
import { fashionMnist } from './learning/fashion-mnist.ts'
import { type Learned, learnPictures, learnText, type PictureCase, type TextCase } from './learning/learn.ts'
import { learnByPytorch } from './learning/pytorch.ts'
import type { Bench, Row } from './row.ts'

/**
 * What our training comes to, beside PyTorch's on the same data, in the same order, from the same weights: a GPT on
 * the shipped book, and a ResNet on Fashion-MNIST where Debian's dataset-fashion-mnist is installed. With seeds, so
 * that our figures are the same on every machine. Two minutes on an idle machine; `--quick` trains a quarter.
 */
export const bench: Bench = async ({ quick, tell }) => {
  const executor = await createWasmExecutor({ threads: 2 })
  const rows: Row[] = []
  try {
    const text = textCase(quick)
    const ours = await learnText(executor, text)
    const theirs = await learnByPytorch(text)
    tell('PyTorch', theirs?.version ?? 'absent')
    rows.push(...rowsOf(`gpt, ${text.train.steps} steps on the book`, ours, theirs))
    const pictures = pictureCase(quick)
    if (pictures === null) tell('Fashion-MNIST', 'absent: install dataset-fashion-mnist')
    else {
      const ours = await learnPictures(executor, pictures)
      const theirs = await learnByPytorch(pictures)
      rows.push(...rowsOf(`resnet, ${pictures.train.steps} steps on Fashion-MNIST`, ours, theirs))
    }
  } finally {
    await executor.close()
  }
  return rows
}

const textCase = (quick: boolean): TextCase => {
  const model = { kind: 'gpt', config: DEFAULT_GPT } as const
  const steps = quick ? 100 : 400
  const train = { ...DEFAULT_TRAIN, steps, warmup: 20 }
  const text = readFileSync(new URL('../data/moby-dick.txt', import.meta.url))
  const corpus = splitCorpus(text, byteTokenizer, DEFAULT_GPT.context + 1)
  const held = 16 * 64 * 64 + 1
  const heldOut = { ...corpus.heldOut, shape: [held], data: corpus.heldOut.data.slice(0, held) }
  return { model, train, seed: 1, corpus: corpus.train, heldOut }
}

/** 19,810 parameters. */
const RESNET: ResnetConfig = {
  height: 28,
  width: 28,
  channels: 1,
  stages: [
    { width: 8, blocks: 1 },
    { width: 16, blocks: 1 },
    { width: 32, blocks: 1 },
  ],
  groups: 4,
  classes: 10,
}

const pictureCase = (quick: boolean): PictureCase | null => {
  const [examples, heldOut] = [fashionMnist('train', 60_000), fashionMnist('t10k', 9_984)]
  if (examples === null || heldOut === null) return null
  const steps = quick ? 150 : 600
  return {
    model: { kind: 'resnet', config: RESNET },
    train: { ...DEFAULT_TRAIN, batch: 64, steps, warmup: 20, rate: 0.01, decay: 0.01, beta2: 0.99 },
    seed: 1,
    examples: [examples.features, examples.labels],
    heldOut: [heldOut.features, heldOut.labels],
  }
}

/** Ours may be better by any amount, and worse by 1%. */
const WITHIN = 0.99

const rowsOf = (what: string, ours: Learned, theirs: Learned | null): Row[] => {
  const row = (of: string, unit: string, a: number, b: number | undefined, less: boolean): Row => {
    if (b === undefined) return { ...base(of, unit, a), theirs: null, ratio: null, met: null }
    const ratio = less ? b / a : a / b
    return { ...base(of, unit, a), theirs: b, ratio, met: ratio >= WITHIN }
  }
  const base = (of: string, unit: string, a: number) => ({
    what: `${what}: ${of}`,
    ours: a,
    unit,
    against: 'PyTorch, same data, order and weights',
    target: WITHIN,
  })
  return [
    row('held-out loss', 'nats', ours.loss, theirs?.loss, true),
    ...(ours.accuracy === undefined
      ? []
      : [row('held-out accuracy', 'of 1', ours.accuracy, theirs?.accuracy, false)]),
    { ...row('training', 's', ours.seconds, theirs?.seconds, true), target: null, met: null },
  ]
}
