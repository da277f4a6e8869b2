import { type Oracle, only, parse } from './oracle.ts'

/** Families where logic or a search decides; in most of them several answers are right. */

/** Value of an expression over + - * and parentheses by recursive descent; NaN where it is malformed. */
const calculate = (text: string): number => {
  let at = 0
  const sum = (): number => {
    let value = product()
    while (text[at] === '+' || text[at] === '-') value += text[at++] === '+' ? product() : -product()
    return value
  }
  const product = (): number => {
    let value = factor()
    while (text[at] === '*') {
      at++
      value *= factor()
    }
    return value
  }
  const factor = (): number => {
    if (text[at] === '(') {
      at++
      const value = sum()
      return text[at++] === ')' ? value : Number.NaN
    }
    const digits = /^(0|[1-9]\d*)(?!\d)/.exec(text.slice(at))?.[0]
    if (digits === undefined) return Number.NaN
    at += digits.length
    return Number(digits)
  }
  const value = sum()
  return at === text.length ? value : Number.NaN
}

const logic = (text: string): string => {
  const wrong = text.replace(/t|f/g, 'x')
  if (!/^[x!&|^()]+$/.test(wrong)) throw new Error(`${text} is no boolean expression`)
  let now = text
  for (let before = ''; before !== now; ) {
    before = now
    now = now
      .replace(/!([tf])/g, (_, a) => (a === 't' ? 'f' : 't'))
      .replace(/\(([tf])([&|^])([tf])\)/g, (_, a, op, b) => {
        const [x, y] = [a === 't', b === 't']
        return (op === '&' ? x && y : op === '|' ? x || y : x !== y) ? 't' : 'f'
      })
  }
  if (now.length !== 1) throw new Error(`${text} does not reduce: ${now}`)
  return now
}

type Cell = readonly [row: number, column: number]
const MOVES: Record<string, Cell> = { u: [-1, 0], d: [1, 0], l: [0, -1], r: [0, 1] }

export const puzzles: Record<string, Oracle> = {
  bool: only((body) => body.split(',').map(logic).join('')),

  cd: (body, answer) => {
    const [target, list] = parse(body, /^(\d+):(\d+(?: \d+)+)$/)
    const used = (answer.match(/\d+/g) ?? []).map(Number).sort((a, b) => a - b)
    const given = list!
      .split(' ')
      .map(Number)
      .sort((a, b) => a - b)
    return used.join() === given.join() && calculate(answer) === Number(target)
  },

  grid: (body, answer) => {
    const rows = body.split('/')
    if (rows.some((row) => row.length !== rows[0]!.length || !/^[.#se]+$/.test(row))) throw new Error(body)
    const find = (mark: string): Cell => {
      const row = rows.findIndex((r) => r.includes(mark))
      return [row, rows[row]!.indexOf(mark)]
    }
    const open = ([r, c]: Cell) => (rows[r]?.[c] ?? '#') !== '#'
    const step = ([r, c]: Cell, move: string): Cell => [r + MOVES[move]![0], c + MOVES[move]![1]]
    const end = find('e').join()
    let frontier: Cell[] = [find('s')]
    const seen = new Set(frontier.map(String))
    let shortest = 0
    while (!frontier.some((cell) => cell.join() === end)) {
      if (frontier.length === 0) throw new Error(`${body} has no path`)
      shortest++
      const next: Cell[] = []
      for (const cell of frontier) {
        for (const move of 'udlr') {
          const to = step(cell, move)
          if (!open(to) || seen.has(to.join())) continue
          seen.add(to.join())
          next.push(to)
        }
      }
      frontier = next
    }
    if (!/^[udlr]+$/.test(answer) || answer.length !== shortest) return false
    let at = find('s')
    for (const move of answer) {
      at = step(at, move)
      if (!open(at)) return false
    }
    return at.join() === end
  },

  path: (body, answer) => {
    const [from, to, list] = parse(body, /^([a-h])([a-h]):([a-h]{2}(?: [a-h]{2})*)$/)
    const edges = new Set(list!.split(' '))
    const reached = new Set(from)
    for (let i = 0; i < 8; i++) for (const edge of edges) if (reached.has(edge[0]!)) reached.add(edge[1]!)
    if (!reached.has(to!)) return answer === 'no'
    if (answer.length < 2 || answer[0] !== from || answer.at(-1) !== to) return false
    return [...answer].every((c, i) => i === 0 || edges.has(answer[i - 1]! + c))
  },

  sud: (body, answer) => {
    const cells = [...parse(body, /^([1-4.]{4}\/[1-4.]{4}\/[1-4.]{4}\/[1-4.]{4})$/)[0]!.replaceAll('/', '')]
    if (!/^[1-4]+$/.test(answer) || answer.length !== cells.filter((c) => c === '.').length) return false
    let next = 0
    const full = cells.map((c) => (c === '.' ? answer[next++]! : c))
    const units = [0, 1, 2, 3].flatMap((i) => [
      [0, 1, 2, 3].map((j) => full[4 * i + j]),
      [0, 1, 2, 3].map((j) => full[4 * j + i]),
      [0, 1, 4, 5].map((j) => full[[0, 2, 8, 10][i]! + j]),
    ])
    return units.every((unit) => new Set(unit).size === 4)
  },

  nim: (body, answer) => {
    const heaps = parse(body, /^(\d+(?: \d+)+)$/)[0]!
      .split(' ')
      .map(Number)
    const move = /^([a-z])([1-9]\d*)$/.exec(answer)
    if (!move) return false
    const heap = move[1]!.charCodeAt(0) - 97
    if (heap >= heaps.length || Number(move[2]) > heaps[heap]!) return false
    heaps[heap]! -= Number(move[2])
    return heaps.reduce((a, b) => a ^ b) === 0
  },

  // The states of the towers are searched breadth first from the goal, so that the distance of each is known.
  han: only((body) => {
    const [state, goal] = parse(body, /^([abc]+)>([abc])$/)
    const distances = distancesTo(goal!.repeat(state!.length))
    const moves: string[] = []
    let now = state!
    while (moves.length < 2 + Math.floor((state!.length - 3) / 2) && distances.get(now)! > 0) {
      const [move, next] = movesFrom(now).find(([, to]) => distances.get(to)! < distances.get(now)!)!
      moves.push(move)
      now = next
    }
    return moves.join('')
  }),
}

/** Moves of a state (pegs of the discs, largest first) with the states after them. */
const movesFrom = (state: string): [move: string, next: string][] =>
  [...'abc'].flatMap((from) => {
    const disc = state.lastIndexOf(from)
    if (disc < 0) return []
    return [...'abc']
      .filter((to) => to !== from && state.lastIndexOf(to) < disc)
      .map((to): [string, string] => [from + to, state.slice(0, disc) + to + state.slice(disc + 1)])
  })

const KNOWN = new Map<string, Map<string, number>>()
const distancesTo = (goal: string): Map<string, number> => {
  const known = KNOWN.get(goal)
  if (known) return known
  const distances = new Map([[goal, 0]])
  for (const [state, distance] of distances) {
    for (const [, next] of movesFrom(state)) if (!distances.has(next)) distances.set(next, distance + 1)
  }
  KNOWN.set(goal, distances)
  return distances
}
