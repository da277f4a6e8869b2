// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes, ProgramHeader, Task} from "../sol/IDisputes.sol";
import {JoinOpening, Opening} from "../sol/IReferee.sol";
import {Digests, Items} from "./Items.sol";
import {vm} from "./Vm.sol";

function deployDisputes(address treasury, uint256 rewardShare, uint256 gasPriceCap, uint256 minimumTime)
    returns (IDisputes disputes)
{
    address referee;
    bytes memory code = vm.getCode("Referee.sol:Referee");
    assembly ("memory-safe") {
        referee := create(0, add(code, 0x20), mload(code))
    }
    code = abi.encodePacked(
        vm.getCode("Disputes.sol:Disputes"), abi.encode(referee, treasury, rewardShare, gasPriceCap, minimumTime)
    );
    assembly ("memory-safe") {
        disputes := create(0, add(code, 0x20), mload(code))
        if iszero(disputes) {
            returndatacopy(0, 0, returndatasize())
            revert(0, returndatasize())
        }
    }
}

/// @title The least program there is, and a player of disputes about it
/// @notice Its state is one word that counts up, so an item of a step is the tree over the node's tensor and one join.
/// A history is the word after each step; whoever says another word than the number of the step lies.
library Counting {
    bytes internal constant HEADER = hex"010100000001"; // u32 (1)
    uint64 internal constant STEPS = 5;
    uint32 internal constant SEGMENT = 2;

    function node() internal pure returns (bytes memory) {
        bytes memory read = Items.read(1, 0, 1, 1, Items.C0, hex"00");
        return Items.map(1, Items.dims(1), abi.encodePacked(uint8(1), read), Items.COUNT);
    }

    /// The same with an address outside: invalid at its only element.
    function brokenNode() internal pure returns (bytes memory) {
        bytes memory read = Items.read(1, 0, 1, 1, Items.affine(1, 0, 1), hex"00");
        return Items.map(1, Items.dims(1), abi.encodePacked(uint8(1), read), Items.COUNT);
    }

    function join() internal pure returns (bytes memory) {
        return Items.join(0, 0, 3, 0);
    }

    function task(bytes memory node_, uint128 bond) internal pure returns (Task memory terms) {
        terms.header = ProgramHeader(
            1, 1, 2, 1, 0, 0, bytes32(uint256(5)), Digests.parent(Digests.leaf(node_), Digests.leaf(join()))
        );
        terms.initialItem = item(0);
        terms.steps = STEPS;
        terms.segmentLength = SEGMENT;
        terms.window = 1 days;
        terms.clock = 600;
        terms.segmentTime = 120;
        terms.stepTime = 60;
        terms.moveTime = 30;
        terms.bond = bond;
    }

    function bytesOf(uint32 word) internal pure returns (bytes memory) {
        return abi.encodePacked(Digests.swap(word));
    }

    function tensor(uint32 word) internal pure returns (bytes32) {
        return Digests.tensor(HEADER, Digests.leaf(bytesOf(word)));
    }

    function item(uint32 word) internal pure returns (bytes32) {
        return Digests.parent(tensor(word), 0);
    }

    // A history is the word after steps 1 to 5.

    function truth() internal pure returns (uint32[5] memory words) {
        for (uint32 i = 0; i < STEPS; ++i) {
            words[i] = i + 1;
        }
    }

    /// True up to `step` (0 is the first), and from there on wrong; each lie in its own way.
    function lie(uint256 step) internal pure returns (uint32[5] memory words) {
        words = truth();
        for (uint256 i = step; i < STEPS; ++i) {
            words[i] += 100 + uint32(step);
        }
    }

    function checkpoints(uint32[5] memory words) internal pure returns (bytes32[4] memory) {
        return [item(words[1]), item(words[3]), item(words[4]), bytes32(0)];
    }

    function root(uint32[5] memory words) internal pure returns (bytes32) {
        bytes32[4] memory row = checkpoints(words);
        return Digests.parent(Digests.parent(row[0], row[1]), Digests.parent(row[2], row[3]));
    }

    /// All siblings of a checkpoint.
    function checkpointPath(uint32[5] memory words, uint256 position) internal pure returns (bytes32[] memory) {
        bytes32[4] memory row = checkpoints(words);
        return
            Digests.path(
                row[position ^ 1], position < 2 ? Digests.parent(row[2], row[3]) : Digests.parent(row[0], row[1])
            );
    }

    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32[] memory) {
        return Digests.path(a, b);
    }

    /// What a player whose history is `words` does at the claimant's turn, as calldata.
    function post(IDisputes disputes, uint256 number, uint32[5] memory words) internal view returns (bytes memory) {
        IDisputes.Dispute memory game = disputes.getDispute(number);
        uint8 phase = game.place.phase;
        bytes32[] memory none = new bytes32[](0);
        if (phase == 0) {
            bytes32[4] memory row = checkpoints(words);
            bytes32[] memory children = new bytes32[](4);
            for (uint256 i = 0; i < 4; ++i) {
                children[i] = row[i];
            }
            return abi.encodeCall(IDisputes.postChildren, (number, game.at, children, none));
        }
        uint256 step = stepOf(game, words);
        if (phase == 1) {
            uint256 begin = game.place.segment * SEGMENT;
            bytes32 first = item(words[begin]);
            bytes32 last = item(words[begin + 1]);
            return abi.encodeCall(IDisputes.postChildren, (number, game.at, pair(first, last), Digests.path(first)));
        }
        if (phase == 2) {
            bytes32 first = tensor(words[step]);
            bytes32[] memory children = pair(first, item(words[step]));
            return abi.encodeCall(IDisputes.postChildren, (number, game.at, children, Digests.path(first)));
        }
        return abi.encodeCall(IDisputes.postLeaf, (number, game.at, bytesOf(words[step])));
    }

    /// The step that a dispute is about, from the item that is agreed on before it.
    function stepOf(IDisputes.Dispute memory game, uint32[5] memory words) private pure returns (uint256 step) {
        if (game.place.phase == 1) return 0;
        if (game.agreed == item(0)) return 0;
        for (step = 1; step < STEPS; ++step) {
            if (game.agreed == item(words[step - 1])) return step;
        }
        return STEPS - 1;
    }

    /// What a challenger does who says that `step` is the first wrong one of the claimant's `words`.
    function answer(IDisputes disputes, uint256 number, uint32[5] memory words, uint256 step)
        internal
        view
        returns (bytes memory)
    {
        return answer(disputes, number, words, step, node());
    }

    function answer(IDisputes disputes, uint256 number, uint32[5] memory words, uint256 step, bytes memory node_)
        internal
        view
        returns (bytes memory)
    {
        IDisputes.Dispute memory game = disputes.getDispute(number);
        uint256 segment = step / SEGMENT;
        if (game.place.phase == 0) {
            bytes32 named = checkpoints(words)[segment];
            bytes32 before = segment == 0 ? bytes32(0) : checkpoints(words)[segment - 1];
            bytes32[] memory path = segment == 0 ? new bytes32[](0) : checkpointPath(words, segment - 1);
            return abi.encodeCall(
                IDisputes.nameItem, (number, game.at, segment, named, checkpointPath(words, segment), before, path)
            );
        }
        if (game.place.phase == 1) {
            uint256 index = step - segment * SEGMENT;
            bytes32 first = item(words[segment * SEGMENT]);
            bytes32 last = item(words[segment * SEGMENT + 1]);
            return abi.encodeCall(
                IDisputes.nameItem,
                (
                    number,
                    game.at,
                    index,
                    index == 0 ? first : last,
                    Digests.path(index == 0 ? last : first),
                    index == 0 ? bytes32(0) : first,
                    index == 0 ? new bytes32[](0) : Digests.path(last)
                )
            );
        }
        if (game.place.phase == 2) {
            return abi.encodeCall(
                IDisputes.nameNode,
                (
                    number,
                    game.at,
                    0,
                    tensor(words[step]),
                    Digests.path(item(words[step])),
                    node_,
                    Digests.path(Digests.leaf(join()))
                )
            );
        }
        return judge(game.at, number, words, step, node_);
    }

    function judge(bytes32 at_, uint256 number, uint32[5] memory words, uint256 step, bytes memory node_)
        internal
        pure
        returns (bytes memory)
    {
        uint32 before = step == 0 ? 0 : words[step - 1];
        Opening[] memory openings = new Opening[](1);
        openings[0] = Opening(1, 0, 0, HEADER, bytesOf(before), Digests.path(bytes32(0)));
        return abi.encodeCall(IDisputes.judgeElement, (number, at_, 0, bytesOf(words[step]), node_, openings));
    }

    /// A challenger who says that the join of a step is its first wrong item.
    function judgeJoin(bytes32 at_, uint256 number, uint32[5] memory words, uint256 step)
        internal
        pure
        returns (bytes memory)
    {
        JoinOpening memory left = JoinOpening(tensor(words[step]), Digests.path(item(words[step])));
        JoinOpening memory right = JoinOpening(0, new bytes32[](0));
        return abi.encodeCall(
            IDisputes.judgeJoin,
            (
                number,
                at_,
                1,
                item(words[step]),
                Digests.path(tensor(words[step])),
                join(),
                Digests.path(Digests.leaf(node())),
                left,
                right
            )
        );
    }
}
