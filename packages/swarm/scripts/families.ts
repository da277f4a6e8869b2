import { families } from '../src/tasks/families.ts'
import { measure } from '../test/guessing.ts'

/** Prints the table of docs/tasks.md: what guessing earns, how long texts are and what a run costs. */
const levels = Array.from({ length: 16 }, (_, level) => level)
console.log(
  '| family | blind guess | at level | another answer | prompt | answer | steps | at most | prompts |',
)
console.log('|---|---|---|---|---|---|---|---|---|')
for (const family of families) {
  const m = measure(family, { seeds: 300, levels })
  const cells = [
    family.name,
    m.blind.toFixed(0),
    m.blindLevel,
    m.other.toFixed(0),
    m.prompt,
    m.answer,
    m.meanSteps.toFixed(0),
    m.mostSteps,
    m.distinct >= 1000 ? 'many' : m.distinct,
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
