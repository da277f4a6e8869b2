// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Weights} from "./ISwarms.sol";

/// @notice What a seat did in a round, one byte for each task; see Opened.
struct Play {
    bool stands; // claimed and not slashed: all else counts only then
    bool answered; // submitted in the answer stage
    bytes32 answers;
    bytes32 judgements;
    bytes32 finals;
    bytes32 votes;
}

/// @title The arithmetic of a round
/// @notice The same as packages/swarm/src/game/points.ts, on the same golden vectors. Of each task:
///
/// - a vote weighs what the voter's own first answers score in this round, all tasks together: an identity that solves
///   nothing weighs nothing, whatever it votes. The answer of the seat with the most weight wins, the lowest seat where
///   there are several;
/// - a participant gets `answer` x the score of its first answer, `resolve` x the score of its final answer,
///   `critique` x 100 where it has judged the answer that it was given to judge to score what it scores, and
///   `prediction` x 100 where it has voted for the answer that won and that answer is right (scores 100).
library SwarmRewards {
    uint256 internal constant BEST = 100;
    /// What is drawn out of a round's seed here; ScoreTasks draws another thing.
    uint256 private constant SUBJECTS = 2;

    /// @return points Of each seat
    /// @return winners For each task 1 + the seat whose answer won, or 0
    function pointsOf(bytes32 seed, Weights memory weights, uint256 tasks, Play[] memory plays)
        internal
        pure
        returns (uint256[] memory points, bytes32 winners)
    {
        uint256 seats = plays.length;
        points = new uint256[](seats);
        uint256[] memory power = new uint256[](seats);
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (!plays[seat].stands) continue;
            for (uint256 task = 0; task < tasks; ++task) {
                power[seat] += at(plays[seat].answers, task);
            }
        }
        for (uint256 task = 0; task < tasks; ++task) {
            uint256 winner = _winner(plays, power, task);
            winners |= bytes32(winner << (248 - 8 * task));
            uint256 rewarded = winner != 0 && at(plays[winner - 1].answers, task) == BEST ? winner : 0;
            uint256 shift = shiftOf(seed, task, seats);
            for (uint256 seat = 0; seat < seats; ++seat) {
                if (!plays[seat].stands) continue;
                points[seat] += _earned(weights, task, plays[seat], plays[(seat + shift) % seats], rewarded);
            }
        }
    }

    /// @param subject Whose answer was to be judged; the seat itself where it is alone
    /// @param rewarded 1 + the seat that a vote must have named to earn anything, or 0
    function _earned(Weights memory weights, uint256 task, Play memory play, Play memory subject, uint256 rewarded)
        private
        pure
        returns (uint256 sum)
    {
        sum = weights.answer * at(play.answers, task) + weights.resolve * at(play.finals, task);
        uint256 judged = at(play.judgements, task);
        bool known = judged != 0 && subject.stands && subject.answered && _differ(play, subject);
        if (known && at(subject.answers, task) + 1 == judged) sum += weights.critique * BEST;
        if (rewarded != 0 && at(play.votes, task) == rewarded) sum += weights.prediction * BEST;
    }

    /// Whether two places in memory are two plays.
    function _differ(Play memory a, Play memory b) private pure returns (bool different) {
        assembly ("memory-safe") {
            different := iszero(eq(a, b))
        }
    }

    /// @notice How many seats on, in a circle, the seat is whose answer to a task a seat judges; from 1, 0 where it is
    /// alone. Nobody chooses whom it judges, and nobody judges itself.
    function shiftOf(bytes32 seed, uint256 task, uint256 seats) internal pure returns (uint256) {
        if (seats < 2) return 0;
        return 1 + uint256(keccak256(abi.encode(seed, SUBJECTS, task))) % (seats - 1);
    }

    function at(bytes32 word, uint256 task) internal pure returns (uint256) {
        return uint8(word[task]);
    }

    /// 1 + the seat, or 0 where nobody's vote weighs anything. Votes for a seat that does not stand are lost.
    function _winner(Play[] memory plays, uint256[] memory power, uint256 task) private pure returns (uint256 winner) {
        uint256 seats = plays.length;
        uint256[] memory weight = new uint256[](seats);
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (!plays[seat].stands) continue;
            uint256 vote = at(plays[seat].votes, task);
            if (vote != 0 && vote <= seats) weight[vote - 1] += power[seat];
        }
        uint256 most = 0;
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (weight[seat] > most && plays[seat].stands && plays[seat].answered) {
                most = weight[seat];
                winner = seat + 1;
            }
        }
    }
}
