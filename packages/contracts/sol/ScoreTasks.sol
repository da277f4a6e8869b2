// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Task} from "./IDisputes.sol";
import {FamilyLevel, ProofTerms} from "./ISwarms.sol";

/// @title The proof task of a score
/// @notice What docs/tasks.md says of a run of a family: its request as a tensor, and where its score is. The request
/// and the score are the only numbers that a party has a say in, and both are computed here.
library ScoreTasks {
    /// @notice An answer has at most so many bytes.
    uint256 internal constant MAX_ANSWER = 96;

    /// What is drawn out of a round's seed here; SwarmRewards draws another thing.
    uint256 private constant TASKS = 1;
    uint256 private constant REQUEST = 128;
    uint256 private constant ANSWER_AT = 16;
    uint8 private constant U32 = 1;
    uint8 private constant U8 = 4;

    /// @notice Which family a task of a round is of, and its seed: a seed for training, whose highest bit is zero.
    function taskAt(bytes32 roundSeed, uint256 task, uint256 families)
        internal
        pure
        returns (uint256 family, uint32 seed)
    {
        uint256 drawn = uint256(keccak256(abi.encode(roundSeed, TASKS, task)));
        return ((drawn >> 32) % families, uint32(drawn) & 0x7fffffff);
    }

    /// @param context Tells this proof from every other of the same answer
    function make(ProofTerms memory proof, FamilyLevel memory family, uint32 seed, bytes memory answer, bytes32 context)
        internal
        pure
        returns (Task memory task)
    {
        task.header = proof.header;
        task.initialItem = proof.initialItem;
        task.inputsRoot = _parent(family.code, requestDigest(seed, family.level, answer));
        task.steps = proof.steps;
        task.segmentLength = proof.segmentLength;
        task.window = proof.window;
        task.clock = proof.clock;
        task.segmentTime = proof.segmentTime;
        task.stepTime = proof.stepTime;
        task.moveTime = proof.moveTime;
        task.bond = proof.bond;
        task.context = context;
    }

    /// @notice The request as a tensor of 128 bytes, one leaf: the seed in 8 bytes, the level, the answer's length, six
    /// zeros, the answer, zeros. Numbers are little-endian.
    function requestDigest(uint32 seed, uint8 level, bytes memory answer) internal pure returns (bytes32) {
        bytes memory rest = new bytes(REQUEST - ANSWER_AT - answer.length);
        bytes32 leaf = sha256(
            abi.encodePacked(uint8(0), _word(seed), uint32(0), level, uint8(answer.length), uint48(0), answer, rest)
        );
        return sha256(abi.encodePacked(uint8(2), U8, uint8(1), uint32(REQUEST), leaf));
    }

    /// @notice The outputs of a run that ends in a score: one tensor of one word.
    function outputsRoot(uint256 score) internal pure returns (bytes32) {
        bytes32 leaf = sha256(abi.encodePacked(uint8(0), _word(uint32(score))));
        return sha256(abi.encodePacked(uint8(2), U32, uint8(1), uint32(1), leaf));
    }

    /// @notice The last checkpoint of a run that ends in a score.
    function lastItem(bytes32 stateRoot, uint256 score) internal pure returns (bytes32) {
        return _parent(stateRoot, outputsRoot(score));
    }

    function _parent(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(1), left, right));
    }

    /// Little-endian, as tensors are.
    function _word(uint32 value) private pure returns (bytes4) {
        return bytes4((value >> 24) | ((value >> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24));
    }
}
