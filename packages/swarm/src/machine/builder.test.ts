import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Builder, LAYOUT } from './builder.ts'
import { interpreter } from './interpret.ts'
import { encodeRequest } from './request.ts'
import type { Word } from './word.ts'

const encoder = new TextEncoder()
const start = (write: (m: Builder) => void, levels = 9) => {
  const machine = interpreter(Builder.code({ salt: 1, levels }, write))
  return (answer = '', seed = 1, level = 3) => machine.run(encodeRequest(seed, level, encoder.encode(answer)))
}
const promptOf = (write: (m: Builder) => void, answer = ''): string => {
  const { memory } = start((m) => {
    write(m)
    m.score(0)
  })(answer)
  return String.fromCharCode(...memory.subarray(LAYOUT.prompt, memory[LAYOUT.promptLength]!))
}

test('loops, conditions, lists and routines happen when the family runs', () => {
  const text = promptOf((m) => {
    const factorial = m.routine(1, (n) => {
      const product = m.variable(1)
      m.range(2, n.add(1), (i) => product.set(product.mul(i)))
      return product
    })
    const twice = m.routine(2, (a, b) => factorial(a).add(factorial(b)))
    m.prompt.write(twice(4, 5), ' ')
    const list = m.table([5, 3, 9, 1])
    m.sort(list)
    m.loop(4, (i, stop) => {
      m.when(list.at(i).gt(5), stop)
      m.prompt.write(list.at(i))
    })
    m.when(
      m.level.eq(3),
      () => m.prompt.write(' yes'),
      () => m.prompt.write(' no'),
    )
    m.among(m.level.sub(1), [() => m.prompt.write('a'), () => m.prompt.write('b'), () => m.prompt.write('c')])
    m.prompt.write(' ', m.word(7).min(9), m.word(7).max(9), m.word(4_000_000_000))
    m.prompt.writeSigned(m.word(3).sub(10))
  })
  assert.equal(text, '144 135 yesc 794000000000-7')
})

test('a number that counts is looked at once', () => {
  const text = promptOf((m) => {
    const n = m.variable(3)
    m.loop(n, () => {
      n.increase(1)
      m.prompt.write('x')
    })
    m.while(
      () => n,
      (stop) => {
        n.decrease(1)
        m.prompt.write(n)
        m.when(n.eq(3), stop)
      },
    )
  })
  assert.equal(text, 'xxx543')
})

test('an answer is read thing by thing, and its form counts', () => {
  const read = start((m) => {
    const a = m.answer.number()
    m.answer.expect(', ')
    const b = m.answer.signed()
    const mark = m.answer.accept('!')
    m.require(m.answer.ended)
    m.score(a.add(b).add(mark.mul(50)))
  })
  const scores: [string, number][] = [
    ['12, 7', 19],
    ['12, -7!', 55],
    ['0, 0', 0],
    ['40, 0', 40],
    ['040, 0', 0],
    ['40, -0', 0],
    ['40, 0 ', 0],
    ['40,0', 0],
    ['40', 0],
    [', 40', 0],
    ['1234567890, 1', 0],
    ['', 0],
    ['99, 99', 100],
  ]
  for (const [answer, score] of scores) assert.equal(read(answer).score, score, answer)
})

test('agreement is full for the solution alone', () => {
  const run = start((m) => {
    m.solution.write('abcd')
    m.scoreAgreement(80)
  })
  const scores = ['abcd', 'abcx', 'abc', 'abcde', 'xbcd', '', 'zzzz'].map((answer) => run(answer).score)
  assert.deepEqual(scores, [100, 60, 60, 64, 60, 0, 0])
})

test('draws are even, differ by seed, level and salt, and stay within their bounds', () => {
  const write = (m: Builder): void => {
    m.loop(90, () => m.prompt.write(m.draw(0, 2)))
    m.require(m.draw(5, 5).eq(5))
    m.loop(50, () => m.require(m.draw(3, m.level.add(3)).sub(3).le(m.level)))
    m.score(0)
  }
  const draws = (salt: number, seed: number, level: number): Int32Array =>
    interpreter(Builder.code({ salt, levels: 9 }, write))
      .run(encodeRequest(seed, level, new Uint8Array(0)))
      .memory.slice(0, 90)
  const kinds = [draws(1, 1, 1), draws(2, 1, 1), draws(1, 2, 1), draws(1, 2 ** 40 + 1, 1), draws(1, 1, 2)]
  assert.equal(new Set(kinds.map(String)).size, kinds.length)
  const run = start(write)
  const counts = [0, 0, 0]
  for (let seed = 0; seed < 100; seed++)
    for (const code of run('', seed).memory.subarray(0, 90)) counts[code - 48]!++
  // 9,000 draws: 3,000 each with a standard deviation of 45; the seeds are fixed, so this is too.
  for (const count of counts) assert.ok(Math.abs(count - 3000) < 200, String(counts))
})

test('draws are those that docs/tasks.md describes, drawn again where that makes them even', () => {
  const mix = (word: number): number => {
    let x = word | 0
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    return (x ^ (x >>> 16)) >>> 0
  }
  const bounds = [2, 3, 10, 1000, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 32 - 1]
  const expected = (salt: number, seed: number, level: number): number[] => {
    let counter = mix(mix(mix(seed % 2 ** 32) ^ salt) + level)
    const key = mix(Math.floor(seed / 2 ** 32) + counter)
    return Array.from({ length: 70 }, (_, i) => {
      const bound = BigInt(bounds[i % bounds.length]!)
      for (;;) {
        counter = (counter + 0x9e3779b9) >>> 0
        const product = BigInt(mix(mix(counter) ^ key)) * bound
        if (BigInt.asUintN(32, product) >= 2n ** 32n % bound) return Number(product >> 32n)
      }
    })
  }
  for (const salt of [0, 1, 0xfedcba98])
    for (const seed of [0, 77, 2 ** 32 - 1, 2 ** 53 - 1]) {
      const code = Builder.code({ salt, levels: 9 }, (m) => {
        const drawn = m.list(70)
        for (let i = 0; i < 70; i++) drawn.set(i, m.draw(0, bounds[i % bounds.length]! - 1))
        m.prompt.write(m.word(drawn.base))
        m.score(0)
      })
      const { memory } = interpreter(code).run(encodeRequest(seed, 4, new Uint8Array(0)))
      const base = Number(String.fromCharCode(...memory.subarray(0, memory[LAYOUT.promptLength]!)))
      assert.deepEqual([...Uint32Array.from(memory.subarray(base, base + 70))], expected(salt, seed, 4))
    }
})

test('a shuffle is a permutation', () => {
  const run = start((m) => {
    const list = m.table([0, 1, 2, 3])
    m.shuffle(list)
    m.loop(4, (i) => m.prompt.write(list.at(i)))
    m.score(0)
  })
  const found = new Set<string>()
  for (let seed = 0; seed < 400; seed++)
    found.add(String.fromCharCode(...run('', seed).memory.subarray(0, 4)))
  assert.equal(found.size, 24)
  for (const order of found) assert.equal([...order].sort().join(''), '0123')
})

test('a level that the family has not has no score', () => {
  const run = start((m) => m.score(50), 4)
  assert.deepEqual(
    [0, 3, 4, 5, 255].map((level) => run('', 1, level).score),
    [50, 50, 0, 0, 0],
  )
})

test('mistakes are errors while the code is written', () => {
  const code = (write: (m: Builder) => void) => () => Builder.code({ salt: 1, levels: 1 }, write)
  assert.throws(
    code((m) => {
      let inner: Word | undefined
      m.loop(3, (i) => {
        inner = i.add(1)
      })
      m.score(inner!)
    }),
    /after its end/,
  )
  assert.throws(
    code((m) => m.list(3).at(3)),
    /has none at 3/,
  )
  assert.throws(
    code((m) => m.list(4000)),
    /allowed: 2048/,
  )
  assert.throws(
    code((m) => {
      for (let i = 0; i < 5000; i++) m.prompt.character(65)
    }),
    /gives no score/,
  )
  assert.throws(
    code((m) => {
      for (let i = 0; i < 5000; i++) m.prompt.character(65)
      m.score(1)
    }),
    /allowed: 4096/,
  )
  assert.throws(
    code((m) => m.prompt.write('é')),
    /32 to 126/,
  )
  assert.throws(
    code((m) => m.draw(3, 2)),
    /cannot be drawn/,
  )
})
