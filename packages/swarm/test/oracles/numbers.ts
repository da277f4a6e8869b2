import { flip, type Oracle, only, parse } from './oracle.ts'

/** Families that calculate. Numbers of add, sub, mul and sum are written with their lowest digit first. */

const number = (text: string): number => {
  if (!/^(0|[1-9]\d*)$/.test(text)) throw new Error(`${text} is not a number as it should be written`)
  return Number(text)
}
const turned = (text: string): number => number(flip(text))
const turn = (value: number): string => {
  if (value < 0) throw new Error(`${value} is below 0`)
  return flip(String(value))
}

const roman = (value: number): string => {
  const rows = [
    '0 i ii iii iv v vi vii viii ix',
    '0 x xx xxx xl l lx lxx lxxx xc',
    '0 c cc ccc cd d dc dcc dccc cm',
    '0 m mm mmm',
  ]
  const digits = [...flip(String(value))].map((digit, place) =>
    digit === '0' ? '' : rows[place]!.split(' ')[Number(digit)]!,
  )
  return digits.reverse().join('')
}
const ROMANS = new Map(Array.from({ length: 3999 }, (_, i) => [roman(i + 1), i + 1]))

const DAYS = Array.from({ length: 365 }, (_, i) =>
  new Date(Date.UTC(2023, 0, 1 + i)).toISOString().slice(5, 10).replace('-', ''),
)

export const numbers: Record<string, Oracle> = {
  add: only((body) => {
    const [a, b] = parse(body, /^(\d+)\+(\d+)$/).map(turned)
    return turn(a! + b!)
  }),
  sub: only((body) => {
    const [a, b] = parse(body, /^(\d+)-(\d+)$/).map(turned)
    return turn(a! - b!)
  }),
  mul: only((body) => {
    const [a, b] = parse(body, /^(\d+)\*(\d+)$/).map(turned)
    return turn(a! * b!)
  }),
  sum: only((body) => {
    const [chain] = parse(body, /^(\d+(?:[+-]\d+)+)$/)
    const items = chain!.match(/[+-]?\d+/g)!
    let total = 0
    for (const item of items) {
      const value = turned(item.replace(/[+-]/, ''))
      total += item.startsWith('-') ? -value : value
      if (total < 0) throw new Error(`${body} goes below 0`)
    }
    return turn(total)
  }),
  scan: only((body) => {
    const digits = [...parse(body, /^(\d+)$/)[0]!].map(Number)
    return digits.map((_, i) => digits.slice(0, i + 1).reduce((a, b) => a + b) % 10).join('')
  }),
  bin: only((body) => {
    const [value, width] = parse(body, /^(\d+):(\d+)$/).map(number)
    const bits = value!.toString(2).padStart(width!, '0')
    if (bits.length !== width) throw new Error(`${body} does not fit`)
    return flip(bits)
  }),
  hex: only((body) => String(Number.parseInt(parse(body, /^([1-9a-f][0-9a-f]*|0)$/)[0]!, 16))),
  mod: only((body) => {
    const [m, list] = parse(body, /^([2-9]):(\d+(?: \d+)*)$/)
    return list!
      .split(' ')
      .map((value) => number(value) % Number(m))
      .join('')
  }),
  // Every rule that the shown terms obey must give the same next two terms.
  seq: (body, answer) => {
    const terms = parse(body, /^(\d+(?: \d+){3,})$/)[0]!
      .split(' ')
      .map(number)
    const next: ((t: number[]) => number)[] = []
    const fits = (rule: (t: number[]) => number, from: number) =>
      terms.every((term, i) => i < from || rule(terms.slice(0, i)) === term)
    const last = (t: number[], back = 1) => t[t.length - back]!
    const step = terms[1]! - terms[0]!
    const bend = terms[2]! - 2 * terms[1]! + terms[0]!
    const ratio = terms[1]! / terms[0]!
    for (const [rule, from] of [
      [(t) => last(t) + step, 1],
      [(t) => last(t) * ratio, 1],
      [(t) => last(t) + last(t, 2), 2],
      [(t) => 2 * last(t) - last(t, 2) + bend, 2],
    ] as [(t: number[]) => number, number][]) {
      if (fits(rule, from)) next.push(rule)
    }
    if (next.length === 0) throw new Error(`${body} obeys no rule`)
    const answers = next.map((rule) => {
      const one = rule(terms)
      return `${one} ${rule([...terms, one])}`
    })
    return answers.includes(answer)
  },
  kth: only((body) => {
    const [k, list] = parse(body, /^(\d+):(\d+(?: \d+)+)$/)
    const values = list!.split(' ').map(number)
    if (new Set(values).size !== values.length) throw new Error(`${body} has equal numbers`)
    return String(values.sort((a, b) => b - a)[Number(k) - 1])
  }),
  cmp: only((body) =>
    body
      .split(' ')
      .map((pair) => {
        const [a, b] = parse(pair, /^(\d+):(\d+)$/).map(number)
        return a! < b! ? 'l' : a! > b! ? 'g' : 'e'
      })
      .join(''),
  ),
  clk: only((body) => {
    const [hours, minutes, changes] = parse(body, /^([01]\d|2[0-3])([0-5]\d)((?:[+-]\d+)+)$/)
    let time = Number(hours) * 60 + Number(minutes)
    for (const change of changes!.match(/[+-]\d+/g)!) time += Number(change)
    const day = ((time % 1440) + 1440) % 1440
    return String(Math.floor(day / 60) * 100 + (day % 60)).padStart(4, '0')
  }),
  day: only((body) => {
    const [date, change] = parse(body, /^(\d{4})([+-]\d+)$/)
    if (!DAYS.includes(date!)) throw new Error(`${date} is no date`)
    return DAYS[(((DAYS.indexOf(date!) + Number(change)) % 365) + 365) % 365]!
  }),
  rom: only((body) => roman(number(body))),
  num: only((body) => String(ROMANS.get(body)!)),
}
