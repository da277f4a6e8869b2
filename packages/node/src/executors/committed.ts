/**
 * The digest of each conformance case, as the reference computes it: see cases.ts. Made by `prove.test.ts`, which prints
 * what belongs here where the two differ.
 */
export const COMMITTED: { readonly [name: string]: string } = {
  instructions: '109660df2059e6fa00db838e786ae988fac4dc9dcc826d8818e529bd23ebe949',
  'program 1': 'eb55c691e2b874622235fb4115d02accb1cd75be1afd3aa7e217b3a7f9548a61',
  'program 2': '2e540769c5bea639eb25138dcf11f1b4cb2abd26cdf9a99bd67f7442545acc41',
  'program 3': '7fa8b7a3e524502cb52590d61ece6ab054f7077f31b34bcf06d9ee8dfda1c9a3',
  'program 4': 'a6f9a71feb1f387d0ea49c58e91fe3e8e5d44fa0a522c9c8d49e737c8fb8f8d4',
  'program 5': '2ae60fde6bd32258a81a3ad3c0f7daf7e7e0e53051c45d011be25601a9187424',
  'program 6': '66726885c066076feb68e75952c364622f2e27e2d7f3581ef436e6500fee1d43',
  'program 7': 'b3b3d6e81dface52276a251f5be2786ecae87af16c28ca84815aa0448164540f',
  'program 8': 'd48bd927602c33c59302807485f68f1fc76b2f2f334a39bc21dc223be853d39b',
  'product 1': '9b1c4b337fcbf1e22d57b900662c112dac4f4d321b93f11d8b142f81a4b89a93',
  'product 2': 'a83bfd9fc7d266a1182cbab5576446ad598c56a57825257e42a18dade96a254f',
  'product 3': 'e92ad9d113a0b4f596f82ac211591f7209933564780660c110fa4a009935568d',
  'product 4': 'b665e24c01431dc39a46fdbcca367075d33896f95c64aec3554be92231130b9b',
  'product 5': '88bc173c571401061cb1019f3127ab8ddc5aa38023b654587f5cc0d5e7fb694d',
  'network 1': '7ff7b018893238e7027440194f3200fe444c3e75bfeac36b180669fdc36385b5',
}
