// Written by scripts/build.ts. Do not edit.

export const IDelegations = {
  abi: [
    {"type":"function","name":"POST","inputs":[],"outputs":[{"name":"","type":"uint8","internalType":"uint8"}],"stateMutability":"view"},
    {"type":"function","name":"PROVIDE","inputs":[],"outputs":[{"name":"","type":"uint8","internalType":"uint8"}],"stateMutability":"view"},
    {"type":"function","name":"VERIFY","inputs":[],"outputs":[{"name":"","type":"uint8","internalType":"uint8"}],"stateMutability":"view"},
    {"type":"function","name":"accountOf","inputs":[{"name":"key","type":"address","internalType":"address"},{"name":"scope","type":"uint256","internalType":"uint256"}],"outputs":[{"name":"","type":"address","internalType":"address"}],"stateMutability":"view"},
    {"type":"function","name":"delegationOf","inputs":[{"name":"key","type":"address","internalType":"address"}],"outputs":[{"name":"account","type":"address","internalType":"address"},{"name":"scopes","type":"uint256","internalType":"uint256"},{"name":"expiry","type":"uint256","internalType":"uint256"},{"name":"revoked","type":"bool","internalType":"bool"}],"stateMutability":"view"},
    {"type":"function","name":"hashOf","inputs":[{"name":"delegation","type":"tuple","internalType":"struct Delegation","components":[{"name":"account","type":"address","internalType":"address"},{"name":"key","type":"address","internalType":"address"},{"name":"scopes","type":"uint8","internalType":"uint8"},{"name":"expiry","type":"uint64","internalType":"uint64"},{"name":"salt","type":"uint256","internalType":"uint256"}]}],"outputs":[{"name":"","type":"bytes32","internalType":"bytes32"}],"stateMutability":"view"},
    {"type":"function","name":"register","inputs":[{"name":"delegation","type":"tuple","internalType":"struct Delegation","components":[{"name":"account","type":"address","internalType":"address"},{"name":"key","type":"address","internalType":"address"},{"name":"scopes","type":"uint8","internalType":"uint8"},{"name":"expiry","type":"uint64","internalType":"uint64"},{"name":"salt","type":"uint256","internalType":"uint256"}]},{"name":"accountSignature","type":"bytes","internalType":"bytes"},{"name":"keySignature","type":"bytes","internalType":"bytes"}],"outputs":[],"stateMutability":"nonpayable"},
    {"type":"function","name":"revoke","inputs":[{"name":"key","type":"address","internalType":"address"}],"outputs":[],"stateMutability":"nonpayable"},
    {"type":"event","name":"Delegated","inputs":[{"name":"account","type":"address","indexed":true,"internalType":"address"},{"name":"key","type":"address","indexed":true,"internalType":"address"},{"name":"scopes","type":"uint256","indexed":false,"internalType":"uint256"},{"name":"expiry","type":"uint256","indexed":false,"internalType":"uint256"},{"name":"salt","type":"uint256","indexed":false,"internalType":"uint256"}],"anonymous":false},
    {"type":"event","name":"Revoked","inputs":[{"name":"account","type":"address","indexed":true,"internalType":"address"},{"name":"key","type":"address","indexed":true,"internalType":"address"},{"name":"by","type":"address","indexed":false,"internalType":"address"}],"anonymous":false},
    {"type":"error","name":"AlreadyRegistered","inputs":[{"name":"digest","type":"bytes32","internalType":"bytes32"}]},
    {"type":"error","name":"Expired","inputs":[{"name":"expiry","type":"uint256","internalType":"uint256"},{"name":"time","type":"uint256","internalType":"uint256"}]},
    {"type":"error","name":"KeyRevoked","inputs":[{"name":"key","type":"address","internalType":"address"}]},
    {"type":"error","name":"KeyTaken","inputs":[{"name":"key","type":"address","internalType":"address"},{"name":"account","type":"address","internalType":"address"}]},
    {"type":"error","name":"NotYours","inputs":[{"name":"sender","type":"address","internalType":"address"},{"name":"account","type":"address","internalType":"address"},{"name":"key","type":"address","internalType":"address"}]},
    {"type":"error","name":"UnknownKey","inputs":[{"name":"key","type":"address","internalType":"address"}]},
    {"type":"error","name":"WrongSignature","inputs":[{"name":"signer","type":"address","internalType":"address"}]},
  ],
} as const
