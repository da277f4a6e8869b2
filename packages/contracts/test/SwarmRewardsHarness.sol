// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Task} from "../sol/IDisputes.sol";
import {FamilyLevel, ProofTerms, Weights} from "../sol/ISwarms.sol";
import {ScoreTasks} from "../sol/ScoreTasks.sol";
import {Play, SwarmRewards} from "../sol/SwarmRewards.sol";

/// The swarms' pure arithmetic, for comparison with TypeScript's.
contract SwarmRewardsHarness {
    function pointsOf(bytes32 seed, Weights calldata weights, uint256 tasks, Play[] calldata plays)
        external
        pure
        returns (uint256[] memory points, bytes32 winners)
    {
        return SwarmRewards.pointsOf(seed, weights, tasks, plays);
    }

    function taskAt(bytes32 seed, uint256 task, uint256 families) external pure returns (uint256, uint32) {
        return ScoreTasks.taskAt(seed, task, families);
    }

    function make(
        ProofTerms calldata proof,
        FamilyLevel calldata family,
        uint32 seed,
        bytes calldata answer,
        bytes32 context
    ) external pure returns (Task memory) {
        return ScoreTasks.make(proof, family, seed, answer, context);
    }

    function outputsRoot(uint256 score) external pure returns (bytes32) {
        return ScoreTasks.outputsRoot(score);
    }
}
