// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a key may do for its account.
library Scopes {
    uint8 internal constant PROVIDE = 1; // bid, receive, claim
    uint8 internal constant VERIFY = 2; // enroll, commit to secrets, audit
    uint8 internal constant POST = 4; // post and cancel jobs, paid by the account's credit
    uint8 internal constant SWARM = 8; // join swarms, submit, claim, challenge, stand by scores
    uint8 internal constant ALL = 15;
}

/// @notice An account lets a key act for it. EIP-712; the domain is ("Lockstep Delegations", "1", chain, contract).
struct Delegation {
    address account;
    address key;
    uint8 scopes; // a sum of Scopes
    uint64 expiry; // the first second at which it is over
    uint256 salt; // tells two delegations apart; each is registered at most once
}

/// @title Delegations, as others see them
/// @notice Node keys act for accounts: a lost node key loses no funds. What moves an account's own money (stake,
/// withdrawals) always needs the account itself.
interface IDelegations {
    event Delegated(address indexed account, address indexed key, uint256 scopes, uint256 expiry, uint256 salt);
    event Revoked(address indexed account, address indexed key, address by);

    error Expired(uint256 expiry, uint256 time);
    error WrongSignature(address signer);
    error AlreadyRegistered(bytes32 digest);
    /// A key belongs to the first account that it was delegated by, for ever.
    error KeyTaken(address key, address account);
    error KeyRevoked(address key);
    error UnknownKey(address key);
    error NotYours(address sender, address account, address key);

    /// @notice Registers a delegation; anyone may carry it. Both sides sign the same digest, because a key that did not
    /// agree could be captured by a stranger's account. Either signature may be empty where that side sends this itself.
    /// A later registration of the same account and key replaces scopes and expiry.
    /// @param accountSignature By the account: ECDSA, or ERC-1271 where it is a contract
    /// @param keySignature By the key: ECDSA
    function register(Delegation calldata delegation, bytes calldata accountSignature, bytes calldata keySignature)
        external;

    /// @notice Ends a key for ever. The account or the key itself may send it.
    function revoke(address key) external;

    /// @notice For which account a key may act in a scope: the key itself where it was never delegated; zero where its
    /// delegation has expired, was revoked or lacks the scope.
    function accountOf(address key, uint256 scope) external view returns (address);

    /// @notice What is registered of a key; the account is zero where nothing ever was.
    function delegationOf(address key)
        external
        view
        returns (address account, uint256 scopes, uint256 expiry, bool revoked);

    function hashOf(Delegation calldata delegation) external view returns (bytes32);
}
