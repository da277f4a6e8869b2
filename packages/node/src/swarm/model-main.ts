/**
 * The process of a participant's model, forked by model-process.ts. It opens the learner that it is told of first, answers
 * one request after another, and ends with its parent.
 */
import { FaultError } from '@lockstep/tensor'
import { openExecutor } from '../run/open-executor.ts'
import { openLearner } from './learner.ts'
import type { FromModel, ModelTerms, ToModel } from './model-process.ts'
import { type ModelWork, modelWork } from './model-work.ts'
import { readStart } from './own-learner.ts'

const openWork = async ({ manifest, start, memory, threads }: ModelTerms): Promise<ModelWork> => {
  const executor = await openExecutor({ threads }, memory)
  return modelWork(await openLearner(executor, manifest, await readStart(start)))
}

let work: Promise<ModelWork> | undefined
const carryOut = async ({ ask }: ToModel): Promise<unknown> => {
  if (ask.kind === 'terms') {
    work = openWork(ask.terms)
    await work
    return undefined
  }
  const model = await work!
  switch (ask.kind) {
    case 'open':
      return model.open(ask.file, ask.isFirst)
    case 'answer':
      return model.answer(ask.question)
    case 'judge':
      return model.judge(ask.asked, ask.groups)
    case 'likeliest':
      return model.likeliest(ask.prompts)
    case 'learn':
      return model.learn(ask.teaching)
  }
}

process.on('message', (raw) => {
  const message = raw as ToModel // from our parent, which is this program
  const tell = (answer: FromModel): void => void process.send?.(answer, () => {})
  carryOut(message).then(
    (value) => tell({ id: message.id, value }),
    (error: unknown) =>
      tell(
        error instanceof FaultError
          ? { id: message.id, fault: error.fault }
          : {
              id: message.id,
              error: error instanceof Error ? (error.stack ?? error.message) : String(error),
            },
      ),
  )
})
// Nobody is left to answer; what it was computing is begun again from its files.
process.on('disconnect', () => process.exit(1))
