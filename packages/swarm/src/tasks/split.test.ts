import assert from 'node:assert/strict'
import { test } from 'node:test'
import { families } from './families.ts'
import { family } from './family.ts'
import { heldOutSeeds, isOn, type Side, seedOn, sideOfPrompt, sideOfSeed } from './split.ts'

const DRAWS = process.env.LOCKSTEP_NIGHTLY === '1' ? 2000 : 80

test('no seed and no prompt is both trained on and held out, in any family', () => {
  for (const family of families) {
    // Level 0 has the fewest prompts: there the same one is drawn again and again.
    for (const level of [0, 1, 15]) {
      const found = (side: Side) => {
        const seeds = Array.from({ length: DRAWS }, (_, draw) => seedOn(side, family, level, draw))
        return {
          seeds: new Set(seeds),
          prompts: new Set(seeds.map((seed) => family.play(seed, level).prompt)),
        }
      }
      const [train, held] = [found('train'), found('held-out')]
      const where = `${family.name} at level ${level}`
      for (const seed of held.seeds) assert.ok(!train.seeds.has(seed), where)
      for (const prompt of held.prompts) assert.ok(!train.prompts.has(prompt), `${where}: ${prompt}`)
      assert.ok(train.prompts.size >= 8 && held.prompts.size >= 4, `${where} has prompts on both sides`)
    }
  }
})

test('a quarter of all prompts is held out', () => {
  const prompts = Array.from({ length: 10_000 }, (_, i) => `add ${i}+1=`)
  const held = prompts.filter((prompt) => sideOfPrompt(prompt) === 'held-out').length
  assert.ok(Math.abs(held - 2500) < 250, `${held} of 10,000`)
})

test('a seed alone does not put a task on a side: its prompt has to be there too', () => {
  const [family] = families
  let [refused, taken] = [0, 0]
  for (let seed = 2 ** 31; seed < 2 ** 31 + 200; seed++) {
    assert.equal(sideOfSeed(seed), 'held-out')
    assert.equal(isOn('train', family!, seed, 0), false)
    if (isOn('held-out', family!, seed, 0)) taken++
    else refused++
  }
  assert.ok(taken > 20 && refused > 100, `${taken} taken, ${refused} refused`)
})

test('held-out tasks of a set differ from each other, and a second set is another one', () => {
  for (const family of families) {
    const seeds = heldOutSeeds(family, 15, 20)
    assert.equal(seeds.length, 20, family.name)
    assert.equal(new Set(seeds.map((seed) => family.play(seed, 15).prompt)).size, 20)
    assert.deepEqual(heldOutSeeds(family, 15, 20), seeds)
    const others = heldOutSeeds(family, 15, 20, 1_000_000)
    assert.ok(others.some((seed) => !seeds.includes(seed)))
  }
})

test('a family without a prompt on a side is an error that says so', () => {
  const single = family({
    name: 'single',
    about: 'One prompt only.',
    levels: 1,
    write: (m) => {
      m.prompt.write('a')
      m.solution.write('b')
      m.score(0)
    },
  })
  const empty = sideOfPrompt('a') === 'train' ? 'held-out' : 'train'
  assert.throws(() => seedOn(empty, single, 0, 1), /none of 1024 seeds of single at level 0/)
})
