// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SwarmStage} from "./SwarmStage.sol";
import {vm} from "./Vm.sol";

/// The largest round there can be: settling it has to fit into one transaction (EIP-7825 allows 2^24 gas).
contract SwarmsGasTest is SwarmStage {
    function test_the_largest_round_is_settled_in_one_transaction() external {
        uint256 swarm = create(128, 16, 1);
        for (uint256 i = 0; i < 128; ++i) {
            fund(person(i), 0, 100 ether);
            join(swarm, i);
        }
        begin(swarm);
        for (uint256 stage = 0; stage < 3; ++stage) {
            for (uint256 i = 0; i < 128; ++i) {
                submit(swarm, 1, stage, person(i));
            }
            vm.warp(block.timestamp + STAGE);
        }
        for (uint256 i = 0; i < 128; ++i) {
            claim(swarm, 1, person(i));
        }
        vm.warp(block.timestamp + 2 * STAGE);
        uint256 before = gasleft();
        swarms.settle(swarm);
        uint256 used = before - gasleft();
        vm.snapshotValue("Swarms", "settle, 128 seats and 16 tasks", used);
        assert(used < 2 ** 24 - 100_000);
    }
}
