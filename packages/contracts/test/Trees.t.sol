// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TreesHarness} from "./TreesHarness.sol";
import {vm} from "./Vm.sol";

contract TreesTest {
    TreesHarness private trees = new TreesHarness();

    function test_the_hashes_have_their_tags() external view {
        // sha256 of the tag byte and the bytes, computed by another program.
        assert(trees.leaf("") == 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d);
        assert(trees.leaf("abc") == 0x609f6e36d2405585188d5cfd761f407c7cc46a7d3f314c88270469dde315fcd1);
        assert(
            trees.parent(bytes32(uint256(1)), bytes32(uint256(2)))
                == 0x3af8bce4d89cdbe91c71df34a6f1990dade9ccb73a1463bc078a2f7affacfa37
        );
        assert(trees.parent(bytes32(uint256(1)), 0) == sha256(abi.encodePacked(uint8(1), uint256(1), uint256(0))));
        assert(trees.parent(0, bytes32(uint256(1))) == sha256(abi.encodePacked(uint8(1), uint256(0), uint256(1))));
        assert(
            trees.tensor(hex"010100000003", bytes32(uint256(9)))
                == sha256(abi.encodePacked(hex"02010100000003", uint256(9)))
        );
    }

    function test_two_absent_halves_have_an_absent_parent() external view {
        assert(trees.parent(0, 0) == 0);
        (bytes32 root,) = trees.fold(new bytes32[](32));
        assert(root == 0);
        assert(trees.climb(0, 5, new bytes32[](3)) == 0);
    }

    function test_depths() external view {
        uint8[10] memory depths = [0, 0, 1, 2, 2, 3, 3, 3, 3, 4];
        for (uint256 n = 0; n < depths.length; ++n) {
            assert(trees.depth(n) == depths[n]);
        }
        assert(trees.depth(2 ** 48) == 48);
        assert(trees.depth(2 ** 48 + 1) == 49);
    }

    function testFuzz_depth_is_the_least_that_holds_the_count(uint256 count) external view {
        uint256 depth = trees.depth(count);
        if (count < 2) assert(depth == 0);
        else assert(depth == 256 ? count > 1 << 255 : 1 << depth >= count && 1 << (depth - 1) < count);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_every_item_of_a_row_climbs_to_its_fold(bytes32 seed, uint256 levels, uint256 absent)
        external
        view
    {
        levels %= 6;
        uint256 count = 1 << levels;
        absent %= count + 1;
        bytes32[][] memory rows = new bytes32[][](levels + 1);
        rows[0] = new bytes32[](count);
        for (uint256 i = 0; i < count - absent; ++i) {
            rows[0][i] = keccak256(abi.encode(seed, i));
        }
        for (uint256 level = 0; level < levels; ++level) {
            rows[level + 1] = new bytes32[](rows[level].length / 2);
            for (uint256 i = 0; i < rows[level + 1].length; ++i) {
                (bytes32 left, bytes32 right) = (rows[level][2 * i], rows[level][2 * i + 1]);
                rows[level + 1][i] = left | right == 0 ? bytes32(0) : sha256(abi.encodePacked(uint8(1), left, right));
            }
        }
        (bytes32 root,) = trees.fold(rows[0]);
        assert(root == rows[levels][0]);
        for (uint256 i = 0; i < count; ++i) {
            bytes32[] memory path = new bytes32[](levels);
            for (uint256 level = 0; level < levels; ++level) {
                path[level] = rows[level][(i >> level) ^ 1];
            }
            assert(trees.climb(rows[0][i], i, path) == root);
            if (levels > 0 && rows[0][i] != 0) {
                assert(trees.climb(rows[0][i], i ^ 1, path) != root);
                path[levels - 1] ^= bytes32(uint256(1));
                assert(trees.climb(rows[0][i], i, path) != root);
            }
        }
    }

    function test_gas_of_a_posted_cut() external {
        bytes32[] memory row = new bytes32[](32);
        for (uint256 i = 0; i < 32; ++i) {
            row[i] = keccak256(abi.encode(i));
        }
        (, uint256 gasUsed) = trees.fold(row);
        vm.snapshotValue("Trees", "fold of 32", gasUsed);
        assert(gasUsed < 13_000);
    }
}
