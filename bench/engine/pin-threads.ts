/**
 * The environment that holds libraries to so many threads. OpenMP's threads sleep while they wait: where they spin,
 * beside those of OpenBLAS, PyTorch's steps on two threads took two to four times as long, and a peer gets what serves it.
 */
export const pinThreads = (threads: number): { [name: string]: string } => ({
  OMP_NUM_THREADS: String(threads),
  OPENBLAS_NUM_THREADS: String(threads),
  MKL_NUM_THREADS: String(threads),
  OMP_WAIT_POLICY: 'PASSIVE',
})
