import type { Grid } from '@lockstep/tensor'

/** A part of a network that is repeated, from what it is given to what it hands on. */
export type Layer = (x: Grid<'f'>) => Grid<'f'>

/** How a network's blocks are run: as they are, or with inner values that the backward pass computes again. */
export type Block = (layer: Layer) => Layer

export const asItIs: Block = (layer) => layer
