// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Trees of SHA-256 digests
/// @notice The hashing of docs/numerics.md: one tag byte in front, and two absent halves have an absent parent. So a
/// tree over n digests is the same as one that is filled with zero digests up to a power of two.
library Trees {
    /// @notice How many levels of a tree one posted vector shows: 2^5 digests.
    uint256 internal constant CUT = 5;

    /// @return digest The leaf of these bytes: a run of a tensor's elements, or an item's encoding
    function leaf(bytes calldata data) internal view returns (bytes32 digest) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 0)
            calldatacopy(add(buffer, 1), data.offset, data.length)
            if iszero(staticcall(gas(), 2, buffer, add(data.length, 1), 0, 32)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @param header The tensor's dtype and dims, as encoded
    function tensor(bytes calldata header, bytes32 leavesRoot) internal view returns (bytes32 digest) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 2)
            calldatacopy(add(buffer, 1), header.offset, header.length)
            mstore(add(add(buffer, 1), header.length), leavesRoot)
            if iszero(staticcall(gas(), 2, buffer, add(header.length, 33), 0, 32)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    function parent(bytes32 left, bytes32 right) internal view returns (bytes32 digest) {
        assembly ("memory-safe") {
            if or(left, right) {
                let buffer := mload(0x40)
                mstore8(buffer, 1)
                mstore(add(buffer, 1), left)
                mstore(add(buffer, 33), right)
                if iszero(staticcall(gas(), 2, buffer, 65, 0, 32)) { revert(0, 0) }
                digest := mload(0)
            }
        }
    }

    /// @notice The digest above `digest`, which stands at `position`, after hashing with the siblings of `path`.
    function climb(bytes32 digest, uint256 position, bytes32[] calldata path) internal view returns (bytes32 above) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            let left := add(buffer, 1)
            above := digest
            let next := path.offset
            let end := add(next, shl(5, path.length))
            for {} lt(next, end) { next := add(next, 32) } {
                let sibling := calldataload(next)
                // The digest's own place: 0 on the left, 32 on the right.
                let own := shl(5, and(position, 1))
                mstore(add(left, own), above)
                mstore(add(left, xor(own, 32)), sibling)
                if or(above, sibling) {
                    if iszero(staticcall(gas(), 2, buffer, 65, 0, 32)) { revert(0, 0) }
                    above := mload(0)
                }
                position := shr(1, position)
            }
        }
    }

    /// @notice The root of a full row of digests.
    /// @dev The number of digests must be a power of two.
    function fold(bytes32[] calldata row) internal view returns (bytes32 root) {
        assembly ("memory-safe") {
            // A pair's tag goes into the byte in front of it, which belongs to a pair that is already hashed, or, for
            // the first pair, to the word left free here.
            let base := add(mload(0x40), 32)
            let count := row.length
            calldatacopy(base, row.offset, shl(5, count))
            for {} gt(count, 1) {} {
                count := shr(1, count)
                let source := base
                let target := base
                for { let end := add(base, shl(5, count)) } lt(target, end) { target := add(target, 32) } {
                    switch or(mload(source), mload(add(source, 32)))
                    case 0 { mstore(target, 0) }
                    default {
                        mstore8(sub(source, 1), 1)
                        if iszero(staticcall(gas(), 2, sub(source, 1), 65, target, 32)) { revert(0, 0) }
                    }
                    source := add(source, 64)
                }
            }
            root := mload(base)
        }
    }

    /// @return levels ceil(log2 count): the height of the tree over `count` digests
    function depth(uint256 count) internal pure returns (uint256 levels) {
        assembly ("memory-safe") {
            if gt(count, 1) { levels := sub(256, clz(sub(count, 1))) }
        }
    }
}
