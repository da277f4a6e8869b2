import { addition } from './addition.ts'
import { binary } from './binary.ts'
import { boolean } from './boolean.ts'
import { brackets } from './brackets.ts'
import { caesar } from './caesar.ts'
import { calendar } from './calendar.ts'
import { chainSum } from './chain-sum.ts'
import { clock } from './clock.ts'
import { comparison } from './comparison.ts'
import { copying } from './copying.ts'
import { countdown } from './countdown.ts'
import { counting } from './counting.ts'
import type { Family } from './family.ts'
import { graphPath } from './graph-path.ts'
import { gridPath } from './grid-path.ts'
import { hanoi } from './hanoi.ts'
import { hexadecimal } from './hexadecimal.ts'
import { majority } from './majority.ts'
import { multiplication } from './multiplication.ts'
import { nim } from './nim.ts'
import { palindrome } from './palindrome.ts'
import { prefixSums } from './prefix-sums.ts'
import { ranking } from './ranking.ts'
import { remainders } from './remainders.ts'
import { reversal } from './reversal.ts'
import { rewriting } from './rewriting.ts'
import { fromRoman, toRoman } from './roman.ts'
import { runLengthCoding, runLengthDecoding } from './run-lengths.ts'
import { sequence } from './sequence.ts'
import { sets } from './sets.ts'
import { sorting } from './sorting.ts'
import { stackCode } from './stack-code.ts'
import { substitution } from './substitution.ts'
import { subtraction } from './subtraction.ts'
import { sudoku } from './sudoku.ts'

/** Every family of tasks whose score a word machine computes; their order is not part of anything. */
export const families: readonly Family[] = [
  copying,
  reversal,
  sorting,
  palindrome,
  majority,
  counting,
  runLengthCoding,
  runLengthDecoding,
  caesar,
  substitution,
  rewriting,
  sets,
  brackets,
  boolean,
  addition,
  subtraction,
  multiplication,
  chainSum,
  prefixSums,
  remainders,
  binary,
  hexadecimal,
  toRoman,
  fromRoman,
  comparison,
  ranking,
  sequence,
  clock,
  calendar,
  countdown,
  nim,
  hanoi,
  sudoku,
  gridPath,
  graphPath,
  stackCode,
]
