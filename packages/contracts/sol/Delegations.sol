// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Bounds} from "./Bounds.sol";
import {Delegation, IDelegations, Scopes} from "./IDelegations.sol";

/// @title Delegations
/// @notice Which key acts for which account; see IDelegations. Nobody has a power over it.
contract Delegations is IDelegations, EIP712 {
    /// @notice A lost key ends by itself.
    uint256 public constant MAX_LIFETIME = 3 * 365 days;

    bytes32 private constant DELEGATION_TYPEHASH =
        keccak256("Delegation(address account,address key,uint8 scopes,uint64 expiry,uint256 salt)");

    struct Key {
        address account;
        uint64 expiry;
        uint8 scopes;
        bool revoked;
    }

    mapping(address key => Key) private _keys;
    mapping(bytes32 digest => bool) private _registered;

    constructor() EIP712("Lockstep Delegations", "1") {}

    /// @inheritdoc IDelegations
    function register(Delegation calldata delegation, bytes calldata accountSignature, bytes calldata keySignature)
        external
    {
        (address account, address key) = (delegation.account, delegation.key);
        Bounds.isSet("account", account);
        Bounds.isSet("key", key);
        // A key is itself where it was never delegated: there is nothing to register for an account's own key.
        if (account == key) revert KeyTaken(key, account);
        Bounds.within("scopes", delegation.scopes, 1, Scopes.ALL);
        if (delegation.expiry <= block.timestamp) revert Expired(delegation.expiry, block.timestamp);
        Bounds.within("expiry", delegation.expiry, block.timestamp + 1, block.timestamp + MAX_LIFETIME);

        bytes32 digest = hashOf(delegation);
        if (_registered[digest]) revert AlreadyRegistered(digest);
        _registered[digest] = true;
        Key storage kept = _keys[key];
        if (kept.revoked) revert KeyRevoked(key);
        if (kept.account != address(0) && kept.account != account) revert KeyTaken(key, kept.account);
        _mustAgree(account, digest, accountSignature);
        _mustAgree(key, digest, keySignature);

        kept.account = account;
        kept.expiry = delegation.expiry;
        kept.scopes = delegation.scopes;
        emit Delegated(account, key, delegation.scopes, delegation.expiry, delegation.salt);
    }

    /// @inheritdoc IDelegations
    function revoke(address key) external {
        Key storage kept = _keys[key];
        address account = kept.account;
        if (account == address(0)) revert UnknownKey(key);
        if (msg.sender != account && msg.sender != key) revert NotYours(msg.sender, account, key);
        if (kept.revoked) revert KeyRevoked(key);
        kept.revoked = true;
        emit Revoked(account, key, msg.sender);
    }

    /// @inheritdoc IDelegations
    function accountOf(address key, uint256 scope) external view returns (address) {
        Key storage kept = _keys[key];
        address account = kept.account;
        if (account == address(0)) return key;
        bool stands = !kept.revoked && block.timestamp < kept.expiry && scope != 0 && kept.scopes & scope == scope;
        return stands ? account : address(0);
    }

    /// @inheritdoc IDelegations
    function delegationOf(address key)
        external
        view
        returns (address account, uint256 scopes, uint256 expiry, bool revoked)
    {
        Key storage kept = _keys[key];
        return (kept.account, kept.scopes, kept.expiry, kept.revoked);
    }

    /// @inheritdoc IDelegations
    function hashOf(Delegation calldata delegation) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    DELEGATION_TYPEHASH,
                    delegation.account,
                    delegation.key,
                    delegation.scopes,
                    delegation.expiry,
                    delegation.salt
                )
            )
        );
    }

    function _mustAgree(address signer, bytes32 digest, bytes calldata signature) private view {
        if (msg.sender == signer) return;
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, digest, signature)) revert WrongSignature(signer);
    }
}
