import { families } from '../src/tasks/families.ts'
import { measure } from '../test/guessing.ts'

/** Prints the table of docs/tasks.md: what guessing gives, how long texts are and what a run costs. */
console.log(
  "| family | blind guess, worst level | another's answer | prompt | answer | steps, mean | steps, most | code |",
)
console.log('|---|---|---|---|---|---|---|---|')
for (const family of families) {
  const m = measure(family, 200)
  console.log(
    `| ${family.name} | ${m.blind.toFixed(1)} (level ${m.blindLevel}) | ${m.other.toFixed(1)} | ${m.prompt} | ${m.answer} | ${m.meanSteps.toFixed(0)} | ${m.mostSteps} | ${family.code.length} | ${m.distinct} `,
  )
}
