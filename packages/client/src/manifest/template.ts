import { modelFields } from './model-schema.ts'
import { canonicalManifest } from './parse.ts'
import { type Manifest, type MarketTerms, manifestSchema } from './schema.ts'

/** A manifest with every field at its default. */
export const defaultManifest = (name: string, text: string): Manifest =>
  manifestSchema.parse({ name, data: { text } })

const line = (field: string, value: unknown, comment: string, indent = '  '): string =>
  `${`${indent}${field}: ${value}`.padEnd(34)} # ${comment}`

/** The manifest that `lockstep init` writes: YAML with a word about every field, or canonical JSON. */
export const manifestTemplate = (manifest: Manifest, format: 'yaml' | 'json'): string => {
  if (format === 'json') return canonicalManifest(manifest)
  const { name, data, tokenizer, model, training, segments, market } = manifest
  return `${[
    '# What to train. Check it with `lockstep validate`, then run it with `lockstep train`.',
    line('name', name, 'the run directory is runs/NAME', ''),
    'data:',
    line('text', JSON.stringify(data.text), 'any text file, seen from this file'),
    line('heldOut', data.heldOut, 'the part at the end that measures and is not trained on'),
    typeof tokenizer === 'string'
      ? line('tokenizer', tokenizer, 'byte, or {bpe: N} for N tokens learned from the text', '')
      : line('tokenizer', `{ bpe: ${tokenizer.bpe} }`, 'or byte', ''),
    'model:',
    ...modelFields(model).map(([field, value, meaning]) => line(field, value, meaning)),
    'training:',
    line('seed', training.seed, 'everything random comes from it: 0 to 4294967295'),
    line('batch', training.batch, 'windows of text a step'),
    line('steps', training.steps, 'optimiser steps'),
    line('rate', training.rate, 'highest learning rate'),
    line('warmup', training.warmup, 'steps in which the rate rises'),
    line('lastRate', training.lastRate, 'where the rate ends, as a part of the highest'),
    line('clip', training.clip, 'largest norm of the gradient; 0 clips nothing'),
    line('decay', training.decay, 'weight decay'),
    line('beta1', training.beta1, 'of Adam'),
    line('beta2', training.beta2, 'of Adam'),
    line('epsilon', training.epsilon, 'of Adam'),
    ...choiceLines(training),
    'segments:',
    line(
      'every',
      segments.every,
      'steps from one checkpoint to the next: what a verifier re-executes at once',
    ),
    ...(market === undefined ? [] : marketLines(market)),
  ].join('\n')}\n`
}

/** Fields that a manifest may do without: those that were chosen. */
const choiceLines = (training: Manifest['training']): string[] => {
  const chosen = (
    [
      ['clipValue', 'each number of the gradient is kept within this of 0'],
      ['optimiser', 'adamw, adam, sgd, lion or muon'],
      ['schedule', 'how the rate falls after the warm-up'],
      ['groups', 'factors of rate and decay for kinds of parameters'],
      ['accumulate', 'passes a step, each over a batch of its own'],
      ['recompute', 'whether inner values are computed again in the backward pass, not kept'],
      ['precision', 'what is stored in bf16: parameters, activations, moments'],
      ['smoothing', 'part of a target that is spread over all tokens'],
      ['zLoss', 'times the mean square of the log of the sum over all tokens, added to the loss'],
      ['average', 'how much of the mean of the weights stays each step'],
    ] as const
  ).filter(([field]) => training[field] !== undefined)
  return chosen.map(([field, comment]) => line(field, JSON.stringify(training[field]), comment))
}

const marketLines = (market: MarketTerms): string[] => {
  const { times } = market
  const time = (field: keyof typeof times, comment: string): string[] =>
    times[field] === undefined ? [] : [line(field, times[field], comment, '    ')]
  return [
    'market:',
    line('mode', market.mode, 'train, sweep or replicas'),
    line('workers', market.workers, 'slices that run side by side'),
    line('rounds', market.rounds, 'how often the workers are merged'),
    ...(market.stepsPerRound === undefined
      ? []
      : [line('stepsPerRound', market.stepsPerRound, 'steps of each worker from one merge to the next')]),
    line(
      'sweep',
      JSON.stringify(market.sweep),
      'of a sweep: what each training has otherwise, such as {"seed":2}',
    ),
    line('ceiling', JSON.stringify(market.ceiling), 'LOCK: the most paid for 10^6 instructions'),
    line('auditPrice', JSON.stringify(market.auditPrice), 'LOCK: for 10^6 instructions of an audit'),
    line('auditRate', market.auditRate, 'of 10000 segments, how many each auditor executes'),
    line('auditors', market.auditors, 'verifiers drawn for each slice'),
    ...(market.bond === undefined
      ? []
      : [
          line(
            'bond',
            JSON.stringify(market.bond),
            "coins that a claimant and a challenger put up; default: the chain's least",
          ),
        ]),
    '  times:',
    ...time('bidding', 'seconds in which bids are gathered'),
    ...time('inclusion', 'in which a better bid can replace the first'),
    ...time('receipt', 'in which a provider fetches the inputs'),
    ...time('run', 'that a slice may take'),
    ...time('audit', 'that auditors have to execute'),
    ...time('answer', 'to open, and then to reveal'),
    ...time('window', 'in which a claim can be challenged'),
    ...time('clock', 'that each side of a dispute has'),
    ...time('segment', 'the least time for a turn about a segment,'),
    ...time('step', 'about a step,'),
    ...time('move', 'and about the rest'),
    ...time('deadline', 'from posting: then nothing new begins'),
    line('allowed', JSON.stringify(market.allowed), 'accounts; empty: everybody'),
    line('banned', JSON.stringify(market.banned), 'accounts that get no slice'),
  ]
}
