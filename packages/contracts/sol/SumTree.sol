// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Weights at places 1 to 4,096, whose sums are quick
/// @notice A Fenwick tree: the sum kept at place i is that of the `i & -i` weights that end with place i's. A changed
/// weight touches at most 13 sums; a place is found from a running sum by reading 12.
library SumTree {
    uint256 internal constant PLACES = 4_096;

    struct Tree {
        mapping(uint256 place => uint256) sums;
        uint256 total;
    }

    function add(Tree storage tree, uint256 place, uint256 weight) internal {
        tree.total += weight;
        for (; place <= PLACES; place += place & (~place + 1)) {
            tree.sums[place] += weight;
        }
    }

    function subtract(Tree storage tree, uint256 place, uint256 weight) internal {
        tree.total -= weight;
        for (; place <= PLACES; place += place & (~place + 1)) {
            tree.sums[place] -= weight;
        }
    }

    /// @notice The sum of the weights before a place.
    function before(Tree storage tree, uint256 place) internal view returns (uint256 sum) {
        for (--place; place != 0; place &= place - 1) {
            sum += tree.sums[place];
        }
    }

    /// @notice The place whose weight covers `point`: `before(place) <= point < before(place) + weight(place)`.
    /// @param point Below the total
    function find(Tree storage tree, uint256 point) internal view returns (uint256 place) {
        for (uint256 step = PLACES / 2; step != 0; step >>= 1) {
            uint256 sum = tree.sums[place + step];
            if (sum <= point) {
                point -= sum;
                place += step;
            }
        }
        ++place;
    }
}
