import { flip, type Oracle, only, parse } from './oracle.ts'

/** Families that rearrange, encode or examine letters. */

const letters = (body: string): string => parse(body, /^([a-z]+)$/)[0]!

const sorted = (text: string): string => [...text].sort().join('')

export const words: Record<string, Oracle> = {
  copy: only(letters),
  rev: only((body) => flip(letters(body))),
  sort: only((body) => sorted(parse(body, /^([0-9]+|[a-z]+)$/)[0]!)),

  rot: only((body) => {
    const [shift, text] = parse(body, /^(\d+):([a-z]+)$/)
    const alphabet = 'abcdefghijklmnopqrstuvwxyz'.repeat(2)
    return text!.replace(/./g, (c) => alphabet[alphabet.indexOf(c) + Number(shift)]!)
  }),

  key: only((body) => {
    const [from, to, text] = parse(body, /^([a-z]+)>([a-z]+):([a-z]+)$/)
    if (new Set(from).size !== from!.length || new Set(to).size !== to!.length) throw new Error(body)
    return text!.replace(/./g, (c) => {
      if (!from!.includes(c)) throw new Error(`${c} is not in the key`)
      return to![from!.indexOf(c)]!
    })
  }),

  rw: only((body) => {
    const [passes, list, text] = parse(body, /^(\d):((?:[a-z]>[a-z]+,?)+):([a-z]+)$/)
    const rules = new Map(list!.split(',').map((rule) => rule.split('>') as [string, string]))
    let now = text!
    for (let pass = 0; pass < Number(passes); pass++) now = now.replace(/./g, (c) => rules.get(c) ?? c)
    return now
  }),

  cnt: only((body) => {
    const [asked, text] = parse(body, /^([a-z]+):([a-z]+)$/)
    return [...asked!].map((c) => text!.split(c).length - 1).join('')
  }),

  rle: only((body) => letters(body).replace(/(.)\1*/g, (run, c) => `${run.length}${c}`)),

  rld: only((body) =>
    parse(body, /^((?:[1-9][a-z])+)$/)[0]!.replace(/(\d)(.)/g, (_, n, c) => c.repeat(Number(n))),
  ),

  set: only((body) => {
    const [a, op, b] = parse(body, /^([a-z]+)([|&-])([a-z]+)$/)
    if (new Set(a).size !== a!.length || new Set(b).size !== b!.length) throw new Error(body)
    const kept = [...a!].filter((c) => (op === '&') === b!.includes(c))
    const both = op === '|' ? [...kept, ...b!] : kept
    return [...both].sort().join('')
  }),

  maj: only((body) => {
    const text = letters(body)
    const found = [...new Set(text)].filter((c) => 2 * (text.split(c).length - 1) > text.length)
    if (found.length !== 1) throw new Error(`${body} has no majority`)
    return found[0]!
  }),

  pal: only((body) => {
    const text = letters(body)
    for (let n = 0; ; n++) {
      const more = flip(text.slice(0, n))
      if (text + more === flip(text + more)) return more
    }
  }),

  brk: only((body) => {
    let text = parse(body, /^([()[\]{}<>]+)$/)[0]!
    for (let before = ''; before !== text; ) {
      before = text
      text = text.replace(/\(\)|\[\]|\{\}|<>/g, '')
    }
    if (/[)\]}>]/.test(text)) throw new Error(`${body} closes what is not open`)
    return flip(text).replace(/./g, (c) => ({ '(': ')', '[': ']', '{': '}', '<': '>' })[c]!)
  }),
}
