// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../sol/Trees.sol";

/// The library behind a contract, because it takes calldata.
contract TreesHarness {
    function leaf(bytes calldata data) external view returns (bytes32) {
        return Trees.leaf(data);
    }

    function tensor(bytes calldata header, bytes32 leavesRoot) external view returns (bytes32) {
        return Trees.tensor(header, leavesRoot);
    }

    function parent(bytes32 left, bytes32 right) external view returns (bytes32) {
        return Trees.parent(left, right);
    }

    function climb(bytes32 digest, uint256 position, bytes32[] calldata path) external view returns (bytes32) {
        return Trees.climb(digest, position, path);
    }

    function fold(bytes32[] calldata row) external view returns (bytes32 root, uint256 gasUsed) {
        uint256 start = gasleft();
        root = Trees.fold(row);
        gasUsed = start - gasleft();
    }

    function depth(uint256 count) external pure returns (uint256) {
        return Trees.depth(count);
    }
}
