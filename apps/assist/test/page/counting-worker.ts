import { learnedAcceptance, type Port, serveModel } from '@lockstep/assist'
import { createWasmExecutor } from '@lockstep/tensor'
import { countSuggester } from '../../../../packages/assist/test/count-suggester.ts'

declare const self: Port

serveModel(self, async () => ({
  suggester: countSuggester(),
  acceptance: await learnedAcceptance(await createWasmExecutor()),
}))
