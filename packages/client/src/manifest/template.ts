import { canonicalManifest } from './parse.ts'
import { type Manifest, manifestSchema } from './schema.ts'

/** A manifest with every field at its default. */
export const defaultManifest = (name: string, text: string): Manifest =>
  manifestSchema.parse({ name, data: { text } })

/** The manifest that `lockstep init` writes: YAML with a word about every field, or canonical JSON. */
export const manifestTemplate = (manifest: Manifest, format: 'yaml' | 'json'): string => {
  if (format === 'json') return canonicalManifest(manifest)
  const { name, data, tokenizer, model, training, segments } = manifest
  const line = (field: string, value: unknown, comment: string, indent = '  '): string =>
    `${`${indent}${field}: ${value}`.padEnd(34)} # ${comment}`
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
    line('layers', model.layers, 'transformer blocks'),
    line('width', model.width, 'numbers that a token is carried in'),
    line('heads', model.heads, 'attention heads; they divide the width'),
    line('context', model.context, 'tokens seen at once'),
    line('dropout', model.dropout, 'part of the activations dropped while training'),
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
    'segments:',
    line(
      'every',
      segments.every,
      'steps from one checkpoint to the next: what a verifier re-executes at once',
    ),
  ].join('\n')}\n`
}
