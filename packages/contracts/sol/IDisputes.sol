// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JoinOpening, Opening} from "./IReferee.sol";

/// @notice What a program id is the hash of.
struct ProgramHeader {
    uint8 version;
    uint16 nodes;
    uint16 items;
    uint16 states;
    uint16 inputs;
    uint16 outputs;
    bytes32 interfaceDigest;
    bytes32 itemsRoot;
}

/// @notice What is to be computed, and on which terms histories of it are disputed. Times are in seconds.
struct Task {
    ProgramHeader header;
    bytes32 initialItem;
    bytes32 inputsRoot;
    uint64 steps;
    uint32 segmentLength;
    uint32 window; // how long a claim can be challenged
    uint32 clock; // what each side's clock shows when a dispute begins
    uint32 segmentTime; // the least time for a turn at the top of a segment's vector,
    uint32 stepTime; // of a step's vector,
    uint32 moveTime; // and elsewhere
    uint128 bond; // of a claimant and of a challenger
    bytes32 context; // whatever tells this task from another one on the same terms
}

/// @title Disputes, as others see them
interface IDisputes {
    enum ClaimStatus {
        None,
        Standing,
        Final,
        Fallen,
        Void
    }

    enum Outcome {
        None,
        Open,
        Claimant,
        Challenger,
        Void,
        Closed
    }

    struct TaskTerms {
        bytes32 program;
        bytes32 itemsRoot;
        bytes32 initialItem;
        bytes32 inputsRoot;
        uint16 nodes;
        uint16 items;
        uint16 states;
        uint16 inputs;
        uint64 steps;
        uint32 segmentLength;
        uint32 clock;
        uint32 moveTime;
        bool invalid;
        uint32 segmentTime;
        uint32 stepTime;
        uint64 createdBlock; // where its event is
        uint128 bond;
        uint32 window;
    }

    struct Claim {
        bytes32 task;
        bytes32 root;
        address claimant;
        uint40 until; // when its window ends
        ClaimStatus status;
        uint32 open; // disputes that have not ended
        uint128 pot; // of a fallen claim: what is left for the gas of other challengers
    }

    /// Where a dispute stands; see docs/dispute-moves.md, "Position".
    struct Place {
        Outcome outcome;
        uint8 phase;
        uint8 turn;
        uint8 height;
        uint64 position;
        uint64 segment;
        uint40 deadline; // of the side whose turn it is
        uint40 waiting; // what the other side's clock shows
    }

    /// What is known of the disputed node.
    struct Node {
        uint16 index;
        uint8 kind;
        uint8 dtype;
        bool exact; // whether the disputed word is an accumulator; else it is an element's bits
        uint32 elements;
        uint32 points;
        uint32 leaf;
        uint32 element;
        uint32 accumulator; // before the disputed run, where that does not begin with init
        uint32 to; // the end of the disputed run
    }

    struct Dispute {
        bytes32 claim;
        bytes32 at;
        bytes32 disputed;
        bytes32 root; // of the vector that is descended; from `step` on that of the step
        bytes32 agreed; // the item before the disputed one
        Place place;
        address challenger;
        uint64 openedBlock; // from where its events are to be read
        Node node;
        bytes32 encoding; // keccak256 of the node's encoding
        bytes32 item; // of a scan: the node's item
        bytes32 words; // keccak256 of the words last posted
        bytes header; // of the node's tensor
        uint256 gas; // wei that each side has spent on its moves, at most at the capped price: 128 bits each
    }

    event TaskCreated(bytes32 indexed task, bytes32 indexed program, Task terms);
    event TaskInvalid(bytes32 indexed task, uint256 indexed dispute);
    event Claimed(bytes32 indexed claim, bytes32 indexed task, address indexed claimant, bytes32 root, uint256 until);
    event ClaimEnded(bytes32 indexed claim, ClaimStatus status);
    event HistoryChallenged(uint256 indexed dispute, bytes32 indexed claim, address indexed challenger, uint256 time);
    event SegmentChallenged(
        uint256 indexed dispute,
        bytes32 indexed claim,
        address indexed challenger,
        uint256 time,
        uint64 segment,
        bytes32 checkpoint,
        bytes32[] checkpointPath,
        bytes32 predecessor,
        bytes32[] predecessorPath
    );
    // Moves: the time and what was said, so that a dispute can be played again from its events. `at` is the position
    // that the move answers.
    event ChildrenPosted(uint256 indexed dispute, bytes32 at, uint256 time, bytes32[] children, bytes32[] lastPath);
    event LeafPosted(uint256 indexed dispute, bytes32 at, uint256 time, bytes data);
    event WordsPosted(uint256 indexed dispute, bytes32 at, uint256 time, bytes words);
    event ChildNamed(
        uint256 indexed dispute, bytes32 at, uint256 time, uint256 index, bytes32 digest, bytes32[] siblings
    );
    event ItemNamed(
        uint256 indexed dispute,
        bytes32 at,
        uint256 time,
        uint256 index,
        bytes32 digest,
        bytes32[] siblings,
        bytes32 predecessor,
        bytes32[] predecessorPath
    );
    event NodeNamed(
        uint256 indexed dispute,
        bytes32 at,
        uint256 time,
        uint256 index,
        bytes32 digest,
        bytes32[] siblings,
        bytes encoding,
        bytes32[] encodingPath
    );
    event ElementNamed(uint256 indexed dispute, bytes32 at, uint256 time, uint256 index, bytes data);
    event WordNamed(uint256 indexed dispute, bytes32 at, uint256 time, uint256 index, bytes words);
    /// The dispute has ended: by judgement of a move that answered `at`, or by time.
    event Decided(uint256 indexed dispute, bytes32 at, uint256 time, Outcome outcome, bool late);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    error WrongParameter(bytes32 name, uint256 value, uint256 least, uint256 most);
    error UnknownTask(bytes32 task);
    error InvalidTask(bytes32 task);
    error AlreadyExists(bytes32 id);
    error WrongBond(uint256 sent, uint256 bond);
    error WrongClaimStatus(bytes32 claim, ClaimStatus status);
    error WindowClosed(bytes32 claim, uint256 until);
    error WindowOpen(bytes32 claim, uint256 until);
    error DisputesOpen(bytes32 claim, uint256 count);
    error DisputeOver(uint256 dispute, Outcome outcome);
    error MoveMisplaced(bytes32 at, bytes32 expected);
    error NotYourTurn(address sender, address expected);
    error MoveLate(uint256 time, uint256 deadline);
    error NotLate(uint256 time, uint256 deadline);
    error MoveUnexpected(uint8 phase, uint8 height);
    error WrongLength(uint256 length, uint256 expected);
    error WrongIndex(uint256 index, uint256 count);
    /// What was posted or named does not hash to, or end with, what is disputed.
    error Unproven(bytes32 found, bytes32 expected);
    error NothingCredited(address account);
    error PaymentFailed(address to, uint256 amount);

    /// @notice Makes a task known. Its id is the hash of its terms.
    function createTask(Task calldata terms) external returns (bytes32 task);

    /// @notice Commits the sender, under the task's bond, to the history with this root. The claim's id is the hash
    /// of task, root and claimant, so that a challenge can never reach another claim than the one it was meant for.
    function claim(bytes32 task, bytes32 root) external payable returns (bytes32 id);

    /// @notice Ends a claim that nobody has brought down when its window has passed and no dispute is open.
    function finalize(bytes32 id) external;

    /// @notice Ends a standing claim of a task that proved to be invalid.
    function release(bytes32 id) external;

    /// @notice Pays the sender's credit out.
    function withdraw(address to) external;

    /// @notice Disputes a claim's whole history.
    function challenge(bytes32 id) external payable returns (uint256 number);

    /// @notice Disputes one segment of a claim: its checkpoint and the one before are opened.
    /// @param predecessor The checkpoint before; zero and without a path for the first segment
    function challengeSegment(
        bytes32 id,
        uint64 segment,
        bytes32 checkpoint,
        bytes32[] calldata checkpointPath,
        bytes32 predecessor,
        bytes32[] calldata predecessorPath
    ) external payable returns (uint256 number);

    /// @notice Gives the dispute to the other side when a turn has passed. Anyone may call it.
    function timeout(uint256 number) external;

    /// @notice Ends a dispute about a claim that has fallen or is void: the challenger's bond goes back, and of a fallen
    /// claim the gas that was spent, as far as what is left of the claimant's bond reaches.
    function close(uint256 number) external;

    /// @param children The digests min(5, height) levels below the disputed one
    /// @param lastPath In the first post of a segment and of a step: all siblings of the vector's last item
    function postChildren(uint256 number, bytes32 at, bytes32[] calldata children, bytes32[] calldata lastPath) external;

    /// @param data The bytes of the disputed leaf
    function postLeaf(uint256 number, bytes32 at, bytes calldata data) external;

    /// @param words Accumulators, or block results and accumulators in turn: four bytes each, big-endian
    function postWords(uint256 number, bytes32 at, bytes calldata words) external;

    /// @notice Names the first posted digest that is wrong, above the bottom of a vector or at the bottom of a tensor.
    function nameChild(uint256 number, bytes32 at, uint256 index, bytes32 digest, bytes32[] calldata siblings) external;

    /// @notice Names the first wrong checkpoint or step item, and opens the one before it.
    function nameItem(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings,
        bytes32 predecessor,
        bytes32[] calldata predecessorPath
    ) external;

    /// @notice Names the first wrong item of a step where that is a node, and shows the node.
    function nameNode(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings,
        bytes calldata encoding,
        bytes32[] calldata encodingPath
    ) external;

    /// @notice Names the first wrong item of a step where that is a join, which is judged at once.
    function judgeJoin(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes32 digest,
        bytes32[] calldata siblings,
        bytes calldata encoding,
        bytes32[] calldata encodingPath,
        JoinOpening calldata left,
        JoinOpening calldata right
    ) external;

    /// @notice Names the first wrong element of the posted leaf of a fold of more than one step.
    /// @param data The leaf again
    function nameElement(uint256 number, bytes32 at, uint256 index, bytes calldata data) external;

    /// @notice Names the first wrong element of the posted leaf of a map, a scan, or a fold of at most one step, which is
    /// judged at once.
    function judgeElement(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes calldata data,
        bytes calldata encoding,
        Opening[] calldata openings
    ) external;

    /// @notice Names the first wrong word that was posted where more than one step lies behind it.
    /// @param words The posted words again
    function nameWord(uint256 number, bytes32 at, uint256 index, bytes calldata words) external;

    /// @notice Names the first wrong word that was posted where one step or one combination gives it, which is judged at
    /// once.
    function judgeWord(
        uint256 number,
        bytes32 at,
        uint256 index,
        bytes calldata words,
        bytes calldata encoding,
        Opening[] calldata openings
    ) external;

    function getTask(bytes32 task) external view returns (TaskTerms memory);

    function getClaim(bytes32 id) external view returns (Claim memory);

    function getDispute(uint256 number) external view returns (Dispute memory);

    function credit(address account) external view returns (uint256);
    function disputeCount() external view returns (uint256);
    function minimumBond() external view returns (uint256);
    function minimumTime() external view returns (uint256);
}
