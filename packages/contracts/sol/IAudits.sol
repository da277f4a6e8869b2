// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the market says of a claim that is to be audited.
struct AuditTerms {
    uint256 job;
    uint16 slice;
    address account; // the provider
    uint16 auditRate;
    uint8 auditors;
    uint32 auditTime;
    uint32 answerTime;
    uint64 steps;
    uint32 segmentLength;
    uint96 fullPay; // of an auditor that executes every step
    uint88 slash; // of an auditor that is silent or lies
    bytes32 sealedTallies;
}

/// @title Audits, as others see them
/// @notice After a claim, verifiers are drawn by stake. Each executes some of its segments again and commits to the
/// tallies; then the provider opens its own, then the auditors theirs. No auditor's word decides about a provider: one
/// that finds a difference challenges in Disputes. An audit has its claim's id.
///
/// A segment's tally is only known to who has executed each of its steps. Seat k audits the last segment, and every other
/// segment s with
///
///     uint256(keccak256(abi.encode(random, claim, k, s))) % 10000 < auditRate
///
/// where k and s are uint256. Its answer is keccak256 of the tallies of its segments, in ascending order, one after the
/// other.
interface IAudits {
    enum AuditStatus {
        None,
        Drawing, // until there is randomness
        Committing, // auditors execute
        Opening, // the provider's turn
        Revealing,
        Done,
        Silent, // the provider has not opened: it has lost
        Unavailable, // every auditor that was drawn says that it could not get what it needed
        Unaudited // no randomness, or nobody to draw: the window alone protects
    }

    enum SeatStatus {
        None,
        Drawn,
        Committed,
        Missing, // says that it could not get what it needed
        Matched, // its answer is the provider's
        Differed,
        Paid, // has ended, like all that follow
        Unpaid,
        Slashed,
        Suspect, // matched a claim that fell: somebody may show that it fell in a segment of this seat
        Accused, // that was shown: the seat has to defend the segment
        Defending // a claim of that segment alone is before Disputes
    }

    /// How a claim ended for the market.
    enum Fate {
        Settled,
        Fallen,
        Silent,
        Void,
        Unavailable
    }

    struct Audit {
        AuditStatus status;
        uint256 job;
        uint16 slice;
        address account;
        uint16 auditRate;
        uint8 auditors;
        uint8 rounds; // of the draw, begun
        uint8 seats; // drawn
        uint8 committed;
        uint8 missing;
        uint8 answered; // revealed
        bool ended; // the market has settled it
        uint40 deadline; // of the status
        uint64 round;
        uint32 segments;
        bytes32 sealedTallies;
        bytes32 random;
    }

    struct Seat {
        address account;
        SeatStatus status;
        uint96 pay; // for what it has to audit; known from the opening on
        uint40 deadline; // Suspect and Accused
        uint32 segment; // Accused and Defending
        bytes32 commitment;
        bytes32 expected; // the provider's answer for the seat's segments
        uint256 dispute; // Accused and Defending: what it was accused by
        bytes32 defence; // Defending: the claim in Disputes
    }

    event AuditBegun(
        bytes32 indexed claim, uint256 indexed job, uint16 indexed slice, AuditTerms terms, uint256 deadline
    );
    event RoundAsked(bytes32 indexed claim, uint256 indexed round, uint256 deadline);
    event SeatDrawn(bytes32 indexed claim, address indexed account, uint256 seat);
    /// Committing begins.
    event AuditDrawn(bytes32 indexed claim, bytes32 random, uint256 seats, uint256 deadline);
    event SeatCommitted(bytes32 indexed claim, uint256 indexed seat, address indexed account, bytes32 commitment);
    event SeatMissing(bytes32 indexed claim, uint256 indexed seat, address indexed account);
    /// The provider's turn begins, also where committing ended by time.
    event OpeningDue(bytes32 indexed claim, uint256 deadline);
    event TalliesOpened(bytes32 indexed claim, bytes32 salt, bytes32[] tallies, uint256 deadline);
    event SeatRevealed(
        bytes32 indexed claim, uint256 indexed seat, address indexed account, bytes32 answer, bool matched
    );
    /// The audit is over, one way or another: Done, Silent, Unavailable or Unaudited.
    event AuditOver(bytes32 indexed claim, AuditStatus status);
    /// A seat has ended: Paid, Unpaid or Slashed, with the amount.
    event SeatEnded(
        bytes32 indexed claim, uint256 indexed seat, address indexed account, SeatStatus status, uint256 amount
    );
    event SeatSuspected(bytes32 indexed claim, uint256 indexed seat, address indexed account, uint256 deadline);
    event SeatAccused(
        bytes32 indexed claim,
        uint256 indexed seat,
        address indexed account,
        uint256 dispute,
        uint256 segment,
        uint256 deadline
    );
    event SeatDefended(bytes32 indexed claim, uint256 indexed seat, address indexed account, bytes32 defence);

    error NotMarket(address sender);
    error WrongAuditStatus(bytes32 claim, AuditStatus status);
    error WrongSeatStatus(bytes32 claim, uint256 seat, SeatStatus status);
    error NotYours(address sender, address account);
    error NotDue(bytes32 claim, AuditStatus status, uint256 until);
    error TooLate(bytes32 claim, uint256 time, uint256 until);
    error NotCommitted(bytes32 commitment, bytes32 expected);
    error WrongLength(uint256 length, uint256 expected);
    error WrongDispute(uint256 dispute);
    error NotAudited(uint256 seat, uint256 segment);
    error WrongDefence(bytes32 defence);
    error Unproven(bytes32 found, bytes32 expected);

    // The market ------------------------------------------------------------------------------------------------------

    /// @notice Begins an audit and asks for a draw.
    function begin(bytes32 claim, AuditTerms calldata terms) external;

    /// @notice Ends it when the market has settled the claim. Duties end, the silent are slashed.
    /// @return accounts Whom the market pays
    /// @return amounts How much
    function end(bytes32 claim, Fate fate) external returns (address[] memory accounts, uint256[] memory amounts);

    // Anyone ----------------------------------------------------------------------------------------------------------

    /// @notice Draws the auditors when the randomness is there; asks again, at most three times, where a round has failed.
    function draw(bytes32 claim) external;

    /// @notice Ends what time has ended. Does nothing where nothing is due.
    /// @return status After it
    function finish(bytes32 claim) external returns (AuditStatus status);

    /// @notice Shows that a claim fell, by the referee's judgement, in a segment that this seat has found to be right. If
    /// the seat is slashed, half of that goes to the dispute's challenger.
    function accuse(bytes32 claim, uint256 seat, uint256 dispute) external;

    /// @notice Defends an accused seat by a claim of that segment alone: a task of the same program, inputs and terms that
    /// begins with the checkpoint before and is as long as the segment, and a claim of the checkpoint made in Disputes
    /// since the accusation. A false history can be defended by nobody; a true one that its provider gave up can. Anyone
    /// may send it. The path opens a checkpoint under the root of the claim that fell.
    function defend(
        bytes32 claim,
        uint256 seat,
        bytes32 defence,
        bytes32[] calldata path,
        bytes32 predecessor,
        bytes32[] calldata predecessorPath
    ) external;

    /// @notice Ends a seat that is suspect, accused or defending, when it is due.
    function finishSeat(bytes32 claim, uint256 seat) external;

    // Auditors: the account or a key of it with the scope VERIFY -------------------------------------------------------

    /// @param commitment keccak256(abi.encode(chainid, audits, claim, seat, account, answer, salt)), seat as uint256
    function commit(bytes32 claim, uint256 seat, bytes32 commitment) external;

    /// @notice Says that what the seat needed was not to be had, or not in that time or for that pay: no pay, no slash.
    /// Before the commit's deadline.
    function miss(bytes32 claim, uint256 seat) external;

    function reveal(bytes32 claim, uint256 seat, bytes32 answer, bytes32 salt) external;

    // The provider: the account or a key of it with the scope PROVIDE ---------------------------------------------------

    /// @param tallies One of every segment: with the salt they hash to what was sealed with the claim,
    /// keccak256(abi.encode(chainid, audits, claim, salt, tallies))
    function open(bytes32 claim, bytes32 salt, bytes32[] calldata tallies) external;

    // Reads -----------------------------------------------------------------------------------------------------------

    function getAudit(bytes32 claim) external view returns (Audit memory);
    function getSeat(bytes32 claim, uint256 seat) external view returns (Seat memory);
    function isAudited(bytes32 claim, uint256 seat, uint256 segment) external view returns (bool);
    /// @notice The most seconds from the beginning of an audit with these times to its end.
    function longestTime(uint256 auditTime, uint256 answerTime) external view returns (uint256);
}
