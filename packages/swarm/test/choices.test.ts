import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countdown } from '../src/tasks/countdown.ts'
import type { Family } from '../src/tasks/family.ts'
import { graphPath } from '../src/tasks/graph-path.ts'
import { gridPath } from '../src/tasks/grid-path.ts'
import { nim } from '../src/tasks/nim.ts'
import { sudoku } from '../src/tasks/sudoku.ts'
import { puzzles } from './oracles/puzzles.ts'

/** Families with several right answers: all plausible ones are tried, and the oracle says which are right. */

const seeds = process.env.LOCKSTEP_NIGHTLY === '1' ? 300 : 12
const MOST = 400

type Candidates = (body: string) => string[]

const judge = (family: Family, levels: readonly number[], candidates: Candidates): void => {
  let [right, others, wrong] = [0, 0, 0]
  for (const level of levels) {
    for (let seed = 0; seed < seeds; seed++) {
      const { prompt, solution } = family.play(seed, level)
      const [tag, body] = [prompt.slice(0, prompt.indexOf(' ')), prompt.slice(prompt.indexOf(' ') + 1, -1)]
      for (const answer of candidates(body).slice(0, MOST)) {
        const is = puzzles[tag]!(body, answer)
        const { score } = family.run(seed, level, answer)
        assert.equal(score === 100, is, `seed ${seed} level ${level}: ${prompt} ${answer} scores ${score}`)
        if (!is) wrong++
        else if (answer === solution) right++
        else others++
      }
    }
  }
  assert.ok(right > 0 && others > 0 && wrong > 0, `${right} solutions, ${others} others, ${wrong} wrong`)
}

test('nim: of all moves, those that win are right', () => {
  judge(nim, [0, 5, 10, 15], (body) =>
    body
      .split(' ')
      .flatMap((heap, i) =>
        Array.from({ length: Number(heap) + 2 }, (_, taken) => `${String.fromCharCode(97 + i)}${taken}`),
      ),
  )
})

test('countdown: subsets, repetitions and all orders of numbers, with and without brackets', () => {
  judge(countdown, [0, 3, 4], (body) => {
    const numbers = body.split(':')[1]!.split(' ')
    const found: string[] = []
    const operators = ['+', '-', '*']
    for (const a of numbers) {
      for (const b of numbers) {
        for (const p of operators) {
          found.push(`${a}${p}${b}`)
          for (const c of numbers.length > 2 ? numbers : []) {
            for (const q of operators) {
              found.push(`${a}${p}${b}${q}${c}`, `(${a}${p}${b})${q}${c}`, `${a}${p}(${b}${q}${c})`)
            }
          }
        }
      }
    }
    // Those that reach the target come first: the others are known to be wrong by their value alone.
    const reaches = (text: string) =>
      puzzles.cd!(`${body.split(':')[0]}:${text.match(/\d+/g)!.join(' ')}`, text)
    const all = [...new Set(found)]
    return [...all.filter(reaches), ...all.slice(0, 40)]
  })
})

test('grid-path: all walks that arrive, also longer ones', () => {
  judge(gridPath, [0, 1, 3, 6], (body) => {
    const rows = body.split('/')
    const width = rows[0]!.length
    const start = rows.join('').indexOf('s')
    const walks = (length: number): string[] => {
      const found: string[] = []
      const walk = (at: number, path: string): void => {
        if (rows[Math.floor(at / width)]![at % width] === 'e' && path) found.push(path)
        if (path.length >= length || found.length > MOST) return
        const [row, column] = [Math.floor(at / width), at % width]
        for (const [move, r, c] of [
          ['u', row - 1, column],
          ['d', row + 1, column],
          ['l', row, column - 1],
          ['r', row, column + 1],
        ] as const) {
          if ((rows[r]?.[c] ?? '#') !== '#') walk(r * width + c, path + move)
        }
      }
      walk(start, '')
      return found
    }
    return walks(7)
  })
})

test('graph-path: all texts of the names of nodes, up to four', () => {
  judge(graphPath, [0, 2, 4], (body) => {
    const nodes = [...new Set(body.replace(/[^a-h]/g, ''))]
    const longer = (texts: string[]): string[] => texts.flatMap((text) => nodes.map((node) => text + node))
    const [two, from, to] = [longer(nodes), body[0]!, body[1]!]
    const three = longer(two)
    const ends = [...two, ...three, ...longer(three)].filter((text) => text[0] === from && text.at(-1) === to)
    return ['no', ...ends, ...two]
  })
})

test('sudoku: all that fills rows and columns, whatever it does to boxes', () => {
  judge(sudoku, [0, 9, 15], (body) => {
    const cells = [...body.replaceAll('/', '')]
    const found: string[] = []
    const fill = (at: number, filled: string): void => {
      if (found.length >= MOST) return
      if (at === 16) {
        found.push(filled)
        return
      }
      if (cells[at] !== '.') {
        fill(at + 1, filled)
        return
      }
      for (const digit of '1234') {
        const meets = cells.some(
          (other, j) => other === digit && (j % 4 === at % 4 || Math.floor(j / 4) === Math.floor(at / 4)),
        )
        if (meets) continue
        cells[at] = digit
        fill(at + 1, filled + digit)
        cells[at] = '.'
      }
    }
    fill(0, '')
    return found
  })
})
