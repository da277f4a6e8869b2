// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "../sol/SumTree.sol";

contract SumTreeTest {
    using SumTree for SumTree.Tree;

    SumTree.Tree private tree;
    mapping(uint256 => uint256) private weights;

    /// The reference is a walk along all weights.
    function walkedTo(uint256 point, uint256 last) private view returns (uint256 place) {
        for (place = 1; place <= last; ++place) {
            if (point < weights[place]) return place;
            point -= weights[place];
        }
        assert(false);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_it_finds_what_a_walk_finds(uint256 seed) external {
        uint256 last = 1 + seed % 40;
        uint256 total = 0;
        for (uint256 i = 0; i < 60; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            uint256 place = 1 + random % last;
            uint256 weight = (random >> 32) % (random >> 250 == 0 ? 2 ** 96 : 10);
            uint256 old = weights[place];
            if (weight > old) tree.add(place, weight - old);
            else tree.subtract(place, old - weight);
            weights[place] = weight;
            total = total + weight - old;
            assert(tree.total == total);
        }
        uint256 before = 0;
        for (uint256 place = 1; place <= last; ++place) {
            assert(tree.before(place) == before);
            if (weights[place] != 0) {
                assert(tree.find(before) == place);
                assert(tree.find(before + weights[place] - 1) == place);
            }
            before += weights[place];
        }
        for (uint256 i = 0; total != 0 && i < 20; ++i) {
            uint256 point = uint256(keccak256(abi.encode(seed, "point", i))) % total;
            assert(tree.find(point) == walkedTo(point, last));
        }
    }

    function test_the_first_and_the_last_place_hold_weight() external {
        tree.add(1, 3);
        tree.add(SumTree.PLACES, 4);
        assert(tree.find(2) == 1 && tree.find(3) == SumTree.PLACES && tree.find(6) == SumTree.PLACES);
        assert(tree.before(SumTree.PLACES) == 3 && tree.total == 7);
        tree.subtract(1, 3);
        assert(tree.find(0) == SumTree.PLACES);
    }
}
