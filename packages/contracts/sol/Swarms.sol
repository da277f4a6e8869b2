// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Bounds} from "./Bounds.sol";
import {Scopes} from "./IDelegations.sol";
import {IDraw} from "./IDraw.sol";
import {AnswerOpening, FamilyLevel, ISwarms, Opened, ProofTerms, SwarmTerms} from "./ISwarms.sol";
import {SwarmRewards} from "./SwarmRewards.sol";
import {SwarmScores} from "./SwarmScores.sol";
import {SwarmOffices, SwarmState} from "./SwarmState.sol";

/// @title Swarms
/// @notice See ISwarms. Stages follow from the chain's time alone; whatever waits for a call waits for anyone's.
contract Swarms is ISwarms, SwarmState, EIP712 {
    uint256 public constant MAX_PARTICIPANTS = 128; // a bit of a seat, and a round is settled by one transaction
    uint256 public constant MAX_TASKS = 16;
    uint256 public constant MAX_FAMILIES = 64;
    uint256 public constant MAX_TIME = 30 days;
    uint256 public constant MAX_ROUNDS = 10_000;
    uint256 public constant MAX_PEER = 128;
    /// @notice Whoever has submitted nothing in so many rounds can be asked to leave by anyone.
    uint256 public constant IDLE_ROUNDS = 8;

    bytes32 private constant SUBMISSION_TYPEHASH =
        keccak256("Submission(uint256 swarm,uint256 round,uint256 stage,bytes32 commitment)");

    /// Whose part of which round is opened.
    struct Place {
        uint256 swarm;
        uint256 round;
        address account;
        uint256 seat;
        uint256 seats;
        uint256 tasks;
    }

    /// @notice The second part.
    SwarmScores public immutable scores;
    /// @notice The least that a swarm can set for each of its times.
    uint256 public immutable minimumTime;

    constructor(SwarmOffices memory offices, SwarmScores scores_, uint256 minimumTime_)
        SwarmState(offices)
        EIP712("Lockstep Swarms", "1")
    {
        Bounds.isContract("scores", address(scores_));
        bytes32 hash = keccak256(abi.encode(offices));
        if (scores_.officesHash() != hash) revert WrongTerms(scores_.officesHash(), hash);
        Bounds.within("minimumTime", minimumTime_, 1, 7 days);
        scores = scores_;
        minimumTime = minimumTime_;
    }

    // A swarm's life --------------------------------------------------------------------------------------------------

    /// @inheritdoc ISwarms
    function create(SwarmTerms calldata terms) external returns (uint256 swarm) {
        _check(terms);
        address creator = _sender(Scopes.POST);
        swarm = ++_swarmCount;
        Swarm storage kept = _swarms[swarm];
        kept.creator = creator;
        kept.expiry = terms.expiry;
        kept.rounds = terms.rounds;
        kept.answerTime = terms.answerTime;
        kept.critiqueTime = terms.critiqueTime;
        kept.resolveTime = terms.resolveTime;
        kept.claimTime = terms.claimTime;
        kept.challengeTime = terms.challengeTime;
        kept.standTime = terms.standTime;
        kept.tasks = terms.tasks;
        kept.minimum = terms.minimum;
        kept.most = terms.most;
        kept.weights = terms.weights;
        kept.stake = terms.stake;
        kept.reward = terms.reward;
        kept.deposit = terms.deposit;
        kept.proofHash = keccak256(abi.encode(terms.families, terms.proof));
        emit SwarmCreated(swarm, creator, terms);
        vault.fund(creator, swarm, uint256(terms.reward) * terms.rounds);
    }

    /// @inheritdoc ISwarms
    function join(uint256 swarm, bytes calldata peer) external {
        Swarm storage kept = _known(swarm);
        address account = _sender(Scopes.SWARM);
        Member storage member = _members[swarm][account];
        if (member.slashed) revert SlashedBefore(swarm, account);
        if (member.joined) revert AlreadyJoined(swarm, account);
        if (kept.participants >= kept.most || kept.closed) revert SwarmFull(swarm, kept.participants);
        uint256 seat = _lowestBit(~uint256(kept.taken));
        kept.taken |= uint128(1 << seat);
        ++kept.participants;
        member.joined = true;
        member.seat = uint8(seat);
        // Being idle is counted from here, and what it has submitted before is settled.
        member.lastRound = kept.round;
        emit Joined(swarm, account, seat);
        vault.lock(account, _obligation(swarm), kept.stake);
        if (peer.length != 0) _announce(swarm, account, peer);
    }

    /// @inheritdoc ISwarms
    function leave(uint256 swarm, address account) external {
        Swarm storage kept = _known(swarm);
        Member storage member = _members[swarm][account];
        if (!member.joined) revert NotJoined(swarm, account);
        uint256 last = member.lastRound;
        if (!kept.closed && kept.round < last + IDLE_ROUNDS && !_isFor(account)) revert NotYours(msg.sender, account);
        if (kept.settled < last && _entries[swarm][last][member.seat].account == account) {
            revert RoundOpen(swarm, last);
        }
        member.joined = false;
        _free(kept, member.seat);
        emit Left(swarm, account, member.seat);
        vault.unlock(account, _obligation(swarm), kept.stake);
    }

    /// @inheritdoc ISwarms
    function announce(uint256 swarm, bytes calldata peer) external {
        address account = _sender(Scopes.SWARM);
        if (!_members[swarm][account].joined) revert NotJoined(swarm, account);
        _announce(swarm, account, peer);
    }

    /// @inheritdoc ISwarms
    function advance(uint256 swarm) external {
        Swarm storage kept = _known(swarm);
        uint256 round = kept.round;
        if (round == kept.rounds) revert WrongRound(swarm, round + 1, kept.rounds);
        if (block.timestamp >= kept.expiry) revert Expired(kept.expiry, block.timestamp);
        if (round != 0) {
            uint256 end = _stagesEnd(kept, _rounds[swarm][round]);
            if (block.timestamp < end) revert OutOfTime(block.timestamp, end, type(uint256).max);
        }
        if (kept.participants < kept.minimum) revert TooFew(swarm, kept.participants, kept.minimum);
        ++round;
        if (kept.drawing != 0) {
            (IDraw.DrawStatus status, bytes32 random) = drawing.randomness(kept.drawing);
            if (status == IDraw.DrawStatus.Pending) revert DrawPending(kept.drawing);
            if (status == IDraw.DrawStatus.Ready) {
                kept.drawing = 0;
                kept.round = uint16(round);
                Round storage begun = _rounds[swarm][round];
                begun.seed = keccak256(abi.encode(random, swarm, round));
                begun.begin = uint40(block.timestamp);
                begun.seats = uint8(_highestBit(kept.taken) + 1);
                emit RoundBegun(swarm, round, begun.seed, block.timestamp, begun.seats);
                return;
            }
        }
        uint256 asked = drawing.request();
        kept.drawing = uint64(asked);
        emit SeedAsked(swarm, round, asked);
    }

    /// @inheritdoc ISwarms
    function settle(uint256) external {
        _score();
    }

    /// @inheritdoc ISwarms
    function close(uint256 swarm) external {
        Swarm storage kept = _known(swarm);
        uint256 round = kept.round;
        if (kept.closed || kept.settled != round) revert RoundOpen(swarm, round);
        if (round != kept.rounds && block.timestamp < kept.expiry) {
            revert OutOfTime(block.timestamp, kept.expiry, type(uint256).max);
        }
        kept.closed = true;
        uint256 rest = vault.escrowOf(address(this), swarm);
        emit SwarmClosed(swarm, rest);
        vault.pay(swarm, kept.creator, rest);
    }

    // A round ---------------------------------------------------------------------------------------------------------

    /// @inheritdoc ISwarms
    function submit(uint256 swarm, uint256 round, uint256 stage, bytes32 commitment) external {
        _submit(swarm, round, stage, commitment, _sender(Scopes.SWARM));
    }

    /// @inheritdoc ISwarms
    function submitSigned(
        uint256 swarm,
        uint256 round,
        uint256 stage,
        bytes32 commitment,
        address key,
        bytes calldata signature
    ) external {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(SUBMISSION_TYPEHASH, swarm, round, stage, commitment)));
        if (!SignatureChecker.isValidSignatureNowCalldata(key, digest, signature)) revert WrongSignature(key);
        _submit(swarm, round, stage, commitment, _accountOf(key, Scopes.SWARM));
    }

    /// @inheritdoc ISwarms
    function claim(uint256 swarm, uint256 round, address account, Opened[] calldata opened) external {
        Swarm storage kept = _known(swarm);
        Round storage played = _rounds[swarm][round];
        uint256 begin = _stagesEnd(kept, played);
        _mustBeWithin(begin, begin + kept.claimTime);
        Place memory place = Place(swarm, round, account, _members[swarm][account].seat, played.seats, kept.tasks);
        Entry storage entry = _entries[swarm][round][place.seat];
        if (entry.account != account) revert NotSubmitted(round, place.seat, ANSWER);
        if (entry.claimed) revert AlreadyClaimed(round, account);
        entry.claimed = true;
        _open(place, entry, opened);
        emit ScoresClaimed(swarm, round, account, place.seat, entry.submitted, opened);
    }

    // A score in doubt ------------------------------------------------------------------------------------------------

    /// @inheritdoc ISwarms
    function challenge(uint256, uint256, uint256, uint256, uint256) external returns (uint256) {
        _score();
    }

    /// @inheritdoc ISwarms
    function stand(
        uint256,
        FamilyLevel[] calldata,
        ProofTerms calldata,
        AnswerOpening calldata,
        bytes32,
        bytes32,
        bytes32[] calldata
    ) external {
        _score();
    }

    /// @inheritdoc ISwarms
    function finish(uint256, uint256) external {
        _score();
    }

    // Reads -----------------------------------------------------------------------------------------------------------

    /// @inheritdoc ISwarms
    function getSwarm(uint256 swarm) external view returns (Swarm memory) {
        return _swarms[swarm];
    }

    /// @inheritdoc ISwarms
    function getRound(uint256 swarm, uint256 round) external view returns (Round memory) {
        return _rounds[swarm][round];
    }

    /// @inheritdoc ISwarms
    function getMember(uint256 swarm, address account) external view returns (Member memory) {
        return _members[swarm][account];
    }

    /// @inheritdoc ISwarms
    function getEntry(uint256 swarm, uint256 round, uint256 seat) external view returns (Entry memory) {
        return _entries[swarm][round][seat];
    }

    /// @inheritdoc ISwarms
    function getChallenge(uint256 number) external view returns (Challenge memory) {
        return _challenges[number];
    }

    /// @inheritdoc ISwarms
    function swarmCount() external view returns (uint256) {
        return _swarmCount;
    }

    /// @inheritdoc ISwarms
    function challengeCount() external view returns (uint256) {
        return _challengeCount;
    }

    // ------------------------------------------------------------------------------------------------------------------

    /// Runs the call in the second part, on this storage, and ends.
    function _score() private {
        address part = address(scores);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), part, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    function _submit(uint256 swarm, uint256 round, uint256 stage, bytes32 commitment, address account) private {
        Swarm storage kept = _known(swarm);
        if (round == 0 || round != kept.round) revert WrongRound(swarm, round, kept.round);
        Member storage member = _members[swarm][account];
        if (!member.joined) revert NotJoined(swarm, account);
        Bounds.within("stage", stage, ANSWER, RESOLVE);
        Round storage played = _rounds[swarm][round];
        (uint256 from, uint256 to) = _timesOf(kept, stage);
        _mustBeWithin(played.begin + from, played.begin + to);
        uint256 seat = member.seat;
        if (seat >= played.seats) revert SeatNotInRound(seat, played.seats);
        Entry storage entry = _entries[swarm][round][seat];
        // Whoever had the seat before in this round, and was slashed, keeps it for the round.
        if (entry.account == address(0)) entry.account = account;
        else if (entry.account != account) revert SeatNotInRound(seat, played.seats);
        uint8 bit = uint8(1 << stage);
        if (entry.submitted & bit != 0) revert AlreadySubmitted(round, account, stage);
        entry.submitted |= bit;
        entry.commitments = keccak256(abi.encode(entry.commitments, commitment));
        member.lastRound = uint16(round);
        emit Submitted(swarm, round, account, seat, stage, commitment);
    }

    /// Keeps what was opened, if it is what was committed to.
    function _open(Place memory place, Entry storage entry, Opened[] calldata opened) private {
        bytes32 chained;
        bytes32[3] memory roots;
        uint256 next = 0;
        for (uint256 stage = ANSWER; stage <= RESOLVE; ++stage) {
            if (entry.submitted & (1 << stage) == 0) continue;
            if (next == opened.length) revert WrongLength(opened.length, next + 1);
            Opened calldata part = opened[next++];
            _mustBeBytes(place, stage, part);
            chained = keccak256(abi.encode(chained, _commitment(place, stage, part)));
            roots[stage] = part.root;
            if (stage == ANSWER) {
                entry.answers = part.scores;
            } else if (stage == CRITIQUE) {
                entry.judgements = part.scores;
            } else {
                entry.finals = part.scores;
                entry.votes = part.votes;
            }
        }
        if (next != opened.length) revert WrongLength(opened.length, next);
        if (chained != entry.commitments) revert NotCommitted(chained, entry.commitments);
        entry.commitments = keccak256(abi.encode(roots[ANSWER], roots[RESOLVE]));
    }

    function _announce(uint256 swarm, address account, bytes calldata peer) private {
        Bounds.within("length of the peer", peer.length, 1, MAX_PEER);
        emit PeerAnnounced(swarm, account, peer);
    }

    function _commitment(Place memory place, uint256 stage, Opened calldata part) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid,
                address(this),
                place.swarm,
                place.round,
                stage,
                place.account,
                part.root,
                part.scores,
                part.votes,
                part.salt
            )
        );
    }

    function _mustBeBytes(Place memory place, uint256 stage, Opened calldata part) private pure {
        for (uint256 task = 0; task < 32; ++task) {
            uint256 most = task >= place.tasks ? 0 : stage == CRITIQUE ? SwarmRewards.BEST + 1 : SwarmRewards.BEST;
            uint256 score = uint8(part.scores[task]);
            if (score > most) revert WrongByte("scores", task, score, most);
            uint256 last = task < place.tasks && stage == RESOLVE ? place.seats : 0;
            uint256 vote = uint8(part.votes[task]);
            if (vote > last) revert WrongByte("votes", task, vote, last);
            if (vote == place.seat + 1) revert SelfVote(task, place.seat);
        }
    }

    function _check(SwarmTerms calldata terms) private view {
        Bounds.within("answerTime", terms.answerTime, minimumTime, MAX_TIME);
        if (terms.critiqueTime != 0) Bounds.within("critiqueTime", terms.critiqueTime, minimumTime, MAX_TIME);
        if (terms.resolveTime != 0) Bounds.within("resolveTime", terms.resolveTime, minimumTime, MAX_TIME);
        Bounds.within("claimTime", terms.claimTime, minimumTime, MAX_TIME);
        Bounds.within("challengeTime", terms.challengeTime, minimumTime, MAX_TIME);
        Bounds.within("standTime", terms.standTime, minimumTime, MAX_TIME);
        Bounds.within("expiry", terms.expiry, block.timestamp + 1, block.timestamp + 365 days);
        Bounds.within("rounds", terms.rounds, 1, MAX_ROUNDS);
        Bounds.within("tasks", terms.tasks, 1, MAX_TASKS);
        Bounds.within("most", terms.most, 1, MAX_PARTICIPANTS);
        Bounds.within("minimum", terms.minimum, 1, terms.most);
        Bounds.within("families", terms.families.length, 1, MAX_FAMILIES);
        // Without a stage nothing is earned in it.
        if (terms.critiqueTime == 0) Bounds.within("weight of critique", terms.weights.critique, 0, 0);
        if (terms.resolveTime == 0) {
            Bounds.within("weight of prediction", terms.weights.prediction, 0, 0);
            Bounds.within("weight of resolve", terms.weights.resolve, 0, 0);
        }
        Bounds.within("weight of answer", terms.weights.answer, 1, type(uint8).max);
        Bounds.within("reward", terms.reward, 1, type(uint96).max);
        // A lie gains at most a round's reward.
        Bounds.within("stake", terms.stake, terms.reward, type(uint96).max);
        // Idle challenges cost those who are challenged time and coins that wait.
        Bounds.within("deposit", terms.deposit, (uint256(terms.stake) + 99) / 100, terms.stake);
        // What Disputes would refuse as a task could not be stood by.
        Bounds.within("steps", terms.proof.steps, 1, 2 ** 32);
        Bounds.within("segmentLength", terms.proof.segmentLength, 1, 2 ** 20);
        uint256 least = disputes.minimumTime();
        Bounds.within("window", terms.proof.window, least, MAX_TIME);
        Bounds.within("clock", terms.proof.clock, least, MAX_TIME);
        Bounds.within("moveTime", terms.proof.moveTime, least, MAX_TIME);
        Bounds.within("stepTime", terms.proof.stepTime, terms.proof.moveTime, MAX_TIME);
        Bounds.within("segmentTime", terms.proof.segmentTime, terms.proof.stepTime, MAX_TIME);
        Bounds.within("bond", terms.proof.bond, disputes.minimumBond(), type(uint96).max);
    }

    function _highestBit(uint256 word) private pure returns (uint256 bit) {
        assembly ("memory-safe") {
            bit := sub(255, clz(word))
        }
    }

    function _lowestBit(uint256 word) private pure returns (uint256) {
        unchecked {
            return _highestBit(word & (0 - word));
        }
    }
}
