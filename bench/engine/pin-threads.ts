/** The environment that holds libraries to so many threads. How they wait for each other is left as it comes. */
export const pinThreads = (threads: number): { [name: string]: string } => ({
  OMP_NUM_THREADS: String(threads),
  OPENBLAS_NUM_THREADS: String(threads),
  MKL_NUM_THREADS: String(threads),
})
