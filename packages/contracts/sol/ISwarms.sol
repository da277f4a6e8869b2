// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProgramHeader} from "./IDisputes.sol";

/// @notice A family of tasks at one level.
struct FamilyLevel {
    bytes32 code; // digest of the family's code as a tensor
    uint8 level;
}

/// @notice On which terms a score is proven in Disputes: the word machine's step, and the terms of its histories.
struct ProofTerms {
    ProgramHeader header;
    bytes32 initialItem;
    uint64 steps;
    uint32 segmentLength;
    uint32 window;
    uint32 clock;
    uint32 segmentTime;
    uint32 stepTime;
    uint32 moveTime;
    uint128 bond;
}

/// @notice How much each part of a round earns; see SwarmRewards.
struct Weights {
    uint8 answer;
    uint8 critique;
    uint8 prediction;
    uint8 resolve;
}

/// @notice What a swarm is created with. Times in seconds of the chain, amounts in the token's units.
struct SwarmTerms {
    bytes32 manifest; // hash of what the participants' programs read
    uint32 answerTime; // the stage of answers
    uint32 critiqueTime; // the stage of critiques; zero leaves it out
    uint32 resolveTime; // the stage of votes and final answers; zero leaves it out
    uint32 claimTime; // then scores are claimed,
    uint32 challengeTime; // and can be challenged
    uint32 standTime; // how long a challenged participant has to stand by a score
    uint40 expiry; // no round begins from then on
    uint16 rounds;
    uint8 tasks; // of a round
    uint8 minimum; // participants without whom no round begins
    uint8 most; // participants
    Weights weights;
    uint96 stake; // of each participant
    uint96 reward; // of a round
    uint96 deposit; // of a challenger
    FamilyLevel[] families;
    ProofTerms proof;
}

/// @notice One stage's submission, opened. One byte for each task, task 0 first; zero behind the last task.
struct Opened {
    bytes32 root; // of the answers; in the critique whatever the participant commits to
    bytes32 scores; // 0 to 100; in the critique 1 + the judged score, or 0 for no judgement
    bytes32 votes; // in the resolve stage 1 + the seat whose answer is predicted to win, or 0
    bytes32 salt;
}

/// @notice One answer of a claim, opened.
struct AnswerOpening {
    bytes answer;
    bytes32[] path;
    bytes32 answersRoot; // what was claimed as the roots of the first and of the final answers;
    bytes32 finalsRoot; // zero for a stage without submission
}

/// @title What swarms keep, say and refuse
interface ISwarmRecords {
    enum ChallengeStatus {
        None,
        Open, // the participant has to stand by its score
        Stood, // a claim of that score is before Disputes
        Upheld, // the score stands; this and all that follow have ended
        Fallen,
        Void // the proof's program is invalid: the score stands, nobody pays
    }

    struct Swarm {
        address creator;
        uint40 expiry;
        uint16 rounds;
        uint16 round; // the last that has begun, from 1
        uint16 settled; // how many are
        bool closed;
        uint32 answerTime;
        uint32 critiqueTime;
        uint32 resolveTime;
        uint32 claimTime;
        uint32 challengeTime;
        uint32 standTime;
        uint8 tasks;
        uint8 minimum;
        uint8 most;
        uint8 participants; // now
        uint96 stake;
        uint96 reward;
        Weights weights;
        uint96 deposit;
        uint64 drawing; // the draw's round that the next round waits for, or zero
        uint128 taken; // a bit for each seat
        bytes32 proofHash; // keccak256(abi.encode(families, proof))
    }

    struct Round {
        bytes32 seed;
        uint40 begin;
        uint8 seats; // those below may take part
        uint32 open; // challenges
    }

    struct Member {
        bool joined;
        bool slashed; // for ever
        uint8 seat;
        uint16 lastRound; // in which it has submitted anything
    }

    struct Entry {
        bytes32 commitments; // of its stages, chained; from the claim on the hash of both roots of answers
        address account;
        uint8 submitted; // a bit for each stage
        bool claimed;
        bytes32 answers; // scores, as claimed
        bytes32 judgements;
        bytes32 finals;
        bytes32 votes;
    }

    struct Challenge {
        address challenger;
        ChallengeStatus status;
        uint16 round;
        uint8 seat;
        uint8 stage;
        uint8 task;
        uint40 begun;
        address account; // who is challenged
        uint96 deposit;
        uint256 swarm;
        bytes32 claim; // in Disputes
    }

    event SwarmCreated(uint256 indexed swarm, address indexed creator, SwarmTerms terms);
    event Joined(uint256 indexed swarm, address indexed account, uint256 seat);
    event Left(uint256 indexed swarm, address indexed account, uint256 seat);
    /// Where a participant can be reached: the boot nodes of a swarm are those that were announced last.
    event PeerAnnounced(uint256 indexed swarm, address indexed account, bytes peer);
    event SeedAsked(uint256 indexed swarm, uint256 indexed round, uint256 draw);
    event RoundBegun(uint256 indexed swarm, uint256 indexed round, bytes32 seed, uint256 begin, uint256 seats);
    event Submitted(
        uint256 indexed swarm,
        uint256 indexed round,
        address indexed account,
        uint256 seat,
        uint256 stage,
        bytes32 commitment
    );
    event ScoresClaimed(
        uint256 indexed swarm,
        uint256 indexed round,
        address indexed account,
        uint256 seat,
        uint256 submitted,
        Opened[] opened
    );
    event ScoreChallenged(
        uint256 indexed challenge,
        uint256 indexed swarm,
        address indexed account,
        address challenger,
        uint256 round,
        uint256 seat,
        uint256 stage,
        uint256 task,
        uint256 deadline
    );
    event ScoreStood(uint256 indexed challenge, bytes32 indexed claim, bytes answer);
    /// `winner` has the bounty: the challenger, or whoever won the dispute. Zero where nothing was slashed.
    event ChallengeEnded(
        uint256 indexed challenge, ChallengeStatus status, address winner, uint256 bounty, uint256 slashed
    );
    event Rewarded(
        uint256 indexed swarm, uint256 indexed round, address indexed account, uint256 points, uint256 amount
    );
    /// `winners` has for each task 1 + the seat whose answer won the vote, or 0.
    event RoundSettled(uint256 indexed swarm, uint256 indexed round, uint256 points, uint256 paid, bytes32 winners);
    event SwarmClosed(uint256 indexed swarm, uint256 refund);

    error NoAccount(address key, uint256 scope);
    error UnknownSwarm(uint256 swarm);
    error WrongRound(uint256 swarm, uint256 round, uint256 expected);
    error OutOfTime(uint256 time, uint256 begin, uint256 end);
    error Expired(uint256 expiry, uint256 time);
    error SwarmFull(uint256 swarm, uint256 participants);
    error TooFew(uint256 swarm, uint256 participants, uint256 minimum);
    error AlreadyJoined(uint256 swarm, address account);
    error NotJoined(uint256 swarm, address account);
    error SlashedBefore(uint256 swarm, address account);
    /// There is a round in which the account has submitted and which is not settled.
    error RoundOpen(uint256 swarm, uint256 round);
    error NotYours(address sender, address account);
    error SeatNotInRound(uint256 seat, uint256 seats);
    error AlreadySubmitted(uint256 round, address account, uint256 stage);
    error AlreadyClaimed(uint256 round, address account);
    error NotClaimed(uint256 round, uint256 seat);
    error NotSubmitted(uint256 round, uint256 seat, uint256 stage);
    error NotCommitted(bytes32 found, bytes32 committed);
    /// A byte that says what it may not: a score above 100, a task beyond the last, a vote for nobody.
    error WrongByte(bytes32 name, uint256 task, uint256 value, uint256 most);
    error SelfVote(uint256 task, uint256 seat);
    error AlreadyChallenged(uint256 challenge);
    error WrongChallengeStatus(uint256 challenge, ChallengeStatus status);
    error ChallengesOpen(uint256 swarm, uint256 round, uint256 count);
    error WrongSignature(address signer);
    error WrongTerms(bytes32 found, bytes32 expected);
    error WrongLength(uint256 length, uint256 expected);
    error Unproven(bytes32 found, bytes32 expected);
    error DrawPending(uint256 draw);
    /// The claim is of another task, or is older than the challenge, or does not stand.
    error WrongClaim(bytes32 claim);
    error WrongDispute(uint256 dispute);
}

/// @title Swarms, as others see them
/// @notice Participants answer drawn tasks in rounds of stages, claim what their answers score, and are paid for what
/// stands. The steps and their reasons are in docs/swarm.md. Nobody has a power over a swarm, not even its creator.
///
/// A stage's commitment is
///
///     keccak256(abi.encode(chainid, swarms, swarm, round, stage, account, root, scores, votes, salt))
///
/// with numbers as uint256, so that nobody else's can be copied. A leaf of a root of answers is
/// keccak256(bytes.concat(keccak256(abi.encode(task, keccak256(answer))))), task as uint256, in a tree of OpenZeppelin's
/// MerkleProof.
interface ISwarms is ISwarmRecords {
    // A swarm's life --------------------------------------------------------------------------------------------------

    /// @notice Creates a swarm, paid by the sender's account's credit: the rewards of all rounds. A key needs POST.
    function create(SwarmTerms calldata terms) external returns (uint256 swarm);

    /// @notice Takes a seat and locks the stake. A key needs SWARM, as for all that a participant does.
    /// @param peer Where the participant can be reached, at most 128 bytes; may be empty
    function join(uint256 swarm, bytes calldata peer) external;

    /// @notice Gives an account's seat up and frees its stake, once all rounds in which it has submitted are settled. The
    /// account or its key; anyone, where it has submitted nothing in the last eight rounds or the swarm is closed.
    function leave(uint256 swarm, address account) external;

    /// @notice Says where a participant can be reached.
    function announce(uint256 swarm, bytes calldata peer) external;

    /// @notice Moves a swarm on when it is due: asks for the next round's seed, or begins the round when the seed is
    /// there. Anyone may call it.
    function advance(uint256 swarm) external;

    /// @notice Pays a round, the first that is not settled, when its time to be challenged is over and no challenge is
    /// open. Anyone may call it.
    function settle(uint256 swarm) external;

    /// @notice Ends a swarm whose rounds are over and settled; what is left of the escrow goes to its creator. Anyone.
    function close(uint256 swarm) external;

    // A round ---------------------------------------------------------------------------------------------------------

    /// @notice Commits the sender's account to its part of a stage.
    /// @param stage 0 answer, 1 critique, 2 resolve
    function submit(uint256 swarm, uint256 round, uint256 stage, bytes32 commitment) external;

    /// @notice The same, carried by anyone. EIP-712; the domain is ("Lockstep Swarms", "1", chain, contract), the type
    /// Submission(uint256 swarm,uint256 round,uint256 stage,bytes32 commitment).
    /// @param key Who has signed: the account or a key of it
    function submitSigned(
        uint256 swarm,
        uint256 round,
        uint256 stage,
        bytes32 commitment,
        address key,
        bytes calldata signature
    ) external;

    /// @notice Opens all that an account has submitted in a round, and with it claims its scores. Whoever knows the salts
    /// may send it.
    /// @param opened The stages in which it has submitted, in order
    function claim(uint256 swarm, uint256 round, address account, Opened[] calldata opened) external;

    // A score in doubt ------------------------------------------------------------------------------------------------

    /// @notice Doubts one claimed score of the answer or the resolve stage, under a deposit out of the sender's credit.
    /// The participant then has to show the answer and to stand by its score, so nobody needs to know the answer.
    function challenge(uint256 swarm, uint256 round, uint256 seat, uint256 stage, uint256 task)
        external
        returns (uint256 number);

    /// @notice Stands by a challenged score: a claim in Disputes, made since the challenge by anyone, of a history that
    /// ends in that score. For the account or its key. From then on Disputes decides.
    /// @param claimed The claim in Disputes
    /// @param stateRoot Of the state after the last step
    /// @param lastPath Opens the last checkpoint under the claim's root
    function stand(
        uint256 number,
        FamilyLevel[] calldata families,
        ProofTerms calldata proof,
        AnswerOpening calldata opening,
        bytes32 claimed,
        bytes32 stateRoot,
        bytes32[] calldata lastPath
    ) external;

    /// @notice Ends a challenge when it is due: the time to stand is over, or the claim in Disputes has ended. Anyone.
    /// @param dispute Where the claim fell, the dispute that brought it down: half of the stake is its challenger's
    function finish(uint256 number, uint256 dispute) external;

    // Reads -----------------------------------------------------------------------------------------------------------

    function getSwarm(uint256 swarm) external view returns (Swarm memory);
    function getRound(uint256 swarm, uint256 round) external view returns (Round memory);
    function getMember(uint256 swarm, address account) external view returns (Member memory);
    function getEntry(uint256 swarm, uint256 round, uint256 seat) external view returns (Entry memory);
    function getChallenge(uint256 number) external view returns (Challenge memory);
    function swarmCount() external view returns (uint256);
    function challengeCount() external view returns (uint256);
}
