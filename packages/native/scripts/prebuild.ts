import { join } from 'node:path'
import { address, PACKAGE, PLATFORM } from '../src/address.ts'
import { compile } from '../src/build.ts'

/**
 * Writes prebuilds/PLATFORM-ARCH/lockstep.node, for a package that is shipped to machines without a compiler:
 *   node packages/native/scripts/prebuild.ts [PLATFORM-ARCH COMPILER]
 * With a compiler for another machine, named with it: linux-arm64 aarch64-linux-gnu-g++.
 */
const [platform = PLATFORM, compiler = process.env.CXX || 'c++'] = process.argv.slice(2)
const file = join(PACKAGE, 'prebuilds', platform, 'lockstep.node')
const built = compile(compiler, [], address(), file)
if ('why' in built) {
  console.error(built.why)
  process.exitCode = 1
} else console.log(`${file}, of the sources ${address()}`)
