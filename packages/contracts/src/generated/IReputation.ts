// Written by scripts/build.ts. Do not edit.

export const IReputation = {
  abi: [
    {"type":"function","name":"discountOf","inputs":[{"name":"account","type":"address","internalType":"address"}],"outputs":[{"name":"","type":"uint256","internalType":"uint256"}],"stateMutability":"view"},
    {"type":"function","name":"record","inputs":[{"name":"account","type":"address","internalType":"address"},{"name":"outcome","type":"uint8","internalType":"enum IReputation.Outcome"},{"name":"fee","type":"uint256","internalType":"uint256"}],"outputs":[],"stateMutability":"nonpayable"},
    {"type":"function","name":"recordOf","inputs":[{"name":"account","type":"address","internalType":"address"}],"outputs":[{"name":"","type":"tuple","internalType":"struct IReputation.Record","components":[{"name":"score","type":"uint96","internalType":"uint96"},{"name":"day","type":"uint32","internalType":"uint32"},{"name":"completed","type":"uint32","internalType":"uint32"},{"name":"late","type":"uint32","internalType":"uint32"},{"name":"failed","type":"uint32","internalType":"uint32"},{"name":"declined","type":"uint32","internalType":"uint32"},{"name":"slashed","type":"uint32","internalType":"uint32"}]}],"stateMutability":"view"},
    {"type":"function","name":"scale","inputs":[],"outputs":[{"name":"","type":"uint256","internalType":"uint256"}],"stateMutability":"view"},
    {"type":"function","name":"scoreOf","inputs":[{"name":"account","type":"address","internalType":"address"}],"outputs":[{"name":"","type":"uint256","internalType":"uint256"}],"stateMutability":"view"},
    {"type":"event","name":"Recorded","inputs":[{"name":"account","type":"address","indexed":true,"internalType":"address"},{"name":"office","type":"address","indexed":true,"internalType":"address"},{"name":"outcome","type":"uint8","indexed":false,"internalType":"enum IReputation.Outcome"},{"name":"fee","type":"uint256","indexed":false,"internalType":"uint256"},{"name":"score","type":"uint256","indexed":false,"internalType":"uint256"}],"anonymous":false},
    {"type":"error","name":"NotOffice","inputs":[{"name":"sender","type":"address","internalType":"address"}]},
  ],
} as const
