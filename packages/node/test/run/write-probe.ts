/** Tries to write a file at each path that it is given, and says which of them it could. */
import { symlinkSync, writeFileSync } from 'node:fs'

for (const path of process.argv.slice(2)) {
  try {
    if (path.endsWith('.link')) symlinkSync('/', path)
    else writeFileSync(path, 'written')
    console.log(path)
  } catch {}
}
