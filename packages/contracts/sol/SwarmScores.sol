// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Bounds} from "./Bounds.sol";
import {IDisputes, Task} from "./IDisputes.sol";
import {Scopes} from "./IDelegations.sol";
import {AnswerOpening, FamilyLevel, ProofTerms} from "./ISwarms.sol";
import {ScoreTasks} from "./ScoreTasks.sol";
import {Play, SwarmRewards} from "./SwarmRewards.sol";
import {SwarmOffices, SwarmState} from "./SwarmState.sol";
import {Trees} from "./Trees.sol";

/// @title Scores of rounds
/// @notice The second part of Swarms: what rounds pay, and scores in doubt. A challenge names one score. Its participant shows the answer and a claim in Disputes of a history that ends
/// in that score; the game there decides. Whoever is silent has lost: nobody can hide an answer behind a high score.
contract SwarmScores is SwarmState {
    /// What of a slashed stake is whoever's who showed the lie. The rest is the treasury's, so that slashing oneself costs.
    uint256 private constant BOUNTY_SHARE = 5_000;
    uint256 private constant WHOLE = 10_000;
    /// A challenge's deposit waits in the Vault's escrow of this number and the challenge's.
    uint256 private constant DEPOSITS = 1 << 255;

    /// @notice Of the offices that this part was made for.
    bytes32 public immutable officesHash;

    constructor(SwarmOffices memory offices) SwarmState(offices) {
        officesHash = keccak256(abi.encode(offices));
    }

    /// @notice See ISwarms.settle.
    function settle(uint256 swarm) external {
        Swarm storage kept = _known(swarm);
        uint256 round = uint256(kept.settled) + 1;
        if (round > kept.round) revert WrongRound(swarm, round, kept.round);
        Round storage played = _rounds[swarm][round];
        uint256 end = _stagesEnd(kept, played) + kept.claimTime + kept.challengeTime;
        if (block.timestamp < end) revert OutOfTime(block.timestamp, end, type(uint256).max);
        if (played.open != 0) revert ChallengesOpen(swarm, round, played.open);
        kept.settled = uint16(round);

        uint256 seats = played.seats;
        Play[] memory plays = new Play[](seats);
        address[] memory accounts = new address[](seats);
        for (uint256 seat = 0; seat < seats; ++seat) {
            Entry storage entry = _entries[swarm][round][seat];
            if (!entry.claimed || _members[swarm][entry.account].slashed) continue;
            accounts[seat] = entry.account;
            Play memory play = plays[seat];
            play.stands = true;
            play.answered = entry.submitted & 1 != 0;
            (play.answers, play.judgements) = (entry.answers, entry.judgements);
            (play.finals, play.votes) = (entry.finals, entry.votes);
        }
        (uint256[] memory points, bytes32 winners) = SwarmRewards.pointsOf(played.seed, kept.weights, kept.tasks, plays);
        uint256 total = 0;
        for (uint256 seat = 0; seat < seats; ++seat) {
            total += points[seat];
        }
        uint256 paid = 0;
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (points[seat] == 0) continue;
            uint256 amount = uint256(kept.reward) * points[seat] / total; // rounded down: the rest is the creator's
            paid += amount;
            emit Rewarded(swarm, round, accounts[seat], points[seat], amount);
            vault.pay(swarm, accounts[seat], amount);
        }
        emit RoundSettled(swarm, round, total, paid, winners);
    }

    /// @notice See ISwarms.challenge.
    function challenge(uint256 swarm, uint256 round, uint256 seat, uint256 stage, uint256 task)
        external
        returns (uint256 number)
    {
        address account = _mustBeOpen(swarm, round, seat, stage, task);
        bytes32 item = keccak256(abi.encode(swarm, round, seat, stage, task));
        if (_challengeOf[item] != 0) revert AlreadyChallenged(_challengeOf[item]);
        number = ++_challengeCount;
        _challengeOf[item] = number;
        ++_rounds[swarm][round].open;
        Challenge storage made = _challenges[number];
        made.challenger = _sender(Scopes.SWARM);
        made.status = ChallengeStatus.Open;
        made.swarm = swarm;
        made.round = uint16(round);
        made.seat = uint8(seat);
        made.stage = uint8(stage);
        made.task = uint8(task);
        made.begun = uint40(block.timestamp);
        made.account = account;
        made.deposit = _swarms[swarm].deposit;
        _tell(number, made);
        vault.fund(made.challenger, DEPOSITS | number, made.deposit);
    }

    /// @notice See ISwarms.stand.
    function stand(
        uint256 number,
        FamilyLevel[] calldata families,
        ProofTerms calldata proof,
        AnswerOpening calldata opening,
        bytes32 claimed,
        bytes32 stateRoot,
        bytes32[] calldata lastPath
    ) external {
        Challenge storage made = _must(number, ChallengeStatus.Open);
        if (!_isFor(made.account)) revert NotYours(msg.sender, made.account);
        _mustBeWithin(made.begun, uint256(made.begun) + _swarms[made.swarm].standTime + 1);
        _mustBeAnswer(made, opening);
        bytes32 expected = keccak256(abi.encode(_taskOf(made, number, families, proof, opening.answer)));
        IDisputes.Claim memory claim_ = disputes.getClaim(claimed);
        // A claim that is older than the challenge may have been left to ripen where nobody looked.
        if (
            claim_.task != expected || claim_.status != IDisputes.ClaimStatus.Standing
                || claim_.until < uint256(made.begun) + proof.window
        ) revert WrongClaim(claimed);
        _mustEndIn(made, proof, claim_.root, stateRoot, lastPath);
        made.status = ChallengeStatus.Stood;
        made.claim = claimed;
        emit ScoreStood(number, claimed, opening.answer);
    }

    /// @notice See ISwarms.finish.
    function finish(uint256 number, uint256 dispute) external {
        Challenge storage made = _challenges[number];
        if (made.status == ChallengeStatus.Open) {
            uint256 until = uint256(made.begun) + _swarms[made.swarm].standTime;
            if (block.timestamp <= until) revert OutOfTime(block.timestamp, until, type(uint256).max);
            return _fall(number, made, made.challenger);
        }
        if (made.status != ChallengeStatus.Stood) revert WrongChallengeStatus(number, made.status);
        bytes32 claimed = made.claim;
        IDisputes.ClaimStatus status = disputes.getClaim(claimed).status;
        if (status == IDisputes.ClaimStatus.Final) {
            _end(number, made, ChallengeStatus.Upheld, made.account);
        } else if (status == IDisputes.ClaimStatus.Void) {
            _end(number, made, ChallengeStatus.Void, made.challenger);
        } else if (status == IDisputes.ClaimStatus.Fallen) {
            IDisputes.Dispute memory won = disputes.getDispute(dispute);
            if (won.claim != claimed || won.place.outcome != IDisputes.Outcome.Challenger) {
                revert WrongDispute(dispute);
            }
            _fall(number, made, won.challenger);
        } else {
            revert WrongClaim(claimed);
        }
    }

    /// What Disputes has to have been given as the task of a challenged score, if the answer is this one.
    function _taskOf(
        Challenge storage made,
        uint256 number,
        FamilyLevel[] calldata families,
        ProofTerms calldata proof,
        bytes calldata answer
    ) private view returns (Task memory) {
        bytes32 given = keccak256(abi.encode(families, proof));
        bytes32 hash = _swarms[made.swarm].proofHash;
        if (given != hash) revert WrongTerms(given, hash);
        Bounds.within("length of the answer", answer.length, 0, ScoreTasks.MAX_ANSWER);
        (uint256 family, uint32 seed) =
            ScoreTasks.taskAt(_rounds[made.swarm][made.round].seed, made.task, families.length);
        bytes32 context = keccak256(abi.encode(block.chainid, address(this), number));
        return ScoreTasks.make(proof, families[family], seed, answer, context);
    }

    // ------------------------------------------------------------------------------------------------------------------

    /// Whether a score can be challenged now, and whose it is.
    function _mustBeOpen(uint256 swarm, uint256 round, uint256 seat, uint256 stage, uint256 task)
        private
        view
        returns (address account)
    {
        Swarm storage kept = _known(swarm);
        Round storage played = _rounds[swarm][round];
        Entry storage entry = _entries[swarm][round][seat];
        if (!entry.claimed) revert NotClaimed(round, seat);
        if (stage == CRITIQUE || entry.submitted & (1 << stage) == 0) revert NotSubmitted(round, seat, stage);
        Bounds.within("task", task, 0, kept.tasks - 1);
        _mustBeWithin(played.begin, _stagesEnd(kept, played) + kept.claimTime + kept.challengeTime);
        account = entry.account;
        if (_members[swarm][account].slashed) revert SlashedBefore(swarm, account);
    }

    function _tell(uint256 number, Challenge storage made) private {
        uint256 deadline = uint256(made.begun) + _swarms[made.swarm].standTime;
        emit ScoreChallenged(
            number, made.swarm, made.account, made.challenger, made.round, made.seat, made.stage, made.task, deadline
        );
    }

    function _must(uint256 number, ChallengeStatus status) private view returns (Challenge storage made) {
        made = _challenges[number];
        if (made.status != status) revert WrongChallengeStatus(number, made.status);
    }

    /// Whether the answer is the one that was committed to in the challenged stage.
    function _mustBeAnswer(Challenge storage made, AnswerOpening calldata opening) private view {
        bytes32 roots = keccak256(abi.encode(opening.answersRoot, opening.finalsRoot));
        bytes32 committed = _entries[made.swarm][made.round][made.seat].commitments;
        if (roots != committed) revert NotCommitted(roots, committed);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(uint256(made.task), keccak256(opening.answer)))));
        bytes32 found = MerkleProof.processProofCalldata(opening.path, leaf);
        bytes32 root = made.stage == ANSWER ? opening.answersRoot : opening.finalsRoot;
        if (found != root) revert Unproven(found, root);
    }

    /// Whether the claimed history ends in the claimed score.
    function _mustEndIn(
        Challenge storage made,
        ProofTerms calldata proof,
        bytes32 root,
        bytes32 stateRoot,
        bytes32[] calldata lastPath
    ) private view {
        Entry storage entry = _entries[made.swarm][made.round][made.seat];
        uint256 score = uint8((made.stage == ANSWER ? entry.answers : entry.finals)[made.task]);
        uint256 count = (proof.steps + proof.segmentLength - 1) / proof.segmentLength;
        if (lastPath.length != Trees.depth(count)) revert WrongLength(lastPath.length, Trees.depth(count));
        bytes32 above = Trees.climb(ScoreTasks.lastItem(stateRoot, score), count - 1, lastPath);
        if (above != root) revert Unproven(above, root);
    }

    /// The participant has lost its stake and is out of every round that is not settled, and of the swarm for ever.
    function _fall(uint256 number, Challenge storage made, address winner) private {
        uint256 swarm = made.swarm;
        Member storage member = _members[swarm][made.account];
        // Another challenge may have been first.
        if (member.slashed) return _end(number, made, ChallengeStatus.Fallen, made.challenger);
        Swarm storage kept = _swarms[swarm];
        member.slashed = true;
        member.joined = false;
        _free(kept, member.seat);
        uint256 stake = kept.stake;
        uint256 bounty = stake * BOUNTY_SHARE / WHOLE;
        made.status = ChallengeStatus.Fallen;
        emit ChallengeEnded(number, ChallengeStatus.Fallen, winner, bounty, stake);
        _giveBack(number, made, made.challenger);
        emit Left(swarm, made.account, member.seat);
        vault.slash(made.account, _obligation(swarm), bounty, winner);
        vault.slash(made.account, _obligation(swarm), stake - bounty, treasury);
    }

    /// Ends a challenge by which nobody is slashed.
    function _end(uint256 number, Challenge storage made, ChallengeStatus status, address depositTo) private {
        made.status = status;
        emit ChallengeEnded(number, status, address(0), 0, 0);
        _giveBack(number, made, depositTo);
    }

    function _giveBack(uint256 number, Challenge storage made, address depositTo) private {
        --_rounds[made.swarm][made.round].open;
        vault.pay(DEPOSITS | number, depositTo, made.deposit);
    }
}
