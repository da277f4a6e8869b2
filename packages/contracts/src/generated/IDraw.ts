// Written by scripts/build.ts. Do not edit.

export const IDraw = {
  abi: [
    {"type":"function","name":"longestTime","inputs":[],"outputs":[{"name":"","type":"uint256","internalType":"uint256"}],"stateMutability":"view"},
    {"type":"function","name":"randomness","inputs":[{"name":"round","type":"uint256","internalType":"uint256"}],"outputs":[{"name":"status","type":"uint8","internalType":"enum IDraw.DrawStatus"},{"name":"random","type":"bytes32","internalType":"bytes32"}],"stateMutability":"view"},
    {"type":"function","name":"request","inputs":[],"outputs":[{"name":"round","type":"uint256","internalType":"uint256"}],"stateMutability":"nonpayable"},
    {"type":"event","name":"RoundRequested","inputs":[{"name":"round","type":"uint256","indexed":true,"internalType":"uint256"},{"name":"begin","type":"uint256","indexed":false,"internalType":"uint256"},{"name":"end","type":"uint256","indexed":false,"internalType":"uint256"}],"anonymous":false},
    {"type":"error","name":"NotAsker","inputs":[{"name":"sender","type":"address","internalType":"address"}]},
  ],
} as const
