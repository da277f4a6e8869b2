import { type Fault, FaultError } from '@lockstep/tensor'

/** How a run can end other than well. Each is a Fault's code. */
export type RunFaultCode =
  | 'run-invalid' // what was handed in: program, tensors, commitments, a directory of another run
  | 'run-over-memory'
  | 'run-over-time'
  | 'run-crashed' // the process ended by itself: a signal, or an exit code that says nothing
  | 'run-stopped' // asked to stop
  | 'run-locked' // another process writes to the directory
  | 'run-disk' // the disk is full, read-only or broken
  | 'run-device' // a device failed, or is not there: nothing is said about the task
  | 'run-unsound' // this machine gives other bits each time

export const runFault = (
  code: RunFaultCode,
  field: string,
  value: string | number,
  limit: string | number,
  remedy: string,
): FaultError => new FaultError({ code, field, value, limit, remedy } satisfies Fault)

const DISK: { readonly [code: string]: string } = {
  ENOSPC: 'on a full disk',
  EDQUOT: 'over the quota',
  EFBIG: 'too large a file',
  EROFS: 'on a read-only disk',
  EIO: 'unreadable',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  EMFILE: 'one file too many',
}

const MISSING: { readonly [code: string]: string } = {
  ENOENT: 'missing',
  ENOTDIR: 'below a file',
  EEXIST: 'a file',
  EISDIR: 'a directory',
}

/** What an error says about a run; undefined where it is a bug of ours. */
export const faultOfError = (error: unknown): Fault | undefined => {
  if (error instanceof FaultError) {
    const { fault } = error
    if (fault.code.startsWith('run-')) return fault
    return { ...fault, code: fault.code === 'program-too-large' ? 'run-over-memory' : 'run-invalid' }
  }
  if (!(error instanceof Error)) return undefined
  const { code = '', path = 'file' } = error as NodeJS.ErrnoException
  if (code in MISSING)
    return runFault('run-invalid', path, MISSING[code]!, 'an existing path', 'Check the path.').fault
  const said = DISK[code]
  if (said === undefined) return undefined
  const remedy = 'Make room or permit it, and run it again: it goes on from the last checkpoint.'
  return runFault('run-disk', path, said, 'a disk that takes the run', remedy).fault
}
